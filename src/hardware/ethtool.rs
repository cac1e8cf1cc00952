//! What `ethtool` tells of a network interface and sysfs does not.

use std::time::Duration;

use super::report::Rows;
use super::tools::Tools;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The answers for one interface; empty where `ethtool` is not there or the driver has none.
#[derive(Debug, Default)]
pub(super) struct Settings {
    settings: String,
    driver: String,
    pause: String,
    features: String,
}

impl Settings {
    /// Asks. A driver that cannot answer one of the questions is no reason for a warning.
    pub(super) fn read(tools: Tools<'_>, interface: &str) -> Settings {
        let ask = |option: &[&str]| {
            let command = [&["ethtool"], option, &[interface]].concat();
            tools.answer(&command, TIMEOUT).unwrap_or_default()
        };
        Settings {
            settings: ask(&[]),
            driver: ask(&["-i"]),
            pause: ask(&["-a"]),
            features: ask(&["-k"]),
        }
    }

    pub(super) fn driver(&self) -> Option<&str> {
        value(&self.driver, "driver")
    }

    pub(super) fn firmware(&self) -> Option<&str> {
        value(&self.driver, "firmware-version")
    }

    pub(super) fn autonegotiation(&self) -> Option<&str> {
        value(&self.settings, "Auto-negotiation")
    }

    /// The rows of flow control and offload features, `tx-checksumming/tx-checksum-ipv4` and so on.
    pub(super) fn rows(&self, interface: &str, rows: &mut Rows<'_>) {
        for answer in [&self.pause, &self.features] {
            let mut group = "";
            for line in answer.lines().filter(|line| !line.contains(interface)) {
                let Some((name, value)) = line.split_once(':') else {
                    continue;
                };
                let is_part = line.starts_with('\t');
                if !is_part {
                    group = name;
                }
                let value = value.replace(':', "");
                let (name, value) = (name.trim(), value.trim());
                match (value.is_empty(), is_part) {
                    (true, _) => {}
                    (false, true) => rows.text(&format!("{group}/{name}"), value),
                    (false, false) => rows.text(name, value),
                }
            }
        }
    }
}

fn value<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let value = answer.lines().find_map(|line| {
        let (found, value) = line.trim().split_once(':')?;
        (found == name).then(|| value.trim())
    })?;
    (!value.is_empty() && value != "N/A").then_some(value)
}
