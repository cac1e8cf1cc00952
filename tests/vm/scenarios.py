"""How cases go: what is switched on in which order, and what must be true in between."""

from console import LabError


def install_and_boot(bench):
    """A blank machine is installed and boots: from the network first, from its disks alone, and with
    each of these disks pulled out."""
    case = bench.case
    bench.install()
    bench.expect_log("finish done")
    bench.expect_places(*((name, count - 1) for name, count in case.profiles))
    bench.boot_twice()
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
