//! The step `detect`: what this machine is made of, and which card it booted from.

use crate::client::detect::as_json;
use crate::hardware::{self, Sysroot};
use crate::model::Fact;

use super::files;
use super::installation::Installation;
use super::step::StepError;

impl Installation {
    /// The facts as JSON rows, from the machine or from the file that takes its place.
    pub(super) fn detect(&mut self) -> Result<String, StepError> {
        if let Some(path) = &self.hardware {
            return std::fs::read_to_string(path).map_err(|source| StepError::Hardware {
                path: path.clone(),
                source,
            });
        }
        let detected = hardware::detect(&Sysroot::new("/"), self.runner.as_ref());
        for warning in &detected.warnings {
            self.log.say(&format!("warning: {warning}"));
        }
        let mut facts = detected.facts;
        facts.extend(boot_card(self.settings.boot_mac.as_deref(), &facts));
        let facts = as_json(&facts);
        files::keep_facts(self.writer(), &facts)?;
        Ok(facts)
    }
}

/// The MAC by which the machine asks how to boot, where no card that was found has it. Without it the server
/// may not know the machine again at its next boot.
fn boot_card(mac: Option<&str>, facts: &[Fact]) -> Option<Fact> {
    let mac = mac?;
    let is_this = |fact: &Fact| {
        fact.category == "network"
            && fact.key == "serial"
            && fact
                .value
                .as_text()
                .is_some_and(|it| it.eq_ignore_ascii_case(mac))
    };
    (!facts.iter().any(is_this)).then(|| Fact::new("system", "boot", "mac", mac))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Identity;

    #[test]
    fn the_card_it_booted_from_is_told_only_where_it_was_not_found() {
        let mac = "52:54:00:ab:cd:01";
        let found = [Fact::new("network", "eth0", "serial", "52:54:00:AB:CD:01")];
        assert_eq!(boot_card(Some(mac), &found), None);
        assert_eq!(boot_card(None, &[]), None);
        let told = boot_card(Some(mac), &[]).unwrap();
        // What the server knows it by when it boots again.
        assert!(Identity::of(&[told]).macs.contains(mac));
    }
}
