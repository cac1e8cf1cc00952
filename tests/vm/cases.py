"""The machines of the lab, each with what must be true of it afterwards."""

from dataclasses import dataclass, field

from machine import Disk, Machine


@dataclass(frozen=True)
class Case:
    """One installation. `expect` is what the installed system must find: keys of `Seen`."""

    name: str
    profile: str
    machine: Machine
    expect: dict
    cmdline: tuple = ()
    # What the console says where the installation must fail; then the machine must switch itself off.
    fails: str = ""
    # What the console says besides, after the installation and before the machine is off.
    says: str = ""
    # Further boots, each with these disks pulled out.
    boots_without: tuple = field(default=())


ONE = {"hostname": "lab-01", "profile": "one-disk", "fstab_root": "/"}

CASES = [
    Case(
        "bios-virtio",
        "one-disk",
        Machine(),
        {**ONE, "firmware": "bios", "root": "/dev/vda3", "root_type": "ext4"},
    ),
    Case(
        "uefi-virtio",
        "one-disk",
        Machine(firmware="uefi"),
        {**ONE, "firmware": "uefi", "root": "/dev/vda3", "root_type": "ext4"},
    ),
    Case(
        "uefi-nvme",
        "one-disk",
        Machine(firmware="uefi", disks=(Disk("nvme"),)),
        {**ONE, "firmware": "uefi", "root": "/dev/nvme0n1p3", "root_type": "ext4"},
    ),
    Case(
        "bios-raid1",
        "raid1",
        Machine(disks=(Disk("ide"), Disk("ide"))),
        {"hostname": "lab-01", "profile": "raid1", "firmware": "bios", "root": "/dev/md0"},
        boots_without=((0,), (1,)),
    ),
    Case(
        "uefi-raid1",
        "raid1",
        Machine(firmware="uefi", disks=(Disk("virtio"), Disk("virtio"))),
        {"hostname": "lab-01", "profile": "raid1", "firmware": "uefi", "root": "/dev/md0"},
        boots_without=((0,), (1,)),
    ),
    Case(
        "bios-kexec",
        "one-disk",
        Machine(),
        {**ONE, "firmware": "bios", "root": "/dev/vda3"},
        cmdline=("ONSUCCESS=kexec",),
        says="I am installed: lab-01",
    ),
    Case(
        "uefi-kexec",
        "one-disk",
        Machine(firmware="uefi"),
        {**ONE, "firmware": "uefi", "root": "/dev/vda3"},
        cmdline=("ONSUCCESS=kexec",),
        says="I am installed: lab-01",
    ),
    Case(
        "bios-lvm",
        "lvm",
        Machine(disks=(Disk("virtio"), Disk("virtio"))),
        {"hostname": "lab-01", "profile": "lvm", "root": "/dev/mapper/system-root", "root_type": "ext4"},
    ),
    Case(
        "configure-fails",
        "failing",
        Machine(),
        {},
        fails=r"edeploy: configure failed after .*no-such-option",
    ),
    # The client refuses its settings before it can tell the server: the ramdisk does that.
    Case(
        "client-refuses",
        "one-disk",
        Machine(),
        {},
        cmdline=("ONSUCCESS=wrong",),
        fails=r"ramdisk: FAILED: this machine is not installed \(exit code 1\); next: halt",
    ),
]
