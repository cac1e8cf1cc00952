//! Tells a reporter that the server named (`[reporting]` in its settings) of this installation.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Event, EventKind, Level, StepResult};
use crate::reporters::{PostedFile, Reporter, Told, agent};
use crate::system::with_causes;

use super::courier::Addressee;
use super::journal::ROOT;

/// A reporter that takes rows of the journal.
pub(super) struct Emitter {
    reporter: Reporter,
    agent: ureq::Agent,
    /// What goes with the last event (curtin's `post_files`).
    log: PathBuf,
}

impl Emitter {
    /// The emitter of a reporter; `log` is posted with the end of the installation.
    pub(super) fn new(reporter: Reporter, log: PathBuf) -> Emitter {
        Emitter {
            reporter,
            agent: agent(),
            log,
        }
    }

    fn tell(&self, row: &str) {
        let Ok(row) = serde_json::from_str::<Row>(row) else {
            return;
        };
        let is_end = row.name == ROOT && row.event_type == "finish";
        let files = is_end.then(|| PostedFile {
            path: self.log.display().to_string(),
            content: std::fs::read(&self.log).ok(),
        });
        let event = row.event();
        let told = Told {
            event: &event,
            at: Timestamp::now(),
            machine: None,
            files: files.as_slice(),
        };
        let handed = self.reporter.hand(&told);
        let say = |text: &str| writeln!(io::stderr(), "edeploy: {text}").ok();
        let done = handed.map_or(Ok(()), |it| {
            it.deliver(&self.reporter, &self.agent, |_, line| {
                say(line);
            })
        });
        if let Err(error) = done {
            let name = self.reporter.name();
            say(&format!(
                "the reporter {name} was not told: {}",
                with_causes(&error)
            ));
        }
    }
}

impl Addressee for Emitter {
    fn most_rows(&self) -> usize {
        1
    }

    /// What is lost stays lost, as with curtin.
    fn take(&self, rows: &[String]) -> bool {
        rows.iter().for_each(|row| self.tell(row));
        true
    }
}

/// What of a row is told.
#[derive(Deserialize)]
struct Row {
    name: String,
    event_type: String,
    origin: String,
    timestamp: f64,
    level: String,
    description: String,
    result: Option<String>,
}

impl Row {
    fn event(&self) -> Event {
        let result = self.result.as_deref().and_then(StepResult::of_word);
        let kind = match self.event_type.as_str() {
            "start" => EventKind::Start,
            "finish" => EventKind::Finish(result.unwrap_or(StepResult::Success)),
            "progress" => EventKind::Progress,
            _ => EventKind::Note,
        };
        let since_1970 = jiff::SignedDuration::try_from_secs_f64(self.timestamp).ok();
        Event {
            timestamp: since_1970.and_then(|it| Timestamp::from_duration(it).ok()),
            level: Level::of_word(&self.level).unwrap_or(Level::Info),
            ..Event::new(&self.origin, &self.name, kind).saying(&self.description)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_journal_is_the_event_that_it_tells() {
        let row = r#"{"sequence":3,"name":"install/sync","origin":"edeploy","timestamp":1795255271.5,
            "level":"WARN","event_type":"warning","description":"cut; again in 2 s","percent":3}"#;
        let event = serde_json::from_str::<Row>(row).unwrap().event();
        assert_eq!((event.kind, event.level), (EventKind::Note, Level::Warning));
        let timestamp = event.timestamp.unwrap();
        assert_eq!(timestamp.as_millisecond(), 1_795_255_271_500);
    }
}
