//! The machine as it is found before an upgrade, so far as the plan and the way back need it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use crate::client::site::Site;
use crate::roles::{Depth, Entry, Manifest, Node, Plan, Rules, There, TreePath, hash_files, look};

use super::error::UpgradeError;

/// What is on the machine, but for what is left alone. That size and time are those of the target tells nothing of a
/// file whose content is another one in the installed version: all files of a build may have one time.
pub(super) fn find(
    site: &Site,
    base: &Manifest,
    target: &Manifest,
    rules: &Rules,
) -> Result<Vec<Entry>, UpgradeError> {
    let mut found = look(target.entries(), &site.root, &rules.exclude, Depth::Quick)?;
    let of_base: HashMap<_, _> = (base.entries().iter())
        .map(|entry| (&entry.path, &entry.node))
        .collect();
    let changed: HashSet<_> = (target.entries().iter())
        .filter(|entry| of_base.get(&entry.path) != Some(&&entry.node))
        .map(|entry| &entry.path)
        .collect();
    hash_files(&site.root, &mut found, |entry| {
        matches!(entry.node, Node::File { digest: None, .. })
            && changed.contains(&entry.path)
            && !rules.exclude.excludes(&entry.path, false)
    })?;
    Ok(found)
}

/// What there is at a path: what is behind a link, or a file, is another place.
pub(super) fn there(root: &Path, path: &TreePath) -> There {
    let at = |path: &TreePath| match std::fs::symlink_metadata(path.below(root)) {
        Ok(meta) if meta.is_dir() => There::Directory,
        Err(error) if error.kind() == ErrorKind::NotFound => There::Nothing,
        _ => There::Other,
    };
    let mut is_behind = false;
    let mut above = path.parent();
    while let Some(directory) = above {
        is_behind |= at(&directory) == There::Other;
        above = directory.parent();
    }
    match at(path) {
        There::Nothing if is_behind => There::NothingBehindLink,
        _ if is_behind => There::Other,
        there => there,
    }
}

/// The installed version with what the plan touches as it was found, so that the way back leads there.
pub(super) fn as_found(
    site: &Site,
    base: &Manifest,
    found: Vec<Entry>,
    plan: &Plan,
) -> Result<Manifest, UpgradeError> {
    let changes = plan.changes.iter().chain(&plan.later);
    let touched: HashSet<_> = changes.map(|change| &change.path).collect();
    let mut entries: BTreeMap<_, _> = base
        .entries()
        .iter()
        .filter(|entry| !touched.contains(&entry.path))
        .map(|entry| (entry.path.clone(), entry.clone()))
        .collect();
    let mut seen: Vec<Entry> = found
        .into_iter()
        .filter(|entry| touched.contains(&entry.path))
        .collect();
    hash_files(&site.root, &mut seen, |entry| {
        matches!(entry.node, Node::File { digest: None, .. })
    })?;
    entries.extend(seen.into_iter().map(|entry| (entry.path.clone(), entry)));
    let version = site.version.clone();
    Manifest::new(site.role.clone(), version, below_directories(entries)).map_err(|source| {
        UpgradeError::Manifest {
            version: site.version.to_string(),
            source,
        }
    })
}

/// The entries whose directory is there: one that somebody removed by hand has left what was in it behind.
fn below_directories(entries: BTreeMap<TreePath, Entry>) -> Vec<Entry> {
    let mut directories = HashSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    // A directory comes before what is in it.
    for (path, entry) in entries {
        if path
            .parent()
            .is_some_and(|parent| !directories.contains(&parent))
        {
            continue;
        }
        if entry.is_directory() {
            directories.insert(path);
        }
        kept.push(Entry {
            hardlink: None,
            ..entry
        });
    }
    kept
}
