//! What an installation says of itself: lines for the console, events for programs.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

/// The events of one installation, and all that was said. Events stay on the machine until somebody
/// fetches them: one JSON object a line.
#[derive(Debug)]
pub(super) struct Log {
    events: Option<File>,
    said: String,
}

impl Log {
    /// A log that keeps its events in a file, or nowhere.
    pub(super) fn new(events: Option<&Path>) -> io::Result<Log> {
        let open = |path| {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).append(true).mode(0o600).open(path)
        };
        Ok(Log {
            events: events.map(open).transpose()?,
            said: String::new(),
        })
    }

    /// Says something to whoever sees the console, and keeps it for the server.
    pub(super) fn say(&mut self, text: &str) {
        // Nobody may be there to read it, and that is no reason to stop.
        writeln!(io::stderr(), "edeploy: {text}").ok();
        self.said.push_str(text);
        self.said.push('\n');
    }

    /// A step begins.
    pub(super) fn start(&mut self, step: &str) {
        self.say(&format!("{step} …"));
        self.event(json!({ "event": "start", "name": name(step) }));
    }

    /// A step ended well, or with an error.
    pub(super) fn finish(&mut self, step: &str, took: Duration, error: Option<&str>) {
        let seconds = took.as_secs_f64();
        let result = match error {
            None => {
                self.say(&format!("{step} done in {seconds:.1} s"));
                "SUCCESS"
            }
            Some(error) => {
                self.say(&format!("{step} failed after {seconds:.1} s: {error}"));
                "FAIL"
            }
        };
        self.event(json!({
            "event": "finish", "name": name(step), "result": result, "seconds": seconds,
            "message": error,
        }));
    }

    /// A step is tried again after a pause.
    pub(super) fn again(&mut self, step: &str, error: &str, pause: Duration) {
        let seconds = pause.as_secs();
        self.say(&format!("{step}: {error}; again in {seconds} s"));
        self.event(json!({ "event": "warning", "name": name(step), "message": error }));
    }

    /// All that was said so far.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    fn event(&mut self, mut event: serde_json::Value) {
        let Some(file) = &mut self.events else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        event["unix_seconds"] = now.unwrap_or_default().as_secs_f64().into();
        if let Err(error) = file.write_all(format!("{event}\n").as_bytes()) {
            // Told once: a full disk must not end an installation.
            self.events = None;
            self.say(&format!("events are no longer kept: {error}"));
        }
    }
}

/// The name of a step's event, below the one of the whole (DESIGN section 7).
fn name(step: &str) -> String {
    format!("install/{step}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_events_with_start_and_finish() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let mut log = Log::new(Some(&path)).unwrap();
        log.start("sync");
        log.again("sync", "no answer", Duration::from_secs(2));
        log.finish("sync", Duration::from_millis(1500), Some("cut"));
        let text = std::fs::read_to_string(path).unwrap();
        let events: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events[0]["name"], "install/sync");
        assert_eq!(events[1]["message"], "no answer");
        assert_eq!(
            (&events[2]["result"], &events[2]["seconds"]),
            (&"FAIL".into(), &1.5.into())
        );
        assert!(log.said().contains("sync failed after 1.5 s: cut"));
    }
}
