//! Which words name a device that holds data.

/// What stands for a device that cannot be told from the plan.
pub const UNKNOWN_DEVICE: &str = "an unknown device";

/// Below `/dev`, what holds no data. A name that ends in `/` or `*` stands for all that begin so.
const WITHOUT_DATA: [&str; 18] = [
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty*",
    "console",
    "kmsg",
    "ptmx",
    "stdin",
    "stdout",
    "stderr",
    "log",
    "fd/",
    "pts/",
    "shm/",
    "mqueue/",
    "hugepages/",
];

/// The device that a path names, as it is written; a placeholder at its start counts as a device.
pub(super) fn in_path(path: &str) -> Option<&str> {
    if path.starts_with('⟨') {
        return Some(path);
    }
    let path = path.trim();
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    // `/chroot/dev/sda` and `../dev/sda` are the same device.
    let dev = parts.iter().position(|part| *part == "dev")?;
    let name = parts[dev + 1..].join("/");
    let holds_none = |known: &str| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None if known.ends_with('/') => name.starts_with(known),
        None => name == known,
    };
    let written = !name.is_empty() && !WITHOUT_DATA.iter().any(|known| holds_none(known));
    written.then_some(path)
}

/// The device in an argument: the argument itself, or a part of it where it holds `=`.
pub(super) fn in_argument(argument: &str) -> Option<&str> {
    if argument.contains('=') {
        return argument.split(['=', ',']).find_map(in_path);
    }
    Some(argument)
        .filter(|argument| !argument.starts_with('-'))
        .and_then(in_path)
}

/// The disk that a device is a part of, `/dev/sda` for `/dev/sda2`; the device itself where it is none.
pub(in crate::configure) fn disk_of(device: &str) -> &str {
    // `/dev/sda[0-9]*`: all partitions.
    let number = device.strip_suffix("[0-9]*").unwrap_or(device);
    let stem = number.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == device.len() {
        return device;
    }
    if stem.ends_with('⟩') {
        return stem;
    }
    let name = stem.rsplit('/').next().unwrap_or(stem);
    // `nvme0n1p2`, `mmcblk0p1`, `md0p1`, `⟨disk-1⟩p1`: a `p` between two numbers.
    if let Some(disk) = stem.strip_suffix('p')
        && disk.ends_with(|c: char| c == '⟩' || c.is_ascii_digit())
    {
        return disk;
    }
    if let Some(disk) = stem.strip_suffix("-part") {
        return disk;
    }
    let kinds = ["sd", "vd", "hd", "xvd"];
    let is_disk = |kind: &str| {
        name.strip_prefix(kind).is_some_and(|letters| {
            !letters.is_empty() && letters.chars().all(|c| c.is_ascii_lowercase())
        })
    };
    if kinds.iter().any(|kind| is_disk(kind)) {
        stem
    } else {
        device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_however_it_is_written() {
        for device in [
            "/dev/sda",
            "//dev//sda1",
            "/dev/../dev/sda",
            "/chroot/dev/sda",
            "../dev/sda",
            "/dev/mapper/vg-root",
            "⟨disk-1⟩",
            "⟨disk-1⟩2",
            "/dev/sd*",
        ] {
            assert_eq!(in_path(device), Some(device));
        }
        for other in [
            "/dev/null",
            "/dev/tty1",
            "/dev/shm/x",
            "/dev",
            "/etc/fstab",
            "/etc/⟨output-1⟩",
            "/dev/../etc",
            "",
        ] {
            assert_eq!(in_path(other), None, "{other}");
        }
        assert_eq!(in_argument("of=/dev/sda"), Some("/dev/sda"));
        assert_eq!(in_argument("logdev=/dev/sdb1,size=1g"), Some("/dev/sdb1"));
        assert_eq!(in_argument("--journal=/dev/sdc"), Some("/dev/sdc"));
        assert_eq!(in_argument("-f"), None);
    }

    #[test]
    fn a_partition_belongs_to_its_disk() {
        for (device, disk) in [
            ("/dev/sda2", "/dev/sda"),
            ("/dev/sdaa11", "/dev/sdaa"),
            ("/dev/vda", "/dev/vda"),
            ("/dev/nvme0n1p2", "/dev/nvme0n1"),
            ("/dev/nvme0n1", "/dev/nvme0n1"),
            ("/dev/md0", "/dev/md0"),
            ("/dev/md0p1", "/dev/md0"),
            ("⟨disk-1⟩2", "⟨disk-1⟩"),
            ("⟨disk-1⟩p2", "⟨disk-1⟩"),
            ("/dev/sda[0-9]*", "/dev/sda"),
            ("/dev/nvme0n1p[0-9]*", "/dev/nvme0n1"),
            ("/dev/disk/by-id/ata-X1-part2", "/dev/disk/by-id/ata-X1"),
            ("/dev/disk/by-id/ata-X1", "/dev/disk/by-id/ata-X1"),
            ("/dev/mapper/vg-root1", "/dev/mapper/vg-root1"),
        ] {
            assert_eq!(disk_of(device), disk);
        }
    }
}
