//! A tree of files by rsync, from a daemon or from a directory of this machine.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use crate::system::{Command, Line, RunError, Runner, Streams};

use super::super::log::Log;
use super::complaints::Complaints;
use super::error::SyncError;
use super::image::TRANSFER_TIMEOUT;
use super::progress::{INTERVAL, Meter, Progress};

/// After so many seconds without a byte rsync gives up, and is tried again.
const STALLED_SECONDS: &str = "--timeout=60";

/// rsync's exit codes (rsync(1), EXIT VALUES).
const PARTIAL: i32 = 23;
const VANISHED: i32 = 24;
const PROTOCOL: i32 = 5;

/// Follows how far rsync is, by its lines of `--info=progress2`.
pub(in crate::client) struct Follower<'a> {
    meter: Meter,
    earlier_bytes: u64,
    total_bytes: Option<&'a OnceLock<u64>>,
    so_far: Progress,
}

impl<'a> Follower<'a> {
    /// After other tries that brought so many bytes of so many, which may be known later.
    pub(in crate::client) fn after(
        earlier_bytes: u64,
        total_bytes: Option<&'a OnceLock<u64>>,
    ) -> Follower<'a> {
        Follower {
            meter: Meter::new(INTERVAL, Instant::now(), earlier_bytes),
            earlier_bytes,
            total_bytes,
            so_far: Progress::of(earlier_bytes, None),
        }
    }

    /// What is to be told, every few seconds.
    pub(in crate::client::install) fn hear(&mut self, line: Line<'_>) -> Option<Progress> {
        let Line::Output(line) = line else {
            return None;
        };
        let mut progress = progress(line, self.earlier_bytes)?;
        if let Some(total) = self.total_bytes.and_then(OnceLock::get) {
            progress = Progress::of(progress.bytes, Some(*total));
        }
        self.so_far = progress;
        self.meter.due(Instant::now(), progress)
    }
}

/// Brings a tree. `earlier_bytes` is what former tries brought, and grows; `total_bytes` all that its files have.
pub(super) fn fetch(
    runner: &dyn Runner,
    from: &str,
    target: &Path,
    log: &mut Log,
    earlier_bytes: &mut u64,
    total_bytes: &OnceLock<u64>,
) -> Result<(), SyncError> {
    let mut complaints = Complaints::default();
    let mut follower = Follower::after(*earlier_bytes, Some(total_bytes));
    let mut heard = |line: Line<'_>| {
        complaints.hear(line);
        if let Some(due) = follower.hear(line) {
            log.progress(&due);
        }
    };
    let streams = Streams {
        input: None,
        heard: &mut heard,
    };
    let ended = runner.run_with(&command(from, target), streams);
    *earlier_bytes = follower.so_far.bytes;
    let Err(error) = ended else { return Ok(()) };
    log.say(&format!("{} came over so far", follower.so_far));
    Err(failure(from, target, error, &complaints))
}

/// Hard links, ACLs and extended attributes too, where capabilities of programs are kept; owners by
/// number, as the tree has them: the ramdisk knows no names. rsync compares a sum of each whole file that
/// came with its sender's. Files are written in their places, since nobody uses them yet: what came of one before the
/// connection broke is there.
/// Holes are filled: looking for them (`-S`) took half as much processor time again, see BENCHMARKS.md.
fn command(from: &str, target: &Path) -> Command {
    let target = format!("{}/", target.display());
    let mut words = vec![
        "-aHAX",
        "--numeric-ids",
        "--inplace",
        STALLED_SECONDS,
        "--info=progress2",
        "--outbuf=L",
    ];
    words.extend(connection(from));
    words.extend([from, &target]);
    Command::new("rsync", words)
        .mutating()
        .with_timeout(TRANSFER_TIMEOUT)
}

/// How long a daemon may take to answer; rsync takes no such word where there is none.
fn connection(from: &str) -> Option<&'static str> {
    from.starts_with("rsync://").then_some("--contimeout=30")
}

/// All bytes of the files of a tree, for a share that is true: rsync itself knows the whole list only at the end.
pub(super) fn size(runner: &dyn Runner, from: &str) -> Option<u64> {
    let nowhere = "/run/edeploy-nowhere/";
    let mut words = vec!["-rln", "--stats", "--no-human-readable", STALLED_SECONDS];
    words.extend(connection(from));
    words.extend([from, nowhere]);
    let output = runner.run(&Command::new("rsync", words).with_timeout(TRANSFER_TIMEOUT));
    let said = String::from_utf8_lossy(&output.ok()?.stdout).into_owned();
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("Total file size: "))?;
    line.strip_suffix(" bytes")?.replace(',', "").parse().ok()
}

/// What a line of `--info=progress2` says, such as `339,096,492  98%  115.87MB/s    0:00:02 (xfr#8, to-chk=9/99)`.
/// rsync counts what this run of it brought; its share is that of the whole once it has the whole list (`to-chk`).
fn progress(line: &str, earlier_bytes: u64) -> Option<Progress> {
    let mut words = line.split_whitespace();
    let digits: String = words.next()?.split(',').collect();
    let bytes: u64 = digits.parse().ok()?;
    let percent: u64 = words.next()?.strip_suffix('%')?.parse().ok()?;
    let all_bytes = earlier_bytes + bytes;
    let percent = match bytes {
        0 => None,
        _ if !line.contains("to-chk=") => None,
        bytes => Some((u128::from(all_bytes) * u128::from(percent) / u128::from(bytes)).min(100)),
    };
    Some(Progress {
        percent: percent.and_then(|percent| u64::try_from(percent).ok()),
        ..Progress::of(all_bytes, None)
    })
}

