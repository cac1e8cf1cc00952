//! What a disk says of its own health, through `smartctl`.
//!
//! Keys are the reference's: `SMART/<name>` of SCSI and NVMe disks, and five rows for each attribute
//! of an ATA disk.

use std::time::Duration;

use super::report::{Report, Rows};
use super::tools::Tools;

/// A sleeping disk has to spin up first.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The bays behind a RAID controller that are tried, as the reference tries them.
const BAYS: u32 = 24;

const ATA: [(&str, &str); 4] = [
    ("Device Model:", "device_model"),
    ("Serial Number:", "serial_number"),
    ("Firmware Version:", "firmware_version"),
    ("Rotation Rate:", "rotation_rate"),
];

const SCSI: [(&str, &str); 17] = [
    ("Vendor:", "vendor"),
    ("Product:", "product"),
    ("Serial number:", "serial_number"),
    ("SMART Health Status:", "health"),
    (
        "Specified cycle count over device lifetime:",
        "specified_start_stop_cycle_count_over_lifetime",
    ),
    ("Accumulated start-stop cycles:", "start_stop_cycle_count"),
    (
        "Specified load-unload count over device lifetime:",
        "specified_load_count_over_lifetime",
    ),
    ("Accumulated load-unload cycles:", "load_count"),
    ("number of hours powered up =", "power_on_hours"),
    ("Blocks sent to initiator =", "blocks_sent"),
    ("Blocks received from initiator =", "blocks_received"),
    (
        "Blocks read from cache and sent to initiator =",
        "blocks_read_from_cache",
    ),
    ("Non-medium error count:", "non_medium_errors_count"),
    ("Current Drive Temperature:", "current_drive_temperature"),
    ("Drive Trip Temperature:", "drive_trip_temperature"),
    ("Manufactured in ", "manufacture_date"),
    ("Rotation Rate:", "rotation_rate"),
];

const NVME: [(&str, &str); 13] = [
    ("Model Number:", "model_number"),
    ("Serial Number:", "serial_number"),
    ("Firmware Version:", "firmware_version"),
    ("Total NVM Capacity:", "total_nvm_capacity"),
    ("Warning  Comp. Temp. Threshold:", "warning_temp_threshold"),
    ("Critical Comp. Temp. Threshold:", "critical_temp_threshold"),
    ("Critical Warning:", "critical_warning"),
    ("Temperature:", "temperature"),
    ("Power Cycles:", "power_cycles"),
    ("Power On Hours:", "power_on_hours"),
    ("Unsafe Shutdowns:", "unsafe_shutdowns"),
    (
        "Media and Data Integrity Errors:",
        "media_data_integrity_errors",
    ),
    (
        "Error Information Log Entries:",
        "error_information_log_entries",
    ),
];

/// The `SMART/` rows of one disk, and of those behind it if it is a RAID controller's volume.
pub(super) fn detect(tools: Tools<'_>, name: &str, report: &mut Report) {
    let device = format!("/dev/{name}");
    if name.starts_with("nvme") {
        // The broadcast name space: smartctl before 7.0 needs it told.
        let text = read(tools, &["-d", "nvme,0xffffffff", "-a", &device], report);
        named_rows(&text, &NVME, &mut report.of("disk", name));
        return;
    }
    let mut text = read(tools, &["-a", &device], report);
    if !is_complete(&text) {
        text = read(tools, &["-a", "-d", "ata", &device], report);
    }
    if !is_complete(&text) {
        return;
    }
    disk_rows(&text, &mut report.of("disk", name));
    let kind = match (value(&text, "Vendor:"), value(&text, "Product:")) {
        (Some("DELL"), Some(product)) if product.contains("PERC") => "megaraid",
        (Some("HP"), Some(product)) if product.contains("LOGICAL VOLUME") => "cciss",
        _ => return,
    };
    for bay in 0..BAYS {
        let bay = format!("{kind},{bay}");
        let text = read(tools, &["-a", "-d", &bay, &device], report);
        if !text.contains("INQUIRY failed") {
            disk_rows(&text, &mut report.of("disk", &format!("{name}{{{bay}}}")));
        }
    }
}

/// What `smartctl` prints. Its exit code is a set of bits of which most say that the disk is not
/// well, so an answer counts whatever the code.
fn read(tools: Tools<'_>, arguments: &[&str], report: &mut Report) -> String {
    let command = [&["smartctl"], arguments].concat();
    match tools.answer_of_any_code(&command, TIMEOUT) {
        Ok(answer) => answer,
        Err(problem) => {
            report.warn(problem);
            String::new()
        }
    }
}

fn is_complete(text: &str) -> bool {
    text.lines().any(|line| {
        line.starts_with("ID#")
            || line.starts_with("Device does not support SMART")
            || line.contains("Unavailable - device lacks SMART capability")
            || line.starts_with("SMART Health Status:")
            || line.starts_with("Device supports SMART and is Enabled")
    })
}

/// An ATA disk has a table of attributes, a SCSI disk has none.
fn disk_rows(text: &str, rows: &mut Rows<'_>) {
    if text.lines().any(|line| line.starts_with("ID#")) {
        ata_rows(text, rows);
    } else {
        named_rows(text, &SCSI, rows);
        error_rows(text, rows);
    }
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (_, value) = line.split_once(name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    })
}

fn named_rows(text: &str, names: &[(&str, &str)], rows: &mut Rows<'_>) {
    for line in text.lines() {
        for (name, key) in names {
            let Some((_, value)) = line.split_once(name) else {
                continue;
            };
            let value = value.trim();
            let key = format!("SMART/{key}");
            let mut words = value.split_whitespace();
            if !key.contains("temperature") {
                rows.text(&key, value);
            } else if let (Some(number), Some(unit)) = (words.next(), words.next()) {
                rows.text(&key, number);
                rows.text(&format!("{key}_unit"), unit);
            }
        }
    }
}

/// The table of errors: `read: 0 0 0 0 0 81.2 0`.
fn error_rows(text: &str, rows: &mut Rows<'_>) {
    for line in text.lines() {
        for kind in ["read", "write", "verify"] {
            if !line.starts_with(&format!("{kind}:")) {
                continue;
            }
            let columns: Vec<&str> = line.split_whitespace().collect();
            for (column, name) in [
                (4, "total_corrected_errors"),
                (6, "gigabytes_processed"),
                (7, "total_uncorrected_errors"),
            ] {
                if columns.len() > 7 {
                    rows.text(&format!("SMART/{kind}_{name}"), columns[column]);
                }
            }
        }
    }
}

/// The attributes, after the line that begins with `ID#`, up to an empty line.
fn ata_rows(text: &str, rows: &mut Rows<'_>) {
    let mut lines = text.lines().map(str::trim);
    for line in lines.by_ref() {
        if line.starts_with("ID#") {
            break;
        }
        named_rows(line, &ATA, rows);
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [id, name, _, value, worst, threshold, _, _, failed, raw @ ..] = fields.as_slice()
        else {
            continue;
        };
        if raw.is_empty() {
            continue;
        }
        let failed = if *failed == "-" { "NEVER" } else { failed };
        let raw = raw.join(" ");
        for (title, value) in [
            ("value", *value),
            ("worst", worst),
            ("thresh", threshold),
            ("when_failed", failed),
            ("raw", &raw),
        ] {
            rows.text(&format!("SMART/{name}({id})/{title}"), value);
        }
    }
}
