//! The inspection of ironic-python-agent, and eDeploy's discoverd mode: hardware, told without wanting
//! anything for it (wire-formats 1.8 and 8).

use serde_json::Value;

use super::message::{Message, Unreadable};
use super::words::{Object, kind_of, text, word};
use crate::events::report::LogFile;
use crate::model::{Event, EventKind, Fact, Facts, Level};

/// eDeploy's unit of disk sizes.
const GB: u64 = 1_000_000_000;

/// What an inspection tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The rows of hardware-detect as JSON, where the agent has them: more than its inventory tells.
    pub rows: Option<String>,
    /// What its inventory comes to; empty where there is none.
    pub facts: Facts,
    /// The event, with the agent's log.
    pub message: Message,
}

/// Reads the body of an inspection.
///
/// # Errors
/// It is no JSON object, or has neither `data` nor `inventory`.
pub fn inspection(body: &str) -> Result<Inspection, Unreadable> {
    let value: Value =
        serde_json::from_str(body).map_err(|error| Unreadable::NoJson(error.to_string()))?;
    let Value::Object(object) = &value else {
        return Err(Unreadable::NoObject(kind_of(&value)));
    };
    let rows = object.get("data").filter(|data| data.is_array());
    let inventory = object.get("inventory").filter(|it| it.is_object());
    if rows.is_none() && inventory.is_none() {
        return Err(Unreadable::Missing(vec!["data", "inventory"]));
    }
    let mut event = Event::new("ironic", "inspection", EventKind::Note);
    event = match word(object, "error") {
        Some(error) => Event {
            level: Level::Error,
            ..event.saying(format!("the inspection failed: {error}"))
        },
        None => event.saying("the hardware was inspected"),
    };
    let mut message = Message::of(event);
    message.files.extend(logs(object));
    Ok(Inspection {
        rows: rows.map(Value::to_string),
        facts: inventory.map(facts_of_inventory).unwrap_or_default(),
        message,
    })
}

/// The agent's logs: a packed archive in base64.
fn logs(object: &Object) -> Option<LogFile> {
    use base64::Engine;
    let packed = word(object, "logs")?;
    let content = base64::engine::general_purpose::STANDARD
        .decode(packed.trim())
        .ok()?;
    Some(LogFile {
        name: "ironic-python-agent.tar.gz".to_owned(),
        content,
    })
}

/// The agent's inventory in the rows of hardware-detect, as far as they say the same.
pub fn facts_of_inventory(inventory: &Value) -> Facts {
    let mut facts = Rows::default();
    let objects = |key: &str| {
        let list = inventory.get(key).and_then(Value::as_array);
        let objects = list.into_iter().flatten().filter_map(Value::as_object);
        objects.collect::<Vec<&Object>>()
    };
    let object = |key: &str| inventory.get(key).and_then(Value::as_object);
    disks(&objects("disks"), &mut facts);
    if let Some(vendor) = object("system_vendor") {
        system(vendor, &mut facts);
    }
    interfaces(&objects("interfaces"), &mut facts);
    if let Some(cpu) = object("cpu") {
        facts.number("cpu", "logical", "number", cpu, "count");
        facts.number("cpu", "physical", "number", cpu, "socket_count");
        facts.text("cpu", "physical_0", "product", word(cpu, "model_name"));
        facts.text(
            "cpu",
            "physical_0",
            "architecture",
            word(cpu, "architecture"),
        );
    }
    if let Some(memory) = object("memory") {
        let installed = memory.get("physical_mb").and_then(Value::as_u64);
        let bytes = installed.map(|mebibytes| (mebibytes << 20).to_string());
        let bytes = bytes.or_else(|| word(memory, "total"));
        facts.text("memory", "total", "size", bytes);
    }
    let board = word_of(inventory, "bmc_address").filter(|address| address != "0.0.0.0");
    facts.text("ipmi", "lan", "ip-address", board);
    facts.0
}

fn word_of(value: &Value, key: &str) -> Option<String> {
    value.as_object().and_then(|object| word(object, key))
}

fn disks(disks: &[&Object], facts: &mut Rows) {
    let sizes = disks.iter().filter_map(|disk| {
        let bytes = disk.get("size").and_then(Value::as_u64)?;
        let path = word(disk, "name")?;
        let name = path.strip_prefix("/dev/").unwrap_or(&path).to_owned();
        (bytes >= GB).then_some((name, bytes / GB, *disk))
    });
    let sizes: Vec<(String, u64, &Object)> = sizes.collect();
    facts.text("disk", "logical", "count", Some(sizes.len().to_string()));
    for (name, size, disk) in sizes {
        facts.text("disk", &name, "size", Some(size.to_string()));
        for key in ["vendor", "model"] {
            facts.text("disk", &name, key, word(disk, key));
        }
        let rotational = disk.get("rotational").and_then(Value::as_bool);
        let rotational = rotational.map(|turns| if turns { "1" } else { "0" }.to_owned());
        facts.text("disk", &name, "rotational", rotational);
        facts.text(
            "disk",
            &name,
            "physical_block_size",
            text(disk, "physical_sectors"),
        );
        let wwn = word(disk, "wwn_with_extension").or_else(|| word(disk, "wwn"));
        facts.text("disk", &name, "wwn-id", wwn.map(|wwn| format!("wwn-{wwn}")));
    }
}

fn system(vendor: &Object, facts: &mut Rows) {
    for (key, told) in [
        ("serial", "serial_number"),
        ("name", "product_name"),
        ("vendor", "manufacturer"),
        ("uuid", "system_uuid"),
    ] {
        facts.text("system", "product", key, word(vendor, told));
    }
    if let Some(firmware) = vendor.get("firmware").and_then(Value::as_object) {
        for (key, told) in [
            ("version", "version"),
            ("date", "build_date"),
            ("vendor", "vendor"),
        ] {
            facts.text("firmware", "bios", key, word(firmware, told));
        }
    }
}

fn interfaces(interfaces: &[&Object], facts: &mut Rows) {
    for interface in interfaces {
        let Some(name) = word(interface, "name") else {
            continue;
        };
        for (key, told) in [
            ("serial", "mac_address"),
            ("ipv4", "ipv4_address"),
            ("vendor", "vendor"),
            ("product", "product"),
            ("driver", "driver"),
        ] {
            facts.text("network", &name, key, word(interface, told));
        }
        // Where it has a colon it is one: virtio's own numbers come under this name too.
        let bus = word(interface, "pci_address").filter(|address| address.contains(':'));
        facts.text(
            "network",
            &name,
            "businfo",
            bus.map(|address| format!("pci@{address}")),
        );
        let carrier = interface.get("has_carrier").and_then(Value::as_bool);
        let link = carrier.map(|up| if up { "yes" } else { "no" }.to_owned());
        facts.text("network", &name, "link", link);
        let speed = interface.get("speed_mbps").and_then(Value::as_u64);
        let speed = speed.map(|speed| speed.saturating_mul(1_000_000).to_string());
        facts.text("network", &name, "size", speed);
    }
}

#[derive(Default)]
struct Rows(Facts);

impl Rows {
    fn text(&mut self, category: &str, instance: &str, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0
                .push(Fact::new(category, instance, key, value.as_str()));
        }
    }

    /// hardware-detect counts processors in numbers, and all else in text.
    fn number(&mut self, category: &str, instance: &str, key: &str, object: &Object, told: &str) {
        if let Some(number) = object.get(told).and_then(Value::as_i64) {
            let number = crate::model::Value::Int(number.into());
            self.0.push(Fact::new(category, instance, key, number));
        }
    }
}
