//! The library of helpers: the plan of each, and the same commands from real Pythons with stub tools.

use std::path::Path;
use std::process::Output;

use edeploy::configure::engine::{Limits, Script, ScriptError, plan_script};
use edeploy::configure::plan::{Action, CommandText, Plan, What};
use edeploy::configure::{Answer, quoted, render_script};
use edeploy::model::{CmdbEntry, ProfileName, Value};

use edeploy::allocation::explain_dir;

use crate::examples::{examples, hardware};
use crate::support::python::{Root, pythons};

pub(crate) fn variables() -> CmdbEntry {
    let pairs = [
        ("disk1", Value::from("sda")),
        ("disk2", Value::from("nvme0n1")),
        ("model", Value::from("it's \u{e9} $(x)")),
        ("size", Value::Int(480)),
        ("list", Value::List(vec![Value::Null, Value::Float(1.5)])),
    ];
    let pairs = pairs.into_iter();
    pairs.map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(crate) fn plan_with(text: &str, variables: &CmdbEntry) -> Result<Plan, ScriptError> {
    let name = "test.configure";
    plan_script(&Script { name, text }, "vm", variables, &Limits::default())
}

pub(crate) fn plan(text: &str) -> Result<Plan, ScriptError> {
    plan_with(text, &variables())
}

/// What a helper does, one line for each action.
pub(crate) fn planned(text: &str) -> Vec<String> {
    let plan = plan(text).unwrap_or_else(|error| panic!("{}", error.with_caret()));
    plan.actions.iter().map(shown).collect()
}

fn shown(action: &Action) -> String {
    match &action.what {
        What::Run { command } => words(command),
        What::Output { command, planned } => format!(
            "{} -> {}",
            words(command),
            planned.as_deref().unwrap_or("?")
        ),
        What::WriteFile { path, content, .. } => format!("{path}: {content}"),
        other => format!("{other:?}"),
    }
}

fn words(command: &CommandText) -> String {
    match command {
        CommandText::Shell(text) => text.clone(),
        CommandText::List(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        }
    }
}

/// The message of a script that is wrong, without its place.
pub(crate) fn refusal(text: &str) -> String {
    let error = plan(text).expect_err(text);
    let place = error.place().expect("a wrong script has a place");
    let line = text.lines().position(|line| line.contains("# here"));
    assert_eq!(
        usize::try_from(place.line).ok(),
        Some(line.unwrap_or(0) + 1),
        "{text}"
    );
    let prefix = format!("test.configure:{}:{}: ", place.line, place.column);
    error.to_string().replace(&prefix, "")
}

/// The answer to an old ramdisk.
pub(crate) fn answer(configure: &str, variables: &CmdbEntry) -> String {
    render_script(&Answer {
        profile: &ProfileName::new("vm").unwrap(),
        variables,
        configure,
        pxemngr_url: None,
        metadata_url: None,
        bad_rows: &[],
    })
}

#[test]
fn a_partition_is_named_after_its_disk() {
    let text = "\
for d in ['/dev/sda', '/dev/nvme0n1', '/dev/md0', '/dev/mmcblk0', '/dev/disk/by-id/ata-X1', '/dev/md/root']:
    run(['true', disk.part(d, 2)])
";
    let expected = [
        "true /dev/sda2",
        "true /dev/nvme0n1p2",
        "true /dev/md0p2",
        "true /dev/mmcblk0p2",
        "true /dev/disk/by-id/ata-X1-part2",
        "true /dev/md/root2",
    ];
    assert_eq!(planned(text), expected);
}

#[test]
fn a_guard_asks_the_machine_and_changes_nothing() {
    let text = "disk.guard('/dev/sda', model='X 1', serial='S1', size=480)";
    let expected = [
        "lsblk -dnro RM,RO /dev/sda -> 0 0",
        "lsblk -nrpo NAME,TYPE,MOUNTPOINT /dev/sda | awk 'NF == 3 { print; next } NR != 1 && $2 != \"part\"' -> ",
        "lsblk -dno MODEL /dev/sda -> X 1",
        "lsblk -dno SERIAL /dev/sda -> S1",
        "lsblk -dnbo SIZE /dev/sda | awk '{ printf \"%d\", $1 / 1000000000 }' -> 480",
    ];
    assert_eq!(planned(text), expected);
    let shown = plan(text).unwrap().to_string();
    assert!(
        shown.contains("no data of a device is destroyed"),
        "{shown}"
    );
    assert!(!shown.contains("\n * "), "{shown}");
}

#[test]
fn a_wiped_disk_loses_its_partitions_signatures_and_both_ends() {
    let expected = [
        "lsblk -nrpo NAME,TYPE /dev/sda | tail -n +2 | tac | awk '!seen[$1]++' | while read -r name type; do
  case $type in
    raid*|linear) mdadm --stop \"$name\" || exit 1 ;;
    lvm|crypt|dm) dmsetup remove --retry \"$name\" || exit 1 ;;
  esac
done",
        "for old in /dev/sda[0-9]*; do
  if [ -b \"$old\" ]; then wipefs --all --force \"$old\" || exit 1; fi
done",
        "wipefs --all --force /dev/sda",
        "dd if=/dev/zero of=/dev/sda bs=1M count=1 conv=fsync",
        "dd if=/dev/zero of=/dev/sda bs=1M count=1 conv=fsync oflag=seek_bytes seek=$(( $(blockdev --getsize64 /dev/sda) - 1048576 ))",
        "partprobe /dev/sda",
        "udevadm settle",
    ];
    assert_eq!(planned("disk.wipe('/dev/sda')"), expected);
    let shown = plan("disk.wipe('/dev/sda')").unwrap().to_string();
    let (_, summary) = shown.split_once("\n\n!! ").unwrap();
    assert!(
        summary.starts_with("data is destroyed on /dev/sda\n"),
        "{summary}"
    );
    assert!(!summary.contains("unknown"), "{summary}");
}

