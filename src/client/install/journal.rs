//! The journal of an installation: a file of events, one JSON object a line, only ever appended to.
//!
//! The words are those of curtin's webhook reporter, which consumers of such events know: `name` (of a
//! step, `install/sync`), `event_type`, `origin`, `timestamp`, `description`, `level`, and at the end of
//! a step `result`. Ours besides: `sequence`, `boot_id`, `duration`, `command`, `output`, `progress`, `leaves`.
//! The machine keeps the file; [`Backlog`] hands it on, from where it was handed on last.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::model::{BootId, Leaves};
use crate::system::{Durability, Existing, replace_file};

use super::sync::Progress;

/// Who made an event.
const ORIGIN: &str = "edeploy";

/// The whole of an installation, of which each step is a part.
pub(super) const ROOT: &str = "install";

/// The longest output of a failed command that is kept, from its end.
const KEPT_OUTPUT: usize = 4 << 10;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EventType {
    /// A step begins.
    Start,
    /// It came further. Such a row may be dropped.
    Progress,
    /// It did not work and is tried again.
    Warning,
    /// It ended.
    Finish,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Outcome {
    /// Well.
    Success,
    /// With an error.
    Fail,
}

/// One row, without what the journal adds to each.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    /// The name of the step in `name`, without what stands above it; empty for the whole.
    #[serde(skip)]
    pub step: &'a str,
    pub event_type: EventType,
    /// One sentence: what the step does, how far it is, or why it failed.
    pub description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// Seconds since the start of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// The command that failed, as a person would type it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
    /// What it said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How the whole leaves the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Leaves>,
}

impl<'a> Event<'a> {
    /// An event with nothing but a sentence.
    pub(super) fn new(step: &'a str, event_type: EventType, description: &'a str) -> Event<'a> {
        Event {
            step,
            event_type,
            description,
            result: None,
            duration: None,
            command: None,
            output: None,
            progress: None,
            leaves: None,
        }
    }

    /// curtin's levels: what failed is an error, what is tried again a warning.
    fn level(&self) -> &'static str {
        match (self.event_type, self.result) {
            (_, Some(Outcome::Fail)) => "ERROR",
            (EventType::Warning, _) => "WARN",
            (EventType::Progress, _) => "DEBUG",
            _ => "INFO",
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    /// Counts the rows of the file from 0.
    sequence: u64,
    name: String,
    origin: &'static str,
    /// Seconds since 1970.
    timestamp: f64,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<BootId>,
    #[serde(flatten)]
    event: Event<'a>,
}

/// The file, open to be appended to.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    sequence: u64,
    whole: &'static str,
    boot_id: Option<BootId>,
}

impl Journal {
    /// Opens a journal for rows of `whole`, such as an installation, in this start of the machine. Rows of
    /// an earlier one stay before those to come.
    pub(super) fn open(
        path: &Path,
        whole: &'static str,
        boot_id: Option<BootId>,
    ) -> io::Result<Journal> {
        let mut options = std::fs::OpenOptions::new();
        let options = options.create(true).append(true).read(true);
        let mut file = options.mode(0o600).open(path)?;
        let mut before = Vec::new();
        file.read_to_end(&mut before)?;
        if before.last().is_some_and(|byte| *byte != b'\n') {
            // A row that was cut by a crash must not spoil the next one.
            file.write_all(b"\n")?;
        }
        let rows = before.split(|byte| *byte == b'\n');
        let count = rows.filter(|row| !row.is_empty()).count();
        Ok(Journal {
            file,
            sequence: count as u64,
            whole,
            boot_id,
        })
    }

    /// Appends a row, in one write.
    pub(super) fn append(&mut self, mut event: Event<'_>) -> io::Result<()> {
        if let Some(output) = event.output {
            event.output = Some(end_of(output));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let row = Row {
            sequence: self.sequence,
            name: match event.step {
                "" => self.whole.to_owned(),
                step => format!("{}/{step}", self.whole),
            },
            origin: ORIGIN,
            timestamp: now.unwrap_or_default().as_secs_f64(),
            level: event.level(),
            boot_id: self.boot_id,
            event,
        };
        let mut text = serde_json::to_string(&row).map_err(io::Error::other)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.sequence += 1;
        Ok(())
    }
}

fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(KEPT_OUTPUT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// The rows of a journal that were not handed on yet.
///
/// How far it was handed on stands in a file beside it, in bytes, so that a server that was away is
/// caught up with later, also by another process. A row is handed on at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    journal: PathBuf,
    cursor: PathBuf,
}

/// Some rows, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Each a JSON object, as the journal has it.
    pub rows: Vec<String>,
    /// Where in the journal the next row begins, in bytes.
    end: u64,
}

impl Backlog {
    /// The rows of this journal; the cursor is the file `JOURNAL.sent`.
    pub fn of(journal: &Path) -> Backlog {
        Backlog::with_cursor(journal, ".sent")
    }

    /// The rows of this journal for somebody besides the server; the cursor is `JOURNAL.NAME.sent`.
    pub fn for_reader(journal: &Path, name: &str) -> Backlog {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        Backlog::with_cursor(journal, &format!(".{name}.sent"))
    }

