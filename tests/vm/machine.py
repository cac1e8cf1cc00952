"""One virtual machine: its parts as arguments of qemu, its console as a text to wait on."""

import ctypes
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

OVMF = Path("/usr/share/OVMF")
ESCAPES = re.compile(rb"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f]")


class LabError(Exception):
    """A machine or a service did not do what it must."""


@dataclass(frozen=True)
class Disk:
    """A blank disk: bus is virtio, scsi, ide or nvme."""

    bus: str = "virtio"
    size_gb: int = 4
    serial: str = ""


@dataclass(frozen=True)
class Machine:
    """What is in the box. `serial` and the rest are what SMBIOS says of it."""

    disks: tuple = (Disk(),)
    nics: tuple = ("virtio-net-pci",)
    firmware: str = "bios"
    memory_mb: int = 1024
    vendor: str = "Lab"
    product: str = "Virtual Server"
    serial: str = "LAB0001"
    uuid: str = "6f1d2c3a-8b0e-4d57-9a41-525400000001"


def die_with_parent():
    """A lab that is killed leaves no machine and no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def disk_arguments(number, disk, path, bootindex):
    """The arguments of one disk; the file is made, sparse, if it is not there."""
    if not path.exists():
        with open(path, "wb") as file:
            file.truncate(disk.size_gb * 10**9 // 512 * 512 if disk.size_gb else 16 << 20)
    device = {
        "virtio": "virtio-blk-pci",
        "nvme": "nvme",
        "ide": f"ide-hd,bus=ide.{number // 2},unit={number % 2}",
        "scsi": "scsi-hd",
    }[disk.bus]
    serial = disk.serial or f"disk{number}"
    drive = f"if=none,id=d{number},format=raw,cache=unsafe,discard=unmap,file={path}"
    boot = f",bootindex={bootindex}" if bootindex is not None else ""
    return ["-drive", drive, "-device", f"{device},drive=d{number},serial={serial}{boot}"]


@dataclass
class Running:
    """A qemu process and all that its serial console has said, by line and time."""

    process: subprocess.Popen
    log: Path
    started: float
    lines: list = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self):
        """Keeps what the console says, line by line, until the machine is off."""
        with open(self.log, "wb") as log:
            for line in self.process.stdout:
                line = ESCAPES.sub(b"", line).rstrip()
                seconds = time.monotonic() - self.started
                log.write(b"%8.2f %s\n" % (seconds, line))
                log.flush()
                with self.changed:
                    self.lines.append((seconds, line.decode(errors="replace")))
                    self.changed.notify_all()
        with self.changed:
            self.lines.append((time.monotonic() - self.started, None))
            self.changed.notify_all()

    def wait(self, pattern, deadline, never):
        """The time at which a line matches; None is the end of the machine. A line that matches
        `never`, the end, or the deadline is an error."""
        seen = 0
        while True:
            with self.changed:
                while seen == len(self.lines):
                    left = self.started + deadline - time.monotonic()
                    if left <= 0 or not self.changed.wait(left):
                        raise LabError(f"not within {deadline} s: {pattern or 'power off'}")
                fresh, seen = self.lines[seen:], len(self.lines)
            for seconds, line in fresh:
                if line is None:
                    if pattern is None:
                        return seconds
                    raise LabError(f"the machine went off before: {pattern}")
                if pattern and re.search(pattern, line):
                    return seconds
                if never and re.search(never, line):
                    raise LabError(f"the console says: {line}")

    def time_of(self, pattern):
        """When the first line that matches came, or None."""
        return next((at for at, line in self.lines if line and re.search(pattern, line)), None)

    def stop(self):
        """Ends the machine, whatever it is doing."""
        self.process.kill()
        self.process.wait()


def start(machine, work, log, tftp=None, extra=(), without=()):
    """Switches a machine on. With `tftp`, a directory, it boots boot.ipxe from the network; else from
    its disks. `extra` are further disks, `without` the numbers of disks that are pulled out."""
    kind = "q35" if machine.firmware == "uefi" else "pc"
    words = ["qemu-system-x86_64", "-machine", kind, "-accel", "tcg,thread=multi", "-cpu", "max"]
    words += ["-smp", "2", "-m", str(machine.memory_mb), "-no-reboot", "-nodefaults", "-display", "none"]
    words += ["-vga", "none", "-serial", "stdio", "-monitor", "none", "-uuid", machine.uuid]
    words += ["-device", "virtio-rng-pci"]
    smbios = {"manufacturer": machine.vendor, "product": machine.product, "serial": machine.serial}
    words += ["-smbios", "type=1," + ",".join(f"{key}={value}" for key, value in smbios.items())]
    if machine.firmware == "uefi":
        variables = work / "disks" / "OVMF_VARS.fd"
        if not variables.exists():
            shutil.copy(OVMF / "OVMF_VARS_4M.fd", variables)
        words += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}"]
        words += ["-drive", f"if=pflash,format=raw,file={variables}"]
    if any(disk.bus == "scsi" for disk in machine.disks):
        words += ["-device", "virtio-scsi-pci"]
    for number, disk in enumerate(machine.disks + tuple(extra)):
        is_own = number < len(machine.disks)
        name = f"{number}.raw" if is_own else f"{disk.serial}.raw"
        if number not in without:
            path = work / "disks" / name
            words += disk_arguments(number, disk, path, 10 + number if is_own else None)
    for number, nic in enumerate(machine.nics):
        boot = f",tftp={tftp},bootfile=boot.ipxe" if tftp and number == 0 else ""
        words += ["-netdev", f"user,id=n{number}{boot}"]
        first = ",bootindex=1" if boot else ",romfile="
        words += ["-device", f"{nic},netdev=n{number},mac={mac(machine, number)}{first}"]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
    )
    running = Running(process, log, time.monotonic())
    threading.Thread(target=running.read, daemon=True).start()
    return running


def mac(machine, number):
    """A MAC that is the same each time: of the last digits of the uuid."""
    tail = machine.uuid[-6:]
    return f"52:54:{number:02x}:{tail[0:2]}:{tail[2:4]}:{tail[4:6]}"
