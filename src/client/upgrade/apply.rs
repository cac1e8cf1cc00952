//! One change after the other, each done by one rename or removal, and each done again with no harm. Where no
//! rename leads to, what is put is copied beside its place first.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::roles::{Action, Change, Entry, Manifest, Node, TreePath};

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
    if let Action::Remove | Action::RemoveDirectory = change.action {
        return remove(change, &path, place).map_err(wrong);
    }
    let Some(entry) = entry_of(target, &change.path) else {
        return Ok(());
    };
    if change.action != Action::Put {
        return directory(&path, entry).map_err(wrong);
    }
    match put(entry, &path, place).map_err(wrong)? {
        true => Ok(()),
        false => Err(UpgradeError::Lost(path)),
    }
}

/// What a manifest says of a path.
pub(super) fn entry_of<'a>(manifest: &'a Manifest, path: &TreePath) -> Option<&'a Entry> {
    let entries = manifest.entries();
    let at = entries.binary_search_by(|entry| entry.path.cmp(path));
    at.ok().map(|at| &entries[at])
}

fn directory(path: &Path, entry: &Entry) -> io::Result<()> {
    match attributes::make(path, entry) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    attributes::set(path, entry)
}

/// Puts what came into its place. Whether it is there now: what did not come must have been put there before.
fn put(entry: &Entry, path: &Path, place: &mut Place<'_>) -> io::Result<bool> {
    let incoming = place.incoming(&entry.path)?;
    if !is_there(&incoming) {
        return Ok(looks_like(path, entry));
    }
    if let Place::Live(areas) = place {
        put_aside(areas, path, &entry.path, link_or_copy)?;
    }
    match std::fs::rename(&incoming, path) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            put_across(&incoming, path, entry)?;
        }
        done => done?,
    }
    Ok(true)
}

/// Whether something is of the kind, and a file of the size, that the version says.
fn looks_like(path: &Path, entry: &Entry) -> bool {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return false;
    };
    let kind = meta.file_type();
    match entry.node {
        Node::Directory => kind.is_dir(),
        Node::File { size, .. } => kind.is_file() && meta.len() == size,
        Node::Symlink(_) => kind.is_symlink(),
        Node::Character(..) => kind.is_char_device(),
        Node::Block(..) => kind.is_block_device(),
        Node::Fifo => kind.is_fifo(),
        Node::Socket => kind.is_socket(),
    }
}

/// The name of what is copied, until it is whole.
const NEW: &str = ".edeploy-new";

/// Puts what came into its place where no rename leads to: where the same file system is mounted a second time.
/// On the disk when it returns: nobody waits for that mount later.
fn put_across(incoming: &Path, path: &Path, entry: &Entry) -> io::Result<()> {
    let new = path.with_file_name(NEW);
    remove_file(&new)?;
    attributes::make(&new, entry)?;
    if let Node::File { .. } = entry.node {
        // Never through a link that somebody put there meanwhile.
        io::copy(&mut File::open(incoming)?, &mut File::create_new(&new)?)?;
    }
    attributes::set(&new, entry)?;
    if let Node::File { .. } = entry.node {
        File::open(&new)?.sync_all()?;
    }
    std::fs::rename(&new, path)?;
    if let Some(above) = path.parent() {
        File::open(above)?.sync_all()?;
    }
    remove_file(incoming)
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
            // Something came into it meanwhile or is mounted on it, and nobody asked for that to go.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::DirectoryNotEmpty | ErrorKind::ResourceBusy
                ) =>
            {
                Ok(())
            }
            done => done,
        };
    }
    if let Place::Live(areas) = place {
        put_aside(areas, path, &change.path, rename_or_copy)?;
    }
    remove_file(path)
}

/// Removes what is no directory, if it is there.
fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Moves a file; a copy where no rename leads to.
fn rename_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => copy(from, to),
        done => done,
    }
}

/// Gives a file a second name; a copy where the file system has no links (an EFI partition on /boot), or none
/// leads to.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(error) if is_file(from) && error.kind() != ErrorKind::AlreadyExists => copy(from, to),
        // Of a link or device the manifest says all.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => Ok(()),
        done => done,
    }
}

/// Copies the content of a file, whole or not at all. Of what is no file the manifest says all.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !is_file(from) {
        return Ok(());
    }
    let new = to.with_file_name(NEW);
    std::fs::copy(from, &new)?;
    File::open(&new)?.sync_all()?;
    std::fs::rename(&new, to)
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
