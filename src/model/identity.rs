//! Which machine posted: what its facts say of system uuid, product serial and NIC MACs.
//!
//! The law is DESIGN.md 4, rule 4. None of the three is trusted alone: boards are replaced, NICs move
//! between machines, vendors ship whole batches with one serial.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Fact, Value};

/// What tells one machine from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The system uuid in lower case, when it is one and no known rubbish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The product serial, when it is no known rubbish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The hardware addresses of all NICs, lower case with colons.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub macs: BTreeSet<String>,
    /// A digest of all facts, kept only where there is nothing better: no uuid, serial or MAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// What two identities say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// They are two machines, or nothing speaks for their being one.
    Different,
    /// They are one machine; the more of uuid, serial and MACs agree, the surer.
    Same {
        /// How many of the three agree.
        agreeing: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Vote {
    Agree,
    Conflict,
    Unknown,
}

impl Identity {
    /// Reads the identity off the facts of a machine.
    pub fn of(facts: &[Fact]) -> Identity {
        let product = |key: &str| {
            let mut rows = facts
                .iter()
                .filter(|fact| fact.category == "system" && fact.instance == "product");
            rows.find(|fact| fact.key == key)
                .and_then(|fact| fact.value.as_text())
        };
        // Our client tells of the card that it booted from where that is none of those that it found.
        let is_mac = |fact: &&Fact| {
            let row = [&fact.category, &fact.instance, &fact.key].map(String::as_str);
            matches!(row, ["network", _, "serial"] | ["system", "boot", "mac"])
        };
        let macs = facts.iter().filter(is_mac);
        let mut identity = Identity {
            uuid: product("uuid").and_then(usable_uuid),
            serial: product("serial").and_then(usable_serial),
            macs: macs
                .filter_map(|fact| fact.value.as_text())
                .filter_map(usable_mac)
                .collect(),
            fingerprint: None,
        };
        if identity.is_weak() {
            identity.fingerprint = Some(fingerprint(facts));
        }
        identity
    }

    /// What a boot loader tells of the machine it runs on, under the same law as facts: what is known
    /// rubbish in them is none here, and a text that is no uuid or MAC is none either.
    pub fn told<'a>(
        uuid: Option<&str>,
        serial: Option<&str>,
        macs: impl IntoIterator<Item = &'a str>,
    ) -> Identity {
        Identity {
            uuid: uuid.and_then(usable_uuid),
            serial: serial.and_then(usable_serial),
            macs: macs.into_iter().filter_map(usable_mac).collect(),
            fingerprint: None,
        }
    }

    /// Whether there is neither uuid nor serial nor MAC: only byte-identical facts are recognised.
    pub fn is_weak(&self) -> bool {
        self.uuid.is_none() && self.serial.is_none() && self.macs.is_empty()
    }

    /// Weighs whether `self` and `other` are one machine.
    ///
    /// Two agreeing votes decide. A single one decides where nothing contradicts it, except that a
    /// uuid outweighs exchanged NICs; a serial does not.
    pub fn compare(&self, other: &Identity) -> Evidence {
        if self.fingerprint.is_some() || other.fingerprint.is_some() {
            return if self == other {
                Evidence::Same { agreeing: 1 }
            } else {
                Evidence::Different
            };
        }
        let uuid = vote(
            self.uuid.as_deref().map(canonical_uuid),
            other.uuid.as_deref().map(canonical_uuid),
        );
        let serial = vote(self.serial.as_deref(), other.serial.as_deref());
        let macs = match (
            self.macs.is_empty() || other.macs.is_empty(),
            self.macs.is_disjoint(&other.macs),
        ) {
            (true, _) => Vote::Unknown,
            (false, true) => Vote::Conflict,
            (false, false) => Vote::Agree,
        };
        let votes = [uuid, serial, macs];
        let count = |wanted| votes.iter().filter(|vote| **vote == wanted).count();
        let same = match (count(Vote::Agree), count(Vote::Conflict)) {
            (0, _) => false,
            (1, 0) => true,
            (1, _) => uuid == Vote::Agree && serial == Vote::Unknown,
            _ => true,
        };
        if same {
            Evidence::Same {
                agreeing: u8::try_from(count(Vote::Agree)).unwrap_or(u8::MAX),
            }
        } else {
            Evidence::Different
        }
    }

    /// What this machine is known by from now on: the newer facts, and of the older what they lack.
    pub fn updated_by(&self, newer: &Identity) -> Identity {
        Identity {
            uuid: newer.uuid.clone().or_else(|| self.uuid.clone()),
            serial: newer.serial.clone().or_else(|| self.serial.clone()),
            macs: if newer.macs.is_empty() {
                self.macs.clone()
            } else {
                newer.macs.clone()
            },
            fingerprint: newer.fingerprint.clone(),
        }
    }

    /// Keys under which an identity is looked up: two that share none are never the same machine.
    pub fn lookup_keys(&self) -> Vec<String> {
        let uuid = self
            .uuid
            .as_deref()
            .map(|uuid| format!("uuid {}", canonical_uuid(uuid)));
        let serial = self
            .serial
            .as_ref()
            .map(|serial| format!("serial {serial}"));
        let fingerprint = self
            .fingerprint
            .as_ref()
            .map(|digest| format!("facts {digest}"));
        let macs = self.macs.iter().map(|mac| format!("mac {mac}"));
        uuid.into_iter()
            .chain(serial)
            .chain(fingerprint)
            .chain(macs)
            .collect()
    }
}

