//! What a machine tells of its files: how they differ from the role that was installed.
//!
//! The client tells it, the server checks and keeps it. How it is found out is `roles`'.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{RoleName, RoleVersion};

/// How many differences one report holds at most.
pub const MOST_DIFFERENCES: usize = 500;
/// How long a path of a report is at most, in bytes as it is written.
pub const LONGEST_PATH: usize = 1_000;
/// How long what is expected or found is at most, in bytes.
pub const LONGEST_WORDS: usize = 200;

/// In which way a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// It is not there.
    Missing,
    /// It is there and should not be.
    Extra,
    /// It is something else: a link instead of a file.
    Type,
    /// Other bytes, another target of a link, another device.
    Content,
    /// Other permission bits.
    Mode,
    /// Another owner or group.
    Owner,
    /// Other extended attributes.
    Xattrs,
    /// It cannot be looked at, or not wholly.
    Unread,
}

impl Aspect {
    /// All, in the order in which they are told.
    pub const ALL: [Aspect; 8] = [
        Aspect::Missing,
        Aspect::Extra,
        Aspect::Type,
        Aspect::Content,
        Aspect::Mode,
        Aspect::Owner,
        Aspect::Xattrs,
        Aspect::Unread,
    ];

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Aspect::Missing => "missing",
            Aspect::Extra => "extra",
            Aspect::Type => "type",
            Aspect::Content => "content",
            Aspect::Mode => "mode",
            Aspect::Owner => "owner",
            Aspect::Xattrs => "xattrs",
            Aspect::Unread => "unread",
        }
    }
}

/// How closely files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// A file of its size and time is not read; one of its size with another time is.
    Quick,
    /// Every file is read.
    Full,
}

impl Depth {
    /// Its name, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Depth::Quick => "quick",
            Depth::Full => "full",
        }
    }
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which, as a word of printable ASCII: `./etc/hosts`.
    pub path: String,
    /// In which way.
    pub aspect: Aspect,
    /// What it should be, in a word or two.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// How many paths below it share its fate.
    #[serde(default)]
    pub below: u64,
}

impl Changed {
    /// What it is and should be, in words.
    pub fn in_words(&self) -> String {
        match (self.aspect, self.below) {
            (Aspect::Missing, 0) => self.expected.clone(),
            (Aspect::Extra, 0) | (Aspect::Unread, _) => self.found.clone(),
            (Aspect::Missing, below) => format!("{}, and {below} below it", self.expected),
            (Aspect::Extra, below) => format!("{}, and {below} below it", self.found),
            _ => format!("{}, should be {}", self.found, self.expected),
        }
    }
}

/// What became of a machine's files since its role was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The role.
    pub role: RoleName,
    /// The version that is installed.
    pub version: RoleVersion,
    /// The SHA-256 of the manifest that it was compared with.
    pub manifest: String,
    /// How closely it was looked at.
    pub depth: Depth,
    /// How many paths the manifest has.
    pub paths: u64,
    /// How many differences there are of each kind.
    pub counts: BTreeMap<Aspect, u64>,
    /// How many of them are not told one by one.
    pub left_out: u64,
    /// The others, in the order of paths as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Changed>,
}

/// Why a report cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DriftError(&'static str);

impl Drift {
    /// How many differences there are.
    pub fn sum(&self) -> u64 {
        self.counts
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// In words, as `3 content, 1 mode`.
    pub fn in_words(&self) -> String {
        let counts = self.counts.iter().filter(|(_, count)| **count > 0);
        let counts: Vec<String> = counts
            .map(|(aspect, count)| format!("{count} {}", aspect.name()))
            .collect();
        match counts.as_slice() {
            [] => "nothing changed".to_owned(),
            counts => counts.join(", "),
        }
    }

    /// The same report, known to be one that a machine can make: it is from the network.
    ///
    /// # Errors
    /// It is too long, its numbers do not agree, or a path is no path.
    pub fn checked(self) -> Result<Drift, DriftError> {
        let is_hex = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if self.manifest.len() != 64 || !is_hex(&self.manifest) {
            return Err(DriftError("`manifest` is a SHA-256 in hexadecimal digits"));
        }
        if self.differences.len() > MOST_DIFFERENCES {
            return Err(DriftError("too many differences: leave some out"));
        }
        let is_path = |path: &str| {
            let is_below = path == "." || path.starts_with("./");
            is_below
                && path.len() <= LONGEST_PATH
                && path.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.differences.iter().all(|one| is_path(&one.path)) {
            return Err(DriftError(
                "a `path` is `./` and printable ASCII, not too long",
            ));
        }
        let is_short = |one: &Changed| one.expected.len().max(one.found.len()) <= LONGEST_WORDS;
        if !self.differences.iter().all(is_short) {
            return Err(DriftError("`expected` and `found` are a word or two"));
        }
        let names = [self.role.as_str(), self.version.as_str()];
        if names.into_iter().any(|name| name.len() > LONGEST_WORDS) {
            return Err(DriftError("role and version are shorter than that"));
        }
        let in_order =
            |pair: &[Changed]| (&pair[0].path, pair[0].aspect) < (&pair[1].path, pair[1].aspect);
        if !self.differences.windows(2).all(in_order) {
            return Err(DriftError(
                "each difference is told once, in the order of paths",
            ));
        }
        let told = self.differences.iter();
        let told = told.fold(self.left_out, |sum, one| {
            sum.saturating_add(one.below).saturating_add(1)
        });
        // SQLite has no larger numbers.
        if told != self.sum() || i64::try_from(told.max(self.paths)).is_err() {
            return Err(DriftError(
                "`counts`, `differences` and `left_out` do not agree",
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(change: impl FnOnce(&mut Drift)) -> Result<Drift, DriftError> {
        let mut drift = Drift {
            role: RoleName::new("base").unwrap(),
            version: RoleVersion::new("1.0").unwrap(),
            manifest: "0".repeat(64),
            depth: Depth::Quick,
            paths: 9,
            counts: BTreeMap::from([(Aspect::Missing, 4)]),
            left_out: 1,
            differences: vec![Changed {
                path: "./etc".to_owned(),
                aspect: Aspect::Missing,
                expected: "dir".to_owned(),
                found: String::new(),
                below: 2,
            }],
        };
        change(&mut drift);
        drift.checked()
    }

    #[test]
    fn only_what_a_machine_can_tell_is_taken() {
        assert_eq!(drift(|_| {}).unwrap().in_words(), "4 missing");
        let bad: [fn(&mut Drift); 9] = [
            |it| it.manifest = "x".repeat(64),
            |it| it.left_out = 0,
            |it| it.left_out = u64::MAX,
            |it| it.differences[0].below = u64::MAX,
            |it| it.differences[0].path = "/etc".to_owned(),
            |it| it.differences[0].path = "./a b".to_owned(),
            |it| it.differences[0].path = format!("./{}", "a".repeat(LONGEST_PATH)),
            |it| it.differences[0].found = "a".repeat(LONGEST_WORDS + 1),
            |it| {
                it.differences.push(it.differences[0].clone());
                it.left_out = 0;
                it.counts.insert(Aspect::Missing, 6);
            },
        ];
        for (at, change) in bad.into_iter().enumerate() {
            assert!(drift(change).is_err(), "{at}");
        }
    }
}
