//! The library of helpers: the plan of each, and the same commands from real Pythons with stub tools.

mod guarded;
mod pythons;
pub(crate) mod wrong;

use std::path::Path;

use edeploy::configure::engine::{Limits, Script, ScriptError, plan_script};
use edeploy::configure::plan::{Action, CommandText, Plan, What};
use edeploy::configure::{Answer, quoted, render_script};
use edeploy::model::{CmdbEntry, ProfileName, Value};

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

#[test]
fn an_answer_without_the_library_does_not_carry_it() {
    let without = answer("disk = 'x'\nrun('true')\n", &variables());
    assert!(!without.contains("_edeploy_library") && !without.contains("_edeploy_seed ="));
    let with = answer("disk.wipe('/dev/sda')\n", &variables());
    assert!(with.contains("_edeploy_library") && with.contains("_edeploy_seed ="));
    assert!(!Path::new("/post_rsync").exists());
}
