//! What a verification does not tell: what is excluded, where other file systems are mounted, and what only follows
//! from a path that cannot be looked at.

use std::collections::HashSet;

use crate::roles::compare::{Aspect, Difference};
use crate::roles::entry::Entry;
use crate::roles::filter::Filter;
use crate::roles::manifest::find;
use crate::roles::path::TreePath;
use crate::roles::walk::Unread;

/// What belongs to the machine and not to its role.
pub(super) struct Own<'a> {
    /// The role, in the order of paths.
    pub(super) expected: &'a [Entry],
    pub(super) exclude: &'a Filter,
    /// Where other file systems are mounted that were not looked into, in the order of paths.
    pub(super) mounts: &'a [TreePath],
}

impl Own<'_> {
    /// Whether nobody asks for a path that cannot be looked at.
    pub(super) fn has_unread(&self, path: &TreePath) -> bool {
        // Nobody knows what it is.
        let is_excluded =
            self.exclude.excludes(path, false) || self.exclude.excludes_directory(path);
        let expected = find(self.expected, path.as_bytes());
        is_excluded
            || self.mounts.binary_search(path).is_ok()
                && expected.is_none_or(Entry::is_directory)
                && !is_filled(self.expected, path)
    }

    /// Whether a mount point is, or is below, what the role has no directory for.
    pub(super) fn is_in_the_way(&self, mount: &TreePath) -> bool {
        let above = std::iter::successors(Some(mount.clone()), TreePath::parent);
        let mut expected = above.filter_map(|path| find(self.expected, path.as_bytes()));
        !self.exclude.excludes(mount, true) && expected.any(|entry| !entry.is_directory())
    }

    /// Takes away what is the machine's own, and directories that only lead to its mount points.
    pub(super) fn leave_out(&self, differences: &mut Vec<Difference>) {
        differences.retain(|one| match one.aspect {
            Aspect::Unread => !self.has_unread(&one.path),
            _ => !self.exclude.excludes(&one.path, one.is_directory),
        });
        let leads = |one: &&Difference| {
            let mut mounts = self.mounts.iter();
            let is_led_to = mounts.any(|mount| mount.is_at_or_below(&one.path));
            one.aspect == Aspect::Extra && one.is_directory && is_led_to
        };
        let leading = differences.iter().filter(leads);
        let leading: HashSet<TreePath> = leading.map(|one| one.path.clone()).collect();
        let only_leads = |path: &&TreePath| {
            let mut below = below(differences, |one| &one.path, path);
            below.all(|one| leading.contains(&one.path))
        };
        let own: HashSet<&TreePath> = leading.iter().filter(only_leads).collect();
        differences.retain(|one| !own.contains(&one.path));
    }
}

/// Adds what cannot be looked at, and takes away what was not found for that reason.
pub(super) fn tell_unread(
    differences: &mut Vec<Difference>,
    expected: &[Entry],
    unread: &[Unread],
) {
    let paths: HashSet<&[u8]> = unread.iter().map(|one| one.path.as_bytes()).collect();
    let is_below_one = |path: &[u8]| {
        let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
        let mut ends = slashes.chain([0, path.len()]);
        ends.any(|end| paths.contains(&path[..end]))
    };
    differences.retain(|one| match one.aspect {
        Aspect::Missing => !is_below_one(one.path.as_bytes()),
        Aspect::Content => !paths.contains(one.path.as_bytes()),
        _ => true,
    });
    for one in unread {
        let entry = find(expected, one.path.as_bytes());
        differences.push(Difference {
            path: one.path.clone(),
            aspect: Aspect::Unread,
            expected: entry.map_or("", |entry| entry.node.kind()).to_owned(),
            found: one.error.in_words(),
            is_directory: false,
        });
    }
    differences.sort_by(|a, b| (&a.path, a.aspect).cmp(&(&b.path, b.aspect)));
    differences.dedup_by(|a, b| (&a.path, a.aspect) == (&b.path, b.aspect));
}

/// Whether there is anything in a directory.
pub(super) fn is_filled(entries: &[Entry], directory: &TreePath) -> bool {
    below(entries, |entry| &entry.path, directory)
        .next()
        .is_some()
}

/// What is below a directory, of things in the order of paths.
fn below<'a, T>(
    things: &'a [T],
    path: impl Fn(&T) -> &TreePath + Copy,
    directory: &TreePath,
) -> impl Iterator<Item = &'a T> {
    let within = [directory.as_bytes(), b"/"].concat();
    let first = things.partition_point(|thing| path(thing).as_bytes() < within.as_slice());
    let rest = things[first..].iter();
    rest.take_while(move |thing| path(thing).as_bytes().starts_with(&within))
}
