//! InfiniBand cards and their ports, as `ibstat` tells of them, from sysfs.

use super::report::{Report, Rows};
use super::root::Sysroot;

const CARDS: &str = "/sys/class/infiniband";

/// The rows of `infiniband`. Cards that only speak Ethernet (RoCE) are network interfaces.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    let is_infiniband = |card: &String| {
        let ports = root.names(&format!("{CARDS}/{card}/ports"));
        ports.iter().any(|port| {
            let layer = root.line(&format!("{CARDS}/{card}/ports/{port}/link_layer"));
            layer.as_deref() == Some("InfiniBand")
        })
    };
    let cards = root.names(CARDS).into_iter().filter(is_infiniband);
    for (number, card) in cards.enumerate() {
        let attribute = |file: &str| root.line(&format!("{CARDS}/{card}/{file}"));
        let ports = root.names(&format!("{CARDS}/{card}/ports"));
        let mut rows = report.of("infiniband", &format!("card{number}"));
        rows.text("card_type", &card);
        rows.maybe("device_type", attribute("hca_type"));
        rows.maybe("fw_version", attribute("fw_ver"));
        rows.maybe("hw_version", attribute("hw_rev"));
        rows.text("nb_ports", ports.len().to_string());
        rows.maybe(
            "sys_guid",
            attribute("sys_image_guid").map(|guid| joined(&guid)),
        );
        rows.maybe(
            "node_guid",
            attribute("node_guid").map(|guid| joined(&guid)),
        );
        for port in ports {
            let mut rows = report.of("infiniband", &format!("card{number}_port{port}"));
            port_rows(root, &format!("{CARDS}/{card}/ports/{port}"), &mut rows);
        }
    }
}

fn port_rows(root: &Sysroot, port: &str, rows: &mut Rows<'_>) {
    let attribute = |file: &str| root.line(&format!("{port}/{file}"));
    // `4: ACTIVE`, which ibstat writes `Active`.
    let state = attribute("state").map(|state| {
        let name = state.split_once(": ").map_or(&*state, |(_, name)| name);
        let mut letters = name.chars();
        let first: String = letters.next().into_iter().collect();
        first + &letters.as_str().to_lowercase()
    });
    rows.maybe("state", state);
    let physical = attribute("phys_state");
    let physical = physical.map(|state| state.rsplit(": ").next().unwrap_or_default().to_owned());
    rows.maybe("physical_state", physical);
    let rate = attribute("rate");
    let rate = rate.and_then(|rate| rate.split_whitespace().next().map(str::to_owned));
    rows.maybe("rate", rate);
    for (key, file) in [
        ("base_lid", "lid"),
        ("lmc", "lid_mask_count"),
        ("sm_lid", "sm_lid"),
    ] {
        rows.maybe(key, attribute(file).and_then(|text| decimal(&text)));
    }
    // The lower half of the port's first address is its GUID.
    let guid = attribute("gids/0").and_then(|gid| {
        let parts: Vec<&str> = gid.split(':').collect();
        Some(joined(&parts.get(4..)?.join(":")))
    });
    rows.maybe("port_guid", guid);
}

/// `0002:c903:00ea:6840` as `0x0002c90300ea6840`.
fn joined(guid: &str) -> String {
    format!("0x{}", guid.replace(':', ""))
}

/// `0x1f` and `31` are both 31.
fn decimal(text: &str) -> Option<String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.ok()?.to_string())
}
