"""One virtual machine: its parts, and what they are as arguments of qemu."""

import ctypes
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from console import Running
from inside import Inside, Monitor, ends, port_arguments

OVMF = Path("/usr/share/OVMF")
# The disk that the installed system writes what it sees to. Too small for any profile.
COLLECT = "collect"
COLLECT_BYTES = 16 << 20


@dataclass(frozen=True)
class Disk:
    """A blank disk: bus is virtio, scsi, ide or nvme, size in GB of 10^9 bytes."""

    bus: str = "virtio"
    size_gb: int = 4
    serial: str = ""
    model: str = ""


@dataclass(frozen=True)
class Machine:
    """What is in the box. `serial` and the rest are what SMBIOS says of it. `macs` are those of the cards,
    of the uuid where they are not given."""

    name: str = "lab"
    disks: tuple = (Disk(),)
    nics: tuple = ("virtio-net-pci",)
    firmware: str = "bios"
    memory_mb: int = 1024
    cpus: int = 2
    vendor: str = "Lab"
    product: str = "Virtual Server"
    sku: str = ""
    serial: str = "LAB0001"
    uuid: str = "6f1d2c3a-8b0e-4d57-9a41-525400000001"
    macs: tuple = ()
    # Which card boots, and how: rom is iPXE in the card, http and pxe are UEFI's own ways.
    boot_nic: int = 0
    netboot: str = ""

    def boots_by(self):
        """Its way, or that of its firmware: http takes UEFI the least time."""
        return self.netboot or {"bios": "rom", "uefi": "http"}[self.firmware]

    def mac(self, number):
        """The MAC of a card, the same each time."""
        if number < len(self.macs):
            return self.macs[number]
        tail = self.uuid[-6:]
        return f"52:54:{number:02x}:{tail[0:2]}:{tail[2:4]}:{tail[4:6]}"


def die_with_parent():
    """A lab that is killed leaves no machine and no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def escaped(text):
    """A text inside an argument of qemu, where a comma ends it."""
    return str(text).replace(",", ",,")


def disk_arguments(machine, number, disk, path, bootindex):
    """The arguments of one disk and of its file."""
    place = f"ide.{number}" if machine.firmware == "uefi" else f"ide.{number // 2},unit={number % 2}"
    device = {
        "virtio": "virtio-blk-pci",
        "nvme": "nvme",
        "ide": f"ide-hd,bus={place}",
        "scsi": "scsi-hd",
    }[disk.bus]
    name = {"ide": ("model", 40), "scsi": ("product", 16)}.get(disk.bus)
    if disk.model and name:
        device += f",{name[0]}={escaped(disk.model[: name[1]])}"
    serial = (disk.serial or f"disk{number}")[: 36 if disk.bus == "scsi" else 20]
    drive = f"if=none,id=d{number},format=raw,cache=unsafe,discard=unmap,file={escaped(path)}"
    boot = f",bootindex={bootindex}" if bootindex is not None else ""
    return ["-drive", drive, "-device", f"{device},drive=d{number},serial={escaped(serial)}{boot}"]


def nic_arguments(machine, taps, from_network):
    """The cards. One is asked to boot before the disks where `from_network`; the others never are."""
    words = []
    for number, (nic, tap) in enumerate(zip(machine.nics, taps, strict=True)):
        words += ["-netdev", f"tap,id=n{number},ifname={tap},script=no,downscript=no"]
        boots = from_network and number == machine.boot_nic
        boot = (",bootindex=1" if boots else "") + ("" if boots and machine.boots_by() == "rom" else ",romfile=")
        words += ["-device", f"{nic},netdev=n{number},mac={machine.mac(number)}{boot}"]
    return words


def firmware_arguments(machine, variables):
    """The kind of board, and UEFI's code and variables. With graphics=off a BIOS, iPXE and PXELINUX speak
    on the serial console."""
    if machine.firmware == "bios":
        return ["-machine", "pc,graphics=off"]
    words = ["-machine", "q35"]
    words += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}"]
    words += ["-drive", f"if=pflash,format=raw,file={escaped(variables)}"]
    # As in a server's setup: what is off costs a minute of waiting for an answer otherwise.
    for name in ["IPv6PXESupport"] + (["IPv4PXESupport"] if machine.boots_by() == "http" else []):
        words += ["-fw_cfg", f"name=opt/org.tianocore/{name},string=n"]
    return words


def arguments(machine, disks, taps, variables, from_network):
    """All of qemu's. `disks` are (number, Disk, path, is_own)."""
    words = ["qemu-system-x86_64", *firmware_arguments(machine, variables)]
    # Without cmpxchg16b: of a machine with two processors qemu 7.2 spoils a register by it, and Linux 6.12 falls.
    words += ["-accel", "tcg,thread=multi", "-cpu", "max,cx16=off", "-smp", str(machine.cpus), "-m", str(machine.memory_mb)]
    words += ["-no-reboot", "-nodefaults", "-display", "none", "-vga", "none", "-monitor", "none"]
    words += ["-uuid", machine.uuid, "-device", "virtio-rng-pci"]
    smbios = {"manufacturer": machine.vendor, "product": machine.product, "serial": machine.serial, "sku": machine.sku}
    told = ",".join(f"{key}={escaped(value)}" for key, value in smbios.items() if value)
    words += ["-smbios", f"type=1,{told}"]
    if any(disk.bus == "scsi" for disk in machine.disks):
        words += ["-device", "virtio-scsi-pci"]
    for number, disk, path, is_own in disks:
        words += disk_arguments(machine, number, disk, path, 10 + number if is_own else None)
    return words + nic_arguments(machine, taps, from_network)


def image(path, length):
    """The path of a sparse file, made if it is not there."""
    if not path.exists():
        with open(path, "wb") as file:
            file.truncate(length)
    return path


def disk_files(machine, directory, without, collects):
    """The disks that are in the box, each with its file: all but the numbers of `without`."""
    found = [
        (number, disk, image(directory / f"{number}.raw", disk.size_gb * 10**9 // 512 * 512), True)
        for number, disk in enumerate(machine.disks)
        if number not in without
    ]
    if collects:
        path = image(directory / f"{COLLECT}.raw", COLLECT_BYTES)
        found.append((len(machine.disks), Disk("virtio", 0, COLLECT), path, False))
    return found


def start(
    machine, directory, log, taps, from_network=True, without=(), collects=False, attached=False, reached=False, state=None
):
    """Switches a machine on. `directory` has its disks, `taps` are where its cards are plugged in,
    `without` are the numbers of disks that are pulled out; `collects` puts in the disk that the
    installed system writes to, `attached` gives the console to this terminal. Where it is `reached` it has the port
    for commands, and goes on from a saved `state` if there is one."""
    variables = directory / "OVMF_VARS.fd"
    if machine.firmware == "uefi" and not variables.exists():
        shutil.copy(OVMF / "OVMF_VARS_4M.fd", variables)
    disks = disk_files(machine, directory, without, collects)
    words = arguments(machine, disks, taps, variables, from_network)
    words += ["-serial", "mon:stdio" if attached else "stdio"]
    agent, monitor = (ends(), ends()) if reached else ((), ())
    if reached:
        words += port_arguments(agent[1], monitor[1], state)
    process = subprocess.Popen(
        words,
        stdin=None if attached else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
        pass_fds=[end.fileno() for _, end in filter(None, (agent, monitor))],
    )
    running = Running(process, log, time.monotonic(), attached)
    if reached:
        agent[1].close()
        monitor[1].close()
        running.inside, running.monitor = Inside(agent[0], log.with_suffix(".inside")), Monitor(monitor[0])
    return running
