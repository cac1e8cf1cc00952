//! One path of a tree and all that makes it what it is.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::path::TreePath;

/// Extended attributes by name: capabilities, ACLs, labels. Both are any bytes.
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a hexadecimal digit in lower case is worth; of any other byte more than that.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0_u8;
    while value < 16 {
        values[digits[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// The SHA-256 of a regular file's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// That of this content.
    pub fn of(content: &[u8]) -> Digest {
        Digest(Sha256::digest(content).into())
    }

    /// Reads 64 hexadecimal digits in lower case.
    pub fn parse(hex: &str) -> Option<Digest> {
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        let mut all = 0;
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| VALUES[usize::from(digit)]);
            *byte = high << 4 | low;
            all |= high | low;
        }
        if all > 15 {
            return None;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of thing a path is, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// When its content was last written, in whole seconds since 1970: images keep no more.
        mtime: i64,
        /// None while nobody has read it.
        digest: Option<Digest>,
    },
    /// A symbolic link, with where it points to.
    Symlink(Vec<u8>),
    /// A character device, with its major and minor number.
    Character(u32, u32),
    /// A block device, with its major and minor number.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Node {
    /// The kind, as mtree(5) calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Directory => "dir",
            Node::File { .. } => "file",
            Node::Symlink(_) => "link",
            Node::Character(..) => "char",
            Node::Block(..) => "block",
            Node::Fifo => "fifo",
            Node::Socket => "socket",
        }
    }
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: TreePath,
    /// Permission bits with set-user-ID, set-group-ID and sticky: `0o7777` at most. Those of a symbolic
    /// link mean nothing, and are `0o777`.
    pub mode: u32,
    /// The number of the owner: names differ from machine to machine.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// Its extended attributes.
    pub xattrs: Xattrs,
    /// The first path, in the order of paths, of the same file, where it has several (hard links).
    pub hardlink: Option<TreePath>,
    /// What it is.
    pub node: Node,
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.node == Node::Directory
    }
}
