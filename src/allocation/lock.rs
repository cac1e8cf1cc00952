//! The lock of a section: one permanent file, locked with `flock(2)` through fs2.
//!
//! The kernel frees it when its holder dies, however it dies. It excludes other processes and other
//! handles in this one. It is never removed: a removed lock file is two locks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use fs2::FileExt;

use super::error::AllocateError;

/// Longest pause between two tries. Short against a commit, so that several processes take turns.
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// Holds the lock of a section for as long as it lives.
#[derive(Debug)]
#[must_use = "the lock is released when this value is dropped"]
pub(crate) struct LockGuard {
    _file: File,
}

/// Takes the lock at `path`, waiting for it no longer than `deadline`.
///
/// # Errors
/// [`AllocateError::Busy`] with what is known of the holder, or the operating system's refusal.
pub(crate) fn lock(path: &Path, deadline: Duration) -> Result<LockGuard, AllocateError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(AllocateError::io("open the lock", path))?;
    let started = Instant::now();
    let mut pause = Duration::from_micros(100);
    loop {
        match FileExt::try_lock_exclusive(&file) {
            Ok(()) => break,
            Err(error) if is_contended(&error) => {}
            Err(error) => return Err(AllocateError::io("lock", path)(error)),
        }
        if started.elapsed() >= deadline {
            let holder = describe_holder(&mut file);
            return Err(AllocateError::Busy {
                path: path.to_owned(),
                waited: deadline,
                holder,
            });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    note_holder(&mut file);
    Ok(LockGuard { _file: file })
}

fn is_contended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
        || error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Leaves the holder's process id in the file, for the message of whoever waits. Not being able to is
/// no reason to fail: the lock itself is held.
fn note_holder(file: &mut File) {
    let pid = std::process::id().to_string();
    let noted = file
        .rewind()
        .and_then(|()| file.set_len(0))
        .and_then(|()| file.write_all(pid.as_bytes()));
    if let Err(error) = noted {
        tracing::debug!(%error, "cannot note the holder in the lock file");
    }
}

fn describe_holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let Some(pid) = read.ok().and_then(|_| text.trim().parse::<u32>().ok()) else {
        return "an unknown process: look for it with `fuser`".to_owned();
    };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(':').trim().to_owned())
    };
    let program = field("Name").unwrap_or_else(|| "a process that is gone".to_owned());
    match field("State") {
        Some(state) if state.starts_with('T') => {
            format!(
                "process {pid} ({program}), which is stopped: continue it with `kill -CONT {pid}` or end it"
            )
        }
        _ => format!("process {pid} ({program})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_handle_waits_until_its_deadline_and_names_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path, Duration::ZERO).unwrap();
        let error = lock(&path, Duration::from_millis(20)).unwrap_err();
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(held);
        drop(lock(&path, Duration::ZERO).unwrap());
    }

    #[test]
    fn one_of_many_threads_holds_it_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let counter = dir.path().join("counter");
        crate::allocation::store::write_new(&counter, b"0", None).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _guard = lock(&path, Duration::from_secs(60)).unwrap();
                        let count: u32 =
                            std::fs::read_to_string(&counter).unwrap().parse().unwrap();
                        let next = (count + 1).to_string();
                        crate::allocation::store::write_new(&counter, next.as_bytes(), None)
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), "200");
    }
}