#[test]
fn a_table_is_one_command_and_gives_its_devices() {
    let text = "\
parts = partition.table('/dev/nvme0n1', 'gpt', [
    partition.new('2MiB', 'bios_grub'), partition.new('512MiB', 'esp', name='efi'),
    partition.new('8GiB', 'swap'), partition.new('40%', 'raid'), partition.new('25%', 'lvm'),
    partition.new(bootable=True)])
run(['true'] + parts)
";
    let all = planned(text);
    assert_eq!(
        all[0],
        "parted --script --align optimal /dev/nvme0n1 mklabel gpt mkpart bios_grub 1MiB 3MiB set 1 bios_grub on \
         mkpart efi fat32 3MiB 515MiB set 2 esp on mkpart swap linux-swap 515MiB 8707MiB \
         mkpart raid 8707MiB 40% set 4 raid on mkpart lvm 40% 65% set 5 lvm on \
         mkpart linux ext4 65% 100% set 6 legacy_boot on"
    );
    let devices: Vec<String> = (1..=6).map(|n| format!("/dev/nvme0n1p{n}")).collect();
    assert_eq!(
        all[3],
        format!("wipefs --all --force {}", devices.join(" "))
    );
    assert_eq!(all.last().unwrap(), &format!("true {}", devices.join(" ")));
    let text = "partition.table('/dev/sda', 'msdos', [partition.new('1GiB', bootable=True), partition.new(type='swap')])";
    assert_eq!(
        planned(text)[0],
        "parted --script --align optimal /dev/sda mklabel msdos mkpart primary ext4 1MiB 1025MiB set 1 boot on \
         mkpart primary linux-swap 1025MiB 100%"
    );
}

#[test]
fn arrays_and_volumes_are_made_of_what_is_given() {
    let text = "\
raid.create('/dev/md0', 10, ['/dev/sda1', '/dev/sdb1'], spares=['/dev/sdc1'])
raid.conf(['/dev/md0'])
lvm.group('vg0', ['/dev/md0'])
for size in ['2GiB', '50%', 'rest']:
    run(['true', lvm.volume('vg0', 'x', size)])
raid.stop('/dev/md0')
";
    let all = planned(text);
    let (before, after) = all[0].split_once("--uuid=").unwrap();
    assert_eq!(
        before,
        "mdadm --create /dev/md0 --run --metadata=1.2 --homehost=any --name=md0 "
    );
    let (uuid, after) = after.split_once(' ').unwrap();
    assert_eq!(
        after,
        "--level=10 --raid-devices=2 --spare-devices=1 /dev/sda1 /dev/sdb1 /dev/sdc1"
    );
    assert!(
        all[2].ends_with(&format!("ARRAY /dev/md0 UUID={uuid}\n")),
        "{}",
        all[2]
    );
    let expected = [
        "pvcreate --yes -ff /dev/md0",
        "vgcreate --yes vg0 /dev/md0",
        "lvcreate --yes --wipesignatures y --name x --size 2048m vg0",
        "udevadm settle",
        "true /dev/vg0/x",
        "lvcreate --yes --wipesignatures y --name x --extents 50%VG vg0",
        "udevadm settle",
        "true /dev/vg0/x",
        "lvcreate --yes --wipesignatures y --name x --extents 100%FREE vg0",
        "udevadm settle",
        "true /dev/vg0/x",
        "mdadm --stop /dev/md0",
    ];
    assert_eq!(all[3..], expected);
    let destroyed = plan(text).unwrap().to_string();
    for device in ["/dev/md0", "/dev/vg0/x", "/dev/sda", "/dev/sdb", "/dev/sdc"] {
        assert!(
            destroyed.contains(&format!("\n!! data is destroyed on {device}\n")),
            "{destroyed}"
        );
    }
}

