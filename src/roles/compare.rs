//! How two trees differ: a version from another, a machine from what was installed on it.

use std::collections::HashMap;

use serde::Serialize;

pub use crate::model::Aspect;

use super::entry::{Entry, Node};
use super::path::TreePath;

/// One way in which one path differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which path.
    pub path: TreePath,
    /// In which way.
    pub aspect: Aspect,
    /// What it should be, in a word or two; empty where it should not be there.
    pub expected: String,
    /// What it is; empty where it is not there.
    pub found: String,
    /// Whether the path is a directory, on either side.
    #[serde(skip)]
    pub is_directory: bool,
}

/// Whether a running system gives an attribute of this name by its own policy: a label, what it has measured.
pub fn is_given(name: &[u8]) -> bool {
    const GIVEN: [&[u8]; 3] = [b"security.evm", b"security.ima", b"security.selinux"];
    GIVEN.contains(&name)
}

/// Which attributes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    All,
    /// But for those that a running system gives.
    NotGiven,
}

/// All differences of `found` from `expected`, both in the order of paths.
///
/// A file whose content was read on one side only is the same as one of its size and time. Times
/// themselves are not compared, nor is which paths are hard links of one file.
pub fn compare<'a>(
    expected: impl IntoIterator<Item = &'a Entry>,
    found: &[Entry],
) -> Vec<Difference> {
    all_differences(expected, found, Compared::All)
}

/// The same of a running machine: attributes that its system gives are its own.
pub(super) fn compare_running<'a>(
    expected: impl IntoIterator<Item = &'a Entry>,
    found: &[Entry],
) -> Vec<Difference> {
    all_differences(expected, found, Compared::NotGiven)
}

fn all_differences<'a>(
    expected: impl IntoIterator<Item = &'a Entry>,
    found: &[Entry],
    compared: Compared,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut expected = expected.into_iter().peekable();
    let mut found = found.iter().peekable();
    loop {
        match (expected.peek(), found.peek()) {
            (None, None) => return differences,
            (Some(a), Some(b)) if a.path == b.path => {
                aspects(a, b, compared, &mut differences);
                expected.next();
                found.next();
            }
            (Some(a), b) if b.is_none_or(|b| a.path < b.path) => {
                let kind = a.node.kind().to_owned();
                differences.push(difference(a, a, Aspect::Missing, kind, String::new()));
                expected.next();
            }
            (_, Some(b)) => {
                let kind = b.node.kind().to_owned();
                differences.push(difference(b, b, Aspect::Extra, String::new(), kind));
                found.next();
            }
            (Some(_), None) => return differences,
        }
    }
}

/// A difference, and how many below it are of the same kind: all in a directory that is missing.
#[derive(Debug, Clone, Copy)]
pub struct Outermost<'a> {
    /// The difference.
    pub difference: &'a Difference,
    /// How many paths below it share its fate.
    pub below: usize,
}

/// The differences for people: what is missing or extra with its directory is counted there.
pub fn outermost(differences: &[Difference]) -> Vec<Outermost<'_>> {
    let mut shown: Vec<Outermost<'_>> = Vec::new();
    let mut directories: HashMap<(&[u8], Aspect), usize> = HashMap::new();
    for difference in differences {
        let aspect = difference.aspect;
        let bytes = difference.path.as_bytes();
        let end = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let above = directories.get(&(&bytes[..end], aspect)).copied();
        let at = match above {
            Some(at) => {
                shown[at].below += 1;
                at
            }
            None => {
                shown.push(Outermost {
                    difference,
                    below: 0,
                });
                shown.len() - 1
            }
        };
        let takes_all = matches!(aspect, Aspect::Missing | Aspect::Extra);
        if takes_all && difference.is_directory {
            directories.insert((bytes, aspect), at);
        }
    }
    shown
}

fn difference(a: &Entry, b: &Entry, aspect: Aspect, expected: String, found: String) -> Difference {
    Difference {
        path: a.path.clone(),
        aspect,
        expected,
        found,
        is_directory: a.is_directory() || b.is_directory(),
    }
}

/// Whether two entries of one path differ in anything that [`compare_running`] tells.
pub(super) fn differs(expected: &Entry, found: &Entry) -> bool {
    let mut differences = Vec::new();
    aspects(expected, found, Compared::NotGiven, &mut differences);
    !differences.is_empty()
}

