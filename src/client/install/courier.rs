//! Hands the journal's rows to somebody while the installation goes on, in a thread of its own: no step
//! waits for it, and what a server that was away missed is caught up with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::agent::read_ca;
use super::journal::Backlog;
use super::retry::Transient;
use super::server::Server;
use super::settings::Settings;

/// How many rows go into one request to the server.
const ROWS: usize = 200;

/// How long somebody is left alone who did not answer.
const PAUSE: Duration = Duration::from_secs(3);

/// Who takes rows.
pub(in crate::client) trait Addressee: Send + 'static {
    /// How many it takes at once.
    fn most_rows(&self) -> usize;

    /// Takes rows, each a JSON object. Whether it is done with them; else they are offered again.
    fn take(&self, rows: &[String]) -> bool;
}

/// The server, which knows the machine by its name.
#[derive(Debug)]
pub(in crate::client) struct Home {
    pub(super) server: Server,
    pub(super) machine: String,
}

impl Home {
    /// The server that words as those of the kernel's command line name; none if one of them is wrong.
    pub(in crate::client) fn named_by(words: &str, machine: String) -> Option<Home> {
        let mut settings = Settings::parse(words).ok()?;
        if let Some(path) = &settings.ca {
            settings.ca_pem = read_ca(path).ok()?;
        }
        let server = Server::of(&settings);
        Some(Home { server, machine })
    }
}

impl Addressee for Home {
    fn most_rows(&self) -> usize {
        ROWS
    }

    fn take(&self, rows: &[String]) -> bool {
        let reported = self.server.report_events(&self.machine, rows);
        // What the server will never take is not offered for ever; the journal keeps it.
        !reported.is_err_and(|error| error.may_pass())
    }
}

/// What the thread is told.
enum Word {
    /// There are new rows.
    More,
    /// Hand everything on until then, and answer whether that was done.
    Flush(Instant, Sender<bool>),
}

/// The thread. It ends with this value; rows that were not handed on stay in the journal.
#[derive(Debug)]
pub(in crate::client) struct Courier {
    words: Option<Sender<Word>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a log needs to wake the thread.
#[derive(Debug, Clone)]
pub(in crate::client) struct Bell(Sender<Word>);

impl Bell {
    /// There are new rows.
    pub(super) fn ring(&self) {
        // Who does not listen any more needs no waking.
        self.0.send(Word::More).ok();
    }
}

impl Courier {
    /// Starts to hand the rows of a journal on.
    pub(in crate::client) fn start(
        addressee: impl Addressee,
        backlog: Backlog,
    ) -> std::io::Result<(Courier, Bell)> {
        let (words, heard) = mpsc::channel();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let round = Round {
            addressee,
            backlog,
            is_stopping: is_stopping.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || round.run(&heard))?;
        let bell = Bell(words.clone());
        let courier = Courier {
            words: Some(words),
            is_stopping,
            thread: Some(thread),
        };
        Ok((courier, bell))
    }

    /// Waits until all rows are handed on, for at most so long. Whether they are.
    pub(in crate::client) fn flush(&self, patience: Duration) -> bool {
        let (reply, done) = mpsc::channel();
        let word = Word::Flush(Instant::now() + patience, reply);
        let is_heard = self
            .words
            .as_ref()
            .is_some_and(|words| words.send(word).is_ok());
        is_heard && done.recv_timeout(patience).unwrap_or(false)
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        drop(self.words.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Round<A> {
    addressee: A,
    backlog: Backlog,
    is_stopping: Arc<AtomicBool>,
}

impl<A: Addressee> Round<A> {
    fn run(&self, heard: &Receiver<Word>) {
        let mut is_done = self.hand_on();
        while !self.is_stopping.load(Ordering::Relaxed) {
            let word = match is_done {
                true => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // Nobody answered.
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
                // Who is away is not asked again for each row.
                Ok(Word::More) if !is_done => {}
                Ok(Word::More) | Err(RecvTimeoutError::Timeout) => is_done = self.hand_on(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Hands on what there is. Whether it was all.
    fn hand_on(&self) -> bool {
        while !self.is_stopping.load(Ordering::Relaxed) {
            let Ok(batch) = self.backlog.next(self.addressee.most_rows()) else {
                return false;
            };
            if batch.rows.is_empty() {
                return true;
            }
            if !self.addressee.take(&batch.rows) || self.backlog.advance(&batch).is_err() {
                return false;
            }
        }
        false
    }
}
