//! What a tool complains of while it runs. The first lines say what is wrong, the last ones how many
//! more files it hit.

use std::path::Path;

use crate::system::{Line, RunError};

use super::error::SyncError;

/// How many lines are kept.
const KEPT: usize = 4;

/// The complaints of one run of a tool.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    first: Vec<String>,
    count: usize,
    is_full: bool,
}

impl Complaints {
    /// Takes what the tool says on standard error.
    pub(super) fn hear(&mut self, line: Line<'_>) {
        let Line::Error(line) = line else { return };
        // Summaries say no more than the exit code.
        let is_summary = line.starts_with("rsync error:") || line.starts_with("tar: Exiting with");
        if line.trim().is_empty() || is_summary {
            return;
        }
        // The last of them is what tar says where a part could be written.
        let signs = [
            "No space left on device",
            "Disk quota exceeded",
            "Wrote only ",
        ];
        self.is_full |= signs.iter().any(|sign| line.contains(sign));
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(line.trim().to_owned());
        }
    }

    /// Whether one of them is that the disk is full.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The first lines, and how many there were besides.
    pub(super) fn text(&self) -> String {
        let shown = self.first.join("; ");
        match self.count.saturating_sub(self.first.len()) {
            0 => shown,
            more => format!("{shown}; and {more} more"),
        }
    }

    /// The error of a tool that found no room.
    pub(super) fn full(&self, target: &Path, tool: RunError) -> SyncError {
        let (free_bytes, size_bytes) = rustix::fs::statvfs(target).map_or((0, 0), |found| {
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            (bytes(found.f_bavail), bytes(found.f_blocks))
        });
        SyncError::Full {
            target: target.to_owned(),
            free_bytes,
            size_bytes,
            said: self.text(),
            tool: Box::new(tool),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_complaints_are_kept_and_the_others_counted() {
        let mut complaints = Complaints::default();
        complaints.hear(Line::Output("no complaint"));
        for number in 0..6 {
            complaints.hear(Line::Error(&format!("file {number}: Permission denied")));
        }
        complaints.hear(Line::Error("rsync error: some files (code 23) at main.c"));
        let text = complaints.text();
        assert!(text.starts_with("file 0: Permission denied; file 1"));
        assert!(text.ends_with("file 3: Permission denied; and 2 more"));
        assert!(!complaints.is_full());
        complaints.hear(Line::Error("write failed: No space left on device (28)"));
        assert!(complaints.is_full());
    }
}
