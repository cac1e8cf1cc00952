//! The CMDB of one profile as choosing needs it: which entries are free, held, or include some values.
//!
//! The answers are those of a walk over the entries in file order (seed README, "CMDB files"); the
//! indexes only make them quick for tables of many thousand entries.

use std::collections::{BTreeSet, HashMap};

use crate::format::CmdbDocument;
use crate::model::{Allocation, Bindings, CmdbEntry, HeldEntry, MachineId, Number, Value};

/// Entries by the value of one key; positions in file order.
type ValueIndex = HashMap<String, BTreeSet<usize>>;

/// A CMDB and who holds which of its entries.
#[derive(Debug)]
pub(crate) struct Table {
    document: CmdbDocument,
    free: BTreeSet<usize>,
    held_by: HashMap<usize, MachineId>,
    position_of: HashMap<MachineId, usize>,
    by_value: HashMap<String, ValueIndex>,
    changed: bool,
}

/// Why no entry can be given to a machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NoEntry {
    /// Every entry is used.
    NoneFree,
    /// No entry has the values of the key bindings.
    NoneForKey,
    /// The entries that have them belong to other machines; the first of those.
    HeldBy(MachineId),
}

impl Table {
    /// Makes the table of a document, giving every allocation of its profile the entry it holds.
    pub(crate) fn new<'a>(
        document: CmdbDocument,
        allocations: impl IntoIterator<Item = &'a Allocation>,
    ) -> Table {
        let free = |(position, entry): (usize, &CmdbEntry)| (!entry.is_used()).then_some(position);
        let mut table = Table {
            free: document
                .entries()
                .iter()
                .enumerate()
                .filter_map(free)
                .collect(),
            document,
            held_by: HashMap::new(),
            position_of: HashMap::new(),
            by_value: HashMap::new(),
            changed: false,
        };
        table.locate(allocations);
        table
    }

    pub(crate) fn document(&self) -> &CmdbDocument {
        &self.document
    }

    /// Where the entry of `machine` stands.
    pub(crate) fn position_of(&self, machine: &MachineId) -> Option<usize> {
        self.position_of.get(machine).copied()
    }

    /// The entry at `position`.
    pub(crate) fn entry(&self, position: usize) -> &CmdbEntry {
        &self.document.entries()[position]
    }

    /// How many entries nobody holds and nothing marks as used.
    pub(crate) fn count_free(&self) -> usize {
        self.free
            .iter()
            .filter(|position| !self.held_by.contains_key(position))
            .count()
    }

    /// Chooses the entry for `machine` (DESIGN.md 4, rule 7): its own, if that still has the key; with
    /// key bindings the first that includes them; else the first that includes all bindings; else the
    /// first free one. Never one that another machine holds.
    ///
    /// # Errors
    /// [`NoEntry`] says what is missing.
    pub(crate) fn choose(
        &mut self,
        machine: Option<&MachineId>,
        bindings: &Bindings,
        key: &Bindings,
    ) -> Result<usize, NoEntry> {
        let own = machine.and_then(|machine| self.position_of(machine));
        if let Some(own) = own.filter(|own| self.entry(*own).includes(key)) {
            return Ok(own);
        }
        let wanted = if key.is_empty() { bindings } else { key };
        if !wanted.is_empty() {
            let including = self.including(wanted);
            if let Some(position) = including.iter().find(|at| !self.is_held(**at, machine)) {
                return Ok(*position);
            }
            if !key.is_empty() {
                let holder = including
                    .first()
                    .and_then(|position| self.held_by.get(position));
                return Err(holder.cloned().map_or(NoEntry::NoneForKey, NoEntry::HeldBy));
            }
        }
        let mut free = self.free.iter().copied();
        free.find(|position| !self.is_held(*position, machine))
            .ok_or(NoEntry::NoneFree)
    }

    fn is_held(&self, position: usize, by_other_than: Option<&MachineId>) -> bool {
        self.held_by
            .get(&position)
            .is_some_and(|holder| Some(holder) != by_other_than)
    }

    /// Gives the entry at `position` to `machine`, with the machine's values in it.
    pub(crate) fn give(
        &mut self,
        position: usize,
        machine: &MachineId,
        bindings: &Bindings,
        held: Option<&HeldEntry>,
    ) -> HeldEntry {
        let current = self.entry(position).clone();
        let own = self.position_of(machine) == Some(position);
        let before = match held.filter(|_| own) {
            Some(held) => held.before.clone(),
            None => current.clone(),
        };
        let after = current.merged(bindings);
        if let Some(old) = self.position_of.insert(machine.clone(), position) {
            self.held_by.remove(&old);
        }
        self.held_by.insert(position, machine.clone());
        self.replace(position, &after);
        HeldEntry { before, after }
    }

    /// Frees the entry of `machine`: what the allocation wrote into it goes, what the admin wrote stays.
    pub(crate) fn take_back(&mut self, machine: &MachineId, held: &HeldEntry) {
        let Some(position) = self.position_of.remove(machine) else {
            return;
        };
        self.held_by.remove(&position);
        let freed = freed(self.entry(position), held);
        self.replace(position, &freed);
    }

    fn replace(&mut self, position: usize, entry: &CmdbEntry) {
        if self.entry(position) == entry {
            return;
        }
        let old = self.entry(position).clone();
        for (key, index) in &mut self.by_value {
            if let Some(text) = old.get(key).map(index_text)
                && let Some(positions) = index.get_mut(&text)
            {
                positions.remove(&position);
            }
            if let Some(value) = entry.get(key) {
                index.entry(index_text(value)).or_default().insert(position);
            }
        }
        if entry.is_used() {
            self.free.remove(&position);
        } else {
            self.free.insert(position);
        }
        self.document.replace(position, entry.clone());
        self.changed = true;
    }

    /// Whether the document differs from its file.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Notes that the file has been brought up to the document.
    pub(crate) fn settle(&mut self) {
        self.changed = false;
    }

    /// Positions of the entries that include all of `wanted`, in file order.
    fn including(&mut self, wanted: &Bindings) -> Vec<usize> {
        for (key, _) in wanted.iter() {
            if !self.by_value.contains_key(key) {
                let index = index_of(self.document.entries(), key);
                self.by_value.insert(key.to_owned(), index);
            }
        }
        let positions = |(key, value): (&str, &Value)| self.by_value[key].get(&index_text(value));
        let rarest = wanted
            .iter()
            .map(positions)
            .min_by_key(|found| found.map_or(0, BTreeSet::len));
        let candidates = rarest.flatten().into_iter().flatten().copied();
        candidates
            .filter(|position| self.entry(*position).includes(wanted))
            .collect()
    }

    /// Finds the entry of each allocation: as it was left; or as it was before, where the file was put
    /// back; or, where the admin edited it since, the one used entry that is most like it.
    fn locate<'a>(&mut self, allocations: impl IntoIterator<Item = &'a Allocation>) {
        let holding = |allocation: &'a Allocation| {
            allocation
                .entry
                .as_ref()
                .map(|held| (&allocation.machine, held))
        };
        let mut missing: Vec<(&MachineId, &HeldEntry)> =
            allocations.into_iter().filter_map(holding).collect();
        if missing.is_empty() {
            return;
        }
        let by_content = by_content(self.document.entries());
        for wanted in [
            |held: &HeldEntry| held.after.clone(),
            |held: &HeldEntry| held.before.clone(),
        ] {
            missing.retain(|(machine, held)| {
                let entry = wanted(held);
                let alike = by_content
                    .get(&content_key(&entry))
                    .into_iter()
                    .flatten()
                    .copied();
                let free =
                    |at: &usize| !self.held_by.contains_key(at) && self.entry(*at).same(&entry);
                let found = alike.into_iter().find(free);
                if let Some(position) = found {
                    self.hold(machine, position);
                }
                found.is_none()
            });
        }
        for (machine, held) in missing {
            if let Some(position) = self.most_alike(&held.after) {
                self.hold(machine, position);
            }
        }
    }

    fn hold(&mut self, machine: &MachineId, position: usize) {
        self.held_by.insert(position, machine.clone());
        self.position_of.insert(machine.clone(), position);
    }

    /// The used entry that nobody holds yet and that shares most values with `entry`: more than half of
    /// them, and no other shares as many.
    fn most_alike(&self, entry: &CmdbEntry) -> Option<usize> {
        let shared = |other: &CmdbEntry| {
            let same = |(key, value): &(&str, &Value)| other.get(key) == Some(value);
            entry.iter().filter(same).count()
        };
        let candidates = self.document.entries().iter().enumerate();
        let mut scored: Vec<(usize, usize)> = candidates
            .filter(|(position, other)| other.is_used() && !self.held_by.contains_key(position))
            .map(|(position, other)| (shared(other), position))
            .filter(|(shared, _)| shared * 2 > entry.iter().len())
            .collect();
        scored.sort_unstable_by(|a, b| b.cmp(a));
        match scored.as_slice() {
            [(_, position)] => Some(*position),
            [(best, position), (second, _), ..] if best > second => Some(*position),
            _ => None,
        }
    }
}