    fn with_cursor(journal: &Path, ending: &str) -> Backlog {
        let mut cursor = journal.as_os_str().to_owned();
        cursor.push(ending);
        Backlog {
            journal: journal.to_owned(),
            cursor: PathBuf::from(cursor),
        }
    }

    /// The next rows, at most so many. A row that is being written is left for later.
    ///
    /// # Errors
    /// The journal or the cursor cannot be read.
    pub fn next(&self, most: usize) -> io::Result<Batch> {
        let mut file = File::open(&self.journal)?;
        let mut end = self.position()?;
        if end > file.metadata()?.len() {
            // The journal is another one than that of the cursor.
            end = 0;
        }
        file.seek(SeekFrom::Start(end))?;
        let mut file = BufReader::new(file);
        let mut rows = Vec::new();
        while rows.len() < most {
            let mut row = String::new();
            let count = file.read_line(&mut row)?;
            if !row.ends_with('\n') {
                break;
            }
            end += count as u64;
            if row.trim_end().is_empty() {
                continue;
            }
            row.truncate(row.trim_end().len());
            rows.push(row);
        }
        Ok(Batch { rows, end })
    }

    /// Notes that these rows are handed on.
    ///
    /// # Errors
    /// The cursor cannot be written.
    pub fn advance(&self, batch: &Batch) -> io::Result<()> {
        let text = format!("{}\n", batch.end);
        replace_file(&self.cursor, Existing::Replace, Durability::Lazy, |out| {
            out.write_all(text.as_bytes())
        })
    }

    fn position(&self) -> io::Result<u64> {
        match std::fs::read_to_string(&self.cursor) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let what = format!("`{}` holds no number", self.cursor.display());
                io::Error::new(io::ErrorKind::InvalidData, what)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn rows(batch: &Batch) -> Vec<Value> {
        let rows = batch.rows.iter();
        rows.map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    #[test]
    fn rows_have_the_words_of_curtin_and_what_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Journal::open(&path, ROOT, None).unwrap();
        journal
            .append(Event::new("sync", EventType::Start, "the role"))
            .unwrap();
        let output = "é".repeat(4000);
        journal
            .append(Event {
                result: Some(Outcome::Fail),
                duration: Some(1.5),
                command: Some("rsync a b"),
                output: Some(&output),
                ..Event::new("sync", EventType::Finish, "no such role")
            })
            .unwrap();
        let rows = rows(&Backlog::of(&path).next(9).unwrap());
        let start = rows[0].as_object().unwrap();
        let mut words: Vec<&str> = start.keys().map(String::as_str).collect();
        words.sort_unstable();
        assert_eq!(
            words,
            [
                "description",
                "event_type",
                "level",
                "name",
                "origin",
                "sequence",
                "timestamp"
            ]
        );
        assert_eq!(rows[0]["name"], "install/sync");
        assert_eq!(
            (&rows[0]["event_type"], &rows[0]["level"]),
            (&"start".into(), &"INFO".into())
        );
        assert!(rows[0]["timestamp"].as_f64().unwrap() > 1e9);
        let finish = &rows[1];
        assert_eq!(
            (&finish["result"], &finish["level"]),
            (&"FAIL".into(), &"ERROR".into())
        );
        assert_eq!(
            (&finish["sequence"], &finish["duration"]),
            (&1.into(), &1.5.into())
        );
        assert_eq!(finish["command"], "rsync a b");
        assert_eq!(finish["output"].as_str().unwrap().len(), KEPT_OUTPUT);
    }

    #[test]
    fn what_was_handed_on_is_not_handed_on_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Journal::open(&path, ROOT, None).unwrap();
        for step in ["network", "detect", "upload"] {
            journal
                .append(Event::new(step, EventType::Start, ""))
                .unwrap();
        }
        let backlog = Backlog::of(&path);
        let first = backlog.next(2).unwrap();
        assert_eq!(rows(&first)[1]["name"], "install/detect");
        // Not noted yet: the same once more.
        assert_eq!(backlog.next(2).unwrap(), first);
        backlog.advance(&first).unwrap();
        let second = backlog.next(2).unwrap();
        assert_eq!(rows(&second)[0]["sequence"], 2);
        backlog.advance(&second).unwrap();
        assert!(backlog.next(2).unwrap().rows.is_empty());
    }

    #[test]
    fn a_row_that_is_not_whole_waits_and_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        File::create_new(&path)
            .unwrap()
            .write_all(b"{\"a\": 1}\n{\"cut")
            .unwrap();
        let backlog = Backlog::of(&path);
        let batch = backlog.next(9).unwrap();
        assert_eq!(batch.rows, ["{\"a\": 1}"]);
        backlog.advance(&batch).unwrap();
        let mut journal = Journal::open(&path, ROOT, None).unwrap();
        journal
            .append(Event::new("sync", EventType::Start, ""))
            .unwrap();
        let batch = backlog.next(9).unwrap();
        assert_eq!(batch.rows.len(), 2);
        let last: Value = serde_json::from_str(&batch.rows[1]).unwrap();
        assert_eq!(last["sequence"], 2);
        // A journal that was begun anew.
        std::fs::remove_file(&path).unwrap();
        Journal::open(&path, ROOT, None).unwrap();
        assert_eq!(backlog.next(9).unwrap().end, 0);
    }
}
