//! Reads a real tree: with what is below it the one place of `roles` that touches the file system.

mod hash;
mod look;
mod threads;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, RawDir, Stat, stat, statat};
use rustix::io::Errno;

use super::checked::{Known, Stamp};
use super::entry::{Entry, Node};
use super::path::TreePath;

pub use hash::{hash_file, hash_files};
use look::{is_directory, node_of, open, stamp_of, xattrs};
pub(super) use threads::each_on_a_processor;
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

/// Everything in a tree, in the order of paths.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) entries: Vec<Entry>,
    /// Of each entry which state of it was looked at; none of a directory that was not looked into.
    pub(super) stamps: Vec<Option<Stamp>>,
    /// The numbers of the known entries that are unchanged, which are not among the others; in no order.
    pub(super) unchanged: Vec<usize>,
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
    walk_unknown(root, &Known::default(), enter).map(|walked| walked.entries)
}

/// The same, but what is known to be unchanged is not looked at closer and only its number told; in such a directory
/// are the known names.
///
/// # Errors
/// As [`walk`].
pub(super) fn walk_unknown(
    root: &Path,
    known: &Known<'_>,
    enter: impl Fn(Found<'_>) -> bool + Sync,
) -> Result<Walked, WalkError> {
    let failed = |source| WalkError::Read {
        path: root.to_owned(),
        source,
    };
    // The root may be named by a link.
    let root_stat = stat(root).map_err(|error| failed(error.into()))?;
    if !is_directory(&root_stat) {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let mut whole = Part::new(known);
    let first = Directory {
        path: TreePath::root(),
        device: root_stat.st_dev,
        is_unchanged: known.is_unchanged(0, stamp_of(&root_stat)),
    };
    if first.is_unchanged {
        whole.unchanged.push(0);
    } else {
        let entry = whole.entry(TreePath::root(), root, &root_stat, Node::Directory);
        let entry = entry.map_err(|error| failed(error.into()))?;
        whole.keep(entry, &root_stat, true);
    }
    let queue = Queue::new(first);
    let work = || {
        let mut part = Part::new(known);
        while let Some(mut turn) = queue.next() {
            let found = part.read(root, &turn.thing, &enter);
            turn.more = found.inspect_err(|_| queue.clear())?;
        }
        part.seen
            .sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
        Ok(part)
    };
    for part in on_all_processors(usize::MAX, work) {
        let mut part = part?;
        whole.seen.append(&mut part.seen);
        whole.unchanged.append(&mut part.unchanged);
    }
    // This one finds the parts sorted and only merges them.
    whole.seen.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    Ok(with_hardlinks(whole))
}

/// A directory to look into.
struct Directory {
    path: TreePath,
    device: u64,
    /// Whether the names in it are known.
    is_unchanged: bool,
}

/// A directory that is being looked into.
struct Opened<'a> {
    directory: &'a Directory,
    place: &'a Path,
    file: BorrowedFd<'a>,
}

impl Opened<'_> {
    /// An entry in it, if that is a directory to look into.
    fn enter(
        &self,
        entry: &Entry,
        stat: &Stat,
        is_unchanged: bool,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Option<Directory> {
        let found = Found {
            path: &entry.path,
            is_mount_point: stat.st_dev != self.directory.device,
        };
        let is_entered = entry.is_directory() && enter(found);
        is_entered.then(|| Directory {
            path: entry.path.clone(),
            device: stat.st_dev,
            is_unchanged,
        })
    }

    fn unread(&self, error: Errno) -> WalkError {
        WalkError::Read {
            path: self.place.to_owned(),
            source: error.into(),
        }
    }
}

/// One path.
struct Seen {
    entry: Entry,
    stamp: Option<Stamp>,
    /// Which file it is one of several paths of: its device and inode.
    several: Option<(u64, u64)>,
}

/// What one thread has found.
struct Part<'a> {
    known: &'a Known<'a>,
    seen: Vec<Seen>,
    unchanged: Vec<usize>,
    buffer: Vec<u8>,
}

