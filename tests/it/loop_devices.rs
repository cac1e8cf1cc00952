//! The library of helpers on real block devices: files behind loop devices. Only root can, with the
//! tools of Debian's parted, xfsprogs, btrfs-progs, dosfstools, lvm2.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use edeploy::configure::plan::What;
use edeploy::model::CmdbEntry;

use crate::library::{answer, plan_with};
use crate::support::command;
use crate::support::python::{Root, pythons};

/// A disk that is a file. It is taken away again however the test ends.
struct Disk {
    device: String,
    _dir: tempfile::TempDir,
}

impl Disk {
    /// A new empty disk, or a note why there is none.
    fn new(mib: u64) -> Option<Disk> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk");
        fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
        let output = command("losetup")
            .args(["--find", "--partscan", "--show"])
            .arg(&file)
            .output();
        let device = output.ok().filter(|output| output.status.success());
        let Some(device) = device.and_then(|output| String::from_utf8(output.stdout).ok()) else {
            println!("skipped: no loop device can be had here");
            return None;
        };
        let device = device.trim().to_owned();
        Some(Disk { device, _dir: dir })
    }

    fn part(&self, number: u32) -> String {
        format!("{}p{number}", self.device)
    }

    fn write_at(&self, device: &str, at: u64, bytes: &[u8]) {
        assert!(device.starts_with(&self.device));
        let mut file = fs::OpenOptions::new().write(true).open(device).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        command("losetup")
            .args(["--detach", &self.device])
            .status()
            .ok();
    }
}

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

fn run(configure: &str) -> Option<(Root, String)> {
    let script = answer(configure, &CmdbEntry::default());
    let python = pythons().into_iter().next()?;
    let root = Root::new()?;
    let output = root.run_for_real(&python, &script);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    Some((root, log))
}