#[test]
fn the_installed_system_mounts_by_uuids_that_the_plan_knows() {
    let text = "\
root = filesystem.make('/dev/sda3', 'ext4', label='root', uuid='11111111-2222-3333-4444-555555555555')
esp = filesystem.make('/dev/sda1', 'vfat', label='efi', uuid='12ab-34CD')
home = filesystem.make('/dev/sda4', 'xfs', uuid='21111111-2222-3333-4444-555555555555', options=['-K'])
data = filesystem.make('/dev/sda5', 'btrfs', uuid='31111111-2222-3333-4444-555555555555')
swap = filesystem.make('/dev/sda2', 'swap', label='swap', uuid='41111111-2222-3333-4444-555555555555')
all = [
    mount.new(data, '/home/data/', 'noatime,noauto,x-systemd.automount'), mount.new(home, '/home'), mount.new(root, '/'),
    mount.new(esp, '/boot/efi'), mount.new(swap), mount.new('tmpfs', '/tmp', 'size=1g', type='tmpfs'),
]
mount.all(all)
mount.fstab(all)
";
    let expected = [
        "mkfs.ext4 -q -F -U 11111111-2222-3333-4444-555555555555 -L root /dev/sda3",
        "mkfs.vfat -F 32 -i 12ab34CD -n EFI /dev/sda1",
        "mkfs.xfs -q -f -m uuid=21111111-2222-3333-4444-555555555555 -K /dev/sda4",
        "mkfs.btrfs -q -f -U 31111111-2222-3333-4444-555555555555 /dev/sda5",
        "mkswap --force --uuid 41111111-2222-3333-4444-555555555555 -L swap /dev/sda2",
        "mkdir -p /chroot",
        "mount -t ext4 /dev/sda3 /chroot",
        "mkdir -p /chroot/home",
        "mount -t xfs /dev/sda4 /chroot/home",
        "mkdir -p /chroot/home/data",
        "mount -t btrfs -o noatime /dev/sda5 /chroot/home/data",
        "mkdir -p /chroot/boot/efi",
        "mount -t vfat -o umask=0077 /dev/sda1 /chroot/boot/efi",
        "/post_rsync/etc/fstab: \
         UUID=11111111-2222-3333-4444-555555555555 / ext4 defaults 0 1\n\
         UUID=41111111-2222-3333-4444-555555555555 none swap sw 0 0\n\
         UUID=21111111-2222-3333-4444-555555555555 /home xfs defaults 0 0\n\
         tmpfs /tmp tmpfs size=1g 0 0\n\
         UUID=31111111-2222-3333-4444-555555555555 /home/data btrfs noatime,noauto,x-systemd.automount 0 0\n\
         UUID=12ab-34CD /boot/efi vfat umask=0077 0 2\n",
    ];
    assert_eq!(planned(text), expected);
}

#[test]
fn a_uuid_is_the_machines_own_and_the_same_each_time() {
    let text = "run(['true', filesystem.make('/dev/sda1', 'ext4').uuid, uuid_for('x')])";
    let first = planned(text);
    assert_eq!(first, planned(text));
    let mut other = variables();
    other.set("disk1", "sdb".into());
    let other = plan_with(text, &other).unwrap();
    assert_ne!(first, other.actions.iter().map(shown).collect::<Vec<_>>());
}

/// A network of everything, in each style.
#[test]
fn the_network_of_the_installed_system_is_written_as_the_role_reads_it() {
    let (_, cards) = ALL.split_once("raid.stop('/dev/md1')\n").unwrap();
    insta::assert_snapshot!("network", planned(cards).join("\n"));
}

#[test]
fn a_network_that_is_left_to_the_role_is_staged_in_every_style() {
    let text = |style| format!("network.write([network.ethernet('lan0', dhcp='yes')], '{style}')");
    let left = planned(&text("auto"));
    let mut each = Vec::new();
    for style in ["networkd", "ifupdown", "netplan", "keyfile", "ifcfg"] {
        let staged = format!("/network_styles/{style}");
        let named = planned(&text(style)).into_iter();
        each.extend(named.map(|action| action.replace("/post_rsync", &staged)));
    }
    assert_eq!(left, each);
    assert!(
        left.iter()
            .all(|action| action.contains("/network_styles/"))
    );
}

