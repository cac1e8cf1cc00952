//! Processors, as `lscpu` tells of them, which the reference asks: all of one kind.
//!
//! Caches are told for one processor (`32K`), as `lscpu` did up to util-linux 2.36.

use std::collections::BTreeSet;

use super::report::{Report, Rows};
use super::root::Sysroot;

const CPUS: &str = "/sys/devices/system/cpu";

/// How much of `/proc/cpuinfo` is read: the first processors are enough.
const CPUINFO_BYTES: u64 = 256 * 1024;

/// The most processors that are looked at, and the highest number of one.
const MOST_CPUS: usize = 8192;

/// Who designed an ARM processor, by its code.
const IMPLEMENTERS: [(&str, &str); 8] = [
    ("0x41", "ARM"),
    ("0x42", "Broadcom"),
    ("0x43", "Cavium"),
    ("0x48", "HiSilicon"),
    ("0x50", "APM"),
    ("0x51", "Qualcomm"),
    ("0x61", "Apple"),
    ("0xc0", "Ampere"),
];

/// The rows of `cpu`.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    let info = root
        .text("/proc/cpuinfo", CPUINFO_BYTES)
        .unwrap_or_default();
    let topology = Topology::read(root, &info);
    if topology.cpus == 0 {
        report.warn("neither /sys nor /proc/cpuinfo tells of any processor");
        return;
    }
    let mut rows = report.of("cpu", "physical");
    rows.int("number", count(topology.sockets));
    rows.maybe("smt", root.line(&format!("{CPUS}/smt/control")));
    for socket in 0..topology.sockets {
        let mut rows = report.of("cpu", &format!("physical_{socket}"));
        socket_rows(root, &info, &topology, &mut rows);
    }
    report
        .of("cpu", "logical")
        .int("number", count(topology.cpus));
    for cpu in 0..topology.cpus {
        let governor = root
            .line(&format!("{CPUS}/cpufreq/policy{cpu}/scaling_governor"))
            .or_else(|| root.line(&format!("{CPUS}/cpu{cpu}/cpufreq/scaling_governor")));
        report
            .of("cpu", &format!("logical_{cpu}"))
            .maybe("governor", governor);
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn socket_rows(root: &Sysroot, info: &str, topology: &Topology, rows: &mut Rows<'_>) {
    if let Some(boost) = root.line(&format!("{CPUS}/cpufreq/boost")) {
        rows.text("boost", if boost == "1" { "enabled" } else { "disabled" });
    }
    let implementer = field(info, "CPU implementer").map(|code| {
        let known = IMPLEMENTERS.iter().find(|(known, _)| *known == code);
        known.map_or(code, |(_, name)| name)
    });
    rows.maybe("vendor", field(info, "vendor_id").or(implementer));
    rows.maybe("product", field(info, "model name"));
    rows.int("cores", count(topology.cores_per_socket()));
    let threads = topology.threads_per_core() * topology.cores_per_socket();
    rows.int("threads", count(threads));
    let family = field(info, "cpu family").and_then(|text| text.parse::<i64>().ok());
    if let Some(family) = family {
        rows.int("family", family);
    }
    for (key, name) in [("model", "model"), ("stepping", "stepping")] {
        if let Some(text) = field(info, name) {
            rows.int_or_text(key, text);
        }
    }
    rows.text("architecture", super::kernel::architecture(root));
    for (key, level, kind) in [
        ("l1d cache", "1", "Data"),
        ("l1i cache", "1", "Instruction"),
        ("l2 cache", "2", "Unified"),
        ("l3 cache", "3", "Unified"),
    ] {
        rows.maybe(key, cache(root, level, kind));
    }
    let mhz = |file: &str| {
        let khz: f64 = root.number(&format!("{CPUS}/cpu0/cpufreq/{file}"))?;
        Some(khz / 1000.0)
    };
    for (key, mhz) in [
        ("min_Mhz", mhz("cpuinfo_min_freq")),
        ("max_Mhz", mhz("cpuinfo_max_freq")),
        (
            "current_Mhz",
            field(info, "cpu MHz").and_then(|text| text.parse().ok()),
        ),
    ] {
        if let Some(mhz) = mhz {
            rows.float(key, mhz);
        }
    }
    rows.maybe(
        "flags",
        field(info, "flags").or_else(|| field(info, "Features")),
    );
    rows.int("threads_per_core", count(topology.threads_per_core()));
}

/// The size of one cache of the first processor.
fn cache(root: &Sysroot, level: &str, kind: &str) -> Option<String> {
    let caches = format!("{CPUS}/cpu0/cache");
    root.names(&caches).into_iter().find_map(|name| {
        let of = |file: &str| root.line(&format!("{caches}/{name}/{file}"));
        let is_it = of("level").as_deref() == Some(level) && of("type").as_deref() == Some(kind);
        if is_it { of("size") } else { None }
    })
}

/// What `/proc/cpuinfo` says first under this name.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        let value = value.trim();
        (found.trim() == name && !value.is_empty()).then_some(value)
    })
}

/// How many processors there are, and how they hang together.
#[derive(Debug)]
struct Topology {
    /// All that are there, also those that are switched off.
    cpus: usize,
    /// Those that run.
    online: usize,
    sockets: usize,
    cores: usize,
}

impl Topology {
    fn read(root: &Sysroot, info: &str) -> Topology {
        let list = |name: &str| {
            root.line(&format!("{CPUS}/{name}"))
                .map(|text| cpu_list(&text))
        };
        let in_info = info.lines().filter(|line| line.starts_with("processor"));
        let in_info = in_info.count();
        let online = list("online").unwrap_or_else(|| (0..in_info).collect());
        let cpus = list("present").map_or(online.len(), |present| present.len());
        let mut sockets = BTreeSet::new();
        let mut cores = BTreeSet::new();
        for cpu in &online {
            let of = |file: &str| root.line(&format!("{CPUS}/cpu{cpu}/topology/{file}"));
            sockets.insert(of("physical_package_id").unwrap_or_default());
            let siblings = of("core_cpus_list").or_else(|| of("thread_siblings_list"));
            cores.insert(siblings.unwrap_or_else(|| cpu.to_string()));
        }
        Topology {
            cpus: cpus.max(online.len()),
            online: online.len(),
            sockets: sockets.len(),
            cores: cores.len(),
        }
    }

    fn cores_per_socket(&self) -> usize {
        self.cores.checked_div(self.sockets).unwrap_or(1).max(1)
    }

    fn threads_per_core(&self) -> usize {
        self.online.checked_div(self.cores).unwrap_or(1).max(1)
    }
}

/// The numbers of a list such as `0-3,8`; what is none, and what is too high, is left out.
pub(super) fn cpu_list(text: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse::<usize>()) else {
            continue;
        };
        numbers.extend(first..=last.min(MOST_CPUS - 1));
        numbers.truncate(MOST_CPUS);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_processors_is_read_and_bounded() {
        assert_eq!(cpu_list("0-3,8"), [0, 1, 2, 3, 8]);
        assert_eq!(cpu_list("x,3-1,-,5"), [5]);
        assert_eq!(cpu_list("0-18446744073709551615,0-9").len(), MOST_CPUS);
        assert!(cpu_list("18446744073709551615").is_empty());
    }
}
