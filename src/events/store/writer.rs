//! The thread that writes: many reports, one commit.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;

use super::batch::{Batch, Prepared};
use super::error::StoreError;
use super::open;
use super::retention;
use super::{Change, Receipt, StoreOptions};
use crate::events::board::Board;

pub(super) type Reply = Box<dyn FnOnce(Result<Vec<Receipt>, StoreError>) + Send>;
pub(super) type Watcher = Box<dyn FnMut(&Change) -> bool + Send>;
type Answer = (Reply, Result<Vec<Receipt>, StoreError>);

/// Reports that came together.
pub(super) struct Job {
    pub(super) reports: Vec<Prepared>,
    pub(super) reply: Reply,
}

/// How many jobs one commit may have, so that the first of them does not wait for ever.
const MOST_JOBS: usize = 4_000;

/// How often old reports are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(600);

pub(super) struct Writer {
    path: PathBuf,
    connection: Connection,
    board: Arc<RwLock<Board>>,
    watchers: Arc<Mutex<Vec<Watcher>>>,
    next_number: i64,
    options: StoreOptions,
    last_event: i64,
}

impl Writer {
    pub(super) fn new(
        path: &Path,
        opened: (Connection, i64),
        board: Arc<RwLock<Board>>,
        watchers: Arc<Mutex<Vec<Watcher>>>,
        options: StoreOptions,
    ) -> Writer {
        Writer {
            path: path.to_owned(),
            connection: opened.0,
            board,
            watchers,
            next_number: opened.1,
            options,
            last_event: 0,
        }
    }

    /// Writes until nobody can bring reports any more.
    pub(super) fn serve(mut self, queue: &Receiver<Job>) {
        let mut tidied = Instant::now();
        self.tidy();
        loop {
            match queue.recv_timeout(TIDY_EVERY) {
                Ok(first) => {
                    let mut jobs = vec![first];
                    jobs.extend(queue.try_iter().take(MOST_JOBS));
                    self.write(jobs);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if tidied.elapsed() >= TIDY_EVERY {
                self.tidy();
                tidied = Instant::now();
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let (reports, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.reports, job.reply)).unzip();
        let result = match self.commit(&reports) {
            Err(error) if error.is_damaged() => {
                self.begin_anew(&error).and_then(|()| self.commit(&reports))
            }
            result => result,
        };
        let answers: Vec<Answer> = match result {
            Ok(receipts) => replies.into_iter().zip(receipts).collect(),
            Err(error) => {
                tracing::error!(%error, "reports were not kept");
                replies
                    .into_iter()
                    .map(|reply| (reply, Err(error.clone())))
                    .collect()
            }
        };
        for (reply, answer) in answers {
            reply(answer);
        }
    }

    fn commit(
        &mut self,
        jobs: &[Vec<Prepared>],
    ) -> Result<Vec<Result<Vec<Receipt>, StoreError>>, StoreError> {
        let path = self.path.clone();
        let failed = |error: rusqlite::Error| StoreError::of(&path, &error);
        let most = self.options.most_machines;
        // Nobody else writes it: what is read here is still so when the commit is done.
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch =
            Batch::begin(&mut self.connection, &board, self.next_number, most).map_err(failed)?;
        let mut answers = Vec::with_capacity(jobs.len());
        for reports in jobs {
            let receipts = reports.iter().map(|report| batch.take(report));
            let receipts: rusqlite::Result<Vec<_>> = receipts.collect();
            // One report that is not taken does not take the others of its job with it.
            let receipts: Result<Vec<Receipt>, StoreError> =
                receipts.map_err(failed)?.into_iter().collect();
            answers.push(receipts);
        }
        let overlay = batch.commit().map_err(failed)?;
        drop(board);
        self.next_number = overlay.next_number;
        let machines =
            overlay.settle(&mut self.board.write().unwrap_or_else(PoisonError::into_inner));
        let newest = answers
            .iter()
            .flatten()
            .flatten()
            .filter_map(|receipt| receipt.event);
        self.last_event = newest.max().unwrap_or(self.last_event);
        self.tell(&Change {
            machines,
            event: self.last_event,
        });
        Ok(answers)
    }

    fn tell(&self, change: &Change) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain_mut(|watcher| watcher(change));
    }

    /// The database was damaged while it was open: it is set aside, a new one begun.
    fn begin_anew(&mut self, error: &StoreError) -> Result<(), StoreError> {
        self.connection =
            Connection::open_in_memory().map_err(|error| StoreError::of(&self.path, &error))?;
        let aside = open::set_aside(&self.path, Timestamp::now())?;
        tracing::error!(
            %error, set_aside = %aside.display(),
            "the store of events is damaged: it was set aside and a new one begun"
        );
        let opened = open::open(&self.path, Timestamp::now())?;
        self.connection = opened.connection;
        *self.board.write().unwrap_or_else(PoisonError::into_inner) = opened.board;
        self.next_number = self.next_number.max(opened.next_number);
        Ok(())
    }

    fn tidy(&mut self) {
        let done = retention::tidy(&mut self.connection, self.options, Timestamp::now());
        match done {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "old events were dropped"),
            Err(error) => tracing::error!(%error, "old events could not be dropped"),
        }
    }
}
