"""Upgrades of an installed machine from one version of its role to the next: there and back, cut by the power at
any moment, refused. What is done on the machine is done as its admin would, by commands (`inside.py`)."""

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import PANIC
from console import LabError, WentOff
from releases import FORMER, KEPT, LATTER

UPGRADE = f"edeploy upgrade {LATTER} --verbose --no-reboot"
# Fetched, staged and applied by a machine without KVM.
UPGRADE_DEADLINE = 600
REFUSED, CHANGED, RESTART = 3, 6, 100
# Changed in both versions, by hand and by libc-bin.
BY_HAND = "/usr/bin/ldd"
# What an upgrade that is refused must leave alone to the inode.
UNTOUCHED = r"find /boot /etc /usr /var/lib/dpkg -printf '%p %i %m %U %s %T@ %C@\n' | sort | sha256sum"
# All but the last 20 MiB of the root are taken.
FILL = "fallocate --length $(($(stat --file-system --format '%a * %S' /) - (20 << 20))) /var/tmp/fill"


@dataclass(frozen=True)
class Point:
    """A moment of an upgrade: when it says `words`, or when it has made this share of its changes."""

    words: str
    share: float | None = None

    def is_reached(self, line):
        """Whether a line of the upgrade says so."""
        if self.share is None:
            return line.startswith(f"edeploy: {self.words}")
        made = re.match(r"edeploy: apply (\d+)/(\d+) ", line)
        return bool(made) and int(made[1]) >= self.share * int(made[2])

    def __str__(self):
        return self.words if self.share is None else f"{self.words} {self.share:.0%}"


# Until `commit` is done nothing has changed. From then on the next start finishes what was begun.
BEFORE = tuple(map(Point, ("check …", "fetch …", "fetch done", "pre …", "commit …", "prepare ")))
BETWEEN = (
    *map(Point, ("commit done", "apply …", "apply: exchange ")),
    *(Point("apply", fifth / 5) for fifth in range(6)),
    *map(Point, ("bootloader …", "post …", "finish …")),
)
AFTER = tuple(map(Point, ("apply done", "finish done")))
FETCHED = BEFORE[3]
POINTS = BEFORE + BETWEEN + AFTER
STEPS = ["check", "fetch", "pre", "commit", "apply", "bootloader", "post", "finish"]


def there_and_back(bench):
    """The next version with its kernel, its packages and its scripts, and then the former one again."""
    bench.install()
    with bench.up("former") as running:
        expect_key(bench, running)
        expect_version(running, FORMER)
        kernel = running.inside.must("uname -r")
        upgrade(bench, running)
        if wrong := told(bench):
            raise LabError(f"of an upgrade that went well the server says: {wrong}")
        restart(running)
    with bench.up("latter") as running:
        expect_version(running, LATTER)
        expect_kernel(bench, running, LATTER)
        expect_scripts(running, kernel)
        changed_by_hand(running)
        # It restarts the machine by itself.
        running.inside.start("edeploy rollback")
        running.wait(None, UPGRADE_DEADLINE, PANIC)
    with bench.up("former-again") as running:
        expect_version(running, FORMER)
        expect_kernel(bench, running, FORMER)


def refused(bench):
    """What is not signed, does not fit or is not there is refused, and the machine is as it was to the inode."""
    releases = bench.releases
    bench.install()
    with bench.up("former") as running:
        expect_key(bench, running)
        expect_version(running, FORMER)
        before = running.inside.must(UNTOUCHED)

        def refuses(what, pattern, command=UPGRADE):
            said = running.inside.run(command, UPGRADE_DEADLINE)
            if said.code != REFUSED or not re.search(pattern, said.text):
                raise LabError(f"{what} must be refused with {pattern!r}, and ended with {said.code}: {said.text}")
            if running.inside.must("edeploy version") != FORMER or running.inside.must(UNTOUCHED) != before:
                raise LabError(f"{what}: files were touched by an upgrade that was refused")
            bench.say(f"refused: {what}: {said.lines[-1]}")

        releases.vouch(LATTER, by="others")
        refuses("another's signature", r"sign")
        releases.pass_for(FORMER, LATTER)
        refuses("an old version under a new name", rf"{FORMER}")
        releases.vouch(LATTER)
        releases.vouch_for_update(by="others")
        refuses("another's signature of the scripts", rf"{FORMER}\.\.{LATTER} is refused")
        releases.vouch_for_update()
        running.inside.must(FILL)
        refuses("a disk that is too small", r"[0-9]+ MB are needed, [0-9]+ MB are free")
        running.inside.must("rm /var/tmp/fill")
        refuses("a version that nobody made", r"1\.7", "edeploy upgrade 1.7")
        if not (why := told(bench)).startswith("was refused at upgrade/"):
            raise LabError(f"of an upgrade that was refused the server says: {why}")
        expect_version(running, FORMER)


@dataclass(frozen=True)
class Moment:
    """A machine as it is at one moment: its memory and its disk. It goes on from there any number of times."""

    memory: Path
    disk: Path

    @staticmethod
    def keep(bench, running, name):
        """Stops a machine for good and keeps what it is."""
        directory = disk_of(bench).parent
        moment = Moment(directory / f"{name}.memory", directory / f"{name}.raw")
        running.monitor.save(moment.memory)
        running.stop()
        copy(disk_of(bench), moment.disk)
        return moment

    @contextmanager
    def again(self, bench, name):
        """Has the machine go on."""
        copy(self.disk, disk_of(bench))
        with bench.start(name, from_network=False, reached=True, state=self.memory) as running:
            running.monitor.go_on()
            yield running


