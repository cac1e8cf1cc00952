//! What a reporter is handed of an event: a line, or JSON that is curtin's to the byte (wire-formats 2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::table::{Reporter, ReporterType, named};
use crate::model::{Event, EventKind, Level, StepResult};

/// A file that goes with the last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedFile {
    /// Where it is.
    pub path: String,
    /// Its bytes; none where it is not there, which curtin tells as `null`.
    pub content: Option<Vec<u8>>,
}

/// An event with what else there is to tell of it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What happened.
    pub event: &'a Event,
    /// When it became known: told where the event has no time of its own.
    pub at: Timestamp,
    /// The machine, where the teller is not the machine itself.
    pub machine: Option<&'a str>,
    /// Files that go with it.
    pub files: &'a [PostedFile],
}

/// What one reporter is to be handed.
#[derive(Debug, Clone, PartialEq)]
pub enum Handed {
    /// A line on standard output.
    Print(String),
    /// A line in the log.
    Log(Level, String),
    /// JSON to post.
    Post {
        /// Where to.
        url: String,
        /// One event.
        body: String,
    },
}

impl Reporter {
    /// What this reporter is handed of an event; none for one below its level.
    pub fn hand(&self, told: &Told<'_>) -> Option<Handed> {
        let event = told.event;
        if event.level < self.level {
            return None;
        }
        Some(match (self.kind(), &self.endpoint) {
            (ReporterType::Print, _) => Handed::Print(line(told)),
            (ReporterType::Webhook, Some(endpoint)) => Handed::Post {
                url: match told.machine {
                    Some(machine) => named(&endpoint.url, machine),
                    None => endpoint.url.clone(),
                },
                body: json(told),
            },
            (ReporterType::Log | ReporterType::Webhook, _) => Handed::Log(event.level, line(told)),
        })
    }
}

/// `start: NAME: WORDS` and `finish: NAME: RESULT: WORDS`, as curtin prints them. Without control characters:
/// what a machine says may stand in it.
fn line(told: &Told<'_>) -> String {
    let event = told.event;
    let machine = told.machine.map(|machine| format!("{machine}: "));
    let result = event.kind.result().map(|it| format!("{}: ", result(it)));
    let line = format!(
        "{}{}: {}: {}{}",
        machine.unwrap_or_default(),
        event_type(event),
        event.name,
        result.unwrap_or_default(),
        event.description
    );
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    line.chars().map(plain).collect()
}

/// Keys in curtin's order, blanks and escapes as Python's `json.dumps` writes them.
fn json(told: &Told<'_>) -> String {
    let event = told.event;
    let timestamp = event.timestamp.unwrap_or(told.at);
    let seconds = timestamp.as_duration().as_secs_f64();
    let mut pairs = vec![
        ("name", text(&event.name)),
        ("description", text(&event.description)),
        ("event_type", text(event_type(event))),
        ("origin", text(origin(event))),
        ("timestamp", format!("{seconds:?}")),
        ("level", text(level(event.level))),
    ];
    if let Some(ended) = event.kind.result() {
        pairs.push(("result", text(result(ended))));
    }
    if !told.files.is_empty() {
        let files: Vec<String> = told.files.iter().map(file).collect();
        pairs.push(("files", format!("[{}]", files.join(", "))));
    }
    object(&pairs)
}

fn file(file: &PostedFile) -> String {
    let content = file.content.as_ref();
    object(&[
        ("path", text(&file.path)),
        (
            "content",
            content.map_or("null".to_owned(), |it| text(&STANDARD.encode(it))),
        ),
        ("encoding", text("base64")),
    ])
}

