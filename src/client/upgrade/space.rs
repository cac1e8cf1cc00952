//! Whether all of an upgrade finds room, asked before a byte is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::roles::{Action, Manifest, Node, Plan};

use super::areas::Areas;
use super::error::{UpgradeError, file};

/// What a file takes besides its content, and each directory that is made anew: a block.
const BLOCK: u64 = 4096;

/// What a running system needs to go on.
const RESERVE: u64 = 16 << 20;

/// How much each file system must take, in bytes, by its root.
pub(super) type Needs = BTreeMap<PathBuf, u64>;

/// What the changes of a plan need: every new file in full, since the old ones are kept. All of them come to the
/// root's file system first, and those of others leave it before `directories`, which is the number of those in
/// directories that are made anew of hard links, are made there.
pub(super) fn needs(
    plan: &Plan,
    target: &Manifest,
    areas: &mut Areas,
    directories: u64,
) -> Result<Needs, UpgradeError> {
    let mut needs = Needs::new();
    let main = areas.main();
    let mut passing = 0;
    let entries = target.entries();
    for change in plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Put)
    {
        let at = entries.binary_search_by(|entry| entry.path.cmp(&change.path));
        let size = match at.map(|at| &entries[at].node) {
            Ok(Node::File { size, .. }) => *size,
            _ => 0,
        };
        let area = areas.area(&change.path);
        let area = area.map_err(file("read", &change.path.below(Path::new("/"))))?;
        let place = area.parent().unwrap_or(&area).to_owned();
        let needed = size.div_ceil(BLOCK) * BLOCK + BLOCK;
        *needs.entry(place).or_default() += needed;
        if area != main {
            passing += needed;
        }
    }
    let root = main.parent().unwrap_or(&main).to_owned();
    *needs.entry(root).or_default() += passing.max(directories * BLOCK);
    Ok(needs)
}

/// Whether it is there.
pub(super) fn expect(needs: &Needs) -> Result<(), UpgradeError> {
    for (place, needed) in needs.iter().filter(|(_, needed)| **needed > 0) {
        let system = statvfs(place).map_err(|error| file("read", place)(error.into()))?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        let needed = needed + RESERVE;
        if needed > free {
            return Err(UpgradeError::Space {
                place: place.clone(),
                needed: needed.div_ceil(1_000_000),
                free: free / 1_000_000,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::{Change, Digest, Entry, TreePath, Xattrs};

    fn file_of(path: &str, size: u64) -> Entry {
        Entry {
            path: TreePath::new(path.as_bytes()).unwrap(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            xattrs: Xattrs::new(),
            hardlink: None,
            node: Node::File {
                size,
                mtime: 0,
                digest: Some(Digest::of(b"")),
            },
        }
    }

    #[test]
    fn what_is_for_another_file_system_needs_room_where_it_comes_to_too() {
        // /proc is a file system of its own everywhere.
        let directory = |path: TreePath| Entry {
            path,
            node: Node::Directory,
            ..file_of("any", 0)
        };
        let directories = [TreePath::root(), TreePath::new(b"proc").unwrap()].map(directory);
        let files = [file_of("here", 1), file_of("proc/there", 3 * BLOCK)];
        let put = |entry: &Entry| Change {
            action: Action::Put,
            path: entry.path.clone(),
        };
        let plan = Plan {
            changes: files.iter().map(put).collect(),
            ..Plan::default()
        };
        let (role, version) = ("base".parse().unwrap(), "1.1".parse().unwrap());
        let entries = directories.into_iter().chain(files).collect();
        let target = Manifest::new(role, version, entries).unwrap();
        let needed = |directories| {
            let mut areas = Areas::of(Path::new("/"));
            let needs = needs(&plan, &target, &mut areas, directories).unwrap();
            ["/", "/proc"].map(|place| needs[Path::new(place)] / BLOCK)
        };
        assert_eq!(needed(0), [2 + 4, 4]);
        // It has left by the time at which directories are made.
        assert_eq!(needed(3), [2 + 4, 4]);
        assert_eq!(needed(10), [2 + 10, 4]);
    }
}
