//! Who made this machine, from its SMBIOS tables: product, motherboard, firmware.
//!
//! The kernel shows the tables to root only. To anybody else, and where there are none, the few texts
//! under `/sys/class/dmi/id` or in the device tree have to do.

use super::report::Report;
use super::root::Sysroot;
use super::smbios::{Structure, structures, version};

const TABLES: &str = "/sys/firmware/dmi/tables";
const ID: &str = "/sys/class/dmi/id";
const DEVICE_TREE: &str = "/sys/firmware/devicetree/base";

/// The largest table that is read.
const TABLE_BYTES: u64 = 1024 * 1024;

/// What `dmidecode` and the firmware of some boards write for a serial number that nobody set; the
/// reference takes another identity then (`fix_bad_serial`).
const FAKE_SERIALS: [&str; 2] = ["0123456789", "0000000000"];

/// The tables of one machine; empty where it has none.
#[derive(Debug, Default)]
pub(super) struct Tables {
    bytes: Vec<u8>,
    version: (u8, u8),
}

impl Tables {
    /// Reads them, or warns why not.
    pub(super) fn read(root: &Sysroot, report: &mut Report) -> Tables {
        let entry_point = root.bytes(&format!("{TABLES}/smbios_entry_point"), 64);
        match root.bytes(&format!("{TABLES}/DMI"), TABLE_BYTES) {
            Ok(bytes) => Tables {
                bytes,
                // A table without a readable entry point is taken for one of today.
                version: entry_point
                    .ok()
                    .and_then(|bytes| version(&bytes))
                    .unwrap_or((3, 0)),
            },
            Err(error) => {
                report.warn(format!(
                    "cannot read the SMBIOS tables `{TABLES}/DMI` (product, serial number, memory banks): {error}"
                ));
                Tables::default()
            }
        }
    }

    /// The structures in the tables.
    pub(super) fn structures(&self) -> Vec<Structure<'_>> {
        structures(&self.bytes)
    }
}

/// The five texts of a product or a board.
#[derive(Debug, Default)]
struct Identity {
    name: Option<String>,
    vendor: Option<String>,
    version: Option<String>,
    serial: Option<String>,
    uuid: Option<String>,
}

/// The rows of product, motherboard and firmware.
pub(super) fn detect(root: &Sysroot, tables: &Tables, report: &mut Report) {
    let structures = tables.structures();
    let product = product(root, &structures, tables.version);
    let mut rows = report.of("system", "product");
    rows.maybe("serial", product.serial);
    rows.maybe("name", product.name);
    rows.maybe("vendor", product.vendor);
    rows.maybe("version", product.version);
    rows.maybe("uuid", product.uuid);
    let board = board(root, &structures);
    let mut rows = report.of("system", "motherboard");
    rows.maybe("name", board.name);
    rows.maybe("vendor", board.vendor);
    rows.maybe("version", board.version);
    rows.maybe("serial", board.serial);
    let bios = structures.iter().find(|one| one.kind == 0);
    let text = |offset: usize, file: &str| {
        let text = bios.and_then(|bios| bios.text(offset));
        text.or_else(|| root.line(&format!("{ID}/{file}")))
    };
    let mut rows = report.of("firmware", "bios");
    rows.maybe("version", text(5, "bios_version"));
    rows.maybe("date", text(8, "bios_date"));
    rows.maybe("vendor", text(4, "bios_vendor"));
}

fn product(root: &Sysroot, structures: &[Structure<'_>], version: (u8, u8)) -> Identity {
    let id = |file: &str| root.line(&format!("{ID}/{file}"));
    let tree = |file: &str| root.line(&format!("{DEVICE_TREE}/{file}"));
    let Some(system) = structures.iter().find(|one| one.kind == 1) else {
        let name = id("product_name").map(|name| with_sku(name, id("product_sku")));
        return Identity {
            name: name.or_else(|| tree("model")),
            vendor: id("sys_vendor"),
            version: id("product_version"),
            serial: id("product_serial").or_else(|| tree("serial-number")),
            uuid: id("product_uuid")
                .or_else(|| tree("system-uuid"))
                .map(|uuid| uuid.to_lowercase()),
        };
    };
    // What the system does not say its chassis may, as `lshw` reads it.
    let chassis = structures.iter().find(|one| one.kind == 3);
    let text = |offset: usize, of_chassis: usize| {
        let text = system.text(offset);
        text.or_else(|| chassis.and_then(|chassis| chassis.text(of_chassis)))
    };
    Identity {
        name: system.text(5).map(|name| with_sku(name, system.text(0x19))),
        vendor: text(4, 4),
        version: text(6, 6),
        serial: text(7, 7),
        uuid: system.uuid(8, version),
    }
}

/// The product as `lshw` names it: `ProLiant DL360p Gen8 (655651-B21)`.
fn with_sku(name: String, sku: Option<String>) -> String {
    match sku {
        Some(sku) => format!("{name} ({sku})"),
        None => name,
    }
}

/// The last board that holds no others: of several, `lshw` takes that one for the motherboard.
fn board(root: &Sysroot, structures: &[Structure<'_>]) -> Identity {
    let mut boards = structures.iter().filter(|one| one.kind == 2);
    let board = boards.rfind(|board| board.byte(0x0e).unwrap_or(0) == 0);
    let text = |offset: usize, file: &str| {
        let text = board.and_then(|board| board.text(offset));
        let known = board.is_some();
        text.or_else(|| root.line(&format!("{ID}/{file}")).filter(|_| !known))
    };
    Identity {
        name: text(5, "board_name"),
        vendor: text(4, "board_vendor"),
        version: text(6, "board_version"),
        serial: text(7, "board_serial"),
        uuid: None,
    }
}

/// Puts a better identity in the place of a serial number that nobody set: the uuid, the
/// motherboard's serial number, or the first MAC address without its colons.
pub(super) fn replace_fake_serial(report: &mut Report) {
    let serial = report.text_of("system", "product", "serial");
    if !serial.is_some_and(|serial| FAKE_SERIALS.contains(&serial)) {
        return;
    }
    let mac = report.facts.iter().find_map(|fact| {
        let is_mac = fact.category == "network" && fact.key == "serial";
        is_mac.then(|| fact.value.as_text())?
    });
    let better = report.text_of("system", "product", "uuid");
    let better = better.or_else(|| report.text_of("system", "motherboard", "serial"));
    let better = better.map(str::to_owned);
    let Some(better) = better.or_else(|| mac.map(|mac| mac.replace(':', ""))) else {
        return;
    };
    for fact in &mut report.facts {
        if fact.category == "system" && fact.instance == "product" && fact.key == "serial" {
            fact.value = better.as_str().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    #[test]
    fn a_serial_number_that_nobody_set_gives_way() {
        let mut report = Report::default();
        report.of("system", "product").text("serial", "0123456789");
        replace_fake_serial(&mut report);
        assert_eq!(report.facts[0].value, "0123456789".into());
        report
            .of("network", "eth0")
            .text("serial", "52:54:00:00:00:01");
        let mut with_board = Report::default();
        with_board.append(report);
        replace_fake_serial(&mut with_board);
        assert_eq!(
            with_board.facts[0],
            Fact::new("system", "product", "serial", "525400000001")
        );
    }
}
