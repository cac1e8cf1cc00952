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

/// What the changes of a plan need: every new file in full, since the old ones are kept. `units` are directories
/// that are made anew of hard links, with the number of directories in them.
pub(super) fn needs(
    plan: &Plan,
    target: &Manifest,
    areas: &mut Areas,
    directories: u64,
) -> Result<Needs, UpgradeError> {
    let mut needs = Needs::new();
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
        *needs.entry(place).or_default() += size.div_ceil(BLOCK) * BLOCK + BLOCK;
    }
    let main = areas.main();
    let root = main.parent().unwrap_or(&main).to_owned();
    *needs.entry(root).or_default() += directories * BLOCK;
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
