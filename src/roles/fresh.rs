//! Whether a tree that was just written is the whole of a manifest and nothing else.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::compare::{Aspect, Difference, compare};
use super::manifest::Manifest;
use super::path::TreePath;
use super::walk::{Found, WalkError, hash_files, walk};

/// Compares the tree at `root` with a manifest, every file read. Nothing that the role brings is left out.
///
/// Of what the role has not, only what an empty file system holds by itself may be there: `lost+found/`,
/// and mount points with the directories that lead to them. A file system mounted where the role has
/// nothing is not looked into: its data may be kept from one installation to the next.
///
/// # Errors
/// The tree cannot be read.
pub fn compare_fresh(manifest: &Manifest, root: &Path) -> Result<Vec<Difference>, WalkError> {
    let expected = manifest.entries();
    let parents = expected.iter().filter_map(|entry| entry.path.parent());
    let filled: HashSet<_> = parents.collect();
    let mounts = Mutex::new(HashSet::from([TreePath::root()]));
    // A directory is asked for before what is in it, whoever of several looks.
    let mut found = walk(root, |found: Found<'_>| {
        let mut mounts = mounts.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_mount_point {
            mounts.insert(found.path.clone());
        }
        filled.contains(found.path)
            || !(found.is_mount_point || is_lost_and_found(found.path, &mounts))
    })?;
    hash_files(root, &mut found, |_| true)?;
    let mounts = mounts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let leads_to_mount = |path: &TreePath| mounts.iter().any(|mount| mount.is_at_or_below(path));
    let mut differences = compare(expected, &found);
    differences.retain(|one| {
        let is_own = leads_to_mount(&one.path) || is_lost_and_found(&one.path, &mounts);
        !(one.aspect == Aspect::Extra && one.is_directory && is_own)
    });
    Ok(differences)
}

/// What fsck needs at the root of each file system.
fn is_lost_and_found(path: &TreePath, mounts: &HashSet<TreePath>) -> bool {
    let Some(parent) = path.parent() else {
        return false;
    };
    let is_named = parent
        .join(b"lost+found")
        .is_ok_and(|expected| expected == *path);
    is_named && mounts.contains(&parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_empty_file_system_has_by_itself_may_be_there_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| std::fs::create_dir_all(dir.path().join(name)).unwrap();
        make("etc");
        make("var/cache/x");
        let mut entries = walk(dir.path(), |_| true).unwrap();
        hash_files(dir.path(), &mut entries, |_| true).unwrap();
        let (role, version) = ("base".parse().unwrap(), "1.0".parse().unwrap());
        let manifest = Manifest::new(role, version, entries).unwrap();
        let paths = || -> Vec<String> {
            let found = compare_fresh(&manifest, dir.path()).unwrap();
            found.iter().map(|one| one.path.to_string()).collect()
        };
        make("lost+found");
        assert_eq!(paths(), [""; 0]);
        for name in ["etc/lost+found", "var/cache/y", "var/log"] {
            make(name);
        }
        assert_eq!(paths(), ["./etc/lost+found", "./var/cache/y", "./var/log"]);
    }
}
