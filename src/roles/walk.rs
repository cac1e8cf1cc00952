//! Reads a real tree: the one place of this module that touches the file system.

use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{OFlags, lgetxattr, llistxattr, major, minor};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::entry::{Digest, Entry, Node, Xattrs};
use super::path::TreePath;

/// How much of a file is read at once.
const CHUNK: usize = 128 << 10;

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
/// meanwhile is left out.
///
/// # Errors
/// The root is no directory, or something cannot be read.
pub fn walk(root: &Path, enter: impl Fn(Found<'_>) -> bool) -> Result<Vec<Entry>, WalkError> {
    let mut tree = Tree {
        root,
        entries: Vec::new(),
        inodes: HashMap::new(),
        buffer: vec![0; LONGEST_XATTR],
    };
    let failed = |source| WalkError::Read {
        path: root.to_owned(),
        source,
    };
    // The root may be named by a link.
    let root_meta = fs::metadata(root).map_err(failed)?;
    if !root_meta.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let mut pending = vec![(TreePath::root(), root_meta.dev())];
    tree.add(TreePath::root(), root, &root_meta)?;
    while let Some((directory, device)) = pending.pop() {
        let place = directory.below(root);
        let listed = match fs::read_dir(&place) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(WalkError::Read {
                    path: place,
                    source,
                });
            }
        };
        for item in listed {
            let unread = |source| WalkError::Read {
                path: place.clone(),
                source,
            };
            let item = item.map_err(unread)?;
            let name = item.file_name();
            let path = directory.join(name.as_bytes());
            let path = path.map_err(|_| WalkError::TooLong(place.clone()))?;
            let meta = match item.metadata() {
                Ok(meta) => meta,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(unread(source)),
            };
            if meta.is_dir() {
                let found = Found {
                    path: &path,
                    is_mount_point: meta.dev() != device,
                };
                if enter(found) {
                    pending.push((path.clone(), meta.dev()));
                }
            }
            tree.add(path, &item.path(), &meta)?;
        }
    }
    Ok(tree.finish())
}

struct Tree<'a> {
    root: &'a Path,
    entries: Vec<Entry>,
    /// The paths of files that have several, by device and inode.
    inodes: HashMap<(u64, u64), Vec<usize>>,
    buffer: Vec<u8>,
}

impl Tree<'_> {
    fn add(&mut self, path: TreePath, place: &Path, meta: &Metadata) -> Result<(), WalkError> {
        let read = |source| WalkError::Read {
            path: place.to_owned(),
            source,
        };
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let seen = node(place, meta).and_then(|node| Ok((node, self.xattrs(place)?)));
        let (node, xattrs) = match seen {
            Ok(seen) => seen,
            Err(error) if gone(&error) && place != self.root => return Ok(()),
            Err(error) => return Err(read(error)),
        };
        if meta.nlink() > 1 && !meta.is_dir() {
            let links = self.inodes.entry((meta.dev(), meta.ino())).or_default();
            links.push(self.entries.len());
        }
        let is_link = meta.file_type().is_symlink();
        self.entries.push(Entry {
            path,
            mode: if is_link { 0o777 } else { meta.mode() & 0o7777 },
            uid: meta.uid(),
            gid: meta.gid(),
            xattrs,
            hardlink: None,
            node,
        });
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

    /// The entries in the order of paths, each further path of a file with the first one.
    fn finish(mut self) -> Vec<Entry> {
        for links in self.inodes.into_values().filter(|links| links.len() > 1) {
            let Some(first) = links.iter().min_by_key(|at| &self.entries[**at].path) else {
                continue;
            };
            let (first, path) = (*first, self.entries[*first].path.clone());
            for at in links.into_iter().filter(|at| *at != first) {
                self.entries[at].hardlink = Some(path.clone());
            }
        }
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.entries
    }
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

/// Reads those of `entries`, of the tree at `root`, that are regular files and `wanted`, on all processors.
/// Of a file with several paths each is read once. One that vanished meanwhile is left as it is.
///
/// # Errors
/// A file cannot be read, or became something else.
pub fn hash_files(
    root: &Path,
    entries: &mut [Entry],
    wanted: impl Fn(&Entry) -> bool,
) -> Result<(), WalkError> {
    let is_wanted = |entry: &Entry| matches!(entry.node, Node::File { .. }) && wanted(entry);
    let places: Vec<usize> = (0..entries.len())
        .filter(|at| is_wanted(&entries[*at]))
        .collect();
    let next = AtomicUsize::new(0);
    let shared = &*entries;
    let work = || -> Result<Vec<(usize, Digest)>, WalkError> {
        let mut done = Vec::new();
        let mut buffer = vec![0; CHUNK];
        while let Some(at) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            let place = shared[*at].path.below(root);
            if let Some(digest) = hash_file(&place, &mut buffer)? {
                done.push((*at, digest));
            }
        }
        Ok(done)
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..processors.min(places.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let own = work();
        let others = threads.into_iter().map(|thread| match thread.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own)
            .chain(others.collect::<Vec<_>>())
            .collect()
    });
    for found in found {
        for (at, sum) in found? {
            if let Node::File { digest, .. } = &mut entries[at].node {
                *digest = Some(sum);
            }
        }
    }
    Ok(())
}

fn hash_file(place: &Path, buffer: &mut [u8]) -> Result<Option<Digest>, WalkError> {
    let read = |source| WalkError::Read {
        path: place.to_owned(),
        source,
    };
    // A file may have become a link or a pipe: neither is followed nor waited for.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(place);
    let mut file: File = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read(error)),
    };
    if !file.metadata().map_err(read)?.is_file() {
        return Err(WalkError::Changing(place.to_owned()));
    }
    let mut hasher = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(Some(Digest(hasher.finalize().into()))),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read(error)),
        }
    }
}
