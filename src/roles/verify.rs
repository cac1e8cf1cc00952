//! What became of a tree since it was installed.

mod left_out;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;

pub use crate::model::Depth;
use crate::model::{Changed, Drift, RoleName, RoleVersion, drift};

use super::checked::{Checked, Known, Stamp};
use super::compare::{Aspect, Difference, Outermost, compare_running, outermost};
use super::entry::{Entry, Node};
use super::filter::Filter;
use super::manifest::{Identity, Manifest, find};
use super::own::not_compared;
use super::walk::{WalkError, Walked, hash_readable, walk_unknown};
use left_out::{Own, is_filled, tell_unread};

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
    /// The same with further differences.
    #[must_use]
    pub fn and(mut self, differences: Vec<Difference>) -> Verification {
        for one in &differences {
            *self.counts.entry(one.aspect).or_default() += 1;
        }
        self.differences.extend(differences);
        self.differences.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

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
/// belongs to every machine. What was checked `before` and has not changed since is not looked at closer, and what
/// did change is read; but with [`Depth::Full`] everything is read. Also gives what was found to be as it should.
/// What cannot be read is a difference.
///
/// # Errors
/// The root cannot be read.
pub fn verify(
    manifest: &Manifest,
    identity: Identity,
    root: &Path,
    filter: Filter,
    depth: Depth,
    before: Option<&Checked>,
) -> Result<(Verification, Checked), WalkError> {
    let filter = not_compared(filter);
    let expected = manifest.entries();
    let found = look_again(expected, root, &filter, depth, before)?;
    let mut stamps = vec![None; expected.len()];
    for at in &found.unchanged {
        stamps[*at] = before.and_then(|before| before.stamps[*at]);
    }
    let changed = expected.iter().zip(&stamps);
    let changed = changed.filter(|(_, stamp)| stamp.is_none());
    let mut differences = compare_running(changed.map(|(entry, _)| entry), &found.entries);
    tell_unread(&mut differences, expected, &found.unread);
    let is_close = is_close(depth, before);
    let checked = add_checked(stamps, expected, &found, &differences, is_close);
    let own = Own {
        expected,
        exclude: &filter,
        mounts: &found.mounts,
    };
    own.leave_out(&mut differences);
    let verification = Verification {
        role: manifest.role.clone(),
        version: manifest.version.clone(),
        manifest: identity,
        depth,
        paths: expected.len(),
        counts: BTreeMap::new(),
        differences: Vec::new(),
    };
    Ok((verification.and(differences), checked))
}

/// Adds the stamps of what does not differ, but of directories only those that have the expected names in them, and
/// of no file that was not read although it was touched: its size and time may have been put back.
fn add_checked(
    mut stamps: Vec<Option<Stamp>>,
    expected: &[Entry],
    found: &Walked,
    differences: &[Difference],
    is_close: bool,
) -> Checked {
    let mut differing: HashSet<&[u8]> = HashSet::new();
    for one in differences {
        differing.insert(one.path.as_bytes());
        if matches!(one.aspect, Aspect::Missing | Aspect::Extra | Aspect::Unread) {
            differing.extend(one.path.parent_bytes());
        }
    }
    let mut seen = found.entries.iter().zip(&found.stamps).peekable();
    for (entry, stamp) in expected.iter().zip(&mut stamps) {
        while seen.next_if(|(one, _)| one.path < entry.path).is_some() {}
        if let Some((one, seen)) = seen.next_if(|(one, _)| one.path == entry.path)
            && !(is_close && matches!(one.node, Node::File { digest: None, .. }))
            && !differing.contains(entry.path.as_bytes())
        {
            *stamp = *seen;
        }
    }
    Checked { stamps }
}

/// What is in the tree at `root`, but for directories that are excluded. A file that may be the expected one
/// is read where only its content can tell.
///
/// A file system mounted on a directory that is empty in the role is the machine's own: it is not
/// looked into, and the directory is as the role has it.
///
/// # Errors
/// The tree cannot be read, or a file system is mounted at or below what should be no directory.
pub fn look(
    expected: &[Entry],
    root: &Path,
    exclude: &Filter,
    depth: Depth,
) -> Result<Vec<Entry>, WalkError> {
    let found = look_again(expected, root, exclude, depth, None)?;
    let own = Own {
        expected,
        exclude,
        mounts: &found.mounts,
    };
    if let Some(mount) = found.mounts.iter().find(|mount| own.is_in_the_way(mount)) {
        return Err(WalkError::MountInTheWay(mount.below(root)));
    }
    let mut unread = found.unread.into_iter();
    match unread.find(|one| !own.has_unread(&one.path)) {
        Some(unread) => Err(unread.error),
        None => Ok(found.entries),
    }
}

/// The same, where something is known of an earlier look.
fn look_again(
    expected: &[Entry],
    root: &Path,
    exclude: &Filter,
    depth: Depth,
    before: Option<&Checked>,
) -> Result<Walked, WalkError> {
    let known = match (depth, before) {
        (Depth::Quick, Some(checked)) => Known::new(expected, checked),
        _ => Known::default(),
    };
    let mut found = walk_unknown(root, &known, |found| {
        let is_foreign = found.is_mount_point && !is_filled(expected, found.path);
        !is_foreign && !exclude.excludes_directory(found.path)
    })?;
    for mount in &found.mounts {
        let wanted = find(expected, mount.as_bytes()).filter(|entry| entry.is_directory());
        let Some(wanted) = wanted else { continue };
        match (found.entries).binary_search_by(|entry| entry.path.cmp(mount)) {
            Ok(at) => found.entries[at] = wanted.clone(),
            // It answers nobody, but it is there.
            Err(at) => {
                found.entries.insert(at, wanted.clone());
                found.stamps.insert(at, None);
            }
        }
    }
    let is_close = is_close(depth, before);
    // Both are in the order of paths.
    let mut rest = expected;
    let mut unread = hash_readable(root, &mut found.entries, |entry| {
        while let [next, after @ ..] = rest
            && next.path < entry.path
        {
            rest = after;
        }
        let same = rest.first().filter(|next| next.path == entry.path);
        same.is_some_and(|other| is_open(other, entry, is_close))
            && !exclude.excludes(&entry.path, false)
    });
    found.unread.append(&mut unread);
    Ok(found)
}

/// Whether the size and time of a file do not suffice: something of it was touched since an earlier look.
fn is_close(depth: Depth, before: Option<&Checked>) -> bool {
    depth == Depth::Full || before.is_some()
}

/// Whether only its content can tell if a file is the same.
fn is_open(expected: &Entry, found: &Entry, is_close: bool) -> bool {
    match (&expected.node, &found.node) {
        (
            Node::File { size, mtime, .. },
            Node::File {
                size: found_size,
                mtime: found_time,
                ..
            },
        ) => size == found_size && (is_close || mtime != found_time),
        _ => false,
    }
}
