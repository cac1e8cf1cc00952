//! Reads a real tree: with what is below it the one place of `roles` that touches the file system.

mod hash;
mod threads;

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr, major, minor};
use rustix::io::Errno;

use super::entry::{Entry, Node, Xattrs};
use super::path::TreePath;

pub use hash::hash_files;
use threads::{Queue, on_all_processors};

/// The longest list of attributes and the longest value that Linux gives (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const LONGEST_XATTR: usize = 64 << 10;

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
    let root_meta = fs::metadata(root).map_err(failed)?;
    if !root_meta.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let mut whole = Part::new();
    whole
        .add(TreePath::root(), root, &root_meta)
        .map_err(failed)?;
    let queue = Queue::new(Directory {
        path: TreePath::root(),
        device: root_meta.dev(),
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
        let unread = |place: &Path, source| WalkError::Read {
            path: place.to_owned(),
            source,
        };
        let listed = match fs::read_dir(&place) {
            Ok(listed) => listed,
            Err(error) if is_gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unread(&place, error)),
        };
        let mut below = Vec::new();
        for item in listed {
            let item = item.map_err(|error| unread(&place, error))?;
            let name = item.file_name();
            let path = directory.path.join(name.as_bytes());
            let path = path.map_err(|_| WalkError::TooLong(place.clone()))?;
            place.push(&name);
            let seen = item.metadata().and_then(|meta| {
                self.add(path.clone(), &place, &meta)?;
                Ok(meta)
            });
            match seen {
                Ok(meta) if meta.is_dir() => {
                    let (path, device) = (path, meta.dev());
                    let found = Found {
                        path: &path,
                        is_mount_point: device != directory.device,
                    };
                    if enter(found) {
                        below.push(Directory { path, device });
                    }
                }
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(unread(&place, error)),
            }
            place.pop();
        }
        Ok(below)
    }

    fn add(&mut self, path: TreePath, place: &Path, meta: &Metadata) -> io::Result<()> {
        let node = node(place, meta)?;
        let xattrs = self.xattrs(place)?;
        let is_several = meta.nlink() > 1 && !meta.is_dir();
        let is_link = meta.file_type().is_symlink();
        let entry = Entry {
            path,
            mode: if is_link { 0o777 } else { meta.mode() & 0o7777 },
            uid: meta.uid(),
            gid: meta.gid(),
            xattrs,
            hardlink: None,
            node,
        };
        let several = is_several.then_some((meta.dev(), meta.ino()));
        self.entries.push((entry, several));
        Ok(())
    }

    fn xattrs(&mut self, place: &Path) -> io::Result<Xattrs> {
        let mut xattrs = Xattrs::new();
        let length = match llistxattr(place, self.buffer.as_mut_slice()) {
            Ok(length) => length,
            // The file system has none.
            Err(Errno::NOTSUP) => 0,
            Err(error) => return Err(error.into()),
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
                Err(error) => return Err(error.into()),
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

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn node(place: &Path, meta: &Metadata) -> io::Result<Node> {
    let kind = meta.file_type();
    let device = || (major(meta.rdev()), minor(meta.rdev()));
    Ok(if kind.is_dir() {
        Node::Directory
    } else if kind.is_symlink() {
        Node::Symlink(fs::read_link(place)?.as_os_str().as_bytes().to_vec())
    } else if kind.is_file() {
        Node::File {
            size: meta.len(),
            mtime: meta.mtime(),
            digest: None,
        }
    } else if kind.is_char_device() {
        let (major, minor) = device();
        Node::Character(major, minor)
    } else if kind.is_block_device() {
        let (major, minor) = device();
        Node::Block(major, minor)
    } else if kind.is_fifo() {
        Node::Fifo
    } else {
        Node::Socket
    })
}
