//! Announces a machine to pxemngr (eDeploy `upload.py`), without a shell in between.

use std::time::Duration;

use crate::model::{Fact, MachineId};
use crate::system::{Command, Runner};

use super::settings::SectionSettings;

/// How long pxemngr may take; the machine waits for its answer meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The MACs of a machine that are six bytes and nothing else, in the order of its facts.
pub(super) fn macs(facts: &[Fact]) -> Vec<String> {
    let nics = facts
        .iter()
        .filter(|fact| fact.category == "network" && fact.key == "serial");
    nics.filter_map(|fact| fact.value.as_text())
        .filter(|text| is_mac(text))
        .map(str::to_owned)
        .collect()
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    let is_byte =
        |byte: &&str| byte.len() == 2 && byte.chars().all(|digit| digit.is_ascii_hexdigit());
    bytes.len() == 6 && bytes.iter().all(is_byte)
}

/// Runs `pxemngr addsystem MACHINE MAC...`, if the section wants it. A failure is logged only.
pub(super) fn announce(
    runner: &dyn Runner,
    settings: &SectionSettings,
    machine: &MachineId,
    macs: &[String],
) {
    if !settings.use_pxemngr {
        return;
    }
    if machine.as_str().starts_with('-') {
        tracing::warn!(%machine, "not announced to pxemngr, which would take the name for an option");
        return;
    }
    let words = ["addsystem", machine.as_str()]
        .into_iter()
        .chain(macs.iter().map(String::as_str));
    let command = Command::new(&settings.pxemngr_program, words)
        .mutating()
        .with_timeout(TIMEOUT);
    match runner.run(&command) {
        Ok(_) => tracing::info!(%machine, "announced to pxemngr"),
        Err(error) => {
            tracing::warn!(%machine, error = ?error.to_string(), "pxemngr does not know the machine");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_macs_reach_pxemngr() {
        let facts: Vec<Fact> = [
            "52:54:00:88:17:3c",
            "x;touch P",
            "--help",
            "52:54:00:88:17:3c ",
            "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:2f:7d:11",
            "D8:9D:67:1A:D0:FC",
            "52:54:00:88:17:é",
        ]
        .into_iter()
        .map(|mac| Fact::new("network", "eth0", "serial", mac))
        .collect();
        assert_eq!(macs(&facts), ["52:54:00:88:17:3c", "D8:9D:67:1A:D0:FC"]);
    }
}