class Killed:
    """A machine that loses its power at each of these points of an upgrade. It is the same machine and the same
    upgrade each time: it goes on from before the upgrade, or from when all was fetched."""

    def __init__(self, points):
        self.points = points

    def __call__(self, bench):
        bench.install()
        with bench.up("former") as running:
            expect_key(bench, running)
            expect_version(running, FORMER)
            before = Moment.keep(bench, running, "before")
        with before.again(bench, "fetches") as running:
            running.inside.run(UPGRADE, UPGRADE_DEADLINE, FETCHED.is_reached)
            fetched = Moment.keep(bench, running, "fetched")
        seen = set()
        for number, point in enumerate(self.points):
            name = f"killed-{number}"
            is_later = POINTS.index(point) > POINTS.index(FETCHED)
            with (fetched if is_later else before).again(bench, name) as running:
                lose_power(running, point, is_later)
            version = boots(bench, f"after-{name}")
            bench.say(f"killed at {point}: boots {version}, which is whole")
            check_version(point, version)
            seen.add(version)
        if seen != {FORMER, LATTER}:
            raise LabError(f"both versions must have been booted, and were: {', '.join(seen)}")


def lose_power(running, point, is_begun):
    """Ends the machine when the upgrade is there; with it ends what the system had not yet written."""
    follow = running.inside.listen if is_begun else running.inside.run
    said = follow(UPGRADE, UPGRADE_DEADLINE, point.is_reached)
    running.stop()
    if said.code is not None:
        raise LabError(f"the upgrade ended with {said.code} before {point}: {said.text[-2000:]}")


def boots(bench, name):
    """Gives the version that the machine boots. Where that finishes the upgrade it restarts once more by itself."""
    try:
        return whole_version(bench, name)
    except WentOff:
        if "edeploy: finish done" not in (bench.work / "logs" / f"boot-{name}.log").read_text():
            raise
    return whole_version(bench, f"{name}-restarted")


def whole_version(bench, name):
    """Gives the version that the machine boots with all units well; every file is that version's."""
    with bench.up(name) as running:
        version = running.inside.must("edeploy version")
        expect_version(running, version)
        expect_kernel(bench, running, version)
    return version


def check_version(point, version):
    """Before it is committed it is the former version; when all is said to be in its place it is the latter."""
    wanted = {FORMER} if point in BEFORE else {LATTER} if point in AFTER else {FORMER, LATTER}
    if version not in wanted:
        raise LabError(f"killed at {point} the machine must be of version {' or '.join(wanted)}, and is of {version}")


def upgrade(bench, running):
    """To the latter version, with all the steps in their order and at the end the wish to be restarted."""
    said = running.inside.run(UPGRADE, UPGRADE_DEADLINE)
    if said.code != RESTART:
        raise LabError(f"the upgrade must end with {RESTART}, and did with {said.code}: {said.text[-2000:]}")
    took = re.findall(r"^edeploy: (\w+) done in (.*)$", said.text, re.MULTILINE)
    bench.say(f"upgraded: {', '.join(' '.join(step) for step in took)}")
    if [step for step, _ in took] != STEPS:
        raise LabError(f"the steps of an upgrade must come in their order: {took}")


def told(bench):
    """What is wrong with the machine by its server, which was told how the upgrade went. It stays an installed one."""
    (view,) = json.loads(bench.services.control("status", "-m", bench.case.machine.serial, "--json"))
    if (view["action"], view["standing"]) != ("upgrade", "installed"):
        raise LabError(f"the server must know of the upgrade, and of the machine as an installed one: {view}")
    return (view["diagnosis"] or {"what": ""})["what"]


def changed_by_hand(running):
    """A file that somebody changes is named."""
    running.inside.must(f"echo '# by hand' >>{BY_HAND}")
    text = running.inside.must("edeploy verify", CHANGED)
    if BY_HAND.strip("/") not in text:
        raise LabError(f"{BY_HAND} was changed, and this is said: {text}")


def restart(running):
    """The machine restarts, which switches it off."""
    running.inside.start("systemctl reboot")
    running.wait(None, UPGRADE_DEADLINE, PANIC)


def expect_key(bench, running):
    """The installation has left the key without whose signature nothing is believed."""
    if (found := running.inside.must(f"cat {KEPT}")) != bench.releases.public_key().strip():
        raise LabError(f"{KEPT} is not the key that the ramdisk has: {found}")


def expect_version(running, version):
    """The machine says that it is of this version, and nothing on it is otherwise."""
    if (found := running.inside.must("edeploy version")) != version:
        raise LabError(f"the machine must be of version {version}, and says {found}")
    running.inside.must("edeploy verify --full", deadline=UPGRADE_DEADLINE)


def expect_kernel(bench, running, version):
    """The kernel that runs is one of this version."""
    kernels = [path.name for path in (bench.releases.tree(version) / "usr/lib/modules").iterdir()]
    if (found := running.inside.must("uname -r")) not in kernels:
        raise LabError(f"version {version} has {', '.join(kernels)}, and {found} runs")


def expect_scripts(running, kernel):
    """`pre` ran before any file was another, `post` after all were, both under the former kernel."""
    wanted = [f"pre: {kernel}, ping there, tree gone", f"post: {kernel}, ping gone, tree there"]
    if (found := running.inside.must("cat /var/log/upgrade").splitlines()) != wanted:
        raise LabError(f"the scripts must have seen {wanted}, and saw {found}")


def disk_of(bench):
    """The machine's only disk."""
    return bench.work / "disks" / bench.case.machine.name / "0.raw"


def copy(source, target):
    """A copy of a disk, as sparse as it is."""
    target.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)
