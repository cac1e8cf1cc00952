//! Reads a real tree: with what is below it the one place of `roles` that touches the file system.

mod error;
mod hash;
mod look;
mod mounts;
mod threads;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, RawDir, Stat, stat, statat};
use rustix::io::Errno;

use super::checked::{Known, Stamp};
use super::entry::{Entry, Node, Xattrs};
use super::path::TreePath;

pub(super) use error::Unread;
pub use error::WalkError;
pub(super) use hash::hash_readable;
pub use hash::{hash_file, hash_files};
use look::{is_directory, node_of, open, stamp_of, xattrs};
pub use mounts::mount_points;
pub(super) use threads::each_on_a_processor;
use threads::{Queue, on_all_processors};

/// The longest list of attributes and the longest value that Linux gives (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const LONGEST_XATTR: usize = 64 << 10;

/// How much of a directory is read at once.
const NAMES: usize = 32 << 10;

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
    /// What is not among the entries, or not with all that is in it, in no order.
    pub(super) unread: Vec<Unread>,
    /// Where other file systems are mounted that were not looked into, in the order of paths.
    pub(super) mounts: Vec<TreePath>,
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
    let mut walked = walk_unknown(root, &Known::default(), enter)?;
    match walked.unread.pop() {
        Some(unread) => Err(unread.error),
        None => Ok(walked.entries),
    }
}

/// The same, but what is known to be unchanged is not looked at closer and only its number told; in such a directory
/// are the known names. What cannot be read is told, and the walk goes on.
///
/// # Errors
/// The root is no directory, or cannot be read.
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
        let xattrs = xattrs(root, &mut whole.buffer).map_err(|error| failed(error.into()))?;
        let entry = entry(TreePath::root(), &root_stat, Node::Directory, xattrs);
        whole.keep(entry, &root_stat, true);
    }
    let queue = Queue::new(first);
    let work = || {
        let mut part = Part::new(known);
        while let Some(mut turn) = queue.next() {
            turn.more = part.read(root, &turn.thing, &enter);
        }
        part.seen
            .sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
        part
    };
    for mut part in on_all_processors(usize::MAX, work) {
        whole.seen.append(&mut part.seen);
        whole.unchanged.append(&mut part.unchanged);
        whole.unread.append(&mut part.unread);
        whole.mounts.append(&mut part.mounts);
    }
    if !whole.unread.is_empty() {
        // The file system that is mounted there did not even say that it is another one.
        let mounts = mount_points(root);
        let unread = whole.unread.iter().map(|one| &one.path);
        let mounted = unread.filter(|path| mounts.contains(path));
        whole.mounts.extend(mounted.cloned());
    }
    whole.mounts.sort_unstable();
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
    unread: Vec<Unread>,
    mounts: Vec<TreePath>,
    buffer: Vec<u8>,
}

impl<'a> Part<'a> {
    fn new(known: &'a Known<'a>) -> Part<'a> {
        Part {
            known,
            seen: Vec::new(),
            unchanged: Vec::new(),
            unread: Vec::new(),
            mounts: Vec::new(),
            buffer: vec![0; LONGEST_XATTR],
        }
    }

    /// Adds what is in a directory; gives the directories among it to look into.
    fn read(
        &mut self,
        root: &Path,
        directory: &Directory,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Vec<Directory> {
        let place = &directory.path.below(root);
        let file = match open(place, directory) {
            Ok(file) => file,
            Err(error) => {
                self.miss(&directory.path, place, error);
                return Vec::new();
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
                below.extend(self.child(&opened, name, Some(*at), &enter));
            }
            return below;
        }
        let mut names = Vec::with_capacity(NAMES);
        let mut listed = RawDir::new(opened.file, names.spare_capacity_mut());
        while let Some(item) = listed.next() {
            let item = match item {
                Ok(item) => item,
                Err(error) => {
                    self.miss(&directory.path, place, error);
                    break;
                }
            };
            let name = item.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                let at = known.find(children, name);
                below.extend(self.child(&opened, name, at, &enter));
            }
        }
        below
    }

    /// Notes what cannot be read. What vanished meanwhile is nothing.
    fn miss(&mut self, path: &TreePath, place: &Path, error: Errno) {
        if error != Errno::NOENT {
            self.unread.push(Unread {
                path: path.clone(),
                error: WalkError::Read {
                    path: place.to_owned(),
                    source: error.into(),
                },
            });
        }
    }

    /// Adds what has a name in a directory; gives it if it is a directory to look into. `at` is the number of its known
    /// entry.
    fn child(
        &mut self,
        opened: &Opened<'_>,
        name: &[u8],
        at: Option<usize>,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Option<Directory> {
        // From the directory the way is the shortest.
        let stat = statat(opened.file, name, AtFlags::SYMLINK_NOFOLLOW);
        let known = self.known;
        let unchanged = |stat: &Stat| at.filter(|at| known.is_unchanged(*at, stamp_of(stat)));
        if let Ok(stat) = &stat
            && let Some(at) = unchanged(stat)
        {
            let entry = known.entry(at);
            let directory = self.enter(opened, entry, stat, true, &enter);
            // A directory that is not looked into any more is not known any more.
            if directory.is_some() || !entry.is_directory() {
                self.unchanged.push(at);
                return directory;
            }
        }
        let Ok(path) = opened.directory.path.join(name) else {
            self.unread.push(Unread {
                path: opened.directory.path.clone(),
                error: WalkError::TooLong(opened.place.to_owned()),
            });
            return None;
        };
        let place = opened.place.join(OsStr::from_bytes(name));
        let looked = stat.and_then(|stat| {
            let node = node_of(opened.file, name, &stat)?;
            Ok((stat, node, xattrs(&place, &mut self.buffer)?))
        });
        let (stat, node, xattrs) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                self.miss(&path, &place, error);
                return None;
            }
        };
        let entry = entry(path, &stat, node, xattrs);
        let directory = self.enter(opened, &entry, &stat, false, enter);
        let is_looked_at = directory.is_some() || !entry.is_directory();
        self.keep(entry, &stat, is_looked_at);
        directory
    }

    /// An entry in a directory, if that is a directory to look into.
    fn enter(
        &mut self,
        opened: &Opened<'_>,
        entry: &Entry,
        stat: &Stat,
        is_unchanged: bool,
        enter: impl Fn(Found<'_>) -> bool,
    ) -> Option<Directory> {
        if !entry.is_directory() {
            return None;
        }
        let found = Found {
            path: &entry.path,
            is_mount_point: stat.st_dev != opened.directory.device,
        };
        if enter(found) {
            return Some(Directory {
                path: entry.path.clone(),
                device: stat.st_dev,
                is_unchanged,
            });
        }
        if found.is_mount_point {
            self.mounts.push(entry.path.clone());
        }
        None
    }

    fn keep(&mut self, entry: Entry, stat: &Stat, is_looked_at: bool) {
        let is_several = stat.st_nlink > 1 && !entry.is_directory();
        self.seen.push(Seen {
            entry,
            stamp: is_looked_at.then(|| stamp_of(stat)),
            several: is_several.then_some((stat.st_dev, stat.st_ino)),
        });
    }
}

fn entry(path: TreePath, stat: &Stat, node: Node, xattrs: Xattrs) -> Entry {
    let is_link = matches!(node, Node::Symlink(_));
    Entry {
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
        unread: whole.unread,
        mounts: whole.mounts,
    }
}