fn aspects(a: &Entry, b: &Entry, compared: Compared, differences: &mut Vec<Difference>) {
    let mut differs = |aspect, expected: String, found: String| {
        differences.push(difference(a, b, aspect, expected, found));
    };
    if a.node.kind() != b.node.kind() {
        let kinds = [a, b].map(|entry| entry.node.kind().to_owned());
        let [expected, found] = kinds;
        // Nothing else can be compared.
        return differs(Aspect::Type, expected, found);
    }
    if let Some((expected, found)) = content(&a.node, &b.node) {
        differs(Aspect::Content, expected, found);
    }
    if a.mode != b.mode {
        let [expected, found] = [a, b].map(|entry| format!("{:04o}", entry.mode));
        differs(Aspect::Mode, expected, found);
    }
    if (a.uid, a.gid) != (b.uid, b.gid) {
        let [expected, found] = [a, b].map(|entry| format!("{}:{}", entry.uid, entry.gid));
        differs(Aspect::Owner, expected, found);
    }
    if a.xattrs != b.xattrs {
        let names = [(a, b), (b, a)].map(|(one, other)| only_in(one, other, compared));
        let [expected, found] = names;
        if !(expected.is_empty() && found.is_empty()) {
            differs(Aspect::Xattrs, expected, found);
        }
    }
}

/// The names of attributes that another entry has not, or has with another value.
fn only_in(entry: &Entry, other: &Entry, compared: Compared) -> String {
    let attributes = entry.xattrs.iter();
    let attributes = attributes.filter(|(name, _)| compared == Compared::All || !is_given(name));
    let names = attributes.filter(|(name, value)| other.xattrs.get(*name) != Some(*value));
    let names = names.map(|(name, _)| String::from_utf8_lossy(name).into_owned());
    names.collect::<Vec<_>>().join(" ")
}

/// What the content of both is, in words, where it differs.
fn content(a: &Node, b: &Node) -> Option<(String, String)> {
    match (a, b) {
        (
            Node::File {
                size,
                mtime,
                digest,
            },
            Node::File {
                size: other_size,
                mtime: other_mtime,
                digest: other_digest,
            },
        ) => {
            if size != other_size {
                return Some((format!("{size} bytes"), format!("{other_size} bytes")));
            }
            match (digest, other_digest) {
                (Some(one), Some(other)) if one == other => None,
                (Some(one), Some(other)) => Some((one.to_string(), other.to_string())),
                _ if mtime == other_mtime => None,
                _ => Some((format!("time {mtime}"), format!("time {other_mtime}"))),
            }
        }
        (Node::Symlink(one), Node::Symlink(other)) if one != other => {
            let [one, other] = [one, other].map(|target| String::from_utf8_lossy(target).into());
            Some((one, other))
        }
        (Node::Character(..) | Node::Block(..), _) if a != b => {
            let numbers = |node: &Node| match node {
                Node::Character(major, minor) | Node::Block(major, minor) => {
                    format!("device {major},{minor}")
                }
                _ => String::new(),
            };
            Some((numbers(a), numbers(b)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Xattrs;

    fn with(names: &[&str], value: &[u8]) -> [Entry; 1] {
        let xattrs = names
            .iter()
            .map(|name| (name.as_bytes().to_vec(), value.to_vec()));
        [Entry {
            path: TreePath::root(),
            mode: 0o755,
            uid: 0,
            gid: 0,
            xattrs: xattrs.collect::<Xattrs>(),
            hardlink: None,
            node: Node::Directory,
        }]
    }

    #[test]
    fn what_a_running_system_gives_by_its_policy_is_its_own() {
        let given = ["security.evm", "security.ima", "security.selinux"];
        let (built, relabelled) = (with(&given, b"builder"), with(&given, b"machine"));
        for (expected, found) in [
            (&with(&[], b""), &relabelled),
            (&built, &relabelled),
            (&built, &with(&[], b"")),
        ] {
            assert_eq!(compare_running(expected, found), []);
            assert!(!differs(&expected[0], &found[0]));
            // Of two versions, or of what was just brought, it is told.
            assert_eq!(compare(expected, found).len(), 1);
        }
    }

    #[test]
    fn other_attributes_are_told_beside_those_that_a_system_gives() {
        let expected = with(&["security.capability", "security.selinux"], b"a");
        let found = with(&["security.selinux", "user.x"], b"b");
        let told = compare_running(&expected, &found);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].expected.as_str(), told[0].found.as_str()),
            ("security.capability", "user.x")
        );
        assert!(differs(&expected[0], &found[0]));
    }
}
