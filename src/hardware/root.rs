//! The directory under which the kernel's files are read: `/`, or a recorded tree.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::order;

/// How much of one attribute is read: sysfs attributes are at most a page.
const ATTRIBUTE_BYTES: u64 = 16 * 1024;

/// How many names of one directory are looked at.
const MOST_NAMES: usize = 8192;

/// A root directory. All paths given to it are absolute, as they are on the machine.
#[derive(Debug, Clone)]
pub struct Sysroot {
    root: PathBuf,
}

impl Sysroot {
    /// The files below `root`: `/` for this machine, any other directory for a recorded one.
    pub fn new(root: impl Into<PathBuf>) -> Sysroot {
        Sysroot { root: root.into() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Whether there is anything at this path.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// Whether there is a file at this path, not a directory.
    pub(super) fn is_file(&self, path: &str) -> bool {
        self.at(path).is_file()
    }

    /// Up to `limit` bytes of a file.
    pub(super) fn bytes(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        // Of a pipe or a device that a recorded tree may hold there is nothing to wait for.
        let file = self.without_waiting(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a file whose reads return at once, with an error where they would wait.
    pub(super) fn without_waiting(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::open(self.at(path), flags, Mode::empty())?.into())
    }

    /// Up to `limit` bytes of a file as text; what is no UTF-8 is replaced.
    pub(super) fn text(&self, path: &str, limit: u64) -> io::Result<String> {
        let bytes = self.bytes(path, limit)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The first line of an attribute, without blanks around it; none if it is empty or unreadable.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path, ATTRIBUTE_BYTES).ok()?;
        let line = text.lines().next()?;
        let line = line.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// The first line of an attribute as a decimal number.
    pub(super) fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.line(path)?.parse().ok()
    }

    /// The names in a directory, in natural order; none if it is not there.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.at(path)) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.take(MOST_NAMES).collect();
        order::sort(&mut names);
        names
    }

    /// The last part of what a symbolic link points to.
    pub(super) fn link_name(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.at(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    /// The path that remains when all symbolic links are followed; none if that leaves the root.
    pub(super) fn resolved(&self, path: &str) -> Option<String> {
        let root = std::fs::canonicalize(&self.root).ok()?;
        let full = std::fs::canonicalize(self.at(path)).ok()?;
        let inside = full.strip_prefix(&root).ok()?;
        Some(Path::new("/").join(inside).to_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_none_and_no_error() {
        let root = Sysroot::new("/nonexistent");
        assert_eq!(root.line("/sys/x"), None);
        assert!(root.names("/sys").is_empty());
        assert_eq!(root.resolved("/sys"), None);
        assert!(root.bytes("/sys/x", 10).is_err());
    }

    #[test]
    fn a_directory_is_no_attribute() {
        let root = Sysroot::new("/");
        assert!(root.exists("/usr"));
        assert!(!root.is_file("/usr"));
        assert_eq!(root.line("/usr"), None);
    }
}