/// What NetworkManager and initscripts each have their own words for.
#[test]
fn each_family_of_addresses_is_written_by_itself() {
    let text = "\
for style in ['keyfile', 'ifcfg']:
    network.write([
        network.ethernet('lan0', ['10.0.0.3/24', '10.0.0.4/24', 'fd00::3/64', 'fd00::4/64', 'fd00::5/64'],
            ['10.0.0.1', 'fd00::1'], dns=['10.0.0.53', 'fd00::53'], routes=[('fd01::/64', 'fe80::1')]),
        network.ethernet('lan1', gateway=['10.1.0.1', 'fe80::1'], dhcp='yes'),
        network.ethernet('lan2', 'fd02::3/64', 'fe80::1', dns='fd02::53', search=['example.org', 'a.example']),
        network.ethernet('lan3', '10.3.0.3/24', dhcp='ipv6', mac='52:54:00:88:17:3C'),
        network.ethernet('lan4', dhcp='ipv4', search='example.org'),
        network.vlan('storage', 'lan0', 30, mtu=1400),
        network.bridge('br0', ['storage', 'bond0'], dhcp='ipv4'), network.bond('bond0', ['lan5', 'lan6']),
    ], style)
";
    insta::assert_snapshot!("network_families", planned(text).join("\n"));
}

#[test]
fn a_keyfile_is_for_root_alone() {
    let text = "network.write([network.ethernet('lan0', dhcp='yes')], style='keyfile')";
    let plan = plan(text).unwrap();
    let [action] = plan.actions.as_slice() else {
        panic!("{plan}");
    };
    assert!(plan.to_string().contains("mode 600, owner 0:0"), "{plan}");
    assert!(shown(action).contains("uuid="), "{plan}");
}

