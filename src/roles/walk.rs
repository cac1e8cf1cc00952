//! Reads a real tree: with what is below it the one place of `roles` that touches the file system.

mod hash;
mod threads;

use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat, lgetxattr, llistxattr, major, minor,
    openat, readlinkat, stat, statat,
};
use rustix::io::Errno;

use super::entry::{Entry, Node, Xattrs};
use super::path::TreePath;

pub use hash::hash_files;
use threads::{Queue, on_all_processors};

/// The longest list of attributes and the longest value that Linux gives (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const LONGEST_XATTR: usize = 64 << 10;

/// How much of a directory is read at once.
const NAMES: usize = 32 << 10;

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A directory, file or link cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is something else than it was a moment ago.
    #[error("`{0}` changes while it is read")]
    Changing(PathBuf),
    /// No program could open it by its path.
    #[error("a path below `{0}` is too long")]
    TooLong(PathBuf),
}

/// A directory that was found, for whoever decides whether to look into it.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The directory.
    pub path: &'a TreePath,
    /// Whether another file system is mounted on it.
    pub is_mount_point: bool,
}

/// Everything in the tree at `root`, in the order of paths, without the content of files.
///
/// A directory is looked into where `enter` says so; it is among the entries in any case. What vanishes
/// meanwhile is left out. The directories are shared among all processors.
///
/// # Errors
/// The root is no directory, or something cannot be read.
pub fn walk(
    root: &Path,
    enter: impl Fn(Found<'_>) -> bool + Sync,
) -> Result<Vec<Entry>, WalkError> {
    let failed = |source| WalkError::Read {
        path: root.to_owned(),
        source,
    };
    // The root may be named by a link.
    let root_stat = stat(root).map_err(|error| failed(error.into()))?;
    if !is_directory(&root_stat) {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let mut whole = Part::new();
    let node = Node::Directory;
    whole
        .add(TreePath::root(), root, &root_stat, node)
        .map_err(|error| failed(error.into()))?;
    let queue = Queue::new(Directory {
        path: TreePath::root(),
        device: root_stat.st_dev,
    });
    let work = || {
        let mut part = Part::new();
        while let Some(mut turn) = queue.next() {
            let found = part.read(root, &turn.thing, &enter);
            turn.more = found.inspect_err(|_| queue.clear())?;
        }
        part.entries
            .sort_unstable_by(|a, b| a.0.path.cmp(&b.0.path));
        Ok(part.entries)
    };
    let mut entries = whole.entries;
    for part in on_all_processors(usize::MAX, work) {
        entries.append(&mut part?);
    }
    // This one finds the parts sorted and only merges them.
    entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    Ok(with_hardlinks(entries))
}

/// A directory to look into.
struct Directory {
    path: TreePath,
    device: u64,
}

/// Which file a path is one of several of: its device and inode.
type Several = Option<(u64, u64)>;

/// What one thread has found.
struct Part {
    entries: Vec<(Entry, Several)>,
    buffer: Vec<u8>,
}

impl Part {
    fn new() -> Part {
        Part {
            entries: Vec::new(),
            buffer: vec![0; LONGEST_XATTR],
        }
    }

    /// Adds what is in a directory; gives the directories among it to look into.
    fn read(
        &mut self,
        root: &Path,
        directory: &Directory,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Result<Vec<Directory>, WalkError> {
        let mut place = directory.path.below(root);
        let unread = |place: &Path, error: Errno| WalkError::Read {
            path: place.to_owned(),
            source: error.into(),
        };
        let opened = match open(&place, &directory.path) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(unread(&place, error)),
        };
        let mut below = Vec::new();
        let mut names = Vec::with_capacity(NAMES);
        let mut listed = RawDir::new(&opened, names.spare_capacity_mut());
        while let Some(item) = listed.next() {
            let item = item.map_err(|error| unread(&place, error))?;
            let name = item.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = directory.path.join(name.to_bytes());
            let path = path.map_err(|_| WalkError::TooLong(place.clone()))?;
            place.push(OsStr::from_bytes(name.to_bytes()));
            let seen = look_at(opened.as_fd(), name).and_then(|(stat, node)| {
                let inside = (node == Node::Directory).then(|| path.clone());
                self.add(path, &place, &stat, node)?;
                Ok(inside.map(|path| (path, stat.st_dev)))
            });
            match seen {
                Ok(Some((path, device))) => {
                    let found = Found {
                        path: &path,
                        is_mount_point: device != directory.device,
                    };
                    if enter(found) {
                        below.push(Directory { path, device });
                    }
                }
                Ok(None) | Err(Errno::NOENT) => {}
                Err(error) => return Err(unread(&place, error)),
            }
            place.pop();
        }
        Ok(below)
    }

    fn add(
        &mut self,
        path: TreePath,
        place: &Path,
        stat: &Stat,
        node: Node,
    ) -> rustix::io::Result<()> {
        let xattrs = self.xattrs(place)?;
        let is_several = stat.st_nlink > 1 && node != Node::Directory;
        let is_link = matches!(node, Node::Symlink(_));
        let entry = Entry {
            path,
            mode: if is_link {
                0o777
            } else {
                stat.st_mode & 0o7777
            },
            uid: stat.st_uid,
            gid: stat.st_gid,
            xattrs,
            hardlink: None,
            node,
        };
        let several = is_several.then_some((stat.st_dev, stat.st_ino));
        self.entries.push((entry, several));
        Ok(())
    }

    fn xattrs(&mut self, place: &Path) -> rustix::io::Result<Xattrs> {
        let mut xattrs = Xattrs::new();
        let length = match llistxattr(place, self.buffer.as_mut_slice()) {
            Ok(length) => length,
            // The file system has none.
            Err(Errno::NOTSUP) => 0,
            Err(error) => return Err(error),
        };
        if length == 0 {
            return Ok(xattrs);
        }
        let names = self.buffer[..length].to_vec();
        for name in names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
        {
            match lgetxattr(place, name, self.buffer.as_mut_slice()) {
                Ok(length) => {
                    xattrs.insert(name.to_vec(), self.buffer[..length].to_vec());
                }
                // Taken away meanwhile.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(xattrs)
    }
}

/// Entries in the order of paths, each further path of a file with the first one.
fn with_hardlinks(entries: Vec<(Entry, Several)>) -> Vec<Entry> {
    let mut firsts: HashMap<(u64, u64), TreePath> = HashMap::new();
    let linked = entries.into_iter().map(|(mut entry, several)| {
        if let Some(file) = several {
            match firsts.get(&file) {
                Some(first) => entry.hardlink = Some(first.clone()),
                None => drop(firsts.insert(file, entry.path.clone())),
            }
        }
        entry
    });
    linked.collect()
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Opens a directory. Only the root of the tree may be named by a link.
fn open(place: &Path, path: &TreePath) -> rustix::io::Result<rustix::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let follow = match path.is_root() {
        true => OFlags::empty(),
        false => OFlags::NOFOLLOW,
    };
    openat(CWD, place, flags | follow, Mode::empty())
}

/// What a name in a directory is. From the directory the way is the shortest.
fn look_at(directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<(Stat, Node)> {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let node = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Node::Directory,
        FileType::Symlink => Node::Symlink(readlinkat(directory, name, Vec::new())?.into_bytes()),
        FileType::RegularFile => Node::File {
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            mtime: stat.st_mtime,
            digest: None,
        },
        FileType::CharacterDevice => Node::Character(major(stat.st_rdev), minor(stat.st_rdev)),
        FileType::BlockDevice => Node::Block(major(stat.st_rdev), minor(stat.st_rdev)),
        FileType::Fifo => Node::Fifo,
        _ => Node::Socket,
    };
    Ok((stat, node))
}
