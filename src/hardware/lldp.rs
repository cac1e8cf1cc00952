//! The switch port at the other end of each link, as a running LLDP agent knows it.
//!
//! `lldptool` (lldpad, which the original's ramdisk runs) or `lldpctl` (lldpd). Keys are those that
//! the reference makes of `lldptool`: `Chassis ID/MAC`, `Port ID/Ifname`, `System Name`.

use std::time::Duration;

use serde_json::Value as Json;

use super::report::{Report, Rows};
use super::tools::Tools;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the agent of this machine knows of all interfaces.
#[derive(Debug)]
pub(super) enum Neighbours {
    /// `lldptool` is asked for each interface.
    Lldptool,
    /// The whole answer of `lldpctl -f json`.
    Lldpctl(Json),
    /// Nobody listens.
    Nobody,
}

impl Neighbours {
    /// Asks the agent that is there.
    pub(super) fn read(tools: Tools<'_>, report: &mut Report) -> Neighbours {
        if tools.has("lldptool") {
            return Neighbours::Lldptool;
        }
        if !tools.has("lldpctl") {
            return Neighbours::Nobody;
        }
        let answer = tools.ask(&["lldpctl", "-f", "json"], TIMEOUT, report);
        match serde_json::from_str(&answer.unwrap_or_default()) {
            Ok(answer) => Neighbours::Lldpctl(answer),
            Err(_) => Neighbours::Nobody,
        }
    }
}

/// The rows of `lldp` of one interface.
pub(super) fn detect(tools: Tools<'_>, known: &Neighbours, interface: &str, report: &mut Report) {
    match known {
        Neighbours::Lldptool => {
            let command = ["lldptool", "-t", "-n", "-i", interface];
            // It fails where the agent does not know the interface.
            let answer = tools.answer(&command, TIMEOUT).unwrap_or_default();
            lldptool_rows(&answer, &mut report.of("lldp", interface));
        }
        Neighbours::Lldpctl(answer) => {
            lldpctl_rows(answer, interface, &mut report.of("lldp", interface));
        }
        Neighbours::Nobody => {}
    }
}

/// `/` stands between the parts of a key, so it becomes `_` in what the switch says.
fn without_slashes(text: &str) -> String {
    text.trim().replace('/', "_")
}

/// A line without a tab before it begins a TLV, each line with one is a value of it. A name before a
/// colon is added to the TLV's, and stays there for the lines that follow, as in the reference.
fn lldptool_rows(answer: &str, rows: &mut Rows<'_>) {
    let mut header = String::new();
    let mut last_name = String::new();
    for line in answer.lines() {
        let Some(content) = line.strip_prefix('\t') else {
            header = without_slashes(line).replace(" TLV", "");
            last_name.clear();
            continue;
        };
        let content = without_slashes(content);
        if header.is_empty() || content.is_empty() || header.len() > 1024 {
            continue;
        }
        let Some((name, value)) = content.split_once(':') else {
            rows.text(&header, content);
            continue;
        };
        let name = name.trim();
        if name != last_name || value.is_empty() {
            header.push('/');
            header.push_str(name);
            last_name = name.to_owned();
        }
        if !value.is_empty() {
            rows.text(&header, value);
        }
    }
}

/// The answer of `lldpctl`: one interface, or a list of objects with one each.
fn lldpctl_rows(answer: &Json, interface: &str, rows: &mut Rows<'_>) {
    let interfaces = answer.pointer("/lldp/interface");
    let found = match interfaces {
        Some(Json::Array(all)) => all.iter().find_map(|one| one.get(interface)),
        Some(one) => one.get(interface),
        None => None,
    };
    let Some(found) = found else {
        return;
    };
    let text = |json: Option<&Json>| json.and_then(Json::as_str).map(without_slashes);
    let chassis = found.get("chassis").and_then(Json::as_object);
    // The chassis stands under its name, where it has one.
    let (name, chassis) = match chassis.and_then(|chassis| chassis.iter().next()) {
        Some((name, inner)) if name != "id" && inner.get("id").is_some() => {
            (Some(without_slashes(name)), Some(inner))
        }
        _ => (None, found.get("chassis")),
    };
    for (tlv, of) in [("Chassis ID", chassis), ("Port ID", found.get("port"))] {
        let id = of.and_then(|of| of.get("id"));
        let kind = text(id.and_then(|id| id.get("type"))).map(|kind| match kind.as_str() {
            "mac" => "MAC".to_owned(),
            "ifname" => "Ifname".to_owned(),
            "local" => "Local".to_owned(),
            _ => kind,
        });
        if let Some(kind) = kind {
            rows.maybe(
                &format!("{tlv}/{kind}"),
                text(id.and_then(|id| id.get("value"))),
            );
        }
    }
    rows.maybe("Port Description", text(found.pointer("/port/descr")));
    rows.maybe("System Name", name);
    rows.maybe(
        "System Description",
        text(chassis.and_then(|chassis| chassis.get("descr"))),
    );
    let ttl = found
        .pointer("/port/ttl")
        .or_else(|| found.pointer("/ttl/ttl"));
    rows.maybe("Time to Live", text(ttl));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(fill: impl FnOnce(&mut Rows<'_>)) -> Vec<(String, String)> {
        let mut report = Report::default();
        fill(&mut report.of("lldp", "eth0"));
        let facts = report.facts.into_iter();
        facts
            .map(|fact| (fact.key, fact.value.to_string()))
            .collect()
    }

    const EXPECTED: [(&str, &str); 4] = [
        ("Chassis ID/MAC", "54:7f:ee:12:9a:44"),
        ("Port ID/Ifname", "Ethernet1_31"),
        ("System Name", "tor-r14-a"),
        ("Time to Live", "120"),
    ];

    fn expected() -> Vec<(String, String)> {
        let owned = EXPECTED.map(|(key, value)| (key.to_owned(), value.to_owned()));
        owned.to_vec()
    }

    #[test]
    fn lldptool_names_the_other_end() {
        let answer = "Chassis ID TLV\n\tMAC: 54:7f:ee:12:9a:44\nPort ID TLV\n\tIfname: Ethernet1/31\n\
                      System Name TLV\n\ttor-r14-a\nTime to Live TLV\n\t120\nEnd of LLDPDU TLV\n";
        assert_eq!(rows_of(|rows| lldptool_rows(answer, rows)), expected());
    }

    #[test]
    fn names_within_a_tlv_pile_up_as_in_the_reference() {
        let answer = "System Capabilities TLV\n\tSystem capabilities:  Bridge\n\tEnabled capabilities: Router\n";
        let keys: Vec<String> = rows_of(|rows| lldptool_rows(answer, rows))
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let first = "System Capabilities/System capabilities";
        assert_eq!(
            keys,
            [first.to_owned(), format!("{first}/Enabled capabilities")]
        );
    }

    #[test]
    fn lldpctl_says_the_same() {
        let answer = serde_json::json!({"lldp": {"interface": [{"eth1": {}}, {"eth0": {
            "chassis": {"tor-r14-a": {"id": {"type": "mac", "value": "54:7f:ee:12:9a:44"}}},
            "port": {"id": {"type": "ifname", "value": "Ethernet1/31"}, "ttl": "120"}}}]}});
        assert_eq!(
            rows_of(|rows| lldpctl_rows(&answer, "eth0", rows)),
            expected()
        );
        assert_eq!(rows_of(|rows| lldpctl_rows(&answer, "eth1", rows)), []);
    }
}
