"""How long an installation takes beside what it cannot do without: the same role put onto the same machine by
hand, in the same run. Figures, no verdict: the machines that this runs on are noisy."""

import shutil

from archive import archive_behind
from bench import INSTALL_DEADLINE, PANIC, STAGES, shares

ROUNDS = 2
# What tests/vm/by-hand says, in its order. The floors are boot, transfer and boot loader.
MARKS = ["booted", "ready", "file systems made", "rsync", "flushed", "grub-install", "update-grub", "done"]


def measured(bench):
    """By hand and by edeploy in turns; the disk is blank each time."""
    by_hand, installed = [], []
    ramdisk = bench.services.boot / "ramdisk"
    whole = ramdisk.read_bytes()
    script = (bench.services.options.tests / "by-hand").read_text().replace("ROLE", f"1.0/{bench.case.role}")
    ramdisk.unlink()
    for number in range(ROUNDS):
        ramdisk.write_bytes(whole + archive_behind(whole, {"init": (script, 0o755)}))
        by_hand.append(run(bench, f"by-hand-{number}", [(name, f"by hand: {name}$") for name in MARKS]))
        blank(bench)
        ramdisk.write_bytes(whole)
        installed.append(run(bench, f"install-{number}", STAGES))
        bench.boot(f"disk-{number}", from_network=False)
        bench.services.control("reinstall", bench.case.machine.serial)
        blank(bench)
    report(bench, mean(by_hand), mean(installed))


def measured_by_image(bench):
    """As above; edeploy takes the role as an image by HTTP, by hand it comes by rsync."""
    bench.services.start_images(bench.case.role)
    measured(bench)


def run(bench, name, stages):
    """One machine from power on to off. Gives each stage's own seconds."""
    with bench.start(name) as running:
        off = running.wait(None, INSTALL_DEADLINE, PANIC)
        times = {stage: running.time_of(pattern) for stage, pattern in stages}
    bench.say(f"{name}: {shares({**times, 'off': off})} = {off:.1f} s")
    own, before = {}, 0.0
    for stage, at in {**times, "off": off}.items():
        own[stage] = (at or before) - before
        before = at or before
    return own


def blank(bench):
    """Takes the disks away; the next start makes new ones."""
    shutil.rmtree(bench.work / "disks" / bench.case.machine.name)


def mean(rounds):
    return {name: sum(one[name] for one in rounds) / len(rounds) for name in rounds[0]}


def report(bench, by_hand, installed):
    boot = by_hand["booted"] + by_hand["ready"]
    transfer = by_hand["rsync"] + by_hand["flushed"]
    floors = boot + transfer + by_hand["grub-install"]
    whole = sum(installed.values())
    bench.say(f"floors: boot {boot:.1f} + rsync {transfer:.1f} + grub-install {by_hand['grub-install']:.1f} = {floors:.1f} s")
    bench.say(f"all by hand: {sum(by_hand.values()):.1f} s")
    bench.say(f"installed: {', '.join(f'{name} {seconds:.1f}' for name, seconds in installed.items())} = {whole:.1f} s")
    bench.say(f"{whole / floors:.2f} times the floors, {whole / sum(by_hand.values()):.2f} times all by hand")
    bench.stages = {"by hand": sum(by_hand.values()), "floors": floors, "installed": whole, "ratio": whole / floors}
