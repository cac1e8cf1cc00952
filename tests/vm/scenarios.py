"""How cases go: what is switched on in which order, and what must be true in between."""

from contextlib import ExitStack

from bench import BOOT_DEADLINE, INSTALL_DEADLINE, INSTALLED, NEVER, PANIC
from console import LabError
from services import TEXT, BadLine


def install_and_boot(bench):
    """A blank machine is installed and boots, from its disks alone and with each of these pulled out."""
    case = bench.case
    bench.install()
    bench.expect_log("finish done")
    bench.expect_places(*((name, count - 1) for name, count in case.profiles))
    bench.boot_installed()
    for without in case.boots_without:
        bench.boot("without-" + "-".join(map(str, without)), from_network=False, without=without)


def fails(bench):
    """The installation fails, with this on the console and at the server; the place is given back."""
    bench.install_fails(bench.case.fails)
    bench.expect_log(*bench.case.log)
    bench.expect_places(*bench.case.profiles)


def bond_and_vlan(bench):
    """The installed system's VLAN is seen on the wire: frames with its tag come to the switch."""
    install_and_boot(bench)
    if bench.frames.vlans != {42}:
        raise LabError(f"frames of VLAN 42 must come to the switch; seen were {bench.frames.vlans or 'none'}")


def over_leftovers(bench):
    """The disks hold a former installation, by the case's first profile; the second one is installed over it,
    and nothing of the first is left."""
    (former, _), (profile, _) = bench.case.profiles
    bench.services.write_profiles([(former, 1)])
    bench.install("install-former")
    bench.boot("former", expect={"profile": former})
    bench.services.write_profiles([(profile, 1)])
    bench.services.control("release", bench.case.machine.serial)
    bench.stages.clear()
    bench.install()
    bench.boot_installed()


def fails_then_installs(bench):
    """The configure script fails: the server has the step, the command, its output, and the place again. Once
    it is mended, the same machine gets the same CMDB entry, though another one came in between."""
    case = bench.case
    ((profile, count),) = case.profiles
    bench.install_fails(case.fails)
    bench.expect_log(*case.log)
    bench.expect_places((profile, count))
    bench.services.another_machine_registers("LAB0002")
    bench.expect_places((profile, count - 1))
    bench.services.mend(case.broken)
    bench.install()
    bench.expect_places((profile, count - 2))
    bench.boot_installed()


def server_away(bench):
    """The server is stopped while the machine boots, and comes back after the client's third try."""
    with bench.start("install") as running:
        running.wait(r"ramdisk: started", INSTALL_DEADLINE, NEVER)
        bench.services.stop_server()
        running.wait(r"edeploy: upload: no answer from .*; again in", INSTALL_DEADLINE, NEVER, count=3)
        bench.services.start_server()
        bench.finish(running)
    bench.boot_installed()


def sync_cut(bench):
    """The connection that brings the role breaks at half of it, and again; what is there is not sent again."""
    whole = bench.services.role_bytes("1.0", "tiny")
    line = BadLine(bench.network.address, [whole // 2, whole // 4])
    with bench.start("install") as running:
        bench.finish(running)
        again = running.count(r"; again in [0-9]+ s$")
    sent = sum(line.brought)
    bench.say(f"role of {whole >> 20} MiB; the connections brought {[count >> 20 for count in line.brought]} MiB")
    # One more asks for the manifest.
    transfers = [count for count in line.brought if count > TEXT]
    if again != 2 or len(transfers) != 3:
        raise LabError(f"the transfer must be begun again twice, and was {again} times")
    if sent > whole * 1.15:
        raise LabError(f"{sent} bytes were sent for a role of {whole}: what was there was sent again")
    bench.boot_installed()


def truncated_image(bench):
    """A role image that lacks its end is refused, however whole the download was; the whole one installs."""
    image = bench.services.start_images(bench.case.role)
    whole = image.read_bytes()
    image.write_bytes(whole[:-1000])
    bench.install_fails(bench.case.fails)
    bench.expect_log("sync failed after")
    bench.expect_places(*bench.case.profiles)
    image.write_bytes(whole)
    bench.install()
    bench.boot_installed()


def kexec(bench):
    """The installed system is started without a way through the firmware, and boots from its disk later."""
    with bench.start("install", collects=True) as running:
        running.wait(r"edeploy: finish done", INSTALL_DEADLINE, NEVER)
        bench.stages["kexec"] = running.wait(INSTALLED, INSTALL_DEADLINE, NEVER)
        bench.say(f"installed and started by kexec: {bench.stages['kexec']:.1f} s")
        running.wait(None, INSTALL_DEADLINE, PANIC)
        if running.count(r"SeaBIOS|BdsDxe: starting") != 1:
            raise LabError("the machine went through its firmware")
    bench.collected("kexec")
    bench.boot_installed()


def all_at_once(bench):
    """Machines of different shapes are installed at the same time from one state file: each gets the profile
    of its shape, and no CMDB entry is given twice."""
    machines = bench.case.machines
    with ExitStack() as stack:
        running = {one.name: stack.enter_context(bench.start(f"install-{one.name}", one)) for one in machines}
        for one in machines:
            running[one.name].wait(r"edeploy: finish done", INSTALL_DEADLINE * 3, NEVER)
            bench.stages[one.name] = running[one.name].wait(None, INSTALL_DEADLINE * 3, PANIC)
            bench.say(f"{one.name}: {bench.stages[one.name]:.1f} s")
    bench.expect_places(*((name, 0) for name, _ in bench.case.profiles))
    found = [bench.boot(one.name, one, bench.case.expect[one.name], from_network=False) for one in machines]
    hostnames = [one["hostname"] for one in found]
    bench.say(f"hostnames: {', '.join(hostnames)}")
    if len(set(hostnames)) != len(machines):
        raise LabError(f"a CMDB entry was given twice: {hostnames}")


def refused_then_installed(bench):
    """No profile is for the machine: it starts anew, is held, and goes on by itself once a spec is mended."""
    case = bench.case
    bench.install_fails(case.fails, "refused")
    with bench.start("install") as running:
        running.wait(r"edeploy: this machine is held", BOOT_DEADLINE, r"Linux version")
        bench.services.mend(case.broken)
        bench.finish(running)
    bench.boot_installed()


def held_after_attempts(bench):
    """An installation that never says how it ended is begun so many times and no more; an admin's word
    begins it again."""
    attempts = bench.case.settings["boot_attempts"]
    for number in range(attempts):
        with bench.start(f"attempt-{number + 1}") as running:
            running.wait(r"edeploy: upload done", INSTALL_DEADLINE, f"{NEVER}|this machine is held")
    with bench.start("held") as running:
        running.wait(r"edeploy: this machine is held", BOOT_DEADLINE, r"Linux version")
        running.wait(rf"begun {attempts} times", BOOT_DEADLINE)
    bench.services.control("reinstall", bench.case.machine.serial)
    bench.install()
    bench.boot_installed()


def rehearse(bench):
    """A machine of a recorded shape is installed as an admin's configuration says. What the profile is to be
    is the configuration's; the role is the tiny one, since that tells what it finds."""
    bench.install()
    found = bench.boot_installed()
    bench.say(f"profile {found['profile']}, hostname {found['hostname']}, root {found['root']} on {found['root_type']}")
