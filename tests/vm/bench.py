"""The bench that one case stands on: its network, its services, its machines. Scenarios are written with it."""

import gzip
import re
import subprocess
import tarfile
import time
from contextlib import contextmanager

from collected import check
from console import LabError
from machine import die_with_parent, start
from network import Network, TaggedFrames
from releases import FORMER, Releases
from services import Services

INSTALL_DEADLINE, BOOT_DEADLINE = 900, 300
# A kernel or a program that says this will not come to a good end.
NEVER = r"Kernel panic|FAILED: this machine|failed after [0-9.]+ s:|grub rescue>|No bootable device"
PANIC = r"Kernel panic"
INSTALLED = r"I am installed"
STAGES = [
    ("firmware", r"/boot\.ipxe\.\.\. ok"),
    ("kernel", r"Linux version "),
    ("ramdisk", r"ramdisk: started"),
    ("drivers", r"ramdisk: edeploy install"),
    ("network", r"edeploy: network done"),
    ("upload", r"edeploy: upload done"),
    ("configure", r"edeploy: configure done"),
    ("sync", r"edeploy: sync done"),
    ("files", r"edeploy: files done"),
    ("bootloader", r"edeploy: bootloader done"),
    ("finish", r"edeploy: finish done"),
]
# Each word stands outside the bars and inside: for the ramdisk and for the installed system. The last since a
# kernel on a busy machine without KVM takes its timer to be broken.
CONSOLE = "console=ttyS0,115200 panic=-1 no_timer_check"


