"""The machines of the lab, each with what must be true of it afterwards."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from ipaddress import IPv4Interface
from pathlib import Path

import floors
import scenarios
import seen
import upgrades
from hardware import recorded
from machine import Disk, Machine
from network import SHIPPED
from releases import FORMER, LATTER, TRUSTED
from services import BAD_HTTP_PORT, BAD_LINE_PORT, IMAGE_PORT


@dataclass(frozen=True)
class Case:
    """One scenario. `profiles` are those of the server, with their counts; `expect` is what the installed
    system must find: keys of `collected.seen`."""

    name: str
    profiles: tuple = ()
    machine: Machine = Machine()
    expect: dict = field(default_factory=dict)
    scenario: Callable = scenarios.install_and_boot
    _: KW_ONLY
    # Where there are several; then `expect` is by their names.
    machines: tuple = ()
    # Further words of the ramdisk's command line, and settings of the server.
    cmdline: tuple = ()
    settings: dict = field(default_factory=dict)
    on_failure: str = "halt"
    # What is installed: the name of a role that packaging/role-NAME builds, version 1.0; packaging/role-NAME-VERSION
    # builds further ones.
    role: str = "tiny"
    versions: tuple = (FORMER,)
    # A mistake in the profiles that is mended later: file, text, the text in its place.
    broken: tuple = ()
    # What the console says where the installation must fail, and what the log at the server says.
    fails: str = ""
    log: tuple = ()
    # Further boots, each with these disks pulled out.
    boots_without: tuple = ()
    by_pxelinux: bool = False
    # Whether it gives figures and no verdict: then it runs only when it is named.
    is_measurement: bool = False
    # Whether the installed system is also started from the network first, as in a rack.
    boots_network_first: bool = False
    # An admin's configuration directory in place of `profiles`, and the network that the machine is on: the
    # server's address, and a MAC with the address that it gets.
    config: Path | None = None
    network: IPv4Interface = SHIPPED
    reserved: tuple = ()


def rehearsal(name, file, config=None, **how):
    """A case of a machine of the shape that a recorded hardware file tells of. With `config` its profile
    comes from that directory, else it is one that takes any machine."""
    expect = how.pop("expect", {})
    shape = recorded(file, **how)
    return Case(
        name,
        () if config else (("any", 1),),
        shape.machine,
        {"macs": sorted(shape.machine.macs), **expect},
        scenarios.rehearse,
        cmdline=("OS=tiny", "OS_VER=1.0"),
        config=config,
        network=shape.server or SHIPPED,
        reserved=(shape.machine.macs[shape.machine.boot_nic], shape.address.ip) if shape.address else (),
    )


ONE_DISK = (("one-disk", 1),)
ONE = {"hostname": "lab-01", "profile": "one-disk", "fstab_root": "/", "root_type": "ext4"}
TWO_NICS = ("virtio-net-pci", "virtio-net-pci")
BOND = {
    "hostname": "lab-01",
    "profile": "bond",
    "bonds": {"bond0": "active-backup"},
    "members": {"lan0": "bond0", "lan1": "bond0"},
    "vlans": {"bond0.42": 42},
    "addresses": {"bond0": ["10.0.0.11/24"], "bond0.42": ["10.0.42.11/24"]},
}
DEBIAN = {
    "hostname": "debian-01",
    "profile": "debian",
    "root_type": "ext4",
    "packages": {"mdadm", "grub2-common", "systemd"},
    "failed_units": [],
}
TWO_VERSIONS = {
    "profiles": (("debian", 1),),
    "expect": DEBIAN,
    "role": "debian",
    "versions": (FORMER, LATTER),
    "cmdline": (f"ROLE_KEY=/{TRUSTED}",),
}
OVER = {"hostname": "lab-01", "profile": "over", "kinds": ["disk", "part"], "root_type": "ext4"}


def one_of_five(number, name, product, **parts):
    """A machine with strings and MACs of its own."""
    uuid = f"6f1d2c3a-8b0e-4d57-9a41-5254000001{number:02d}"
    return Machine(name, product=product, serial=f"FIVE000{number}", uuid=uuid, memory_mb=640, **parts)


FIVE = (
    one_of_five(1, "plain", "Small Server"),
    one_of_five(2, "modern", "Small Server G2", firmware="uefi", disks=(Disk("nvme"),)),
    one_of_five(3, "scsi", "Small Server S", firmware="uefi", disks=(Disk("scsi", 5),)),
    one_of_five(4, "mirror", "Mirror Server", disks=(Disk("ide"), Disk("ide"))),
    one_of_five(5, "volumes", "Volume Server", disks=(Disk(), Disk(size_gb=6))),
)
EXAMPLES = Path(__file__).resolve().parents[2] / "config-examples"

CASES = [
    Case(
        "bios-virtio",
        ONE_DISK,
        Machine(),
        {**ONE, "firmware": "bios", "root": "/dev/vda3"},
        boots_network_first=True,
    ),
    Case(
        "uefi-virtio",
        ONE_DISK,
        Machine(firmware="uefi"),
        {**ONE, "firmware": "uefi", "root": "/dev/vda3"},
        boots_network_first=True,
    ),
    Case(
        "uefi-nvme",
        ONE_DISK,
        Machine(firmware="uefi", disks=(Disk("nvme"),), netboot="pxe"),
        {**ONE, "firmware": "uefi", "root": "/dev/nvme0n1p3"},
        boots_network_first=True,
    ),
    Case(
        "bios-raid1",
        (("raid1", 1),),
        Machine(disks=(Disk("ide"), Disk("ide"))),
        {"hostname": "mirror-01", "profile": "raid1", "firmware": "bios", "root": "/dev/md0"},
        boots_without=((0,), (1,)),
    ),
    Case(
        "uefi-raid1",
        (("raid1", 1),),
        Machine(firmware="uefi", disks=(Disk(), Disk())),
        {"hostname": "mirror-01", "profile": "raid1", "firmware": "uefi", "root": "/dev/md0"},
        boots_without=((0,), (1,)),
    ),
    Case(
        "bios-lvm",
        (("lvm", 1),),
        Machine(disks=(Disk("virtio"), Disk("virtio"))),
        {"hostname": "volume-01", "profile": "lvm", "root": "/dev/mapper/system-root", "root_type": "ext4"},
    ),
    Case(
        "uefi-lvm",
        (("lvm", 1),),
        Machine(firmware="uefi", disks=(Disk("virtio"), Disk("virtio"))),
        {"hostname": "volume-01", "profile": "lvm", "root": "/dev/mapper/system-root", "firmware": "uefi"},
    ),
    Case("bios-bond-vlan", (("bond", 1),), Machine(nics=TWO_NICS), BOND, scenarios.bond_and_vlan),
    Case("uefi-bond-vlan", (("bond", 1),), Machine(nics=TWO_NICS, firmware="uefi"), BOND, scenarios.bond_and_vlan),
    Case(
        "leftovers-of-lvm",
        (("lvm", 1), ("over", 1)),
        Machine(disks=(Disk(), Disk())),
        OVER,
        scenarios.over_leftovers,
    ),
    Case(
        "leftovers-of-raid1",
        (("raid1", 1), ("over", 1)),
        Machine(disks=(Disk("ide"), Disk("ide"))),
        OVER,
        scenarios.over_leftovers,
    ),
    Case(
        "configure-fails",
        (("one-disk", 2),),
        expect=ONE,
        scenario=scenarios.fails_then_installs,
        broken=("one-disk.configure", "'mkfs.ext4', ", "'mkfs.ext4', '--no-such-option', "),
        fails=r"edeploy: configure failed after .*no-such-option",
        log=("configure …", "configure failed after", "mkfs.ext4 --no-such-option .* failed", "invalid option"),
    ),
    # The client refuses its settings before it can tell the server: the ramdisk does that.
    Case(
        "client-refuses",
        ONE_DISK,
        scenario=scenarios.fails,
        cmdline=("ONSUCCESS=wrong",),
        fails=r"ramdisk: FAILED: this machine is not installed \(exit code 1\); next: halt",
        log=("ramdisk: FAILED",),
    ),
    Case("server-away", ONE_DISK, expect=ONE, scenario=scenarios.server_away),
    Case("sync-cut", ONE_DISK, expect=ONE, scenario=scenarios.sync_cut, cmdline=(f"RSERV_PORT={BAD_LINE_PORT}",)),
    Case(
        "image-truncated",
        ONE_DISK,
        expect=ONE,
        scenario=scenarios.truncated_image,
        cmdline=(f"HSERV={SHIPPED.ip}", f"HSERV_PORT={IMAGE_PORT}"),
        fails=r"edeploy: sync failed after",
    ),
    Case("bios-kexec", ONE_DISK, expect=ONE, scenario=scenarios.kexec, cmdline=("ONSUCCESS=kexec",)),
    Case(
        "uefi-kexec",
        ONE_DISK,
        Machine(firmware="uefi"),
        ONE,
        scenarios.kexec,
        cmdline=("ONSUCCESS=kexec",),
    ),
    Case("bios-pxelinux", ONE_DISK, expect={**ONE, "firmware": "bios"}, by_pxelinux=True, boots_network_first=True),
    Case(
        "refused",
        ONE_DISK,
        expect=ONE,
        scenario=scenarios.refused_then_installed,
        on_failure="reboot",
        broken=("one-disk.specs.ron", '"Lab"', '"Other"'),
        fails=r"the server refuses this machine",
    ),
    Case(
        "held",
        ONE_DISK,
        expect=ONE,
        scenario=scenarios.held_after_attempts,
        settings={"boot_attempts": 2},
    ),
    Case("watched", ONE_DISK, Machine(product="VM", serial="BLANK"), ONE, seen.watched),
    Case(
        "killed-at-each-step",
        (("hangs", 20),),
        machines=seen.KILLED,
        expect=seen.FOUND,
        scenario=seen.killed_at_each_step,
        cmdline=(f"HTTP_PORT={BAD_HTTP_PORT}",),
        settings={"events_stuck_minutes": 1},
    ),
    Case(
        "five-at-once",
        (("lvm", 1), ("raid1", 1), ("one-disk", 3)),
        machines=FIVE,
        expect={
            "plain": {"profile": "one-disk", "firmware": "bios", "root": "/dev/vda3"},
            "modern": {"profile": "one-disk", "firmware": "uefi", "root": "/dev/nvme0n1p3"},
            "scsi": {"profile": "one-disk", "firmware": "uefi", "root": "/dev/sda3"},
            "mirror": {"profile": "raid1", "root": "/dev/md0"},
            "volumes": {"profile": "lvm", "root": "/dev/mapper/system-root"},
        },
        scenario=scenarios.all_at_once,
    ),
    Case("bios-debian", (("debian", 1),), expect={**DEBIAN, "firmware": "bios"}, role="debian"),
    Case("uefi-debian", (("debian", 1),), Machine(firmware="uefi"), {**DEBIAN, "firmware": "uefi"}, role="debian"),
    Case("upgrade", scenario=upgrades.there_and_back, **TWO_VERSIONS),
    Case("upgrade-refused", scenario=upgrades.refused, **TWO_VERSIONS),
    # Each has points of all steps, so that two machines can be busy with them.
    Case("upgrade-killed-1", scenario=upgrades.Killed(upgrades.POINTS[0::2]), **TWO_VERSIONS),
    Case("upgrade-killed-2", scenario=upgrades.Killed(upgrades.POINTS[1::2]), **TWO_VERSIONS),
    Case("floors", (("debian", 1),), expect=DEBIAN, scenario=floors.measured, role="debian", is_measurement=True),
    Case(
        "floors-image",
        (("debian", 1),),
        expect=DEBIAN,
        scenario=floors.measured_by_image,
        cmdline=(f"HSERV={SHIPPED.ip}", f"HSERV_PORT={IMAGE_PORT}"),
        role="debian",
        is_measurement=True,
    ),
    rehearsal(
        "recorded-raid1-server",
        EXAMPLES / "hardware" / "raid1-server.json",
        EXAMPLES,
        expect={"profile": "raid1-server", "hostname": "srv11", "kinds": ["disk", "part", "raid1"], "addresses": {"lan0": ["10.10.1.11/16"]}},
    ),
    rehearsal("recorded-hp", EXAMPLES / "hardware" / "hp.json", firmware="uefi", expect={"profile": "any"}),
]
