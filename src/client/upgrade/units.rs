//! Directories of programs and libraries, made anew as a whole and exchanged in one step: between two
//! versions of a C library or of systemd there is no moment at which a machine could not start.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use crate::roles::{Change, Manifest, Plan, TreePath, mount_points};
use crate::system::{Command, Real, Runner};

use super::apply::{Place, is_there, perform};
use super::areas::{Areas, Part, make_private};
use super::error::{UpgradeError, file};

/// What a system cannot start without. On those of today all but `usr` are links into it.
const DIRECTORIES: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"];

/// Links for a whole system, on a slow disk.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// A directory that was made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unit {
    /// Its name below the root.
    pub(super) name: String,
    /// The inode of the new one: who has that name tells whether they were exchanged.
    inode: u64,
}

/// Whether a change is in a directory of this name.
pub(super) fn is_in(change: &Change, name: &str) -> bool {
    is_below(&change.path, name)
}

/// Whether a path is in a directory that can be exchanged.
pub(super) fn may_hold(path: &TreePath) -> bool {
    DIRECTORIES.iter().any(|name| is_below(path, name))
}

fn is_below(path: &TreePath, name: &str) -> bool {
    let rest = path.as_bytes().strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b"/"))
}

/// The directories that can be exchanged and that the plan changes something in.
pub(super) fn of(
    plan: &Plan,
    target: &Manifest,
    root: &Path,
    areas: &mut Areas,
) -> Result<Vec<&'static str>, UpgradeError> {
    let mut names = Vec::new();
    if !can_exchange(&areas.main()) {
        return Ok(names);
    }
    let mounts = mount_points(root);
    for name in DIRECTORIES {
        let place = root.join(name);
        let meta = match std::fs::symlink_metadata(&place) {
            Ok(meta) if meta.is_dir() => meta,
            _ => continue,
        };
        let is_wanted = target
            .entries()
            .iter()
            .any(|entry| entry.is_directory() && entry.path.as_bytes() == name.as_bytes());
        let main = areas.main();
        let on_root = std::fs::metadata(&main).is_ok_and(|main| main.dev() == meta.dev());
        let is_whole = !mounts
            .iter()
            .any(|mount| mount.as_bytes() == name.as_bytes() || is_below(mount, name));
        let is_changed = plan.changes.iter().any(|change| is_in(change, name));
        if is_wanted && on_root && is_whole && is_changed {
            names.push(name);
        }
    }
    Ok(names)
}

/// Tries it with two empty directories: not every file system can.
fn can_exchange(area: &Path) -> bool {
    let [one, other] = ["try.1", "try.2"].map(|name| area.join(name));
    let tried = || -> io::Result<()> {
        make_private(&one)?;
        make_private(&other)?;
        exchange(&one, &other)
    };
    let can = tried().is_ok();
    for place in [one, other] {
        std::fs::remove_dir(place).ok();
    }
    can
}

fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

/// Makes directories anew: hard links of what stays, and what the plan changes in them.
pub(super) fn make(
    names: &[&str],
    plan: &Plan,
    target: &Manifest,
    root: &Path,
    areas: &Areas,
    mut tell: impl FnMut(&Change),
) -> Result<Vec<Unit>, UpgradeError> {
    let tree = areas.main_part(Part::Units);
    make_private(&tree).map_err(file("write", &tree))?;
    let mut place = Place::Beside {
        tree: tree.clone(),
        incoming: areas.main_part(Part::Incoming),
    };
    let mut units = Vec::new();
    for name in names {
        let from = root.join(name).display().to_string();
        let to = tree.join(name);
        let words = ["-al", "--", from.as_str(), &to.display().to_string()].map(str::to_owned);
        let copy = Command::new("cp", words.iter().map(String::as_str));
        Real.run(&copy.mutating().with_timeout(TIMEOUT))?;
        for change in plan.changes.iter().filter(|change| is_in(change, name)) {
            perform(change, target, root, &mut place)?;
            tell(change);
        }
        let inode = std::fs::metadata(&to).map_err(file("read", &to))?.ino();
        let name = (*name).to_owned();
        units.push(Unit { name, inode });
    }
    Ok(units)
}

impl Unit {
    /// Puts the new directory into its place, and the old one to what leaves. Whether there was something to do.
    pub(super) fn exchange(&self, root: &Path, areas: &Areas) -> Result<bool, UpgradeError> {
        let live = root.join(&self.name);
        let other = areas.main_part(Part::Units).join(&self.name);
        let inode = std::fs::metadata(&live).map_err(file("read", &live))?.ino();
        if inode == self.inode {
            return Ok(false);
        }
        exchange(&live, &other).map_err(file("exchange", &live))?;
        Ok(true)
    }

    /// Puts the old directory to what leaves, once all is done. Where that was done before, nothing is made.
    pub(super) fn leave(&self, areas: &Areas) -> Result<(), UpgradeError> {
        let from = areas.main_part(Part::Units).join(&self.name);
        let leaving = areas.main_part(Part::Leaving);
        let to = leaving.join(&self.name);
        if !is_there(&from) {
            return Ok(());
        }
        make_private(&leaving).map_err(file("write", &leaving))?;
        std::fs::rename(&from, &to).map_err(file("rename", &from))
    }
}
