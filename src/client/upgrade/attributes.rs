//! What a manifest says of a path besides its content, given to it.

use std::io;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, UTIME_OMIT, XattrFlags, llistxattr,
    lremovexattr, lsetxattr, makedev, mknodat, utimensat,
};
use rustix::io::Errno;

use crate::roles::{Entry, Node, is_given};

/// The longest list of names that Linux gives (`XATTR_LIST_MAX`).
const LONGEST_LIST: usize = 64 << 10;

/// Makes a link or a device as the manifest has it. A file is made by who has its content.
pub(super) fn make(place: &Path, entry: &Entry) -> io::Result<()> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (kind, device) = match &entry.node {
        Node::Directory => return std::fs::create_dir(place),
        Node::Symlink(target) => return symlink(OsStr::from_bytes(target), place),
        Node::File { .. } | Node::Socket => return Ok(()),
        Node::Character(major, minor) => (FileType::CharacterDevice, makedev(*major, *minor)),
        Node::Block(major, minor) => (FileType::BlockDevice, makedev(*major, *minor)),
        Node::Fifo => (FileType::Fifo, 0),
    };
    Ok(mknodat(CWD, place, kind, Mode::RUSR | Mode::WUSR, device)?)
}

/// Gives a path its owner, attributes, mode and time.
pub(super) fn set(place: &Path, entry: &Entry) -> io::Result<()> {
    lchown(place, Some(entry.uid), Some(entry.gid))?;
    set_xattrs(place, entry)?;
    if !matches!(entry.node, Node::Symlink(_)) {
        // After the owner: changing that takes set-user-ID bits away.
        std::fs::set_permissions(place, PermissionsExt::from_mode(entry.mode))?;
    }
    if let Node::File { mtime, .. } = entry.node {
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: mtime,
                tv_nsec: 0,
            },
        };
        utimensat(CWD, place, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

fn set_xattrs(place: &Path, entry: &Entry) -> io::Result<()> {
    let mut names = vec![0; LONGEST_LIST];
    let length = match llistxattr(place, names.as_mut_slice()) {
        Ok(length) => length,
        // The file system has none.
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let names = names[..length].split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty() && !is_given(name)) {
        if !entry.xattrs.contains_key(name) {
            lremovexattr(place, name)?;
        }
    }
    for (name, value) in &entry.xattrs {
        lsetxattr(place, name.as_slice(), value, XattrFlags::empty())?;
    }
    Ok(())
}
