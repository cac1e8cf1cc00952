//! Hands the journal's rows to the server while the installation goes on, in a thread of its own: no step
//! waits for it, and what a server that was away missed is caught up with.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::journal::Backlog;
use super::retry::Transient;
use super::server::Server;

/// How many rows go into one request.
const ROWS: usize = 200;

/// How long the server is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(3);

/// What the thread is told.
enum Word {
    /// There are new rows.
    More,
    /// Hand everything on until then, and answer whether that was done.
    Flush(Instant, Sender<bool>),
}

/// The thread. It ends with this value; rows that were not handed on stay in the journal.
#[derive(Debug)]
pub(super) struct Courier {
    words: Option<Sender<Word>>,
    thread: Option<JoinHandle<()>>,
}

/// What a log needs to wake the thread.
#[derive(Debug, Clone)]
pub(super) struct Bell(Sender<Word>);

impl Bell {
    /// There are new rows.
    pub(super) fn ring(&self) {
        // Who does not listen any more needs no waking.
        self.0.send(Word::More).ok();
    }
}

impl Courier {
    /// Starts to hand the rows of a machine on.
    pub(super) fn start(
        server: Server,
        machine: String,
        backlog: Backlog,
    ) -> std::io::Result<Courier> {
        let (words, heard) = mpsc::channel();
        let round = Round {
            server,
            machine,
            backlog,
        };
        let thread = std::thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || round.run(&heard))?;
        Ok(Courier {
            words: Some(words),
            thread: Some(thread),
        })
    }

    /// What wakes it.
    pub(super) fn bell(&self) -> Option<Bell> {
        self.words.clone().map(Bell)
    }

    /// Waits until the server has all rows, for at most so long. Whether it has.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let (reply, done) = mpsc::channel();
        let word = Word::Flush(Instant::now() + patience, reply);
        let is_heard = self
            .words
            .as_ref()
            .is_some_and(|words| words.send(word).is_ok());
        is_heard && done.recv().unwrap_or(false)
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        drop(self.words.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Round {
    server: Server,
    machine: String,
    backlog: Backlog,
}

impl Round {
    fn run(&self, heard: &Receiver<Word>) {
        let mut is_done = self.hand_on();
        loop {
            let word = match is_done {
                true => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // The server was away.
                false => heard.recv_timeout(PAUSE),
            };
            match word {
                Ok(Word::Flush(until, reply)) => {
                    is_done = self.hand_on();
                    while !is_done && Instant::now() < until {
                        std::thread::sleep(
                            PAUSE.min(until.saturating_duration_since(Instant::now())),
                        );
                        is_done = self.hand_on();
                    }
                    reply.send(is_done).ok();
                }
                // A server that is away is not asked again for each row.
                Ok(Word::More) if !is_done => {}
                Ok(Word::More) | Err(RecvTimeoutError::Timeout) => is_done = self.hand_on(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Hands on what there is. Whether the server has it all.
    fn hand_on(&self) -> bool {
        loop {
            let Ok(batch) = self.backlog.next(ROWS) else {
                return false;
            };
            if batch.rows.is_empty() {
                return true;
            }
            match self.server.report_events(&self.machine, &batch.rows) {
                Err(error) if error.may_pass() => return false,
                // What the server will never take is not offered for ever; the journal keeps it.
                Ok(()) | Err(_) => {}
            }
            if self.backlog.advance(&batch).is_err() {
                return false;
            }
        }
    }
}