/// Texts that are wrong, and what is said of them at the line of the script.
const WRONG: [(&str, &str); 53] = [
    (
        "network.ethernet('eth0', '10.0.0.3')",
        "an address of eth0 is `10.0.0.3`: write it as 10.0.0.3/24, 10.0.0.3/255.255.255.0 or fd00::3/64",
    ),
    (
        "network.ethernet('eth0', '10.0.0.300/24')",
        "an address of eth0 is no IPv4 or IPv6 address: `10.0.0.300`",
    ),
    (
        "network.ethernet('eth0', '10.0.0.3/33')",
        "an address of eth0 has a prefix of 0 to 32 bits, not `33`",
    ),
    (
        "network.ethernet('eth0', '10.0.0.3/255.0.255.0')",
        "an address of eth0 has no netmask: `10.0.0.3/255.0.255.0`",
    ),
    (
        "network.ethernet('eth0', 'fd00:::3/64')",
        "an address of eth0 is no IPv4 or IPv6 address: `fd00:::3`",
    ),
    (
        "network.ethernet('eth0', gateway=['10.0.0.1', '10.0.0.2'])",
        "eth0 has one gateway for IPv4 and one for IPv6 at most",
    ),
    (
        "network.ethernet('eth0', mac='52:54:00:88:17')",
        "the MAC of eth0 is no MAC: `52:54:00:88:17`",
    ),
    (
        "network.ethernet('eth0', dhcp=True)",
        "dhcp of eth0 is `True`: there are no, ipv4, ipv6, yes",
    ),
    (
        "network.ethernet('eth0', routes=['10.0.0.0/8'])",
        "a route of eth0 is a pair, such as ('10.1.0.0/16', '10.0.0.254'), not `10.0.0.0/8`",
    ),
    (
        "network.ethernet('a-very-long-name')",
        "the name of an interface is longer than 15 characters: `a-very-long-name`",
    ),
    (
        "network.vlan('vlan9', 'eth0', 4095)",
        "the number of VLAN vlan9 is 1 to 4094, not `4095`",
    ),
    (
        "network.bond('bond0', [])",
        "bond0 has one interface or more besides itself",
    ),
    (
        "network.bond('bond0', 'eth0', mode='lacp')",
        "mode of bond0 is `lacp`: there are balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb",
    ),
    (
        "network.write([network.bridge('a', 'b'), network.bridge('b', 'a')])",
        "a is part of itself",
    ),
    (
        "network.write([network.bond('a', 'x'), network.bridge('b', 'x')])",
        "x is part of a and of b",
    ),
    (
        "network.write([network.ethernet('a')], 'wicked')",
        "network style `wicked`: there are networkd, ifupdown, netplan, keyfile, ifcfg, auto",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', '10.0.0.3/24', dns='fd00::5')], 'keyfile')",
        "a has a name server of IPv6 and no IPv6: NetworkManager takes none there",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', dns='10.0.0.5')], style='keyfile')",
        "a has a name server of IPv4 and no IPv4: NetworkManager takes none there",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', search='example.org')], 'keyfile')",
        "a has domains to search and no address: NetworkManager takes none there",
    ),
    (
        "disk.wipe('sda')",
        "`sda` is no path of a device: write '/dev/' + var['disk'] or the like",
    ),
    (
        "disk.wipe('/dev/sda /dev/sdb')",
        "a device holds a blank or a line end: `/dev/sda /dev/sdb`",
    ),
    ("disk.wipe(3)", "a device is a text, not `3`"),
    (
        "disk.wipe()",
        "missing parameter `device` for call to `disk.wipe`",
    ),
    (
        "disk.wipe('/dev/sda', force=True)",
        "found `force` extra named parameter(s) for call to disk.wipe",
    ),
    (
        "disk.guard('/dev/sda', size='480GB')",
        "disk.guard: size is a whole number of GB, not `480GB`",
    ),
    (
        "partition.new('1G')",
        "partition of type linux: size `1G` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new('0MiB')",
        "partition of type linux: size `0MiB` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new('101%')",
        "partition of type linux: size `101%` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new(type='ext4')",
        "partition type `ext4`: there are linux, swap, esp, bios_grub, raid, lvm",
    ),
    (
        "partition.new(name='a b')",
        "the name of a partition holds a blank or a line end: `a b`",
    ),
    (
        "partition.new(name='a/b')",
        "the name of a partition holds `/`; it is made of letters, digits, `+`, `_`, `.`, `-`: `a/b`",
    ),
    (
        "partition.table('/dev/sda', 'mbr', [])",
        "partition table `mbr`: there are gpt, msdos",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [])",
        "a gpt table has 1 to 128 partitions, not 0",
    ),
    (
        "partition.table('/dev/sda', 'gpt', 'rest')",
        "partition.table takes a list, not `rest`",
    ),
    (
        "partition.table('/dev/sda', 'gpt', ['rest'])",
        "partition.table takes a list of what partition.new gives, not `rest`",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new(), partition.new()])",
        "partition 2 comes after the one that takes all there is left",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new('60%'), partition.new('60%')])",
        "partition 2: more than 100% of the disk",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new('60%'), partition.new('1GiB')])",
        "partition 2: sizes in MiB, GiB and TiB stand before those in %",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('2TiB')])",
        "partition 1 ends beyond 2TiB, which a msdos table cannot tell: use 'gpt'",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('1MiB', 'bios_grub')])",
        "partition 1: bios_grub is for gpt only",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('1MiB') for x in range(5)])",
        "a msdos table has 1 to 4 partitions, not 5",
    ),
    (
        "raid.create('/dev/md0', 3, ['/dev/sda'])",
        "RAID level `3`: there are 0, 1, 10, 4, 5, 6",
    ),
    (
        "raid.create('/dev/md0', 5, ['/dev/sda', '/dev/sdb'])",
        "RAID 5 takes 3 devices or more, not 2",
    ),
    (
        "raid.create('/dev/md0', 1, ['/dev/sda', '/dev/sda'])",
        "raid.create has /dev/sda twice",
    ),
    (
        "raid.create('/dev/md0', 0, ['/dev/sda', '/dev/sdb'], spares=['/dev/sdc'])",
        "RAID 0 has no spares",
    ),
    (
        "raid.create('/dev/md0', 1, '/dev/sda')",
        "raid.create takes a list of devices, not `/dev/sda`",
    ),
    (
        "lvm.group('a/b', ['/dev/sda'])",
        "the name of a volume group holds `/`; it is made of letters, digits, `+`, `_`, `.`, `-`: `a/b`",
    ),
    (
        "lvm.volume('vg', 'x', 5)",
        "volume x: size `5` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "filesystem.make('/dev/sda1', 'ntfs')",
        "file system `ntfs`: there are btrfs, ext2, ext3, ext4, swap, vfat, xfs",
    ),
    (
        "filesystem.make('/dev/sda1', 'xfs', label='0123456789abc')",
        "a label of xfs has at most 12 bytes: `0123456789abc`",
    ),
    (
        "filesystem.make('/dev/sda1', 'ext4', uuid='x')",
        "the UUID of a ext4 file system is `XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX` with hexadecimal digits, not `x`",
    ),
    (
        "mount.new('tmpfs', '/tmp')",
        "mount.new: `tmpfs` needs a type, such as type='tmpfs'",
    ),
    (
        "mount.fstab([mount.new('a', '/x', type='nfs'), mount.new('b', '/x/', type='nfs')])",
        "two file systems are mounted at /x",
    ),
];

