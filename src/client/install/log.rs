//! What an installation or an upgrade says of itself: lines for the console, rows for the journal.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::model::{BootId, Leaves};
use crate::system::Line;

use super::courier::Bell;
use super::journal::{Event, EventType, Journal, Outcome, ROOT};
use super::sync::{Follower, Progress};

/// What is told of: its name in the journal, and the two sentences that begin and end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) struct Whole {
    /// The name of which each step is a part.
    pub name: &'static str,
    /// What it does.
    pub begins: String,
    /// What is so once it ended well.
    pub ends: String,
}

impl Whole {
    /// An installation.
    pub(super) fn installation() -> Whole {
        Whole {
            name: ROOT,
            begins: "installation".to_owned(),
            ends: "installed".to_owned(),
        }
    }
}

/// All that was said, and the journal.
#[derive(Debug)]
pub(in crate::client) struct Log {
    whole: Whole,
    journal: Option<Journal>,
    said: String,
    /// The step that runs.
    step: &'static str,
    /// Who hands the rows on.
    bells: Vec<Bell>,
}

/// How a step failed.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Failure<'a> {
    /// The error with its causes.
    pub error: &'a str,
    /// The command that failed, where one did.
    pub command: Option<&'a str>,
    /// What it said last.
    pub output: Option<&'a str>,
}

impl Log {
    /// A log that keeps its events, of this start of the machine, in a file, or nowhere.
    pub(in crate::client) fn new(
        whole: Whole,
        events: Option<&Path>,
        boot_id: Option<BootId>,
    ) -> io::Result<Log> {
        let open = |path| Journal::open(path, whole.name, boot_id);
        Ok(Log {
            journal: events.map(open).transpose()?,
            whole,
            said: String::new(),
            step: "",
            bells: Vec::new(),
        })
    }

    /// Says something to whoever sees the console, and keeps it for the server.
    pub(in crate::client) fn say(&mut self, text: &str) {
        // Nobody may be there to read it, and that is no reason to stop.
        writeln!(io::stderr(), "edeploy: {text}").ok();
        self.said.push_str(text);
        self.said.push('\n');
    }

    /// From now on this bell is rung for each row.
    pub(in crate::client) fn ring(&mut self, bell: Bell) {
        self.bells.push(bell);
    }

    /// The whole begins.
    pub(in crate::client) fn begin(&mut self) {
        let begins = self.whole.begins.clone();
        self.keep(Event::new("", EventType::Start, &begins));
    }

    /// The whole ended well, or with an error, and leaves the machine so, where that is to be told.
    pub(in crate::client) fn end(&mut self, error: Option<&str>, leaves: Option<Leaves>) {
        let ends = self.whole.ends.clone();
        self.keep(Event {
            leaves,
            result: Some(match error {
                Some(_) => Outcome::Fail,
                None => Outcome::Success,
            }),
            ..Event::new("", EventType::Finish, error.unwrap_or(&ends))
        });
    }

    /// A step begins.
    pub(in crate::client) fn start(&mut self, step: &'static str, description: &str) {
        self.step = step;
        self.say(&format!("{step} …"));
        self.keep(Event::new(step, EventType::Start, description));
    }

    /// The step ended well, or with an error.
    pub(in crate::client) fn finish(
        &mut self,
        description: &str,
        took: Duration,
        failure: Option<Failure<'_>>,
    ) {
        let (step, seconds) = (self.step, took.as_secs_f64());
        let event = match failure {
            None => {
                self.say(&format!("{step} done in {seconds:.1} s"));
                Event {
                    result: Some(Outcome::Success),
                    ..Event::new(step, EventType::Finish, description)
                }
            }
            Some(failure) => {
                let error = failure.error;
                self.say(&format!("{step} failed after {seconds:.1} s: {error}"));
                Event {
                    result: Some(Outcome::Fail),
                    command: failure.command,
                    output: failure.output,
                    ..Event::new(step, EventType::Finish, error)
                }
            }
        };
        self.keep(Event {
            duration: Some(seconds),
            ..event
        });
    }

    /// The step came further.
    pub(super) fn progress(&mut self, progress: &Progress) {
        let text = progress.to_string();
        self.say(&format!("{}: {text}", self.step));
        self.keep(Event {
            progress: Some(*progress),
            ..Event::new(self.step, EventType::Progress, &text)
        });
    }

    /// What rsync says of how far it is, told every few seconds.
    pub(in crate::client) fn follow(&mut self, follower: &mut Follower<'_>, line: Line<'_>) {
        if let Some(due) = follower.hear(line) {
            self.progress(&due);
        }
    }

    /// The step, or a part of it, is tried again after a pause.
    pub(super) fn again(&mut self, error: &str, pause: Duration) {
        let text = format!("{error}; again in {} s", pause.as_secs());
        self.say(&format!("{}: {text}", self.step));
        self.keep(Event::new(self.step, EventType::Warning, &text));
    }

    /// All that was said so far.
    pub(in crate::client) fn said(&self) -> &str {
        &self.said
    }

    fn keep(&mut self, event: Event<'_>) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        if let Err(error) = journal.append(event) {
            // Told once: a full disk must not end an installation.
            self.journal = None;
            self.say(&format!("events are no longer kept: {error}"));
        }
        self.bells.iter().for_each(Bell::ring);
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Backlog;
    use super::*;

    #[test]
    fn a_step_is_rows_from_start_to_finish_and_lines_for_the_console() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let mut log = Log::new(Whole::installation(), Some(&path), None).unwrap();
        log.start("sync", "the role onto the disk");
        log.again("no answer", Duration::from_secs(2));
        log.progress(&Progress::default());
        let failure = Failure {
            error: "cut",
            command: Some("rsync"),
            output: Some("code 12"),
        };
        log.finish(
            "the role onto the disk",
            Duration::from_millis(1500),
            Some(failure),
        );
        let rows = Backlog::of(&path).next(9).unwrap().rows;
        let events: Vec<serde_json::Value> = rows
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let types: Vec<_> = events.iter().map(|event| &event["event_type"]).collect();
        assert_eq!(types, ["start", "warning", "progress", "finish"]);
        assert_eq!(events[1]["description"], "no answer; again in 2 s");
        assert_eq!(events[2]["progress"]["bytes"], 0);
        assert_eq!(events[3]["output"], "code 12");
        assert!(log.said().contains("sync failed after 1.5 s: cut"));
    }
}
