//! One change after the other, each done by one rename or removal, and each done again with no harm.

use std::io;
use std::path::{Path, PathBuf};

use crate::roles::{Action, Change, Entry, Manifest, TreePath};

use super::areas::{Areas, Part, make_private};
use super::attributes;
use super::error::{UpgradeError, file};

/// Where changes are made.
pub(super) enum Place<'a> {
    /// The live system: what is replaced is put aside.
    Live(&'a mut Areas),
    /// A directory that nobody uses yet, with the paths of the system below it, and what is put into it.
    Beside { tree: PathBuf, incoming: PathBuf },
}

impl Place<'_> {
    fn of(&self, root: &Path, path: &TreePath) -> PathBuf {
        match self {
            Place::Live(_) => path.below(root),
            Place::Beside { tree, .. } => path.below(tree),
        }
    }

    fn incoming(&mut self, path: &TreePath) -> io::Result<PathBuf> {
        match self {
            Place::Live(areas) => areas.place(Part::Incoming, path),
            Place::Beside { incoming, .. } => Ok(path.below(incoming)),
        }
    }
}

/// Makes a change. `target` is what the version says of each path.
pub(super) fn perform(
    change: &Change,
    target: &Manifest,
    root: &Path,
    place: &mut Place<'_>,
) -> Result<(), UpgradeError> {
    let path = place.of(root, &change.path);
    let wrong = file(change.action.name(), &path);
    let done = match change.action {
        Action::Remove | Action::RemoveDirectory => remove(change, &path, place),
        Action::Put => put(change, &path, place),
        Action::MakeDirectory | Action::Attributes => match entry_of(target, &change.path) {
            Some(entry) => directory(&path, entry),
            None => Ok(()),
        },
    };
    done.map_err(wrong)
}

/// What a manifest says of a path.
pub(super) fn entry_of<'a>(manifest: &'a Manifest, path: &TreePath) -> Option<&'a Entry> {
    let entries = manifest.entries();
    let at = entries.binary_search_by(|entry| entry.path.cmp(path));
    at.ok().map(|at| &entries[at])
}

fn directory(path: &Path, entry: &Entry) -> io::Result<()> {
    match attributes::make(path, entry) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    attributes::set(path, entry)
}

fn put(change: &Change, path: &Path, place: &mut Place<'_>) -> io::Result<()> {
    let incoming = place.incoming(&change.path)?;
    if !is_there(&incoming) {
        // It was put there before.
        return Ok(());
    }
    if let Place::Live(areas) = place {
        put_aside(areas, path, &change.path, link_or_copy)?;
    }
    std::fs::rename(&incoming, path)
}

fn remove(change: &Change, path: &Path, place: &mut Place<'_>) -> io::Result<()> {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if meta.is_dir() != (change.action == Action::RemoveDirectory) {
        // What comes in its place is there already.
        return Ok(());
    }
    if meta.is_dir() {
        return match std::fs::remove_dir(path) {
            // Something came into it meanwhile, and nobody asked for that to go.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            done => done,
        };
    }
    if let Place::Live(areas) = place {
        put_aside(areas, path, &change.path, |from, to| {
            std::fs::rename(from, to)
        })?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Gives a file a second name; where the file system has no links (an EFI partition on /boot), a copy.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(error) if is_file(from) && error.kind() != io::ErrorKind::AlreadyExists => {
            std::fs::copy(from, to).map(drop)
        }
        done => done,
    }
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Keeps what is there for the way back, unless something was kept before.
fn put_aside(
    areas: &mut Areas,
    from: &Path,
    path: &TreePath,
    keep: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let to = areas.place(Part::Leaving, path)?;
    if !is_there(from) || is_there(&to) {
        return Ok(());
    }
    if let Some(above) = to.parent() {
        make_private(above)?;
    }
    keep(from, &to)
}

pub(super) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
