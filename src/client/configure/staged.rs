//! The files through which a script tells the next steps what to do (eDeploy `upload.py`, `init`).
//!
//! `/vars` are lines that a shell reads, `/grub_options` the boot arguments of the installed system.

use std::path::{Path, PathBuf};

use crate::configure::quoted;
use crate::system::{Ownership, put_file};

/// Files of the ramdisk: everybody may read them.
const PLAIN: Ownership = Ownership {
    mode: 0o644,
    uid: 0,
    gid: 0,
};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
pub(in crate::client) struct StagedError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The files of the ramdisk, or of a directory that stands for it.
#[derive(Debug, Clone)]
pub(in crate::client) struct Staged {
    root: PathBuf,
}

impl Staged {
    /// The files below `root`.
    pub(in crate::client) fn below(root: &Path) -> Staged {
        Staged {
            root: root.to_owned(),
        }
    }

    /// Adds the role, its version, the disk and the profile to `/vars`.
    pub(in crate::client) fn set_role(
        &self,
        role: &str,
        version: &str,
        disk: &str,
        profile: &str,
    ) -> Result<(), StagedError> {
        let lines: String = [
            ("ROLE", role),
            ("VERS", version),
            ("DISK", disk),
            ("PROFILE", profile),
        ]
        .map(|(name, value)| format!("{name}={}\n", quoted(value)))
        .concat();
        self.put("/vars", lines.as_bytes(), true, PLAIN)
    }

    /// Sets the boot arguments of the installed system.
    pub(in crate::client) fn grub_options(&self, options: &str) -> Result<(), StagedError> {
        self.put("/grub_options", options.as_bytes(), false, PLAIN)
    }

    /// Writes any file, by its absolute path.
    pub(in crate::client) fn put(
        &self,
        path: &str,
        content: &[u8],
        append: bool,
        wanted: Ownership,
    ) -> Result<(), StagedError> {
        let path = self.root.join(path.trim_start_matches('/'));
        put_file(&path, content, append, wanted).map_err(|source| StagedError { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_told_in_lines_that_a_shell_reads_as_they_are_meant() {
        let dir = tempfile::tempdir().unwrap();
        // Only root can give the files to root.
        if !rustix::process::geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        let staged = Staged::below(dir.path());
        staged
            .set_role("mysql", "D7-F.1.0.0", "/dev/sda", "vm")
            .unwrap();
        staged.set_role("a b", "$(id)", "/dev/sdb", "vm").unwrap();
        let vars = std::fs::read_to_string(dir.path().join("vars")).unwrap();
        let expected = "ROLE=mysql\nVERS=D7-F.1.0.0\nDISK=/dev/sda\nPROFILE=vm\n\
                        ROLE='a b'\nVERS='$(id)'\nDISK=/dev/sdb\nPROFILE=vm\n";
        assert_eq!(vars, expected);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let staged = Staged::below(Path::new("/dev/null"));
        let error = staged.grub_options("quiet").unwrap_err();
        assert_eq!(error.to_string(), "cannot write `/dev/null/grub_options`");
    }
}
