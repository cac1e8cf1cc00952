//! What became of a tree since it was installed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use crate::model::Depth;
use crate::model::{Changed, Drift, RoleName, RoleVersion, drift};

use super::compare::{Aspect, Difference, Outermost, compare, outermost};
use super::entry::{Entry, Node};
use super::filter::Filter;
use super::manifest::{Identity, Manifest};
use super::own::not_compared;
use super::path::TreePath;
use super::walk::{WalkError, hash_files, walk};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The role.
    pub role: RoleName,
    /// The version that is installed.
    pub version: RoleVersion,
    /// The manifest that it was compared with.
    pub manifest: Identity,
    /// How closely.
    pub depth: Depth,
    /// How many paths the manifest has.
    pub paths: usize,
    /// How many differences there are of each kind.
    pub counts: BTreeMap<Aspect, usize>,
    /// All of them, in the order of paths.
    pub differences: Vec<Difference>,
}

impl Verification {
    /// The same for a server: what is missing or extra with its directory is told once, and no more than
    /// a report may hold.
    pub fn drift(&self) -> Drift {
        let shown = outermost(&self.differences);
        let mut differences: Vec<Changed> = shown.iter().map(changed).collect();
        differences.retain(|one| one.path.len() <= drift::LONGEST_PATH);
        differences.truncate(drift::MOST_DIFFERENCES);
        // Bytes that are written as escapes stand in another place.
        differences.sort_by(|a, b| (&a.path, a.aspect).cmp(&(&b.path, b.aspect)));
        let told: u64 = differences.iter().map(|one| 1 + one.below).sum();
        let counts = self.counts.iter();
        Drift {
            role: self.role.clone(),
            version: self.version.clone(),
            manifest: self.manifest.to_string(),
            depth: self.depth,
            paths: self.paths as u64,
            counts: counts
                .map(|(aspect, count)| (*aspect, *count as u64))
                .collect(),
            left_out: self.differences.len() as u64 - told,
            differences,
        }
    }
}

fn changed(one: &Outermost<'_>) -> Changed {
    let difference = one.difference;
    Changed {
        path: difference.path.to_string(),
        aspect: difference.aspect,
        expected: short(&difference.expected),
        found: short(&difference.found),
        below: one.below as u64,
    }
}

fn short(text: &str) -> String {
    const MARK: char = '…';
    if text.len() <= drift::LONGEST_WORDS {
        return text.to_owned();
    }
    let most = drift::LONGEST_WORDS - MARK.len_utf8();
    let end = (0..=most).rfind(|end| text.is_char_boundary(*end));
    format!("{}{MARK}", &text[..end.unwrap_or(0)])
}

/// Compares the tree at `root` with the manifest of `identity`, but for what `filter` excludes and what
/// belongs to every machine.
///
/// # Errors
/// The tree cannot be read.
pub fn verify(
    manifest: &Manifest,
    identity: Identity,
    root: &Path,
    filter: Filter,
    depth: Depth,
) -> Result<Verification, WalkError> {
    let filter = not_compared(filter);
    let expected = manifest.entries();
    let found = look(expected, root, &filter, depth)?;
    let mut differences = compare(expected, &found);
    differences.retain(|one| !filter.excludes(&one.path, one.is_directory));
    let mut counts = BTreeMap::new();
    for difference in &differences {
        *counts.entry(difference.aspect).or_default() += 1;
    }
    Ok(Verification {
        role: manifest.role.clone(),
        version: manifest.version.clone(),
        manifest: identity,
        depth,
        paths: expected.len(),
        counts,
        differences,
    })
}

/// Whether there is anything in a directory.
fn is_filled(entries: &[Entry], directory: &TreePath) -> bool {
    let within = [directory.as_bytes(), b"/"].concat();
    let first = entries.partition_point(|entry| entry.path.as_bytes() < within.as_slice());
    entries[first..]
        .first()
        .is_some_and(|entry| entry.path.as_bytes().starts_with(&within))
}

/// What is in the tree at `root`, but for directories that are excluded. A file that may be the expected one
/// is read where only its content can tell.
///
/// A file system mounted on a directory that is empty in the role is the machine's own: it is not
/// looked into.
///
/// # Errors
/// The tree cannot be read.
pub fn look(
    expected: &[Entry],
    root: &Path,
    exclude: &Filter,
    depth: Depth,
) -> Result<Vec<Entry>, WalkError> {
    let mut found = walk(root, |found| {
        let is_foreign = found.is_mount_point && !is_filled(expected, found.path);
        !is_foreign && !exclude.excludes_directory(found.path)
    })?;
    // Both are in the order of paths.
    let mut rest = expected;
    hash_files(root, &mut found, |entry| {
        while let [next, after @ ..] = rest
            && next.path < entry.path
        {
            rest = after;
        }
        let same = rest.first().filter(|next| next.path == entry.path);
        same.is_some_and(|other| is_open(other, entry, depth))
            && !exclude.excludes(&entry.path, false)
    })?;
    Ok(found)
}

/// Whether only its content can tell if a file is the same.
fn is_open(expected: &Entry, found: &Entry, depth: Depth) -> bool {
    match (&expected.node, &found.node) {
        (
            Node::File { size, mtime, .. },
            Node::File {
                size: found_size,
                mtime: found_time,
                ..
            },
        ) => size == found_size && (depth == Depth::Full || mtime != found_time),
        _ => false,
    }
}
