//! Memory: its size and its banks.
//!
//! Texts and numbers are those of `lshw`, which the reference asks: `DIMM DDR4 Synchronous 2666 MHz
//! (0.4 ns)`, sizes in bytes, clocks in Hz. Offsets and codes are those of SMBIOS structures 16 and 17.

use super::report::Report;
use super::root::Sysroot;
use super::smbios::Structure;

const BLOCKS: &str = "/sys/devices/system/memory";

const FORMS: [&str; 13] = [
    "SIMM",
    "SIP",
    "Chip",
    "DIP",
    "ZIP",
    "Proprietary Card",
    "DIMM",
    "TSOP",
    "Row of chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
];

/// From code 3 on. What `lshw` has no name for yet (from DDR5 on) is called as the standard does.
const TYPES: [&str; 34] = [
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "FLASH",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "",
    "",
    "",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
    "HBM3",
];

/// From bit 3 on.
const DETAILS: [&str; 13] = [
    "Fast-paged",
    "Static column",
    "Pseudo-static",
    "RAMBUS",
    "Synchronous",
    "CMOS",
    "EDO",
    "Window DRAM",
    "Cache DRAM",
    "Non-volatile",
    "Registered (Buffered)",
    "Unbuffered (Unregistered)",
    "LRDIMM",
];

/// The bits that must be set for any detail to be told.
const TOLD_DETAILS: u16 = 0x1ffe;

/// The rows of memory and its banks. All arrays of system memory are one, as in today's `lshw`.
pub(super) fn detect(root: &Sysroot, structures: &[Structure<'_>], report: &mut Report) {
    let others: Vec<u16> = structures
        .iter()
        .filter(|one| one.kind == 16 && !is_memory(one))
        .map(|one| one.handle)
        .collect();
    let banks: Vec<&Structure<'_>> = structures
        .iter()
        .filter(|one| one.kind == 17 && one.word(4).is_none_or(|array| !others.contains(&array)))
        .collect();
    let installed: u64 = banks.iter().map(|bank| size_bytes(bank)).sum();
    let total = Some(installed).filter(|size| *size > 0);
    if let Some(total) = total.or_else(|| usable_bytes(root)) {
        let total = total.to_string();
        report.of("memory", "total").text("size", total);
    }
    for (number, bank) in banks.iter().enumerate() {
        bank_rows(bank, &format!("bank:{number}"), report);
    }
    if !banks.is_empty() {
        let count = banks.len().to_string();
        report.of("memory", "banks").text("count", count);
    }
}

/// Not video memory, flash, NVRAM or cache.
fn is_memory(array: &Structure<'_>) -> bool {
    !matches!(array.byte(5), Some(4..=7))
}

fn bank_rows(bank: &Structure<'_>, instance: &str, report: &mut Report) {
    let mut rows = report.of("memory", instance);
    let size = size_bytes(bank);
    if size > 0 {
        rows.text("size", size.to_string());
    }
    if let Some(speed) = speed_mhz(bank) {
        rows.text("clock", (u64::from(speed) * 1_000_000).to_string());
    }
    rows.text("description", description(bank, size));
    rows.maybe("vendor", bank.text(23));
    rows.maybe("product", bank.text(26));
    rows.maybe("serial", bank.text(24));
    rows.maybe("slot", bank.text(16));
}

fn size_bytes(bank: &Structure<'_>) -> u64 {
    const KIB: u64 = 1024;
    match bank.word(12) {
        None | Some(0xffff) => 0,
        Some(0x7fff) => {
            let mib = bank.double_word(0x1c).unwrap_or_default() & 0x7fff_ffff;
            u64::from(mib) * KIB * KIB
        }
        Some(size) if size & 0x8000 != 0 => u64::from(size & 0x7fff) * KIB,
        Some(size) => u64::from(size) * KIB * KIB,
    }
}

/// The highest speed that the bank can run at.
fn speed_mhz(bank: &Structure<'_>) -> Option<u32> {
    let speed = match bank.word(21)? {
        0xffff => bank.double_word(0x54)? & 0x7fff_ffff,
        speed => speed.into(),
    };
    (speed > 0).then_some(speed)
}

fn description(bank: &Structure<'_>, size: u64) -> String {
    let named = |names: &[&str], code: Option<u8>| {
        let at = usize::from(code?).checked_sub(3)?;
        Some((*names.get(at)?).to_owned())
    };
    let mut words = Vec::new();
    words.extend(named(&FORMS, bank.byte(14)));
    words.extend(named(&TYPES, bank.byte(18)));
    let bits = bank.word(19).unwrap_or_default();
    if bits & TOLD_DETAILS != 0 {
        let set = |at: &usize| bits & (8 << *at) != 0;
        let names = (0..DETAILS.len()).filter(set);
        words.extend(names.map(|at| DETAILS[at].to_owned()));
    }
    if let Some(speed) = speed_mhz(bank) {
        let nanoseconds = 1000.0 / f64::from(speed);
        words.push(format!("{speed} MHz ({nanoseconds:.1} ns)"));
    }
    if size == 0 {
        words.push("[empty]".to_owned());
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// What the kernel manages: its memory blocks, or else what it has left of them.
fn usable_bytes(root: &Sysroot) -> Option<u64> {
    let block = root.line(&format!("{BLOCKS}/block_size_bytes"));
    let block = block.and_then(|text| u64::from_str_radix(&text, 16).ok());
    let is_block = |name: &String| {
        let number = name.strip_prefix("memory");
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    let blocks = root
        .names(BLOCKS)
        .iter()
        .filter(|name| is_block(name))
        .count();
    let size = block.and_then(|block| block.checked_mul(u64::try_from(blocks).ok()?));
    size.filter(|size| *size > 0).or_else(|| {
        let text = root.text("/proc/meminfo", 16 * 1024).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    })
}
