//! Writes files that are our own, whole or not at all.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// Whether a file must be on disk when the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// File and directory are synchronised first.
    Synced,
    /// The system writes it when it likes; after a power cut the file may be missing or empty.
    Lazy,
}

/// What happens to a file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The new file takes its place.
    Replace,
    /// It stays, and the call fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Makes a file appear under its name in one step, with its content complete.
///
/// The file is readable by everybody that the directory lets in, as the original's were.
///
/// # Errors
/// The directory cannot be written, the disk is full, or the file exists and is to be kept.
pub fn replace_file(
    path: &Path,
    existing: Existing,
    durability: Durability,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::with_prefix_in(".new-", directory)?;
    fill(file.as_file_mut())?;
    file.as_file()
        .set_permissions(PermissionsExt::from_mode(0o644))?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    match existing {
        Existing::Replace => drop(file.persist(path)?),
        Existing::Keep => drop(file.persist_noclobber(path)?),
    }
    if durability == Durability::Synced {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Permission bits and owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// The permission bits.
    pub mode: u32,
    /// The number of the owner.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
}

/// The set-user-ID and set-group-ID bits.
const SET_ID: u32 = 0o6000;

/// Writes a file of the running system in place, as a script asks for it: what is there is emptied,
/// or kept if `append`; directories that miss are made.
///
/// Permissions and owner are set where they differ. The kernel's own files keep theirs.
///
/// # Errors
/// A directory or the file cannot be made, written, or given to its owner.
pub fn put_file(path: &Path, content: &[u8], append: bool, wanted: Ownership) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut open = std::fs::OpenOptions::new();
    open.create(true).write(true);
    open.append(append).truncate(!append);
    // Nobody else may read a new file before its permissions are set.
    let mut file = open.mode(wanted.mode & 0o700).open(path)?;
    let found = file.metadata()?;
    let of_kernel = ["/proc", "/sys", "/dev"]
        .iter()
        .any(|top| path.starts_with(top));
    if found.is_file() && !of_kernel {
        if (found.uid(), found.gid()) != (wanted.uid, wanted.gid) {
            std::os::unix::fs::fchown(&file, Some(wanted.uid), Some(wanted.gid))?;
        }
        // After the owner: changing that takes set-user-ID bits away.
        file.set_permissions(PermissionsExt::from_mode(wanted.mode))?;
    }
    file.write_all(content)?;
    // So does writing, where root is that of a name space (inode_remove_suid in the kernel's fs/inode.c).
    if found.is_file() && wanted.mode & SET_ID != 0 {
        file.set_permissions(PermissionsExt::from_mode(wanted.mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_with_its_directories_and_permissions_and_can_be_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etc/x/secret");
        let here = std::fs::metadata(dir.path()).unwrap();
        let wanted = |mode| Ownership {
            mode,
            uid: here.uid(),
            gid: here.gid(),
        };
        put_file(&path, b"one", false, wanted(0o640)).unwrap();
        put_file(&path, b"two", true, wanted(0o640)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
        put_file(&path, b"new", false, wanted(0o600)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn a_file_of_the_kernel_is_written_and_nothing_else() {
        let wanted = Ownership {
            mode: 0o600,
            uid: 0,
            gid: 0,
        };
        put_file(Path::new("/dev/null"), b"x", false, wanted).unwrap();
        let mode = std::fs::metadata("/dev/null").unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
    }

    #[test]
    fn a_file_that_could_not_be_filled_leaves_the_old_one_and_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        replace_file(&path, Existing::Replace, Durability::Synced, |out| {
            out.write_all(b"old")
        })
        .unwrap();
        replace_file(&path, Existing::Replace, Durability::Lazy, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("no more"))
        })
        .unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_to_be_kept_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let write = |existing, text: &'static [u8]| {
            replace_file(&path, existing, Durability::Lazy, |out| out.write_all(text))
        };
        write(Existing::Keep, b"first").unwrap();
        let error = write(Existing::Keep, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write(Existing::Replace, b"third").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
    }
}