/// The file that the plan writes to a path of the installed system.
fn planned_file(configure: &str, path: &str) -> String {
    let plan = plan_with(configure, &CmdbEntry::default()).unwrap();
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

#[test]
fn a_disk_is_partitioned_formatted_and_mounted_and_its_fstab_holds_its_uuids() {
    if !is_here(&MAKERS) {
        return;
    }
    let Some(disk) = Disk::new(3000) else { return };
    let configure = format!(
        "
d = '{}'
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
mount.all([m for m in mounts if m.type in {:?}])
config('/mounted').write(output(['findmnt', '--raw', '-no', 'SOURCE,TARGET,FSTYPE', '-R', '/chroot'], plan='') + '\\n')
try_again, error = attempt(disk.guard, d)
config('/guard').write(error or '')
",
        disk.device,
        ["ext4", "xfs", "btrfs", "vfat", "swap"].map(|kind| if kind == "swap" || can_mount(kind) { kind } else { "" }),
    );
    let Some((root, log)) = run(&configure) else {
        return;
    };
    println!("{log}");
    let fstab = root.read("post_rsync/etc/fstab");
    assert_eq!(fstab, planned_file(&configure, "/post_rsync/etc/fstab"));
    let kinds = ["", "vfat", "swap", "ext4", "xfs", "btrfs"];
    for (number, kind) in (1..).zip(kinds).skip(1) {
        let part = disk.part(number);
        let uuid = said(&["blkid", "-p", "-s", "UUID", "-o", "value", &part]);
        assert_eq!(
            said(&["blkid", "-p", "-s", "TYPE", "-o", "value", &part]),
            kind
        );
        let line = fstab
            .lines()
            .find(|line| line.starts_with(&format!("UUID={uuid} ")));
        assert!(
            line.is_some_and(|line| line.contains(&format!(" {kind} "))),
            "{uuid}: {fstab}"
        );
    }
    let type_of = |number| {
        let part = disk.part(number);
        said(&["blkid", "-p", "-s", "PART_ENTRY_TYPE", "-o", "value", &part])
    };
    // BIOS boot, EFI system, Linux swap, Linux file system: the ids that UEFI and systemd give.
    assert_eq!(type_of(1), "21686148-6449-6e6f-744e-656564454649");
    assert_eq!(type_of(2), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    assert_eq!(type_of(3), "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");
    assert_eq!(type_of(4), "0fc63daf-8483-4772-8e79-3d69d8477de4");
    let mounted = root.read("post_rsync/mounted");
    let line = format!("{} /chroot/srv xfs\n", disk.part(5));
    assert!(!can_mount("xfs") || mounted.contains(&line), "{mounted}");
    let guard = root.read("post_rsync/guard");
    assert!(
        guard.contains(" is in use: ") && guard.contains(" is mounted at /chroot"),
        "{guard}"
    );
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

#[test]
fn nothing_that_a_disk_held_before_comes_back() {
    if !is_here(&["parted", "pvcreate", "wipefs", "blkid", "lsblk"]) {
        return;
    }
    let table = "partition.table(d, 'gpt', [partition.new('20MiB', 'raid'), partition.new('20MiB'), partition.new(type='lvm')])";
    for (wipe, last) in [
        ("disk.wipe(d)\n", ""),
        ("", ""),
        ("disk.wipe(d)\n", "disk.wipe(d)"),
    ] {
        let Some(disk) = Disk::new(100) else { return };
        let configure = format!("d = '{}'\n{wipe}{table}\n{last}\n", disk.device);
        if run(&configure).is_none() {
            return;
        }
        if last.is_empty() {
            disk.write_at(&disk.part(1), 4096, &superblock());
            assert!(!said(&["pvcreate", "--yes", &disk.part(3)]).is_empty());
            said(&["mkfs.ext4", "-q", "-F", &disk.part(2)]);
            let kind = |number| {
                said(&[
                    "blkid",
                    "-p",
                    "-s",
                    "TYPE",
                    "-o",
                    "value",
                    &disk.part(number),
                ])
            };
            assert_eq!(
                [kind(1), kind(2), kind(3)],
                ["linux_raid_member", "ext4", "LVM2_member"]
            );
            run(&configure);
            assert_eq!([kind(1), kind(2), kind(3)], ["", "", ""], "{configure}");
        } else {
            assert_eq!(said(&["wipefs", "--noheadings", &disk.device]), "");
            assert_eq!(said(&["lsblk", "-nro", "TYPE", &disk.device]), "loop");
        }
    }
}

#[test]
fn volumes_and_arrays_are_made_where_the_kernel_has_them() {
    if !is_here(&["mdadm", "lvcreate", "parted", "mkfs.ext4"]) {
        return;
    }
    if !Path::new("/proc/mdstat").exists() || !Path::new("/dev/mapper/control").exists() {
        println!("skipped: this kernel has no software RAID or no device mapper");
        return;
    }
    let (Some(a), Some(b)) = (Disk::new(300), Disk::new(300)) else {
        return;
    };
    let configure = format!(
        "
members = []
for d in ['{}', '{}']:
    disk.wipe(d)
    members.append(partition.table(d, 'gpt', [partition.new(type='raid')])[0])
array = raid.create('/dev/md/edeploy-test', 1, members)
group = lvm.group('edeploy-test', [array])
root = filesystem.make(lvm.volume(group, 'root', '50%'), 'ext4')
mount.all([mount.new(root, '/')])
run(['umount', '/chroot'])
config('/uuid').write(root.uuid + ' ' + output(['blkid', '-p', '-s', 'UUID', '-o', 'value', root.device], plan='') + '\\n')
config('/detail').write(output(['mdadm', '--detail', '--export', array], plan='') + '\\n' + raid.uuid(array))
for d in ['{}', '{}']:
    disk.wipe(d)
",
        a.device, b.device, a.device, b.device
    );
    let Some((root, log)) = run(&configure) else {
        return;
    };
    println!("{log}");
    let uuids = root.read("post_rsync/uuid");
    let uuids: Vec<&str> = uuids.split_whitespace().collect();
    assert!(uuids.len() == 2 && uuids[0] == uuids[1], "{uuids:?}");
    let detail = root.read("post_rsync/detail");
    let uuid = detail.lines().last().unwrap();
    assert!(detail.contains(&format!("MD_UUID={uuid}\n")), "{detail}");
    for device in [&a.device, &b.device] {
        assert_eq!(said(&["wipefs", "--noheadings", device]), "");
    }
}
