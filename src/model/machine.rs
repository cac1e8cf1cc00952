//! The name a machine goes by.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fact, Identity};

/// Longest name made of hardware strings, in bytes: a file name with room for suffixes.
const LONGEST_NAME: usize = 180;

/// The name a machine goes by in files, in the API and on the command line. Safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineId(String);

impl MachineId {
    /// Names a machine after its hardware: its [`sysname`], or its fingerprint where that is empty.
    pub fn of(facts: &[Fact], identity: &Identity) -> MachineId {
        let name = sysname(facts);
        if name.chars().any(|c| c.is_ascii_alphanumeric()) {
            return MachineId(name);
        }
        let known_by = identity
            .lookup_keys()
            .into_iter()
            .next()
            .unwrap_or_default();
        MachineId(format!(
            "machine-{}",
            file_safe(&known_by.replace(' ', "-"))
        ))
    }

    /// The same name with a number, for the second machine of one name.
    pub fn numbered(&self, number: usize) -> MachineId {
        MachineId(format!("{}-{number}", self.0))
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name under which the original kept a machine's hardware (`upload.py`): the product's name, else
/// its vendor, then its serial, each of word characters only, then the first MAC with dashes.
///
/// The original took the MAC as it came and so let it leave the directory; here every character that
/// has no place in a file name is percent-encoded.
pub fn sysname(facts: &[Fact]) -> String {
    let product = |key: &str| {
        let mut rows = facts
            .iter()
            .filter(|fact| fact.category == "system" && fact.instance == "product");
        rows.find(|fact| fact.key == key)
            .map(|fact| fact.value.to_string())
    };
    let mut name = String::new();
    for part in [
        product("name").or_else(|| product("vendor")),
        product("serial"),
    ]
    .into_iter()
    .flatten()
    {
        name.extend(
            part.chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_'),
        );
        name.push('-');
    }
    let mut nics = facts
        .iter()
        .filter(|fact| fact.category == "network" && fact.key == "serial");
    if let Some(mac) = nics.next() {
        name.push_str(&mac.value.to_string().replace(':', "-"));
    }
    file_safe(&name)
}

/// Percent-encodes what may not stand in a file name, and cuts what is too long for one.
pub(crate) fn file_safe(text: &str) -> String {
    let mut safe = String::new();
    for (at, byte) in text.bytes().enumerate() {
        if safe.len() >= LONGEST_NAME {
            break;
        }
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0);
        if plain {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_name_replaces_the_vendor() {
        let facts = [
            Fact::new("system", "product", "vendor", "HP"),
            Fact::new(
                "system",
                "product",
                "name",
                "ProLiant DL360p Gen8 (654081-B21)",
            ),
            Fact::new("system", "product", "serial", "CZ3323FDVK"),
            Fact::new("network", "eth0", "serial", "d8:9d:67:1a:d0:fc"),
        ];
        assert_eq!(
            sysname(&facts),
            "ProLiantDL360pGen8654081B21-CZ3323FDVK-d8-9d-67-1a-d0-fc"
        );
    }

    #[test]
    fn a_hostile_mac_stays_in_its_directory() {
        for mac in [
            "../../etc/cron.d/x",
            "/etc/passwd",
            "..",
            ".hidden",
            "a\0b\n",
        ] {
            let name = sysname(&[Fact::new("network", "eth0", "serial", mac)]);
            assert!(
                !name.contains(['/', '\0', '\n']) && !name.starts_with('.'),
                "{mac:?} gave {name:?}"
            );
        }
        let long = "a".repeat(1_000_000);
        assert!(sysname(&[Fact::new("network", "eth0", "serial", long.as_str())]).len() < 200);
    }

    #[test]
    fn a_machine_without_names_is_called_after_its_fingerprint() {
        let facts = [Fact::new("disk", "vda", "size", "8")];
        let id = MachineId::of(&facts, &Identity::of(&facts));
        assert!(id.as_str().starts_with("machine-facts-"), "{id}");
    }

    fn are_named_as_by_the_original(vectors: &[serde_json::Value]) {
        for vector in vectors {
            let rows = match vector["facts_ref"].as_str() {
                Some(file) => {
                    crate::corpus::recorded_machine(&crate::corpus::corpus().unwrap(), file)
                }
                None => vector["facts"].clone(),
            };
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let fact = |row: &serde_json::Value| {
                let value: crate::model::Value = serde_json::from_value(row[3].clone()).unwrap();
                Fact::new(&text(&row[0]), &text(&row[1]), &text(&row[2]), value)
            };
            let facts: Vec<Fact> = rows.as_array().unwrap().iter().map(fact).collect();
            assert_eq!(
                sysname(&facts),
                vector["expect"]["sysname"],
                "{}",
                vector["id"]
            );
        }
    }

    #[test]
    fn machines_are_named_as_by_the_original() {
        are_named_as_by_the_original(&crate::corpus::own_vectors("sysname.jsonl"));
    }

    #[test]
    fn machines_of_the_whole_corpus_are_named_as_by_the_original() {
        if let Some(vectors) = crate::corpus::corpus_vectors("sysname.jsonl") {
            are_named_as_by_the_original(&vectors);
        }
    }
}
