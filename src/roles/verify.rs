//! What became of a tree since it was installed.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;

use crate::model::{RoleName, RoleVersion};

use super::compare::{Aspect, Difference, compare};
use super::entry::{Entry, Node};
use super::filter::Filter;
use super::manifest::{Identity, Manifest};
use super::own::not_compared;
use super::path::TreePath;
use super::walk::{WalkError, hash_files, walk};

/// How closely files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// A file of its size and time is not read; one of its size with another time is.
    Quick,
    /// Every file is read.
    Full,
}

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
    let parents = expected.iter().filter_map(|entry| entry.path.parent());
    let filled: HashSet<_> = parents.collect();
    let mut found = walk(root, |found| {
        let is_foreign = found.is_mount_point && !filled.contains(found.path);
        !is_foreign && !exclude.excludes_directory(found.path)
    })?;
    hash_files(root, &mut found, |entry| {
        let is_open =
            entry_of(expected, &entry.path).is_some_and(|other| is_open(other, entry, depth));
        is_open && !exclude.excludes(&entry.path, false)
    })?;
    Ok(found)
}

fn entry_of<'a>(entries: &'a [Entry], path: &TreePath) -> Option<&'a Entry> {
    let at = entries.binary_search_by(|entry| entry.path.cmp(path));
    at.ok().map(|at| &entries[at])
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
