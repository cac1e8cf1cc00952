//! One row of settings that a profile hands out.

use serde::{Deserialize, Serialize};

use super::{Bindings, Value};

/// The key that marks an entry as given away, with any value (seed README, `'used': 1`).
pub const USED: &str = "used";

/// One row of a CMDB: names and values in the order of the file. A key stands once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CmdbEntry(Bindings);

impl CmdbEntry {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets `key`, in place where it stands already.
    pub fn set(&mut self, key: &str, value: Value) {
        self.0.bind(key, value);
    }

    /// Keys and values in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter()
    }

    /// Whether the entry is marked as given away: any value of `used` counts, as in the original.
    pub fn is_used(&self) -> bool {
        self.get(USED).is_some()
    }

    /// Whether the entry holds every one of `wanted` with the same value.
    pub fn includes(&self, wanted: &Bindings) -> bool {
        wanted
            .iter()
            .all(|(name, value)| self.get(name).is_some_and(|own| own.same(value)))
    }

    /// The entry as it reads once given away: the machine's values over its own, and the mark.
    pub fn merged(&self, bindings: &Bindings) -> CmdbEntry {
        let mut merged = self.clone();
        for (name, value) in bindings.iter() {
            merged.set(name, value.clone());
        }
        merged.set(USED, Value::Int(1));
        merged
    }

    /// The same names and values, regardless of their order.
    pub fn same(&self, other: &CmdbEntry) -> bool {
        self.iter().len() == other.iter().len()
            && self
                .iter()
                .all(|(key, value)| other.get(key).is_some_and(|own| own == value))
    }
}

impl FromIterator<(String, Value)> for CmdbEntry {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> CmdbEntry {
        CmdbEntry(pairs.into_iter().collect())
    }
}

impl From<Bindings> for CmdbEntry {
    fn from(bindings: Bindings) -> CmdbEntry {
        CmdbEntry(bindings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pairs: &[(&str, &str)]) -> CmdbEntry {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect()
    }

    #[test]
    fn values_of_the_hardware_win_over_the_entrys_own() {
        let bindings = Bindings::from_iter([("mac".to_owned(), Value::from("seen"))]);
        let merged = entry(&[("mac", "declared"), ("ip", "10.0.0.1")]).merged(&bindings);
        assert_eq!(merged.get("mac"), Some(&Value::from("seen")));
        assert_eq!(merged.get(USED), Some(&Value::Int(1)));
    }

    #[test]
    fn any_value_of_used_marks_an_entry() {
        let mut free = entry(&[("ip", "10.0.0.1")]);
        assert!(!free.is_used());
        free.set(USED, Value::Int(0));
        assert!(free.is_used());
    }
}
