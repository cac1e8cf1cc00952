//! The NUMA nodes and which processors are theirs.

use super::cpu::cpu_list;
use super::report::Report;
use super::root::Sysroot;

const NODES: &str = "/sys/devices/system/node";

/// The rows of `numa`.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    let mut nodes = Vec::new();
    for name in root.names(NODES) {
        let number = name.strip_prefix("node");
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            nodes.push(name);
        }
    }
    if nodes.is_empty() {
        return;
    }
    let count = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    report.of("numa", "nodes").int("count", count);
    for name in nodes {
        let number = name.trim_start_matches("node");
        let list = root.line(&format!("{NODES}/{name}/cpulist"));
        let cpus = cpu_list(&list.unwrap_or_default());
        let mut rows = report.of("numa", &format!("node_{number}"));
        rows.int("cpu_count", i64::try_from(cpus.len()).unwrap_or(i64::MAX));
        rows.text("cpu_mask", mask(&cpus));
    }
}

/// The processors as bits of one hexadecimal number.
fn mask(cpus: &[usize]) -> String {
    let highest = cpus.iter().max().copied().unwrap_or(0);
    let mut digits = vec![0_u8; highest / 4 + 1];
    for cpu in cpus {
        digits[cpu / 4] |= 1 << (cpu % 4);
    }
    let text: String = digits
        .iter()
        .rev()
        .map(|digit| format!("{digit:x}"))
        .collect();
    format!("0x{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_one_bit_for_each_processor() {
        assert_eq!(mask(&[0, 1]), "0x3");
        assert_eq!(mask(&(20..40).collect::<Vec<_>>()), "0xfffff00000");
        assert_eq!(mask(&[]), "0x0");
    }
}