fn freed(current: &CmdbEntry, held: &HeldEntry) -> CmdbEntry {
    let restored = |(key, value): (&str, &Value)| {
        let written = held.after.get(key) == Some(value);
        let kept = match held.before.get(key) {
            Some(before) if written => Some(before.clone()),
            None if written => None,
            _ => Some(value.clone()),
        };
        kept.filter(|_| key != crate::model::USED)
            .map(|value| (key.to_owned(), value))
    };
    current.iter().filter_map(restored).collect()
}

fn index_of(entries: &[CmdbEntry], key: &str) -> ValueIndex {
    let mut index = ValueIndex::new();
    for (position, entry) in entries.iter().enumerate() {
        if let Some(value) = entry.get(key) {
            index.entry(index_text(value)).or_default().insert(position);
        }
    }
    index
}

/// One text for all values that may be the same ([`Value::same`]); others may share it.
fn index_text(value: &Value) -> String {
    match value.as_number() {
        Some(Number::Int(int)) => format!("n{int}"),
        // Adding zero makes the negative zero the plain one.
        Some(Number::Float(float)) if float.fract() == 0.0 && float.abs() < 1e30 => {
            format!("n{:.0}", float + 0.0)
        }
        Some(Number::Float(float)) => format!("n{float}"),
        None => format!("t{value}"),
    }
}

fn by_content(entries: &[CmdbEntry]) -> HashMap<String, Vec<usize>> {
    let mut by_content: HashMap<String, Vec<usize>> = HashMap::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        by_content
            .entry(content_key(entry))
            .or_default()
            .push(position);
    }
    by_content
}

/// One text for entries of the same names and values, whatever their order.
fn content_key(entry: &CmdbEntry) -> String {
    let mut pairs: Vec<String> = entry
        .iter()
        .map(|(key, value)| format!("{key}\0{value}\0"))
        .collect();
    pairs.sort_unstable();
    pairs.concat()
}

#[cfg(test)]
mod tests;
