//! What all reports come to, in memory: every machine, what else it is called, what its profile taught.

use std::collections::HashMap;
use std::sync::Arc;

use super::machine::Machine;
use super::usual::Usual;

/// A machine with the number it has in the store.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) id: i64,
    pub(super) machine: Arc<Machine>,
}

/// Every machine that was reported of.
#[derive(Debug, Clone, Default)]
pub struct Board {
    pub(super) machines: HashMap<String, Kept>,
    /// Other names, and the machine each is of.
    pub(super) aliases: HashMap<String, String>,
    pub(super) usual: HashMap<String, Usual>,
    nothing: Usual,
}

impl Board {
    /// All machines, in no order.
    pub fn machines(&self) -> impl Iterator<Item = &Arc<Machine>> {
        self.machines.values().map(|kept| &kept.machine)
    }

    /// How many machines there are.
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether nothing was reported of any machine.
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// The name of the machine that is called this, if one is.
    pub fn name_of<'a>(&'a self, called: &'a str) -> Option<&'a str> {
        if self.machines.contains_key(called) {
            return Some(called);
        }
        let alias = self.aliases.get(&folded(called))?;
        self.machines.contains_key(alias).then_some(alias)
    }

    /// The machine that is called this: by its name, serial, uuid, a MAC, its hostname or its address.
    pub fn machine(&self, called: &str) -> Option<&Arc<Machine>> {
        let kept = self.machines.get(self.name_of(called)?)?;
        Some(&kept.machine)
    }

    /// What deployments like this machine's usually take.
    pub fn usual(&self, machine: &Machine) -> &Usual {
        let Some(deployment) = &machine.deployment else {
            return &self.nothing;
        };
        let key = usual_key(deployment.profile.as_deref(), &deployment.action);
        self.usual.get(&key).unwrap_or(&self.nothing)
    }
}

/// Upgrades of a profile take another time than its installations.
pub(super) fn usual_key(profile: Option<&str>, action: &str) -> String {
    format!("{}/{action}", profile.unwrap_or(""))
}

/// Names are told apart without regard to case, MACs by their digits.
pub(super) fn folded(alias: &str) -> String {
    let alias = alias.trim().to_ascii_lowercase();
    let digits: String = alias.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let is_mac = digits.len() == 12
        && alias.len() == 17
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_mac { digits } else { alias }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_the_same_however_it_is_written() {
        assert_eq!(folded("52:54:00:AB:cd:01"), folded("52-54-00-ab-cd-01"));
        assert_ne!(folded("node-1"), folded("node1"));
    }
}
