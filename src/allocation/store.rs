//! Reading and replacing the files of a section: stamps, staging, atomic renames, fsync.
//!
//! The only writer of an admin's files. It knows nothing of what stands in them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::error::AllocateError;

/// Where a section keeps what is not the admin's: below the directory of the files it guards, so that
/// whoever changes those files meets the same lock, whatever settings they were started with.
pub(crate) const OWN_DIRECTORY: &str = ".edeploy";

/// A file changed more recently than this may change again within the clock's granularity.
const SETTLED_AFTER: Duration = Duration::from_millis(50);

/// What tells one version of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
        }
    }
}

/// The stamp of the file at `path`; none where there is no file.
pub(crate) fn stamp(path: &Path) -> Result<Option<Stamp>, AllocateError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AllocateError::io("look at", path)(error)),
    }
}

/// A file as it was read.
#[derive(Debug)]
pub(crate) struct ReadFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stamp: Stamp,
    /// Whether the stamp can be trusted to change with the next edit.
    pub(crate) settled: bool,
}

/// Reads the file at `path`.
///
/// # Errors
/// The operating system's refusal, absence included.
pub(crate) fn read(path: &Path) -> Result<ReadFile, AllocateError> {
    let refused = |error| AllocateError::io("read", path)(error);
    let mut file = File::open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    io::Read::read_to_end(&mut file, &mut bytes).map_err(refused)?;
    let age = metadata
        .modified()
        .ok()
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    let settled = age.is_some_and(|age| age > SETTLED_AFTER);
    Ok(ReadFile {
        bytes,
        stamp: Stamp::of(&metadata),
        settled,
    })
}

/// The file that `path` stands for: a link is followed, so that replacing it keeps the link.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf, AllocateError> {
    match path.canonicalize() {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(AllocateError::io("look at", path)(error)),
    }
}

/// Writes a new file whole and waits until its bytes are on disk. With `like`, the new file takes the
/// permissions (and, as far as allowed, the owner) of that one.
///
/// # Errors
/// The operating system's refusal; what was begun is removed.
pub(crate) fn write_new(
    path: &Path,
    bytes: &[u8],
    like: Option<&Metadata>,
) -> Result<Stamp, AllocateError> {
    let written = write_and_sync(path, bytes, like);
    if written.is_err() {
        remove_if_there(path);
    }
    written.map_err(AllocateError::io("write", path))
}

fn write_and_sync(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> io::Result<Stamp> {
    let mode = like.map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    if let Some(like) = like {
        file.set_permissions(like.permissions())?;
        keep_owner(&file, like);
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(Stamp::of(&file.metadata()?))
}

/// Only root may give a file away; anybody else's new file is their own, as with any editor.
fn keep_owner(file: &File, like: &Metadata) {
    if let Err(error) = std::os::unix::fs::fchown(file, Some(like.uid()), Some(like.gid())) {
        tracing::debug!(%error, "the owner of a replaced file changes");
    }
}

/// Waits until the names in `directory` are on disk.
///
/// # Errors
/// The operating system's refusal.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), AllocateError> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(AllocateError::io("flush", directory))
}

/// Gives the file at `from` the name `to`, replacing what had it.
///
/// # Errors
/// The operating system's refusal.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), AllocateError> {
    std::fs::rename(from, to).map_err(AllocateError::io("replace", to))
}

/// Removes a file that nobody needs any more. That it cannot be removed is worth a line, not a failure.
pub(crate) fn remove_if_there(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot remove a left-over file");
        }
    }
}

/// Where the new content of a file waits for its commit: beside it, so that a rename is enough.
pub(crate) fn staged_path(target: &Path, commit: u64) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.staged-{commit}"))
}

/// Removes what commits left staged in `directory` that never came to be.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn remove_stale_staged(directory: &Path) -> Result<(), AllocateError> {
    let refused = AllocateError::io("read", directory);
    for entry in std::fs::read_dir(directory).map_err(refused)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.contains(".staged-") {
            remove_if_there(&entry.path());
        }
    }
    Ok(())
}

/// The directory of a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_keeps_the_permissions_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("state"), dir.path().join("staged"));
        write_new(&old, b"old", None).unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o640)).unwrap();
        write_new(&new, b"new", Some(&std::fs::metadata(&old).unwrap())).unwrap();
        rename(&new, &old).unwrap();
        assert_eq!(
            std::fs::metadata(&old).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(std::fs::read(&old).unwrap(), b"new");
    }

    #[test]
    fn a_stamp_changes_with_the_file_and_not_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let written = write_new(&a, b"one", None).unwrap();
        rename(&a, &b).unwrap();
        assert_eq!(stamp(&b).unwrap(), Some(written));
        assert_ne!(write_new(&b, b"three", None).unwrap(), written);
        assert_eq!(stamp(&a).unwrap(), None);
    }
}