class Bench:
    """One case's. `stages` are the seconds of its first whole installation and of the boots after it."""

    def __init__(self, case, work, options, attached=False, watched=False):
        self.case, self.work, self.attached, self.watched = case, work, attached, watched
        self.network = Network(case.network)
        self.frames = TaggedFrames()
        self.services = Services(work, options, self.network.address)
        self.stages = {}
        # Where the case has several versions of its role.
        self.releases = None
        # `edeployctl watch`, where somebody watches.
        self.display = None

    def set_up(self):
        """All that is on the network."""
        case = self.case
        self.network.start_dnsmasq(self.services.spawn, self.work / "boot", case.by_pxelinux, case.reserved)
        if case.versions != (FORMER,):
            self.releases = Releases(self.services, case.role)
            self.releases.publish()
        self.services.start_rsync()
        if case.config:
            self.services.copy_config(case.config)
        else:
            self.services.write_profiles(case.profiles)
        if case.broken:
            self.services.replace(*case.broken)
        ending = "ONFAILURE=console" if self.attached else f"ONFAILURE={case.on_failure}"
        words = [CONSOLE, "ONSUCCESS=reboot", ending, *case.cmdline, "|", CONSOLE, "|"]
        settings = "".join(f"{key} = {value}\n" for key, value in case.settings.items())
        self.services.write_settings(f'boot_arguments = "{" ".join(words)}"\n{settings}')
        self.services.start_server()

    def show(self):
        """Shows the machines as they change, until something is said."""
        if self.watched and not self.display:
            words = self.services.command("watch")
            self.display = subprocess.Popen(words, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def hide(self):
        """What is shown stays as it is."""
        display, self.display = self.display, None
        if display:
            display.terminate()
            display.wait()

    def end(self):
        """The last that is shown: each step with its time, as the server knows them."""
        self.hide()
        if self.watched:
            print(flush=True)
            subprocess.run(self.services.command("job", "get", "last"), check=False)

    def start(self, name, machine=None, **how):
        """Switches a machine on, from the network first; the console's log gets this name."""
        machine = machine or self.case.machine
        directory = self.work / "disks" / machine.name
        directory.mkdir(exist_ok=True)
        log = self.work / "logs" / f"{name}.log"
        self.show()
        return start(machine, directory, log, self.network.plug(machine), attached=self.attached, **how)

    def install(self, name="install", machine=None):
        """From power on to the restart that the client asks for."""
        with self.start(name, machine) as running:
            self.finish(running)

    def finish(self, running):
        """Waits for the end of an installation, and notes its stages if they are the first."""
        running.wait(STAGES[-1][1], INSTALL_DEADLINE, NEVER)
        off = running.wait(None, INSTALL_DEADLINE, PANIC)
        if not self.stages:
            self.stages = {name: running.time_of(pattern) for name, pattern in STAGES}
            self.stages["off"] = off
            self.say(f"installed: {shares(self.stages)} = {off:.1f} s")

    def install_fails(self, pattern, name="install-fails"):
        """An installation that must end with this on the console, and then with the machine off."""
        with self.start(name) as running:
            running.wait(pattern, INSTALL_DEADLINE, r"Kernel panic|finish done")
            running.wait(None, INSTALL_DEADLINE, PANIC)

    def boot(self, name, machine=None, expect=None, **how):
        """Boots the installed system; it must find what is expected. Gives what it found."""
        machine = machine or self.case.machine
        (self.work / "disks" / machine.name / "collect.raw").unlink(missing_ok=True)
        with self.start(f"boot-{name}", machine, collects=True, **how) as running:
            self.stages[name] = running.wait(INSTALLED, BOOT_DEADLINE, f"{NEVER}|ramdisk: started")
            running.wait(None, BOOT_DEADLINE, PANIC)
        self.say(f"boot, {name}: {self.stages[name]:.1f} s")
        return self.collected(name, machine, expect)

    @contextmanager
    def up(self, name):
        """The installed machine, booted from its disk and waiting for commands, with all its units well."""
        with self.start(f"boot-{name}", from_network=False, reached=True) as running:
            self.stages[name] = running.wait(INSTALLED, BOOT_DEADLINE, f"{NEVER}|ramdisk: started")
            running.inside.wait(BOOT_DEADLINE)
            if failed := running.inside.must("systemctl list-units --failed --plain --no-legend"):
                raise LabError(f"units failed at the boot {name}: {failed}")
            yield running

    def collected(self, name, machine=None, expect=None):
        """What the installed system wrote to its output disk, compared."""
        machine = machine or self.case.machine
        to = self.work / "collect" / name
        with tarfile.open(self.work / "disks" / machine.name / "collect.raw") as archive:
            archive.extractall(to, filter="data")
        return check(self.case.expect if expect is None else expect, self.case.role, to)

    def boot_installed(self):
        """With disks alone; where the case asks for it from the network before, where the server says local boot."""
        if self.case.boots_network_first:
            self.boot("network-first")
        return self.boot("disk", from_network=False)

    def expect_places(self, *profiles):
        """What is left of each profile: the state file as the server has written it."""
        text = (self.services.config / "state.ron").read_text()
        for name, count in profiles:
            if not re.search(rf'\("{name}",\s*{count}\)', text):
                raise LabError(f"{count} places of {name} must be left in {text!r}")

    def expect_log(self, *patterns):
        """The newest log that machines have handed in must say all this, in this order."""
        logs = sorted((self.services.state / "logs").glob("*.log.gz"), key=lambda path: path.stat().st_mtime)
        if not logs:
            raise LabError("the server has no log of the machine")
        text = gzip.decompress(logs[-1].read_bytes()).decode(errors="replace")
        for pattern in patterns:
            found = re.search(pattern, text)
            if not found:
                raise LabError(f"the log at the server does not say, or not in order: {pattern}")
            text = text[found.end() :]

    def until(self, what, question, deadline, running=None):
        """Asks again and again until there is an answer, and gives it. `running` must not end before."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if answer := question():
                return answer
            if running and running.process.poll() is not None:
                raise LabError(f"the machine went off before: {what}")
            time.sleep(0.05)
        raise LabError(f"not within {deadline} s: {what}")

    def say(self, text):
        """A line of what is going on."""
        self.hide()
        print(f"   {text}", flush=True)


def shares(stages):
    """Each stage's own part, in seconds."""
    parts, before = [], 0.0
    for name, at in stages.items():
        if at is not None:
            parts.append(f"{name} {at - before:.1f}")
            before = at
    return ", ".join(parts)