fn failure(from: &str, target: &Path, error: RunError, complaints: &Complaints) -> SyncError {
    let is_incomplete = matches!(
        error,
        RunError::Failed {
            code: Some(PARTIAL | VANISHED),
            ..
        }
    );
    if complaints.is_full() {
        return complaints.full(target, error);
    }
    if is_incomplete {
        return SyncError::Incomplete {
            url: from.to_owned(),
            files: complaints.text(),
            tool: Box::new(error),
        };
    }
    SyncError::Command(error)
}

/// Whether what rsync says is of the network or the peer, or of a tree that is being changed.
pub(super) fn may_pass(error: &RunError) -> bool {
    match error {
        RunError::Failed {
            code: Some(PROTOCOL),
            last_output,
            ..
        } => !last_output.contains("@ERROR") || last_output.contains("max connections"),
        RunError::Failed { code, .. } => {
            matches!(code, Some(10 | 12 | VANISHED | 30 | 35))
        }
        RunError::TimedOut { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Real;

    #[test]
    fn a_tree_comes_with_links_attributes_and_numbers_of_owners() {
        let line = command("rsync://h:873/install/v/r/", Path::new("/chroot")).to_string();
        assert_eq!(
            line,
            "rsync -aHAX --numeric-ids --inplace --timeout=60 --info=progress2 --outbuf=L --contimeout=30 rsync://h:873/install/v/r/ /chroot/"
        );
        let local = command("/medium/v/r/", Path::new("/chroot")).to_string();
        assert!(!local.contains("contimeout"), "{local}");
    }

    #[test]
    fn the_lines_of_rsync_are_read_and_added_to_what_was_there() {
        let line = "    100,000,000  50%  115.87MB/s    0:00:02 (xfr#6862, to-chk=8/8257)";
        let said = progress(line, 0).unwrap();
        assert_eq!((said.bytes, said.percent), (100_000_000, Some(50)));
        let said = progress(line, 60_000_000).unwrap();
        assert_eq!((said.bytes, said.percent), (160_000_000, Some(80)));
        let early = "    100,000,000  50%  115.87MB/s    0:00:02 (xfr#6862, ir-chk=8/8257)";
        assert_eq!(progress(early, 0).unwrap().percent, None);
        let begin = progress("              0   0%    0.00kB/s    0:00:00", 7).unwrap();
        assert_eq!((begin.bytes, begin.percent), (7, None));
        assert_eq!(progress("receiving file list ...", 0), None);
        assert_eq!(progress("3 files to consider", 0), None);
    }

    #[test]
    fn the_share_is_that_of_the_whole_as_soon_as_the_whole_is_known() {
        let total = OnceLock::new();
        let mut follower = Follower::after(0, Some(&total));
        let line = Line::Output("  1,000  100%  1.00MB/s    0:00:02 (xfr#1, ir-chk=8/9)");
        follower.hear(line);
        assert_eq!(follower.so_far.percent, None);
        total.set(4_000).unwrap();
        follower.hear(line);
        assert_eq!(follower.so_far, Progress::of(1_000, Some(4_000)));
        assert_eq!(follower.so_far.percent, Some(25));
    }

    #[test]
    fn rsync_tells_the_size_of_a_tree_and_changes_nothing() {
        let tree = tempfile::tempdir().unwrap();
        for (name, length) in [("a", 1_234_567_u64), ("b", 1)] {
            let file = std::fs::File::create_new(tree.path().join(name)).unwrap();
            file.set_len(length).unwrap();
        }
        let from = format!("{}/", tree.path().display());
        assert_eq!(size(&Real, &from), Some(1_234_568));
        assert!(!Path::new("/run/edeploy-nowhere").exists());
        assert_eq!(size(&Real, "/not/there/"), None);
    }

    fn failed(code: i32, last_output: &str) -> RunError {
        RunError::Failed {
            command: "rsync".to_owned(),
            status: format!("exit code {code}"),
            code: Some(code),
            seconds: 0.1,
            last_output: last_output.to_owned(),
            stdout: Vec::new(),
        }
    }

    #[test]
    fn a_broken_connection_may_pass_and_a_wrong_tree_does_not() {
        for code in [10, 12, VANISHED, 30, 35] {
            assert!(may_pass(&failed(code, "")), "{code}");
        }
        for code in [1, 3, 11, PARTIAL] {
            assert!(!may_pass(&failed(code, "")), "{code}");
        }
        let said = "@ERROR: max connections (1) reached -- try again later";
        assert!(may_pass(&failed(PROTOCOL, said)));
        assert!(!may_pass(&failed(
            PROTOCOL,
            "@ERROR: Unknown module 'install'"
        )));
    }

    #[test]
    fn files_that_did_not_come_over_are_named() {
        let mut complaints = Complaints::default();
        complaints.hear(Line::Error(
            "rsync: [sender] send_files failed to open \"/a\" (in install): Permission denied (13)",
        ));
        let target = Path::new("/chroot");
        let error = failure("rsync://h/", target, failed(PARTIAL, ""), &complaints);
        assert!(
            error.to_string().contains("failed to open \"/a\""),
            "{error}"
        );
        complaints.hear(Line::Error("write failed: No space left on device (28)"));
        let error = failure("rsync://h/", target, failed(11, ""), &complaints);
        assert!(error.to_string().starts_with("the disk is full"), "{error}");
    }
}
