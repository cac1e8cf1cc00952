//! Keeps every report in SQLite, in groups, and tells whoever watches.
//!
//! One thread writes. While it waits for the disk further reports queue up and are the next commit, so
//! that many machines cost one fsync. What was answered is on the disk.

mod batch;
mod drift;
mod error;
mod open;
mod outbox;
mod read;
mod retention;
mod rows;
mod writer;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

pub use error::StoreError;
pub use outbox::{DeadLetter, Letter, Outbox};
pub use rows::{
    CommonDifference, Cursor, DeploymentRow, DriftRow, EventRow, Filter, HostKeyRow, LogRow,
    Transition,
};

use super::board::Board;
use super::report::{About, Report};
use super::standing::Standing;
use batch::{Packed, Prepared};
use read::Readers;
use writer::{Job, Watcher, Writer};

/// How the store is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Events and logs older than this are dropped; deployments and the timeline stay four times as long.
    pub keep_for: Duration,
    /// Above this size of the database, in bytes, the oldest events and logs are dropped.
    pub keep_bytes: u64,
    /// Reports of so many machines are taken; above it, only of machines whose hardware is known.
    pub most_machines: usize,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            keep_for: Duration::from_secs(90 * 86_400),
            keep_bytes: 8 << 30,
            most_machines: 100_000,
        }
    }
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The machine it is of.
    pub machine: String,
    /// The deployment it belongs to.
    pub job: Option<i64>,
    /// Its number; none where it was reported before.
    pub event: Option<i64>,
}

/// What a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Machines of which something was reported.
    pub machines: BTreeSet<String>,
    /// The number of the newest event.
    pub event: i64,
    /// How many events it has.
    pub events: usize,
    /// How long it took, the disk included.
    pub took: Duration,
}

