//! Tells pxemngr that the next boot is from the disk (eDeploy `init`, step 23).
//!
//! It knows a machine by the address that asks, or else by a MAC. What it answers does not matter, and
//! no installation fails because of it: the machine is installed.

use crate::system::with_causes;

use super::agent;

/// Asks, and gives what is to be said of it.
pub(super) fn ask_for_local_boot(url: &str, facts: &str) -> Vec<String> {
    let agent = agent::for_strangers();
    let mut said = Vec::new();
    for page in pages(url, facts) {
        match agent.get(&page).call() {
            Ok(answer) if answer.status().is_success() => {
                said.push(format!("pxemngr boots this machine from its disk: {page}"));
                return said;
            }
            Ok(answer) => said.push(format!("warning: {page} answered {}", answer.status())),
            Err(error) => said.push(format!("warning: {page}: {}", with_causes(&error))),
        }
    }
    said.push("warning: pxemngr may install this machine again at its next boot".to_owned());
    said
}

/// What is asked for, until something answers.
fn pages(url: &str, facts: &str) -> Vec<String> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(facts).unwrap_or_default();
    let serials = rows
        .iter()
        .filter(|row| row[0] == "network" && row[2] == "serial");
    let macs = serials.filter_map(|row| row[3].as_str());
    // Of six bytes, as Ethernet has them; facts are of the machine, and this becomes an address.
    let is_mac = |mac: &&str| {
        mac.len() == 17
            && mac
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    };
    let base = format!("{}/localboot/", url.trim_end_matches('/'));
    let by_mac: Vec<String> = macs
        .filter(is_mac)
        .map(|mac| format!("{base}{mac}/"))
        .collect();
    [vec![base], by_mac].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_its_address_or_else_by_a_mac() {
        let facts = r#"[["network", "eth0", "serial", "52:54:00:12:34:56"],
            ["network", "ib0", "serial", "../../x"], ["disk", "sda", "serial", "52:54:00:12:34:57"]]"#;
        assert_eq!(
            pages("http://p/px/", facts),
            [
                "http://p/px/localboot/",
                "http://p/px/localboot/52:54:00:12:34:56/"
            ]
        );
        assert_eq!(pages("http://p", "no JSON"), ["http://p/localboot/"]);
    }
}
