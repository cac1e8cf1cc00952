//! Disks: the block devices that the reference calls disks, with size, model, queue, cache and ids.
//!
//! SAS, SATA and virtio disks (`sda vda hda`) and NVMe, with any size but 0, also removable ones, as
//! the reference has it. Sizes are in GB of 10⁹ bytes, rounded down.

use super::report::{Report, Rows};
use super::root::Sysroot;
use super::smart;
use super::tools::{Tools, in_parallel};

const BLOCK: &str = "/sys/block";
const BY_ID: &str = "/dev/disk/by-id";

/// The kernel counts in sectors of this size, whatever the disk's own is.
const SECTOR_BYTES: u64 = 512;

const GB: u64 = 1_000_000_000;

/// The rows of `disk`.
pub(super) fn detect(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    let root = tools.root;
    let mut disks = Vec::new();
    for name in root.names(BLOCK) {
        let sectors = root.number::<u64>(&format!("{BLOCK}/{name}/size"));
        let size = sectors.unwrap_or(0).saturating_mul(SECTOR_BYTES) / GB;
        // Each path to an NVMe disk with several is a hidden device of its own; it cannot be opened.
        let hidden = root.line(&format!("{BLOCK}/{name}/hidden")).as_deref() == Some("1");
        if is_disk(&name) && size > 0 && !hidden {
            disks.push((name, size));
        }
    }
    report
        .of("disk", "logical")
        .text("count", disks.len().to_string());
    let ids = ids(root);
    let with_smart = tools.has("smartctl");
    for one in in_parallel(&disks, |(name, size)| {
        let mut report = Report::default();
        let mut rows = report.of("disk", name);
        rows.text("size", size.to_string());
        queue(root, name, &mut rows);
        if !name.starts_with("nvme") {
            cache(root, name, &mut rows);
        }
        for (_, id) in ids.iter().filter(|(device, _)| device == name) {
            rows.text(kind_of_id(id), id);
        }
        if with_smart {
            smart::detect(tools, name, &mut report);
        }
        report
    }) {
        report.append(one);
    }
    report
}

fn is_disk(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next();
    name.starts_with("nvme")
        || (matches!(first, Some('s' | 'h' | 'v')) && letters.next() == Some('d'))
}

fn queue(root: &Sysroot, name: &str, rows: &mut Rows<'_>) {
    let attribute = |path: &str| root.line(&format!("{BLOCK}/{name}/{path}"));
    // An NVMe disk's device is its controller, whose own device is the PCI card.
    let of_device = |file: &str| {
        let own = attribute(&format!("device/{file}"));
        own.or_else(|| attribute(&format!("device/device/{file}")))
    };
    rows.maybe("vendor", of_device("vendor"));
    rows.maybe("model", of_device("model"));
    match attribute("device/rev") {
        Some(revision) => rows.text("rev", revision),
        None => rows.maybe("revision", of_device("revision")),
    }
    for key in [
        "optimal_io_size",
        "physical_block_size",
        "rotational",
        "nr_requests",
    ] {
        rows.maybe(key, attribute(&format!("queue/{key}")));
    }
    let schedulers = attribute("queue/scheduler").unwrap_or_default();
    let chosen = schedulers
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    rows.maybe("scheduler", chosen.map(|(name, _)| name));
}

/// `Write Cache Enable` and `Read Cache Disable` of a SCSI disk
/// (Linux `Documentation/scsi/sd-parameters.rst`).
fn cache(root: &Sysroot, name: &str, rows: &mut Rows<'_>) {
    let device = format!("{BLOCK}/{name}/device");
    let address = root.link_name(&device);
    let kind =
        address.and_then(|address| root.line(&format!("{device}/scsi_disk/{address}/cache_type")));
    let Some(kind) = kind else {
        return;
    };
    let (write, no_read) = match kind.as_str() {
        "write through" => ("0", "0"),
        "none" => ("0", "1"),
        other if other.contains("daft") => ("1", "1"),
        _ => ("1", "0"),
    };
    rows.text("Write Cache Enable", write);
    rows.text("Read Cache Disable", no_read);
}

/// The links in `/dev/disk/by-id`: device and name.
fn ids(root: &Sysroot) -> Vec<(String, String)> {
    let names = root.names(BY_ID).into_iter();
    names
        .filter_map(|id| Some((root.link_name(&format!("{BY_ID}/{id}"))?, id)))
        .collect()
}

fn kind_of_id(id: &str) -> &'static str {
    if id.starts_with("wwn") {
        "wwn-id"
    } else if id.starts_with("scsi") {
        "scsi-id"
    } else {
        "id"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_told_by_their_names() {
        let disks = ["sda", "sdaa", "vdb", "hda", "nvme0n1"];
        assert!(disks.into_iter().all(is_disk));
        let others = [
            "sr0", "loop0", "ram0", "md0", "dm-0", "mmcblk0", "xvda", "zram0", "fd0", "",
        ];
        assert!(!others.into_iter().any(is_disk));
    }
}