impl<'a> Part<'a> {
    fn new(known: &'a Known<'a>) -> Part<'a> {
        Part {
            known,
            seen: Vec::new(),
            unchanged: Vec::new(),
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
        let place = &directory.path.below(root);
        let file = match open(place, directory) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => {
                return Err(WalkError::Read {
                    path: place.clone(),
                    source: error.into(),
                });
            }
        };
        let opened = Opened {
            directory,
            place,
            file: file.as_fd(),
        };
        let mut below = Vec::new();
        let known = self.known;
        let children = known.children(&directory.path);
        if directory.is_unchanged {
            for at in children {
                let name = known.entry(*at).path.name();
                below.extend(self.child(&opened, name, Some(*at), &enter)?);
            }
            return Ok(below);
        }
        let mut names = Vec::with_capacity(NAMES);
        let mut listed = RawDir::new(opened.file, names.spare_capacity_mut());
        while let Some(item) = listed.next() {
            let item = item.map_err(|error| opened.unread(error))?;
            let name = item.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                let at = known.find(children, name);
                below.extend(self.child(&opened, name, at, &enter)?);
            }
        }
        Ok(below)
    }

    /// Adds what has a name in a directory; gives it if it is a directory to look into. `at` is the number of its known
    /// entry.
    fn child(
        &mut self,
        opened: &Opened<'_>,
        name: &[u8],
        at: Option<usize>,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Result<Option<Directory>, WalkError> {
        // From the directory the way is the shortest.
        let stat = match statat(opened.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(opened.unread(error)),
        };
        let known = self.known;
        let unchanged = at.filter(|at| known.is_unchanged(*at, stamp_of(&stat)));
        if let Some(at) = unchanged {
            let entry = known.entry(at);
            let directory = opened.enter(entry, &stat, true, &enter);
            // A directory that is not looked into any more is not known any more.
            if directory.is_some() || !entry.is_directory() {
                self.unchanged.push(at);
                return Ok(directory);
            }
        }
        let path = opened.directory.path.join(name);
        let path = path.map_err(|_| WalkError::TooLong(opened.place.to_owned()))?;
        let place = opened.place.join(OsStr::from_bytes(name));
        let node = node_of(opened.file, name, &stat);
        let entry = match node.and_then(|node| self.entry(path, &place, &stat, node)) {
            Ok(entry) => entry,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(opened.unread(error)),
        };
        let directory = opened.enter(&entry, &stat, false, enter);
        let is_looked_at = directory.is_some() || !entry.is_directory();
        self.keep(entry, &stat, is_looked_at);
        Ok(directory)
    }

    fn keep(&mut self, entry: Entry, stat: &Stat, is_looked_at: bool) {
        let is_several = stat.st_nlink > 1 && !entry.is_directory();
        self.seen.push(Seen {
            entry,
            stamp: is_looked_at.then(|| stamp_of(stat)),
            several: is_several.then_some((stat.st_dev, stat.st_ino)),
        });
    }

    fn entry(
        &mut self,
        path: TreePath,
        place: &Path,
        stat: &Stat,
        node: Node,
    ) -> rustix::io::Result<Entry> {
        let is_link = matches!(node, Node::Symlink(_));
        Ok(Entry {
            path,
            mode: if is_link {
                0o777
            } else {
                stat.st_mode & 0o7777
            },
            uid: stat.st_uid,
            gid: stat.st_gid,
            xattrs: xattrs(place, &mut self.buffer)?,
            hardlink: None,
            node,
        })
    }
}

/// What was seen, in the order of paths, each further path of a file with the first one.
fn with_hardlinks(whole: Part<'_>) -> Walked {
    let mut firsts: HashMap<(u64, u64), TreePath> = HashMap::new();
    let linked = whole.seen.into_iter().map(|one| {
        let mut entry = one.entry;
        if let Some(file) = one.several {
            match firsts.get(&file) {
                Some(first) => entry.hardlink = Some(first.clone()),
                None => drop(firsts.insert(file, entry.path.clone())),
            }
        }
        (entry, one.stamp)
    });
    let (entries, stamps) = linked.unzip();
    Walked {
        entries,
        stamps,
        unchanged: whole.unchanged,
    }
}
