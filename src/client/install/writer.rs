//! Files and directories of the installed system: written, or in a rehearsal only shown.

use std::io;
use std::path::Path;

use crate::system::{Ownership, put_file};

/// Owned by root and readable by all.
const PLAIN: Ownership = Ownership {
    mode: 0o644,
    uid: 0,
    gid: 0,
};

/// Owned by root and readable by nobody else.
const PRIVATE: Ownership = Ownership {
    mode: 0o600,
    ..PLAIN
};

/// Writes files, unless this is a rehearsal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    pub(super) is_rehearsal: bool,
}

impl Writer {
    /// Writes a text that root owns and all can read, with the directories above it.
    pub(super) fn put(self, path: &Path, text: &str, append: bool) -> io::Result<()> {
        self.put_as(path, text, append, PLAIN)
    }

    /// Writes a text that only root can read, with the directories above it.
    pub(super) fn put_private(self, path: &Path, text: &str) -> io::Result<()> {
        self.put_as(path, text, false, PRIVATE)
    }

    fn put_as(self, path: &Path, text: &str, append: bool, wanted: Ownership) -> io::Result<()> {
        if self.is_rehearsal {
            show(&format!("write {}, {} bytes", path.display(), text.len()));
            return Ok(());
        }
        put_file(path, text.as_bytes(), append, wanted)
    }

    /// Makes a directory with those above it.
    pub(super) fn make_directory(self, path: &Path) -> io::Result<()> {
        if self.is_rehearsal {
            show(&format!("mkdir -p {}", path.display()));
            return Ok(());
        }
        std::fs::create_dir_all(path)
    }
}

/// Shows what a rehearsal leaves out.
#[expect(clippy::print_stderr, reason = "a rehearsal is read on the terminal")]
pub(super) fn show(line: &str) {
    eprintln!("edeploy: + {line}");
}
