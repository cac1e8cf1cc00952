"""The machines of the lab, each with what must be true of it afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field

import scenarios
from machine import Disk, Machine


@dataclass(frozen=True)
class Case:
    """One scenario. `profiles` are those of the server, with their counts; `expect` is what the installed
    system must find: keys of `collected.seen`."""

    name: str
    profiles: tuple
    machine: Machine = Machine()
    expect: dict = field(default_factory=dict)
    scenario: Callable = scenarios.install_and_boot
    # Further words of the ramdisk's command line, and settings of the server.
    cmdline: tuple = ()
    settings: dict = field(default_factory=dict)
    on_failure: str = "halt"
    # What the console says where the installation must fail, and what the log at the server says.
    fails: str = ""
    log: tuple = ()
    # Further boots, each with these disks pulled out.
    boots_without: tuple = ()
    by_pxelinux: bool = False


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

CASES = [
    Case(
        "bios-virtio",
        ONE_DISK,
        Machine(),
        {**ONE, "firmware": "bios", "root": "/dev/vda3"},
    ),
    Case(
        "uefi-virtio",
        ONE_DISK,
        Machine(firmware="uefi"),
        {**ONE, "firmware": "uefi", "root": "/dev/vda3"},
    ),
    Case(
        "uefi-nvme",
        ONE_DISK,
        Machine(firmware="uefi", disks=(Disk("nvme"),)),
        {**ONE, "firmware": "uefi", "root": "/dev/nvme0n1p3"},
    ),
    Case(
        "bios-raid1",
        (("raid1", 1),),
        Machine(disks=(Disk("ide"), Disk("ide"))),
        {"hostname": "lab-01", "profile": "raid1", "firmware": "bios", "root": "/dev/md0"},
        boots_without=((0,), (1,)),
    ),
    Case(
        "bios-lvm",
        (("lvm", 1),),
        Machine(disks=(Disk("virtio"), Disk("virtio"))),
        {"hostname": "lab-01", "profile": "lvm", "root": "/dev/mapper/system-root", "root_type": "ext4"},
    ),
    Case("bios-bond-vlan", (("bond", 1),), Machine(nics=TWO_NICS), BOND, scenarios.bond_and_vlan),
    Case("uefi-bond-vlan", (("bond", 1),), Machine(nics=TWO_NICS, firmware="uefi"), BOND, scenarios.bond_and_vlan),
    Case(
        "configure-fails",
        (("failing", 1),),
        scenario=scenarios.fails,
        fails=r"edeploy: configure failed after .*no-such-option",
        log=("configure failed", "no-such-option"),
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
]
