//! The partition table of a disk as `lsblk` reads it, as far as a boot loader must know it.

use serde::Deserialize;

use crate::system::{Command, RunError, Runner};

/// The partition type of EFI system partitions in a GPT, and in a msdos table.
const ESP: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"];

/// The partition type that GRUB's core is written to on a GPT without UEFI.
const BIOS_BOOT: &str = "21686148-6449-6e6f-744e-656564454649";

/// A disk's table; one without is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// `gpt`, `dos`, or nothing.
    pub kind: String,
    pub partitions: Vec<Partition>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Such as `/dev/sda1`.
    pub device: String,
    kind: String,
    /// What `lsblk` finds on it: a file system, `linux_raid_member`, or nothing.
    pub holds: String,
}

impl Partition {
    /// Whether firmware looks for a boot loader on it.
    pub(super) fn is_esp(&self) -> bool {
        ESP.contains(&self.kind.as_str())
    }

    /// Its number on a disk.
    pub(super) fn number<'a>(&'a self, disk: &str) -> Option<&'a str> {
        let rest = self.device.strip_prefix(disk)?;
        let number = rest.trim_start_matches('p');
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then_some(number)
    }
}

impl Table {
    /// Whether GRUB has a place for what a BIOS starts: behind a msdos table, or a partition for it.
    pub(super) fn takes_bios_grub(&self) -> bool {
        let mut partitions = self.partitions.iter();
        self.kind == "dos" || partitions.any(|partition| partition.kind == BIOS_BOOT)
    }
}

#[derive(Deserialize)]
struct Listed {
    blockdevices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    r#type: Option<String>,
    pttype: Option<String>,
    parttype: Option<String>,
    fstype: Option<String>,
    #[serde(default)]
    children: Vec<Device>,
}

/// Reads the table of a disk.
pub(super) fn read(runner: &dyn Runner, disk: &str) -> Result<Table, RunError> {
    let columns = "NAME,TYPE,PTTYPE,PARTTYPE,FSTYPE";
    let output = runner.run(&Command::new("lsblk", ["-Jpo", columns, disk]))?;
    Ok(parse(&output.stdout))
}

fn parse(json: &[u8]) -> Table {
    let listed = serde_json::from_slice::<Listed>(json);
    let first = listed.map(|listed| listed.blockdevices.into_iter().next());
    let Ok(Some(disk)) = first else {
        return Table::default();
    };
    let children = disk.children.into_iter();
    let partitions = children.filter(|child| child.r#type.as_deref() == Some("part"));
    Table {
        kind: disk.pttype.unwrap_or_default(),
        partitions: partitions
            .map(|part| Partition {
                device: part.name,
                kind: part.parttype.unwrap_or_default().to_lowercase(),
                holds: part.fstype.unwrap_or_default(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_where_boot_loaders_go() {
        let json = br#"{"blockdevices": [{"name":"/dev/nvme0n1", "type":"disk", "pttype":"gpt",
            "parttype":null, "fstype":null, "children": [
            {"name":"/dev/nvme0n1p1", "type":"part", "pttype":"gpt", "parttype":"21686148-6449-6E6F-744E-656564454649", "fstype":null},
            {"name":"/dev/nvme0n1p2", "type":"part", "pttype":"gpt", "parttype":"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "fstype":"vfat"},
            {"name":"/dev/nvme0n1p3", "type":"part", "pttype":"gpt", "parttype":"a19d880f-05fc-4d3b-a006-743f0f84911e", "fstype":"linux_raid_member",
             "children": [{"name":"/dev/md0", "type":"raid1", "pttype":null, "parttype":null, "fstype":"ext4"}]}]}]}"#;
        let table = parse(json);
        assert!(table.takes_bios_grub());
        let esps: Vec<&Partition> = table.partitions.iter().filter(|one| one.is_esp()).collect();
        assert_eq!(esps.len(), 1);
        assert_eq!(esps[0].number("/dev/nvme0n1"), Some("2"));
        assert_eq!(esps[0].holds, "vfat");
    }

    #[test]
    fn a_disk_without_a_table_takes_no_boot_loader() {
        let bare = br#"{"blockdevices": [{"name":"/dev/sdb", "type":"disk", "pttype":null, "parttype":null, "fstype":"LVM2_member"}]}"#;
        assert!(!parse(bare).takes_bios_grub());
        assert_eq!(parse(b"no JSON"), Table::default());
        let msdos = br#"{"blockdevices": [{"name":"/dev/sdb", "type":"disk", "pttype":"dos", "parttype":null, "fstype":null}]}"#;
        assert!(parse(msdos).takes_bios_grub());
    }
}