#[test]
fn what_is_wrong_is_said_at_the_line_of_the_script() {
    for (text, expected) in WRONG {
        assert_eq!(refusal(text), expected, "{text}");
        // However deep the helper is called, the line is one of the admin's.
        let inside = format!("def f():\n    {text} # here\n\n\nf()\n");
        assert_eq!(refusal(&inside), expected, "{text}");
    }
}

#[test]
fn nothing_is_done_where_a_later_argument_is_wrong() {
    for (text, _) in WRONG {
        let text = format!("_, error = attempt(lambda: {text})\nif not error:\n    fail('none')\n");
        let Ok(plan) = plan(&text) else { continue };
        assert_eq!(plan.actions, [], "{text}");
    }
}

#[test]
fn a_value_that_hides_a_namespace_is_told() {
    let text = "for disk in ['/dev/sda']:\n    disk.wipe(disk)\n";
    let error = plan(text).unwrap_err().with_caret().to_string();
    assert!(error.contains("2 |     disk.wipe(disk)"), "{error}");
    assert!(
        error.contains("gives the name `disk` to a value"),
        "{error}"
    );
    // A helper still finds the others, and the name can be used before.
    let text = "disk.wipe('/dev/sda')\ndisk = '/dev/sda'\npartition.table(disk, 'gpt', [partition.new()])\n";
    assert!(plan(text).is_ok());
}

/// A script that calls each helper.
const ALL: &str = "\
disk1 = '/dev/' + var['disk1']
disk2 = '/dev/' + var['disk2']
output = 'a name of a helper'
members = []
for d in [disk1, disk2]:
    disk.guard(d, model=var['model'], serial='S1', size=var['size'], held=True)
    disk.wipe(d)
    members.append(partition.table(d, 'gpt', [
        partition.new('2MiB', 'bios_grub'), partition.new('300MiB', 'esp', name='efi'),
        partition.new('1GiB', 'swap'), partition.new('50%', 'raid'), partition.new(bootable=True)]))
array = raid.create('/dev/md0', 1, [m[3] for m in members], name='root')
raid.conf([array])
group = lvm.group('vg0', [array])
root = filesystem.make(lvm.volume(group, 'root', '10GiB'), 'ext4', label='root')
disk = 'names of the library'
partition = disk
mounts = [
    mount.new(filesystem.make(members[0][4], 'xfs'), '/srv', 'noatime'), mount.new(root, '/'),
    mount.new(filesystem.make(members[1][4], 'btrfs', label='b'), '/srv/b'),
    mount.new(filesystem.make(members[0][1], 'vfat', label='efi'), '/boot/efi'),
    mount.new(filesystem.make(members[0][2], 'swap')), mount.new('tmpfs', '/tmp', type='tmpfs'),
]
mount.all(mounts)
mount.fstab(mounts)
raid.stop('/dev/md1')
cards = [
    network.bond('bond0', ['lan0', 'lan1'], mode='802.3ad', addresses=['10.0.0.3/255.255.0.0', 'fd00::3/64'],
        gateway=['10.0.0.1', 'fd00::1'], dns='10.0.0.53', search=['example.org'], mtu=9000,
        routes=[('10.9.0.0/16', '10.0.0.254')]),
    network.ethernet('lan0', mac='52-54-00-88-17-3C'),
    network.bridge('br0', 'bond0.20', addresses='10.2.0.3/24'),
    network.vlan('bond0.20', 'bond0', 20),
    network.ethernet('lan2', dhcp='yes'),
]
for style in ['networkd', 'netplan', 'ifupdown', 'keyfile', 'ifcfg']:
    network.write(cards, style)
config('/uuid').write(uuid_for('\u{e9}') + struct(a='b').a + '\\n')
";

const LSBLK: &str = r#"
case "$*" in
*RM,RO*) echo '0 0' ;;
*SERIAL*) echo S1 ;;
*MODEL*) printf "it's \303\251 \$(x)\n" ;;
*SIZE*) echo 480103981056 ;;
esac"#;

const TOOLS: [&str; 15] = [
    "wipefs",
    "dd",
    "blockdev",
    "udevadm",
    "parted",
    "mdadm",
    "pvcreate",
    "vgcreate",
    "lvcreate",
    "mkswap",
    "mkfs.ext4",
    "mkfs.xfs",
    "mkfs.btrfs",
    "mkfs.vfat",
    "partprobe",
];

pub(crate) fn stubbed(lsblk: &str) -> Option<Root> {
    let root = Root::new()?;
    for tool in TOOLS.iter().chain(&["mount", "dmsetup"]) {
        root.stub(
            tool,
            if *tool == "blockdev" {
                "echo 2097152"
            } else {
                ""
            },
        );
    }
    // In this root there is no /etc, through which Debian finds its awk.
    let awk = std::fs::canonicalize("/usr/bin/awk").unwrap();
    root.stub("awk", &format!("exec {} \"$@\"", awk.display()));
    root.stub("lsblk", lsblk);
    Some(root)
}