fn object(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("\"{key}\": {value}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A text in ASCII, all else as `\u` escapes.
fn text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut ascii = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if matches!(c, ' '..='~') {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// Who tells. `server` is what an edeploy-server says of itself in its own store, and believes nobody else.
fn origin(event: &Event) -> &str {
    match event.origin.as_str() {
        "server" => "edeploy-server",
        origin => origin,
    }
}

/// curtin's words, MAAS's `progress`, and Subiquity's for all else (wire-formats 2.7 and 3).
fn event_type(event: &Event) -> &'static str {
    match (event.kind, event.level) {
        (EventKind::Note, Level::Error) => "error",
        (EventKind::Note, Level::Warning) => "warning",
        (EventKind::Note, Level::Debug | Level::Info) => "info",
        (kind, _) => kind.word(),
    }
}

fn result(result: StepResult) -> &'static str {
    match result {
        StepResult::Skipped | StepResult::Success => "SUCCESS",
        StepResult::Warn => "WARN",
        StepResult::Fail => "FAIL",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARN",
        Level::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::ReporterTable;

    fn reporter(table: serde_json::Value) -> Reporter {
        let table: ReporterTable = serde_json::from_value(table).unwrap();
        Reporter::new("x", table).unwrap()
    }

    fn told<'a>(event: &'a Event, files: &'a [PostedFile]) -> Told<'a> {
        Told {
            event,
            at: Timestamp::UNIX_EPOCH,
            machine: None,
            files,
        }
    }

    fn at(event: Event, microseconds: i64) -> Event {
        event.at(Timestamp::from_microsecond(microseconds).unwrap())
    }

    #[test]
    fn a_start_and_the_last_finish_are_curtins_to_the_byte() {
        let start = Event::new("curtin", "cmd-install", EventKind::Start);
        let mut start = at(
            start.saying("curtin command install"),
            1_795_255_271_131_440,
        );
        start.level = Level::Debug;
        assert_eq!(
            json(&told(&start, &[])),
            r#"{"name": "cmd-install", "description": "curtin command install", "event_type": "start", "origin": "curtin", "timestamp": 1795255271.13144, "level": "DEBUG"}"#
        );
        let finish = EventKind::Finish(StepResult::Success);
        let finish = Event::new("curtin", "cmd-install", finish).saying("curtin command install");
        let finish = at(finish, 1_795_252_937_000_000);
        let files = [
            PostedFile {
                path: "/var/log/curtin/install.log".to_owned(),
                content: Some(b"hello log\n".to_vec()),
            },
            PostedFile {
                path: "/not/there".to_owned(),
                content: None,
            },
        ];
        assert_eq!(
            json(&told(&finish, &files)),
            r#"{"name": "cmd-install", "description": "curtin command install", "event_type": "finish", "origin": "curtin", "timestamp": 1795252937.0, "level": "INFO", "result": "SUCCESS", "files": [{"path": "/var/log/curtin/install.log", "content": "aGVsbG8gbG9nCg==", "encoding": "base64"}, {"path": "/not/there", "content": null, "encoding": "base64"}]}"#
        );
    }

    #[test]
    fn text_is_escaped_as_python_does() {
        assert_eq!(
            text("é \u{1f600} \"\n\u{7f}"),
            r#""\u00e9 \ud83d\ude00 \"\n\u007f""#
        );
    }

    #[test]
    fn lines_are_curtins_and_harmless_on_a_terminal() {
        let print = reporter(serde_json::json!({"type": "print"}));
        let fail = EventKind::Finish(StepResult::Fail);
        let event = Event::new("edeploy", "install/sync", fail).saying("no\u{1b}[2Jrole");
        let line = "finish: install/sync: FAIL: no [2Jrole".to_owned();
        assert_eq!(print.hand(&told(&event, &[])), Some(Handed::Print(line)));
        let log = reporter(serde_json::json!({"type": "log"}));
        let note = Event::new("server", "boot/install", EventKind::Note).saying("sent");
        let of_node = Told {
            machine: Some("node1"),
            ..told(&note, &[])
        };
        let line = "node1: info: boot/install: sent".to_owned();
        assert_eq!(log.hand(&of_node), Some(Handed::Log(Level::Info, line)));
    }

    #[test]
    fn what_is_below_the_level_is_not_told_and_the_server_names_the_machine() {
        let webhook = |level: &str| {
            reporter(serde_json::json!({
                "type": "webhook", "endpoint": "http://h/{machine}", "level": level,
            }))
        };
        let mut event = Event::new("server", "upload", EventKind::Progress);
        event.level = Level::Debug;
        let of_node = Told {
            machine: Some("n/1"),
            ..told(&event, &[])
        };
        assert_eq!(webhook("INFO").hand(&of_node), None);
        let Some(Handed::Post { url, body }) = webhook("debug").hand(&of_node) else {
            panic!();
        };
        assert_eq!(url, "http://h/n%2F1");
        assert!(body.contains(r#""origin": "edeploy-server""#), "{body}");
    }
}
