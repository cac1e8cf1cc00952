//! Writes files that are our own, whole or not at all.

use std::io::{self, Write};
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
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
