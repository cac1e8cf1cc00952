//! UUIDs that a plan knows: functions of the machine's variables and of what they are for.
//!
//! A file system made with such a UUID is known to `fstab` before any machine runs, and a machine that
//! is installed again gets the same one. They are UUIDs of version 8 (RFC 9562, section 5.8): the first
//! 122 free bits of SHA-256 over the seed and the text.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::CmdbEntry;

use super::PROFILE_KEY;
use super::plan::canonical_json;

/// What makes the UUIDs of one machine differ from those of all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) struct Seed([u8; 32]);

impl Seed {
    /// The seed of a machine: SHA-256 over its profile, a NUL, and its variables as canonical JSON.
    pub(in crate::configure) fn of(profile: &str, variables: &CmdbEntry) -> Seed {
        let mut json = serde_json::to_value(variables).unwrap_or_default();
        if let Value::Object(fields) = &mut json {
            fields.remove(PROFILE_KEY);
        }
        let mut digest = Sha256::new();
        digest.update(profile);
        digest.update([0]);
        digest.update(canonical_json(&json));
        Seed(digest.finalize().into())
    }

    /// The UUID for what `text` names, in lower case.
    pub(in crate::configure) fn uuid(self, text: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(text);
        let mut bytes: [u8; 32] = digest.finalize().into();
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes[..16]);
        [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ]
        .join("-")
    }

    /// The seed in hexadecimal digits, for the Python answer.
    pub(in crate::configure) fn hex(self) -> String {
        hex(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok(), "a String takes all that is written to it");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pairs: &[(&str, &str)]) -> CmdbEntry {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect()
    }

    #[test]
    fn a_uuid_is_that_of_the_machine_and_of_what_it_is_for() {
        let seed = Seed::of("vm", &entry(&[("a", "1"), ("b", "2")]));
        assert_eq!(seed, Seed::of("vm", &entry(&[("b", "2"), ("a", "1")])));
        assert_eq!(
            seed,
            Seed::of("vm", &entry(&[("b", "2"), ("a", "1"), (PROFILE_KEY, "vm")]))
        );
        assert_ne!(seed, Seed::of("vm", &entry(&[("a", "1"), ("b", "3")])));
        assert_ne!(seed, Seed::of("hp", &entry(&[("a", "1"), ("b", "2")])));
        assert_ne!(seed.uuid("a"), seed.uuid("b"));
    }

    #[test]
    fn its_form_is_that_of_version_8() {
        let seed = Seed::of("vm", &entry(&[]));
        for text in ["", "a", "filesystem /dev/sda1"] {
            let uuid = seed.uuid(text);
            let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            assert_eq!(&uuid[14..15], "8", "{uuid}");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
    }
}
