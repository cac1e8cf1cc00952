//! A tree of always the same files, as many and as long as those of a Debian.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(super) const FILES: usize = 30_000;
const FILES_IN_DIRECTORY: usize = 10;

/// Numbers that are always the same ones (xorshift64*).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// As long as files of a system are: most of them small, a kernel or two.
    fn length(&mut self) -> u64 {
        match self.within(0, 1_000) {
            0 => self.within(2 << 20, 4 << 20),
            1..100 => self.within(16 << 10, 64 << 10),
            100..400 => self.within(4 << 10, 16 << 10),
            _ => self.within(0, 4 << 10),
        }
    }
}

/// Content that packs as that of a Debian does, to about a third: words of a list, and numbers between them.
pub(super) fn content(numbers: &mut Numbers, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let word = match numbers.within(0, 5) {
            0 => numbers.next(),
            _ => numbers.within(0, 4_096).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        bytes.extend(word.to_le_bytes());
    }
    bytes.truncate(usize::try_from(length).unwrap());
    bytes
}

/// Where a file of this number is in a tree.
pub(super) fn file(tree: &Path, at: usize) -> PathBuf {
    let package = at / FILES_IN_DIRECTORY;
    let group = package / 50;
    tree.join(format!(
        "usr/share/group-{group}/package-{package}/file-{at}.conf"
    ))
}

/// Makes the tree; gives its size in bytes.
pub(super) fn make_tree(tree: &Path) -> u64 {
    let mut numbers = Numbers(6);
    let mut sum = 0;
    for at in 0..FILES {
        let name = file(tree, at);
        let directory = name.parent().unwrap();
        if at % FILES_IN_DIRECTORY == 0 {
            fs::create_dir_all(directory).unwrap();
            std::os::unix::fs::symlink(&name, directory.join("latest")).unwrap();
        }
        let length = numbers.length();
        let bytes = content(&mut numbers, length);
        let mut file = File::create_new(&name).unwrap();
        file.write_all(&bytes).unwrap();
        let written = 1_700_000_000 + u64::try_from(at).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
            .unwrap();
        sum += length;
    }
    sum
}