pub(crate) fn each(configure: &str, lsblk: &str, check: impl Fn(&Root, &Output)) {
    let script = answer(configure, &variables());
    for python in pythons() {
        let Some(root) = stubbed(lsblk) else { return };
        let output = root.run(&python, &script);
        println!(
            "{}: {}",
            python.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        check(&root, &output);
    }
}

/// What a Python that runs a plan's commands says, if they answer as the plan has it.
fn log_of(plan: &Plan) -> String {
    let mut log = String::new();
    for action in &plan.actions {
        let (command, printed) = match &action.what {
            What::Run { command } => (command, ""),
            What::Output { command, planned } => (command, planned.as_deref().unwrap()),
            _ => continue,
        };
        log.push_str(&format!("+ {}\n{printed}", words(command)));
        log.push_str(if printed.is_empty() { "" } else { "\n" });
    }
    log
}

#[test]
fn both_pythons_run_the_commands_of_the_example_scripts() {
    for profile in ["vm", "raid1-server", "storage-node"] {
        let facts = hardware(&format!("{profile}.json"));
        let given = explain_dir(&examples(), &facts).unwrap().profiles;
        let mut given = given.into_iter().filter(|given| given.chosen);
        let variables = given.next().unwrap().variables.unwrap();
        let name = format!("{profile}.configure");
        let text = std::fs::read_to_string(examples().join(&name)).unwrap();
        let script = Script {
            name: &name,
            text: &text,
        };
        let plan = plan_script(&script, profile, &variables, &Limits::default()).unwrap();
        let answer = render_script(&Answer {
            profile: &ProfileName::new(profile).unwrap(),
            variables: &variables,
            configure: &text,
            pxemngr_url: None,
            metadata_url: None,
            bad_rows: &[],
        });
        for python in pythons() {
            let Some(root) = stubbed(LSBLK) else { return };
            let output = root.run(&python, &answer);
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                log_of(&plan),
                "{profile}"
            );
            for action in &plan.actions {
                if let What::WriteFile { path, content, .. } = &action.what {
                    assert_eq!(&root.read(path.trim_start_matches('/')), content, "{path}");
                }
            }
        }
    }
}

#[test]
fn both_pythons_run_the_commands_of_the_plan() {
    let script = ALL.replacen("output = ", "# output = ", 1);
    let plan = plan(&script).unwrap_or_else(|error| panic!("{}", error.with_caret()));
    let expected = log_of(&plan);
    each(ALL, LSBLK, |root, output| {
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        // Python 2 writes what is not ASCII as escapes.
        let said = said
            .replace("\\xc3\\xa9", "\u{e9}")
            .replace("\\xe9", "\u{e9}");
        assert_eq!(said, expected);
        for action in &plan.actions {
            if let What::WriteFile { path, content, .. } = &action.what {
                assert_eq!(&root.read(path.trim_start_matches('/')), content, "{path}");
            }
        }
    });
}

#[test]
fn what_stands_on_a_disk_is_stopped_from_the_top() {
    let lsblk = "printf '%s\\n' '/dev/sda disk' '/dev/sda1 part' '/dev/md127 raid1' '/dev/mapper/vg-a lvm' \
                 '/dev/mapper/c crypt' '/dev/sda2 part' '/dev/md127 raid1' '/dev/mapper/vg-a lvm' '/dev/mapper/c crypt'";
    each("disk.wipe('/dev/sda')", lsblk, |root, output| {
        assert!(output.status.success());
        let calls = root.read("calls");
        let stops = calls
            .lines()
            .filter(|line| line.starts_with("dmsetup") || line.starts_with("mdadm"));
        let expected = [
            "dmsetup remove --retry /dev/mapper/c",
            "dmsetup remove --retry /dev/mapper/vg-a",
            "mdadm --stop /dev/md127",
        ];
        assert_eq!(stops.collect::<Vec<_>>(), expected);
        assert!(calls.contains(
            "\ndd if=/dev/zero of=/dev/sda bs=1M count=1 conv=fsync oflag=seek_bytes seek=1048576\n"
        ));
    });
    let busy = |root: &Root| root.stub("mdadm", "exit 1");
    let script = answer("disk.wipe('/dev/sda')", &variables());
    for python in pythons() {
        let Some(root) = stubbed(lsblk) else { return };
        busy(&root);
        let output = root.run(&python, &script);
        assert_eq!(output.status.code(), Some(1));
        assert!(!root.read("calls").contains("wipefs"));
    }
}

