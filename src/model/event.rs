//! What is reported of an installation: the start and the finish of its steps, and what is said between.
//!
//! The vocabulary is curtin's (seed `curtin-reporting`), with the kinds that others add to it
//! (wire-formats 2 to 5). Names are hierarchical, `install/configure/mkfs`, and not unique.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// There was nothing to do.
    Skipped,
    /// Well.
    Success,
    /// Something is likely wrong, but the rest went on.
    Warn,
    /// What it belongs to failed with it.
    Fail,
}

impl StepResult {
    /// Reads the word of a producer: curtin's `SUCCESS`, `WARN`, `FAIL`, MAAS's `FAILURE`, in any case.
    pub fn of_word(word: &str) -> Option<StepResult> {
        match word.to_ascii_lowercase().as_str() {
            "skipped" | "skip" => Some(StepResult::Skipped),
            "success" | "ok" | "done" | "pass" => Some(StepResult::Success),
            "warn" | "warning" => Some(StepResult::Warn),
            "fail" | "failure" | "failed" | "error" => Some(StepResult::Fail),
            _ => None,
        }
    }

    /// The word in our own events.
    pub fn word(self) -> &'static str {
        match self {
            StepResult::Skipped => "skipped",
            StepResult::Success => "success",
            StepResult::Warn => "warn",
            StepResult::Fail => "fail",
        }
    }
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How much somebody should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// The usual.
    Info,
    /// Likely wrong.
    Warning,
    /// Wrong.
    Error,
}

impl Level {
    /// Reads the word of a producer, in any case.
    pub fn of_word(word: &str) -> Option<Level> {
        match word.to_ascii_lowercase().as_str() {
            "debug" => Some(Level::Debug),
            "info" => Some(Level::Info),
            "warn" | "warning" => Some(Level::Warning),
            "error" | "critical" => Some(Level::Error),
            _ => None,
        }
    }

    /// The word in our own events.
    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// What an event says of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It began.
    Start,
    /// It ended so.
    Finish(StepResult),
    /// It is still going on.
    Progress,
    /// Something to know; kinds that we do not know are notes too.
    Note,
}

impl EventKind {
    /// The `event_type` of our own events.
    pub fn word(self) -> &'static str {
        match self {
            EventKind::Start => "start",
            EventKind::Finish(_) => "finish",
            EventKind::Progress => "progress",
            EventKind::Note => "note",
        }
    }

    /// How the step ended, where it did.
    pub fn result(self) -> Option<StepResult> {
        match self {
            EventKind::Finish(result) => Some(result),
            _ => None,
        }
    }
}

/// How a whole that has ended leaves the machine, where that is told: our own key, `leaves`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// It failed before anything of the machine was changed.
    Unchanged,
    /// The machine restarts now.
    Restarting,
}

impl Leaves {
    /// Reads the word of a producer, in any case.
    pub fn of_word(word: &str) -> Option<Leaves> {
        match word.to_ascii_lowercase().as_str() {
            "unchanged" => Some(Leaves::Unchanged),
            "restarting" => Some(Leaves::Restarting),
            _ => None,
        }
    }
}

/// One thing that happened to a machine, as its producer tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who tells it: `edeploy`, `curtin`, `cloudinit`, `foreman`, `server`, …
    pub origin: String,
    /// Which step: parents first, with slashes between.
    pub name: String,
    /// What of it.
    pub kind: EventKind,
    /// When, by the producer's clock, which may be wrong; none if it did not say.
    pub timestamp: Option<Timestamp>,
    /// In words.
    pub description: String,
    /// How much to care.
    pub level: Level,
    /// How far the step, or where the name has no parent the whole, has come: 0 to 100.
    pub percent: Option<f32>,
    /// How the machine is left, at the end of the whole.
    pub leaves: Option<Leaves>,
}

impl Event {
    /// An event without time, words and percentage.
    pub fn new(origin: &str, name: &str, kind: EventKind) -> Event {
        let level = match kind {
            EventKind::Finish(StepResult::Fail) => Level::Error,
            EventKind::Finish(StepResult::Warn) => Level::Warning,
            _ => Level::Info,
        };
        Event {
            origin: origin.to_owned(),
            name: name.to_owned(),
            kind,
            timestamp: None,
            description: String::new(),
            level,
            percent: None,
            leaves: None,
        }
    }

    /// The same with words.
    pub fn saying(mut self, description: impl Into<String>) -> Event {
        self.description = description.into();
        self
    }

    /// The same at a time.
    pub fn at(mut self, timestamp: Timestamp) -> Event {
        self.timestamp = Some(timestamp);
        self
    }

    /// The outermost part of the name.
    pub fn root(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_all_producers_are_read_in_any_case() {
        for (word, result) in [
            ("SUCCESS", StepResult::Success),
            ("WARN", StepResult::Warn),
            ("FAIL", StepResult::Fail),
            ("FAILURE", StepResult::Fail),
            ("done", StepResult::Success),
        ] {
            assert_eq!(StepResult::of_word(word), Some(result));
            assert_eq!(StepResult::of_word(result.word()), Some(result));
        }
        assert_eq!(StepResult::of_word("perhaps"), None);
        assert_eq!(Level::of_word("WARNING"), Some(Level::Warning));
    }

    #[test]
    fn what_failed_is_an_error_unless_told_otherwise() {
        let finish = EventKind::Finish(StepResult::Fail);
        let event = Event::new("edeploy", "install/sync", finish);
        assert_eq!(event.level, Level::Error);
        assert_eq!(event.root(), "install");
    }
}