/// All that was reported.
pub struct Store {
    path: PathBuf,
    board: Arc<RwLock<Board>>,
    readers: Readers,
    watchers: Arc<Mutex<Vec<Watcher>>>,
    jobs: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a file, which is made if it is not there. A damaged one is set aside.
    ///
    /// # Errors
    /// The file cannot be made, read or written.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        let opened = open::open(path, Timestamp::now())?;
        let board = Arc::new(RwLock::new(opened.board));
        let watchers = Arc::new(Mutex::new(Vec::new()));
        let database = (opened.connection, opened.next_number);
        let writer = Writer::new(path, database, board.clone(), watchers.clone(), options);
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || writer.serve(&queue))
            .map_err(|error| StoreError::Database {
                path: path.to_owned(),
                problem: format!("no thread to write it: {error}"),
                is_full: false,
                is_damaged: false,
            })?;
        Ok(Store {
            path: path.to_owned(),
            board,
            readers: Readers::new(path),
            watchers,
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Keeps reports, all in one commit. `reply` is called in another thread when they are on the disk,
    /// with one receipt for each; an error is of all.
    pub fn submit(
        &self,
        reports: Vec<Report>,
        reply: impl FnOnce(Result<Vec<Receipt>, StoreError>) + Send + 'static,
    ) {
        self.queue(Job {
            reports: reports.into_iter().map(prepare).collect(),
            reply: Box::new(reply),
        });
    }

    fn queue(&self, job: Job) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*jobs {
            Some(queue) => queue.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        drop(jobs);
        if let Some(job) = refused {
            (job.reply)(Err(StoreError::Stopping));
        }
    }

    /// Keeps reports and waits for the disk.
    ///
    /// # Errors
    /// None of them was kept, and why.
    pub fn record(&self, reports: Vec<Report>) -> Result<Vec<Receipt>, StoreError> {
        let (sender, answer) = mpsc::channel();
        self.submit(reports, move |result| {
            // Whoever asked may have gone; the reports are on the disk all the same.
            drop(sender.send(result));
        });
        answer.recv().unwrap_or(Err(StoreError::Stopping))
    }

    /// Makes machines known that were allocated before, with all the names they go by; nothing is reported.
    ///
    /// # Errors
    /// They could not be kept.
    pub fn introduce(&self, machines: Vec<(String, About)>) -> Result<(), StoreError> {
        let (sender, answer) = mpsc::channel();
        let reply = Box::new(move |result| drop(sender.send(result)));
        let machines = machines.into_iter().map(Prepared::introduction);
        self.queue(Job {
            reports: machines.collect(),
            reply,
        });
        answer
            .recv()
            .unwrap_or(Err(StoreError::Stopping))
            .map(|_| ())
    }

    /// The file of its database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it takes on the disk, in bytes.
    pub fn size_bytes(&self) -> u64 {
        let of = |ending: &str| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(ending);
            std::fs::metadata(name).map_or(0, |file| file.len())
        };
        ["", "-wal", "-shm"].into_iter().map(of).sum()
    }

    /// What all reports come to, as of the last commit. Nothing is written while it is held: take what you
    /// need of it, machines are shared, and let it go.
    pub fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `watcher` after each commit, in the writer's thread, until it answers `false`. It must not wait.
    pub fn watch(&self, watcher: impl FnMut(&Change) -> bool + Send + 'static) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.push(Box::new(watcher));
    }

    /// Reports, newest first or oldest first as the cursor says, at most `limit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn events(
        &self,
        filter: &Filter,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.readers
            .read(|connection| read::events(connection, filter, cursor, limit))
    }

    /// Changes of machines' standing.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn timeline(
        &self,
        filter: &Filter,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        self.readers
            .read(|connection| read::timeline(connection, filter, cursor, limit))
    }

    /// Deployments; `is_open` is whether they must be going on, or must have ended.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn deployments(
        &self,
        filter: &Filter,
        is_open: Option<bool>,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Vec<DeploymentRow>, StoreError> {
        self.readers
            .read(|connection| read::deployments(connection, filter, is_open, cursor, limit))
    }

    /// The files that came with the reports of a machine or a deployment, without their content.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn logs(&self, filter: &Filter, limit: usize) -> Result<Vec<LogRow>, StoreError> {
        self.readers
            .read(|connection| read::logs(connection, filter, limit))
    }

    /// What each machine was before it became what it is, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn previous_standings(&self) -> Result<HashMap<String, Standing>, StoreError> {
        self.readers.read(read::previous_standings)
    }

    /// The content of a file; none where there is no file of this number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn log_content(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers
            .read(|connection| read::log_content(connection, id))
    }

    /// The SSH host keys of a machine's installed system, or of all machines.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn host_keys(&self, machine: Option<&str>) -> Result<Vec<HostKeyRow>, StoreError> {
        self.readers
            .read(|connection| read::host_keys(connection, machine))
    }

    /// What each machine told last of its files, without the single differences, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn drifts(&self) -> Result<Vec<DriftRow>, StoreError> {
        self.readers
            .read(|connection| drift::drifts(connection, None))
    }

    /// What a machine told last of its files, whole.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn drift(&self, machine: &str) -> Result<Option<DriftRow>, StoreError> {
        self.readers
            .read(|connection| drift::whole(connection, machine))
    }

    /// The paths that differ on the most machines, but for those whose report is stale, at most `limit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn common_differences(&self, limit: usize) -> Result<Vec<CommonDifference>, StoreError> {
        self.readers
            .read(|connection| drift::common(connection, limit))
    }

    /// The machines on which a path differs in this way, but for those whose report is stale.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn machines_with(&self, path: &str, aspect: &str) -> Result<Vec<String>, StoreError> {
        self.readers
            .read(|connection| drift::machines_with(connection, path, aspect))
    }

    /// Keeps everything that was submitted, then stops; what comes later is refused.
    pub fn stop(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer of events panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Packs the files of a report, in the thread of whoever brings it.
fn prepare(mut report: Report) -> Prepared {
    let files = std::mem::take(&mut report.files);
    let files = files.into_iter().filter_map(|file| {
        let packed = zstd::bulk::compress(&file.content, 3);
        let content = packed
            .inspect_err(
                |error| tracing::error!(name = %file.name, %error, "a log cannot be compressed"),
            )
            .ok()?;
        Some(Packed {
            name: file.name,
            bytes: file.content.len(),
            content,
        })
    });
    Prepared {
        files: files.collect(),
        report,
        is_introduction: false,
    }
}

#[cfg(test)]
mod tests;
