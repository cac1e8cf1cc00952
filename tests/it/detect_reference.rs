//! `edeploy detect` and PyPI's `hardware-detect` on the same machine, difference by difference.
//!
//! On this machine as it is, and on this machine with the SMBIOS tables of each recorded one in place
//! of its own, which only root can do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value as Json;

use crate::support::python::can_mount;
use crate::support::recorded::{fixtures, unpack};
use crate::support::{command, names};

/// The version that the list below was made with.
const REFERENCE: &str = "hardware==0.33.0";

/// Category, instance, key (each the beginning of one) and why they may differ.
const DIFFERENCES: [(&str, &str, &str, &str); 24] = [
    (
        "system",
        "product",
        "",
        "with Debian 12's lshw it reads the product one level too deep",
    ),
    (
        "system",
        "kernel",
        "arch",
        "`uname -i` is `unknown` on Debian; ours is the architecture",
    ),
    (
        "system",
        "rtc",
        "utc",
        "it asks systemd, which a ramdisk has not; ours reads /etc/adjtime",
    ),
    (
        "system",
        "os",
        "",
        "it asks lsb_release, which a ramdisk has not; ours reads os-release",
    ),
    (
        "memory",
        "total",
        "size",
        "of less in banks than the host's memory lshw tells the latter",
    ),
    (
        "memory",
        "bank",
        "",
        "a machine with one bank has none in lshw's XML by that name",
    ),
    ("memory", "banks", "count", "the same"),
    (
        "memory",
        "bank:",
        "clock",
        "lshw counts in 32 bits: 4,800 MHz become 505 MHz",
    ),
    (
        "memory",
        "bank:",
        "description",
        "Debian 12's lshw has no name for DDR5",
    ),
    (
        "cpu",
        "physical_",
        "l1",
        "util-linux 2.37 and later tells the sum of all caches",
    ),
    ("cpu", "physical_", "l2", "the same"),
    ("cpu", "physical_", "l3", "the same"),
    (
        "cpu",
        "physical_",
        "current_Mhz",
        "util-linux 2.37 and later tells none; it changes, too",
    ),
    (
        "cpu",
        "physical_",
        "min_Mhz",
        "lscpu tells the lowest of all processors",
    ),
    (
        "cpu",
        "physical_",
        "max_Mhz",
        "lscpu tells the highest of all processors",
    ),
    ("cpu", "physical_", "Core", "temperatures change"),
    ("cpu", "physical_", "Package", "temperatures change"),
    (
        "numa",
        "node_",
        "cpu_mask",
        "util-linux 2.37 and later leaves out `0x`",
    ),
    ("disk", "", "SMART/", "counters change"),
    (
        "disk",
        "nvme",
        "",
        "hidden paths of one disk count as disks there",
    ),
    (
        "network",
        "",
        "size",
        "lshw knows no speeds above 40 Gbit/s",
    ),
    ("network", "", "speed", "the same"),
    (
        "ahci",
        "",
        "",
        "it keeps the last controller only, and needs dmesg",
    ),
    (
        "ipmi",
        "",
        "",
        "readings change, and ours leaves out the board's secret",
    ),
];

type Rows = BTreeMap<[String; 3], Vec<String>>;

fn rows(output: &Output) -> Rows {
    let rows: Vec<[Json; 4]> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let mut found = Rows::new();
    for [category, instance, key, value] in rows {
        let name = [category, instance, key].map(|text| text.as_str().unwrap().to_owned());
        found.entry(name).or_default().push(value.to_string());
    }
    // The reference lists directories as they come.
    for values in found.values_mut() {
        values.sort();
    }
    found
}

fn reason(name: &[String; 3]) -> Option<&'static str> {
    let [category, instance, key] = name;
    let found = DIFFERENCES.iter().find(|(known, of, begin, _)| {
        category == known && instance.starts_with(of) && key.starts_with(begin)
    });
    found.map(|(.., reason)| *reason)
}

/// The reference in an environment of its own, or a note why it is not to be had.
fn reference() -> Option<PathBuf> {
    let on_path = |program: &str| command(program).arg("-version").output().is_ok();
    if !on_path("lshw") {
        println!("skipped: there is no lshw, which the reference needs");
        return None;
    }
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/hardware-venv");
    let program = venv.join("bin/hardware-detect");
    if !program.exists() {
        let made = command("python3").args(["-m", "venv"]).arg(&venv).output();
        let pip = || {
            command(venv.join("bin/pip"))
                .args(["install", "-q", REFERENCE])
                .output()
        };
        let installed = made.and_then(|_| pip());
        if !installed
            .as_ref()
            .is_ok_and(|output| output.status.success())
        {
            println!("skipped: pip cannot install {REFERENCE}: {installed:?}");
            return None;
        }
    }
    Some(program)
}

/// Runs both after some shell commands in a name space of their own, with `directory` as `$0`.
fn compare(reference: &Path, mounts: Option<(&str, &Path)>) {
    let run = |program: &Path, arguments: &[&str]| match mounts {
        None => command(program).args(arguments).output().unwrap(),
        Some((commands, directory)) => {
            let text = format!("{commands}\nexec \"$@\"");
            let mut shell = command("unshare");
            shell
                .args(["--mount", "sh", "-e", "-c", &text])
                .arg(directory);
            shell.arg(program).args(arguments).output().unwrap()
        }
    };
    let theirs = rows(&run(reference, &[]));
    let ours = rows(&run(Path::new(env!("CARGO_BIN_EXE_edeploy")), &["detect"]));
    let mut same = 0;
    let mut unexplained = Vec::new();
    for name in theirs
        .keys()
        .chain(ours.keys().filter(|name| !theirs.contains_key(*name)))
    {
        let (a, b) = (theirs.get(name), ours.get(name));
        if a == b {
            same += 1;
        } else if let Some(reason) = reason(name) {
            println!("{name:?}: {a:?}, ours {b:?}: {reason}");
        } else {
            unexplained.push(format!("{name:?}: {a:?}, ours {b:?}"));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(same > 20, "only {same} rows are the same");
}

#[test]
fn this_machine_is_seen_as_the_reference_sees_it() {
    if let Some(reference) = reference() {
        compare(&reference, None);
    }
}

#[test]
fn smbios_tables_are_read_as_the_reference_reads_them() {
    let Some(reference) = reference().filter(|_| can_mount()) else {
        return;
    };
    for name in names(fixtures()) {
        let recorded = unpack(&name);
        println!("{name}:");
        let mounts = "mount -t tmpfs none /sys/firmware\ncp -r \"$0/sys/firmware/.\" /sys/firmware";
        compare(&reference, Some((mounts, recorded.path())));
    }
}
