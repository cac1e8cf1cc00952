//! The library of helpers on real block devices: files behind loop devices. Only root can, with the
//! tools of Debian's parted, xfsprogs, btrfs-progs, dosfstools, lvm2.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use edeploy::configure::plan::What;
use edeploy::model::CmdbEntry;
use serde_json::json;

use crate::library::{answer, plan_with};
use crate::support::disk::Disk;
use crate::support::python::{Root, pythons};
use crate::support::{client, command};

fn is_here(tools: &[&str]) -> bool {
    let path = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    let missing = |tool: &&&str| !path.iter().any(|dir| Path::new(dir).join(tool).exists());
    let missing: Vec<_> = tools.iter().filter(missing).collect();
    if !missing.is_empty() {
        println!("skipped: there is no {missing:?}");
    }
    missing.is_empty()
}

fn can_mount(kind: &str) -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let can = known.split_whitespace().any(|known| known == kind);
    if !can {
        println!("skipped in part: this kernel mounts no {kind}");
    }
    can
}

/// What a command prints; nothing where it fails.
fn said(words: &[&str]) -> String {
    let output = command(words[0]).args(&words[1..]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs a script on this machine in each of its ways: by Python, and by our client against its plan.
fn each_way(configure: &str, check: impl Fn(&Root)) {
    let variables = json!({"hostname": "test"});
    let entry: CmdbEntry = serde_json::from_value(variables.clone()).unwrap();
    if let Some(python) = pythons().into_iter().next() {
        let Some(root) = Root::new() else { return };
        root.keep_programs();
        let output = root.run(&python, &answer(configure, &entry));
        println!("{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success());
        check(&root);
    }
    let Some(root) = Root::new() else { return };
    root.keep_programs();
    let output = client::configure(&root, &client::answer(configure, &variables), &[]);
    assert!(output.status.success());
    check(&root);
}

/// The file that the plan writes to a path of the installed system.
fn planned_file(configure: &str, path: &str) -> String {
    let variables = serde_json::from_value(json!({"hostname": "test"})).unwrap();
    let plan = plan_with(configure, &variables).unwrap();
    let mut found = plan.actions.iter().filter_map(|action| match &action.what {
        What::WriteFile {
            path: of, content, ..
        } if of == path => Some(content.clone()),
        _ => None,
    });
    found.next().unwrap()
}

const MAKERS: [&str; 6] = [
    "parted",
    "mkfs.ext4",
    "mkfs.xfs",
    "mkfs.btrfs",
    "mkfs.vfat",
    "mkswap",
];

/// The script of the next test, for the disk `DISK`, on a kernel that mounts the types of `KNOWN`.
const INSTALLED: &str = "
d = '/dev/DISK'
disk.guard(d, size=3)
disk.wipe(d)
parts = partition.table(d, 'gpt', [
    partition.new('1MiB', 'bios_grub'), partition.new('100MiB', 'esp', name='efi'),
    partition.new('64MiB', 'swap'), partition.new('400MiB'), partition.new('60%'), partition.new()])
mounts = [
    mount.new(filesystem.make(parts[5], 'btrfs', label='b'), '/srv/b'),
    mount.new(filesystem.make(parts[4], 'xfs', label='srv'), '/srv', 'noatime'),
    mount.new(filesystem.make(parts[3], 'ext4', label='root'), '/'),
    mount.new(filesystem.make(parts[1], 'vfat', label='efi'), '/boot/efi'),
    mount.new(filesystem.make(parts[2], 'swap', label='swap')),
]
mount.fstab(mounts)
mount.all([m for m in mounts if m.type in KNOWN])
asked = ['findmnt', '--raw', '-no', 'SOURCE,TARGET,FSTYPE', '-R', '/chroot']
config('/mounted').write(output(asked, plan='') + '\\n')
_, error = attempt(disk.guard, d)
config('/guard').write(error or '')
";

#[test]
fn a_disk_is_partitioned_formatted_and_mounted_and_its_fstab_holds_its_uuids() {
    if !is_here(&MAKERS) {
        return;
    }
    let Some(disk) = Disk::new(3000) else { return };
    let known: Vec<&str> = ["ext4", "xfs", "btrfs", "vfat"]
        .into_iter()
        .filter(|kind| can_mount(kind))
        .collect();
    let configure = INSTALLED
        .replace("DISK", &disk.name)
        .replace("KNOWN", &format!("{known:?}"));
    each_way(&configure, |root| {
        let fstab = root.read("post_rsync/etc/fstab");
        assert_eq!(fstab, planned_file(&configure, "/post_rsync/etc/fstab"));
        let kinds = ["vfat", "swap", "ext4", "xfs", "btrfs"];
        for (number, kind) in (2..).zip(kinds) {
            assert_eq!(disk.blkid(number, "TYPE"), kind);
            let start = format!("UUID={} ", disk.blkid(number, "UUID"));
            let line = fstab.lines().find(|line| line.starts_with(&start));
            let is_there = line.is_some_and(|line| line.contains(&format!(" {kind} ")));
            assert!(is_there, "{start}: {fstab}");
        }
        // BIOS boot, EFI system, Linux swap, Linux file system, as UEFI and systemd number them.
        let type_of = |number| disk.blkid(number, "PART_ENTRY_TYPE");
        assert_eq!(type_of(1), "21686148-6449-6e6f-744e-656564454649");
        assert_eq!(type_of(2), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!(type_of(3), "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");
        assert_eq!(type_of(4), "0fc63daf-8483-4772-8e79-3d69d8477de4");
        let mounted = root.read("post_rsync/mounted");
        assert!(mounted.contains(" /chroot ext4\n"), "{mounted}");
        for (kind, path) in [("xfs", "/chroot/srv"), ("btrfs", "/chroot/srv/b")] {
            let is_there = mounted.contains(&format!(" {path} {kind}\n"));
            assert!(is_there || !known.contains(&kind), "{mounted}");
        }
        let guard = root.read("post_rsync/guard");
        assert!(
            guard.contains(" is in use: ") && guard.contains(" is mounted at /chroot"),
            "{guard}"
        );
    });
}

/// A superblock of Linux software RAID with metadata 1.2, as far as it is looked at.
fn superblock() -> [u8; 256] {
    let mut bytes = [0; 256];
    bytes[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    bytes[4] = 1;
    bytes[16..32].copy_from_slice(b"stale superblock");
    bytes[144] = 8;
    bytes
}

/// Writes to a partition and lets nothing stay in memory.
fn write_at(disk: &Disk, partition: usize, at: u64, bytes: &[u8]) {
    let device = format!("/dev/{}{partition}", disk.name);
    let mut file = fs::OpenOptions::new().write(true).open(device).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
}

const TABLE: &str = "partition.table(d, 'gpt', [
    partition.new('20MiB', 'raid'), partition.new('20MiB'), partition.new(type='lvm')])\n";

#[test]
fn nothing_that_a_disk_held_before_comes_back() {
    if !is_here(&["parted", "pvcreate", "wipefs", "blkid", "lsblk"]) {
        return;
    }
    let Some(disk) = Disk::new(100) else { return };
    let device = format!("/dev/{}", disk.name);
    let kinds = || [1, 2, 3].map(|number| disk.blkid(number, "TYPE"));
    for wipe in ["disk.wipe(d)", ""] {
        let configure = format!("d = '{device}'\n{wipe}\n{TABLE}");
        each_way(&configure, |_| {
            assert_eq!(kinds(), ["", "", ""], "{configure}");
            // The next way finds an array, a file system and a volume at the same places.
            write_at(&disk, 1, 4096, &superblock());
            assert!(!said(&["pvcreate", "--yes", &format!("{device}3")]).is_empty());
            said(&["mkfs.ext4", "-q", "-F", &format!("{device}2")]);
            assert_eq!(kinds(), ["linux_raid_member", "ext4", "LVM2_member"]);
        });
    }
    let configure = format!("d = '{device}'\n{TABLE}disk.wipe(d)\n");
    each_way(&configure, |_| {
        assert_eq!(said(&["wipefs", "--noheadings", &device]), "");
        assert_eq!(said(&["lsblk", "-nro", "TYPE", &device]), "loop");
    });
}

/// The script of the next test, for the disks `ONE` and `TWO`.
const STACKED: &str = "
members = []
for d in ['/dev/ONE', '/dev/TWO']:
    disk.wipe(d)
    members += partition.table(d, 'gpt', [partition.new(type='raid')])
array = raid.create('/dev/md/edeploy-test', 1, members)
group = lvm.group('edeploy-test', [array])
root = filesystem.make(lvm.volume(group, 'root', '50%'), 'ext4')
mount.all([mount.new(root, '/')])
run(['umount', '/chroot'])
uuid = output(['blkid', '-p', '-s', 'UUID', '-o', 'value', root.device], plan='')
detail = output(['mdadm', '--detail', '--export', array], plan='')
config('/uuid').write(root.uuid + ' ' + uuid + '\\n')
config('/detail').write(detail + '\\n' + raid.uuid(array))
for d in ['/dev/ONE', '/dev/TWO']:
    disk.wipe(d)
";

#[test]
fn volumes_and_arrays_are_made_where_the_kernel_has_them() {
    if !is_here(&["mdadm", "lvcreate", "parted", "mkfs.ext4"]) {
        return;
    }
    if !Path::new("/proc/mdstat").exists() || !Path::new("/dev/mapper/control").exists() {
        println!("skipped: this kernel has no software RAID or no device mapper");
        return;
    }
    let (Some(one), Some(two)) = (Disk::new(300), Disk::new(300)) else {
        return;
    };
    let configure = STACKED.replace("ONE", &one.name).replace("TWO", &two.name);
    each_way(&configure, |root| {
        let uuids = root.read("post_rsync/uuid");
        let uuids: Vec<&str> = uuids.split_whitespace().collect();
        assert!(uuids.len() == 2 && uuids[0] == uuids[1], "{uuids:?}");
        let detail = root.read("post_rsync/detail");
        let uuid = detail.lines().last().unwrap();
        assert!(detail.contains(&format!("MD_UUID={uuid}\n")), "{detail}");
        for disk in [&one, &two] {
            let device = format!("/dev/{}", disk.name);
            assert_eq!(said(&["wipefs", "--noheadings", &device]), "");
        }
    });
}
