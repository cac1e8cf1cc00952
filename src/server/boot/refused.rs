//! The facts of machines that were refused, so that one which asks how to boot can be matched again.
//!
//! Kept in memory, [`MOST_MACHINES`] and [`MOST_BYTES`] at most, the newest. A machine that is not
//! remembered, as after a restart of the server, boots the ramdisk once more, is refused again and is
//! remembered: it is never installed by that.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Evidence, Fact, Identity, SectionName};

/// Most machines that are remembered.
const MOST_MACHINES: usize = 2_000;

/// Most memory for their facts, about.
const MOST_BYTES: usize = 128 << 20;

/// A machine that a section refused.
#[derive(Debug, Clone)]
pub(super) struct RefusedMachine {
    pub(super) section: SectionName,
    pub(super) facts: Arc<[Fact]>,
    identity: Identity,
    bytes: usize,
}

/// The machines that were refused last.
#[derive(Debug, Default)]
pub(in crate::server) struct RefusedMachines {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    bytes: usize,
    /// Oldest first.
    machines: BTreeMap<u64, RefusedMachine>,
    by_key: HashMap<String, Vec<u64>>,
}

impl RefusedMachines {
    /// Remembers a machine that `section` refused, instead of what was known of it.
    pub(in crate::server) fn remember(&self, section: &SectionName, facts: Arc<[Fact]>) {
        let identity = Identity::of(&facts);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remove_all(&identity, |known| known.section == *section);
        inner.add(RefusedMachine {
            section: section.clone(),
            bytes: facts.iter().map(size).sum(),
            facts,
            identity,
        });
        while inner.machines.len() > MOST_MACHINES || inner.bytes > MOST_BYTES {
            let Some(oldest) = inner.machines.keys().next().copied() else {
                break;
            };
            inner.remove(oldest);
        }
    }

    /// Forgets a machine that was given something, by whichever section.
    pub(in crate::server) fn forget(&self, identity: &Identity) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remove_all(identity, |_| true);
    }

    /// What is remembered of a machine, one for each section that refused it.
    pub(super) fn find(&self, identity: &Identity) -> Vec<RefusedMachine> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inner.find(identity);
        found
            .iter()
            .filter_map(|at| inner.machines.get(at).cloned())
            .collect()
    }
}

impl Inner {
    fn find(&self, identity: &Identity) -> Vec<u64> {
        let keys = identity.lookup_keys();
        let found = keys.iter().filter_map(|key| self.by_key.get(key)).flatten();
        let same = |at: &&u64| {
            let known = self.machines.get(at);
            known.is_some_and(|it| it.identity.compare(identity) != Evidence::Different)
        };
        let mut found: Vec<u64> = found.filter(same).copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn add(&mut self, machine: RefusedMachine) {
        self.next += 1;
        for key in machine.identity.lookup_keys() {
            self.by_key.entry(key).or_default().push(self.next);
        }
        self.bytes += machine.bytes;
        self.machines.insert(self.next, machine);
    }

    fn remove_all(&mut self, identity: &Identity, which: impl Fn(&RefusedMachine) -> bool) {
        for at in self.find(identity) {
            if self.machines.get(&at).is_some_and(&which) {
                self.remove(at);
            }
        }
    }

    fn remove(&mut self, at: u64) {
        let Some(machine) = self.machines.remove(&at) else {
            return;
        };
        self.bytes -= machine.bytes;
        for key in machine.identity.lookup_keys() {
            if let Some(places) = self.by_key.get_mut(&key) {
                places.retain(|place| *place != at);
                if places.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
    }
}

/// About how much memory a fact takes.
fn size(fact: &Fact) -> usize {
    let texts = [&fact.category, &fact.instance, &fact.key];
    let value = fact.value.as_text().map_or(0, str::len);
    size_of::<Fact>() + texts.iter().map(|text| text.len()).sum::<usize>() + value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(serial: &str) -> Arc<[Fact]> {
        Arc::from([Fact::new("system", "product", "serial", serial)])
    }

    fn told(serial: &str) -> Identity {
        Identity::told(None, Some(serial), [])
    }

    fn section() -> SectionName {
        SectionName::default_section()
    }

    #[test]
    fn a_refused_machine_is_found_by_what_its_boot_loader_tells_until_it_is_given_something() {
        let refused = RefusedMachines::default();
        refused.remember(&section(), facts("CZ1"));
        refused.remember(&section(), facts("CZ1"));
        refused.remember(&section(), facts("CZ2"));
        assert_eq!(refused.find(&told("CZ1")).len(), 1);
        assert!(refused.find(&told("CZ3")).is_empty());
        refused.forget(&Identity::of(&facts("CZ1")));
        assert!(refused.find(&told("CZ1")).is_empty());
        assert_eq!(refused.find(&told("CZ2")).len(), 1);
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let refused = RefusedMachines::default();
        for number in 0..=MOST_MACHINES {
            refused.remember(&section(), facts(&format!("SN{number}x")));
        }
        assert!(refused.find(&told("SN0x")).is_empty());
        assert_eq!(refused.find(&told("SN1x")).len(), 1);
        let inner = refused.inner.lock().unwrap();
        assert_eq!(inner.machines.len(), MOST_MACHINES);
        assert_eq!(inner.by_key.len(), MOST_MACHINES);
    }

    #[test]
    fn facts_take_only_so_much_memory() {
        let refused = RefusedMachines::default();
        let text = "x".repeat(1 << 20);
        for number in 0..200 {
            let serial = format!("SN{number}x");
            let row = Fact::new("disk", "sda", "model", text.as_str());
            let facts = [facts(&serial)[0].clone(), row];
            refused.remember(&section(), Arc::from(facts));
        }
        let inner = refused.inner.lock().unwrap();
        assert!(inner.bytes <= MOST_BYTES && inner.machines.len() > 100);
    }
}