/// What guards say: kinds (removable, read-only), what `lsblk` lists, arguments, the reason.
const GUARDED: [(&str, &str, &str, &str); 14] = [
    ("0 1", "D part \\n", "", "is read-only"),
    (
        "1 0",
        "D part \\n",
        "",
        "is removable; removable=True takes it all the same",
    ),
    ("1 0", "D part \\n", ", removable=True", ""),
    (
        "0 0",
        "D1 part /boot\\n",
        "",
        "is in use: D1 is mounted at /boot",
    ),
    (
        "0 0",
        "D disk /mnt\\n",
        "",
        "is in use: D is mounted at /mnt",
    ),
    ("0 0", "D disk /mnt\\n", ", mounted=True", ""),
    (
        "0 0",
        "D disk \\nD2 part [SWAP]\\n",
        "",
        "is in use: D2 is swap",
    ),
    (
        "0 0",
        "D disk \\n/dev/md7 raid1 \\n",
        "",
        "is in use by /dev/md7 (raid1); held=True takes it all the same",
    ),
    ("0 0", "D disk \\n/dev/md7 raid1 \\n", ", held=True", ""),
    (
        "0 0",
        "D disk \\n/dev/md7 raid1 /x\\n",
        ", held=True",
        "is in use: /dev/md7 is mounted at /x",
    ),
    (
        "0 0",
        "D disk \\n",
        ", model='X2'",
        "is another disk: its model is not `X2`",
    ),
    ("0 0", "D disk \\n", ", model='X1'", ""),
    (
        "0 0",
        "D disk \\n",
        ", size=500",
        "is another disk: it has not 500 GB",
    ),
    ("0 0", "D disk \\n", ", size='481'", ""),
];

#[test]
fn a_disk_that_must_not_be_overwritten_is_named_with_the_reason() {
    let mut lsblk = String::from("case \"$*\" in\n");
    let (mut script, mut expected) = (String::new(), String::new());
    for (letter, (kinds, used, arguments, reason)) in ('a'..).zip(GUARDED) {
        let device = format!("/dev/sd{letter}");
        let used = used.replace('D', &device);
        lsblk.push_str(&format!("*RM,RO*{device}) echo '{kinds}' ;;\n"));
        lsblk.push_str(&format!("*MOUNTPOINT*{device}) printf '{used}' ;;\n"));
        script.push_str(&format!(
            "_, error = attempt(disk.guard, '{device}'{arguments})\nsaid.append(error or '')\n"
        ));
        if !reason.is_empty() {
            expected.push_str(&format!(
                "{device} (X1 S1 447.1G) {}",
                reason.replace("D", &device)
            ));
        }
        expected.push('\n');
    }
    lsblk.push_str("*MODEL,SERIAL*) echo 'X1   S1 447.1G' ;;\n*MODEL*) echo X1 ;;\n");
    lsblk.push_str("*SIZE*) echo 480103981056 ;;\nesac\n");
    let script = format!("said = []\n{script}config('/said').write('\\n'.join(said) + '\\n')\n");
    each(&script, &lsblk, |root, _| {
        assert_eq!(root.read("post_rsync/said"), expected);
    });
    each("disk.guard('/dev/sda')", &lsblk, |_, output| {
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.ends_with("\n/dev/sda (X1 S1 447.1G) is read-only\n"),
            "{said}"
        );
    });
}

#[test]
fn a_wrong_call_fails_in_python_with_the_same_words() {
    expect_same_words(&WRONG);
}

/// Makes wrong calls in each Python, and expects of each the words that our engine has for it.
pub(crate) fn expect_same_words(wrong: &[(&str, &str)]) {
    let (mut script, mut expected) = (String::from("said = []\n"), String::new());
    // What Python says of a missing argument is Python's own.
    for (text, message) in wrong.iter().filter(|(_, said)| !said.contains("parameter")) {
        script.push_str(&format!("said.append(attempt(lambda: {text})[1])\n"));
        expected.push_str(&format!("{message}\n"));
    }
    script.push_str("config('/said').write('\\n'.join(said) + '\\n')\n");
    each(&script, "", |root, output| {
        assert!(output.status.success());
        assert_eq!(root.read("post_rsync/said"), expected);
    });
}

#[test]
fn an_answer_without_the_library_does_not_carry_it() {
    let without = answer("disk = 'x'\nrun('true')\n", &variables());
    assert!(!without.contains("_edeploy_library") && !without.contains("_edeploy_seed ="));
    let with = answer("disk.wipe('/dev/sda')\n", &variables());
    assert!(with.contains("_edeploy_library") && with.contains("_edeploy_seed ="));
    assert!(!Path::new("/post_rsync").exists());
}
