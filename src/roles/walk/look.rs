//! What the kernel says of one path.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    CWD, FileType, Mode, OFlags, Stat, lgetxattr, llistxattr, major, minor, openat, readlinkat,
};
use rustix::io::{Errno, Result};

use crate::roles::checked::Stamp;
use crate::roles::entry::{Node, Xattrs};

use super::Directory;

/// Which state of which file it is.
pub(super) fn stamp_of(stat: &Stat) -> Stamp {
    Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        seconds: stat.st_ctime,
        nanoseconds: u32::try_from(stat.st_ctime_nsec).unwrap_or_default(),
    }
}

pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Opens a directory. Only the root of the tree may be named by a link.
pub(super) fn open(place: &Path, directory: &Directory) -> Result<OwnedFd> {
    let mut flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !directory.path.is_root() {
        flags |= OFlags::NOFOLLOW;
    }
    // Where the names are known it is only a way to them.
    if directory.is_unchanged {
        flags |= OFlags::PATH;
    }
    openat(CWD, place, flags, Mode::empty())
}

/// What a name in a directory is.
pub(super) fn node_of(directory: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Result<Node> {
    Ok(match FileType::from_raw_mode(stat.st_mode) {
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
    })
}

/// The extended attributes of what is there; no link is followed. `buffer` is as long as the longest value.
pub(super) fn xattrs(place: &Path, buffer: &mut [u8]) -> Result<Xattrs> {
    let mut xattrs = Xattrs::new();
    let length = match llistxattr(place, &mut *buffer) {
        Ok(length) => length,
        // The file system has none.
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error),
    };
    if length == 0 {
        return Ok(xattrs);
    }
    let names = buffer[..length].to_vec();
    for name in names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        match lgetxattr(place, name, &mut *buffer) {
            Ok(length) => {
                xattrs.insert(name.to_vec(), buffer[..length].to_vec());
            }
            // Taken away meanwhile.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(xattrs)
}
