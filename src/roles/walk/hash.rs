//! What is in the files of a tree.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::roles::entry::{Digest, Entry, Node};

use super::threads::on_all_processors;
use super::{Unread, WalkError};

/// How much of a file is read at once.
const CHUNK: usize = 128 << 10;

/// Reads those of `entries`, of the tree at `root`, that are regular files and `wanted`, on all processors.
/// Of a file with several paths each is read once. One that vanished meanwhile is left as it is.
///
/// # Errors
/// A file cannot be read, or became something else.
pub fn hash_files(
    root: &Path,
    entries: &mut [Entry],
    wanted: impl FnMut(&Entry) -> bool,
) -> Result<(), WalkError> {
    match hash_readable(root, entries, wanted).pop() {
        Some(unread) => Err(unread.error),
        None => Ok(()),
    }
}

/// The same, but what cannot be read is told, and the others are.
pub(in crate::roles) fn hash_readable(
    root: &Path,
    entries: &mut [Entry],
    mut wanted: impl FnMut(&Entry) -> bool,
) -> Vec<Unread> {
    let mut is_wanted = |entry: &Entry| matches!(entry.node, Node::File { .. }) && wanted(entry);
    let places: Vec<usize> = (0..entries.len())
        .filter(|at| is_wanted(&entries[*at]))
        .collect();
    let next = AtomicUsize::new(0);
    let shared = &*entries;
    let work = || {
        let (mut done, mut unread) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; CHUNK];
        while let Some(at) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path = &shared[*at].path;
            match read_through(&path.below(root), &mut buffer) {
                Ok(Some(digest)) => done.push((*at, digest)),
                Ok(None) => {}
                Err(error) => unread.push(Unread {
                    path: path.clone(),
                    error,
                }),
            }
        }
        (done, unread)
    };
    let mut unread = Vec::new();
    for (done, mut others) in on_all_processors(places.len(), work) {
        unread.append(&mut others);
        for (at, sum) in done {
            if let Node::File { digest, .. } = &mut entries[at].node {
                *digest = Some(sum);
            }
        }
    }
    unread
}

/// Reads one regular file. None if there is none.
///
/// # Errors
/// It cannot be read, or is no regular file.
pub fn hash_file(place: &Path) -> Result<Option<Digest>, WalkError> {
    read_through(place, &mut vec![0; CHUNK])
}

fn read_through(place: &Path, buffer: &mut [u8]) -> Result<Option<Digest>, WalkError> {
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
