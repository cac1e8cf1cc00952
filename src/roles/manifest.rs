//! The manifest of a role: every path of its tree, checked for sense, in the one order.

use std::fmt;

use crate::model::{RoleName, RoleVersion};

use super::entry::{Digest, Entry, Node};
use super::path::TreePath;
use super::text;

/// Why a manifest is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A line is not what it should be.
    #[error("line {line}: {problem}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The entries make no tree.
    #[error("`{path}` {problem}")]
    Tree {
        /// Which entry.
        path: TreePath,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The SHA-256 of a manifest's text: what this version of the role is, whatever it is called. It is what
/// `sha256sum` says of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(Digest);

impl Identity {
    /// The identity of a manifest with this text.
    pub fn of(text: &str) -> Identity {
        Identity(Digest::of(text.as_bytes()))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl serde::Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Identity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Identity, D::Error> {
        let hex = <String as serde::Deserialize>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("that is no SHA-256");
        Digest::parse(&hex).map(Identity).ok_or_else(wrong)
    }
}

/// All that a version of a role consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The role.
    pub role: RoleName,
    /// Its version.
    pub version: RoleVersion,
    entries: Vec<Entry>,
}

impl Manifest {
    /// Makes a manifest of entries in any order.
    ///
    /// # Errors
    /// They make no tree: the root is missing or no directory, a path comes twice, what it is in is no
    /// directory of the tree, a file was not read, a hard link differs from what it is a link to.
    pub fn new(
        role: RoleName,
        version: RoleVersion,
        mut entries: Vec<Entry>,
    ) -> Result<Manifest, ManifestError> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        check(&entries)?;
        Ok(Manifest {
            role,
            version,
            entries,
        })
    }

    /// The entries, in the order of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The SHA-256 of a file of the tree; none if there is no such file.
    pub fn digest_of(&self, path: &str) -> Option<Digest> {
        match find(&self.entries, path.as_bytes())?.node {
            Node::File { digest, .. } => digest,
            _ => None,
        }
    }

    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// A line is not what it should be, or the entries make no tree.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        text::parse(text)
    }

    /// The text: ASCII, one line for each path, the same for the same tree.
    pub fn render(&self) -> String {
        text::render(self)
    }
}

fn check(entries: &[Entry]) -> Result<(), ManifestError> {
    let wrong = |entry: &Entry, problem| {
        let path = entry.path.clone();
        Err(ManifestError::Tree { path, problem })
    };
    let mut before: Option<&Entry> = None;
    // Most entries are in the directory of the one before them.
    let mut known = None;
    for (at, entry) in entries.iter().enumerate() {
        if before.is_some_and(|before| before.path == entry.path) {
            return wrong(entry, "is there twice");
        }
        before = Some(entry);
        let parent = entry.path.parent_bytes();
        if parent.is_some() && parent != known {
            let above = parent.and_then(|parent| find(&entries[..at], parent));
            if !above.is_some_and(Entry::is_directory) {
                return wrong(entry, "is in no directory of the tree");
            }
            known = parent;
        }
        if let Node::File { digest: None, .. } = entry.node {
            return wrong(entry, "was not read");
        }
        if let Some(first) = &entry.hardlink {
            let first = find(&entries[..at], first.as_bytes());
            let same = first.is_some_and(|first| first.hardlink.is_none() && is_same(first, entry));
            if !same || entry.is_directory() {
                return wrong(entry, "is not the same as what it is a hard link to");
            }
        }
    }
    match entries.first() {
        Some(first) if first.path.is_root() && first.is_directory() => Ok(()),
        _ => Err(ManifestError::Tree {
            path: TreePath::root(),
            problem: "must be there, as a directory",
        }),
    }
}

/// The entry of a path among entries in the order of paths.
pub(super) fn find<'a>(entries: &'a [Entry], path: &[u8]) -> Option<&'a Entry> {
    let at = entries.binary_search_by(|entry| entry.path.as_bytes().cmp(path));
    at.ok().map(|at| &entries[at])
}

/// Whether two paths can be one file.
fn is_same(a: &Entry, b: &Entry) -> bool {
    (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid) && a.xattrs == b.xattrs && a.node == b.node
}