fn vote<T: PartialEq>(a: Option<T>, b: Option<T>) -> Vote {
    match (a, b) {
        (Some(a), Some(b)) if a == b => Vote::Agree,
        (Some(_), Some(_)) => Vote::Conflict,
        _ => Vote::Unknown,
    }
}

/// A uuid and its form with the first three fields byte-swapped name one machine: firmware before
/// SMBIOS 2.6 leaves the order open, and tools read it either way. The smaller one stands for both.
fn canonical_uuid(uuid: &str) -> String {
    let swapped_group = |group: &str| -> String {
        let bytes: Vec<&str> = (0..group.len() / 2)
            .map(|at| &group[at * 2..at * 2 + 2])
            .collect();
        bytes.into_iter().rev().collect()
    };
    let groups: Vec<&str> = uuid.split('-').collect();
    let mut swapped: Vec<String> = groups
        .iter()
        .take(3)
        .map(|group| swapped_group(group))
        .collect();
    swapped.extend(groups.iter().skip(3).map(|group| (*group).to_owned()));
    swapped.join("-").min(uuid.to_owned())
}

/// Uuids that vendors ship on every board.
const RUBBISH_UUIDS: [&str; 3] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
];

fn usable_uuid(text: &str) -> Option<String> {
    let uuid = text.trim().trim_matches(['{', '}']).to_ascii_lowercase();
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    let digits: Vec<char> = uuid.chars().filter(|c| *c != '-').collect();
    let well_formed = lengths == [8, 4, 4, 4, 12] && digits.iter().all(char::is_ascii_hexdigit);
    let monotonous = digits.iter().all(|digit| *digit == digits[0]);
    (well_formed && !monotonous && !RUBBISH_UUIDS.contains(&uuid.as_str())).then_some(uuid)
}

/// Serials that firmware gives when nobody set one, in lower case and without blanks and signs.
const RUBBISH_SERIALS: [&str; 17] = [
    "",
    "0123456789",
    "123456789",
    "1234567890",
    "12345678",
    "1234567",
    "tobefilledbyoem",
    "notspecified",
    "notavailable",
    "notapplicable",
    "notprovided",
    "none",
    "na",
    "default",
    "defaultstring",
    "systemserialnumber",
    "unknown",
];

fn usable_serial(text: &str) -> Option<String> {
    let serial = text.trim();
    let plain: String = serial
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let monotonous = plain.len() > 1 && plain.chars().all(|c| plain.starts_with(c));
    let rubbish = monotonous || plain == "0" || RUBBISH_SERIALS.contains(&plain.as_str());
    (!rubbish).then(|| serial.to_owned())
}

/// A hardware address of six bytes or more (InfiniBand has eight or twenty).
fn usable_mac(text: &str) -> Option<String> {
    let digits: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .collect();
    let digits = digits.to_ascii_lowercase();
    let well_formed = digits.len() >= 12
        && digits.len() <= 40
        && digits.len().is_multiple_of(2)
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let monotonous =
        digits.bytes().all(|byte| byte == b'0') || digits.bytes().all(|byte| byte == b'f');
    if !well_formed || monotonous {
        return None;
    }
    let bytes: Vec<&str> = (0..digits.len() / 2)
        .map(|at| &digits[at * 2..at * 2 + 2])
        .collect();
    Some(bytes.join(":"))
}

fn fingerprint(facts: &[Fact]) -> String {
    let mut digest = Sha256::new();
    for fact in facts {
        for field in [
            &fact.category,
            &fact.instance,
            &fact.key,
            &scalar_text(&fact.value),
        ] {
            digest.update(field.len().to_le_bytes());
            digest.update(field.as_bytes());
        }
    }
    digest
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn scalar_text(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests;
