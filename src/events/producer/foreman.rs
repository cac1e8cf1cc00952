//! What Foreman's templates send: the update of the RFC's thread, the RFC's own steps, built and failed
//! (wire-formats 5; seed `foreman-rfc-provisioning-progress`).

use serde_json::Value;

use super::message::{LONGEST_NAME, Message, Unreadable, cut};
use super::words::{Object, percent, text, time, word};
use crate::events::report::LogFile;
use crate::model::{Event, EventKind, StepResult};

const ORIGIN: &str = "foreman";

/// The whole of what the RFC's steps are parts of.
const WHOLE: &str = "install";

/// How much of the body of a failure is kept, as Foreman does.
const FAILURE_BYTES: usize = 65_535;
const TRIMMED: &str = "\n\nOutput trimmed\n";

/// How many lines of a log tell why something failed, and how many characters of them.
const LAST_LINES: usize = 3;
const LONGEST_REASON: usize = 1_000;

/// The thread's stand-in: `{"name", "datacenter_name", "action", "status", "percentage"}`.
///
/// 100 percent is the end. So is a status that says beyond doubt that it failed: see [`says_failed`].
pub(super) fn update(object: &Object) -> Result<Message, Unreadable> {
    let name = word(object, "name").or_else(|| word(object, "machine"));
    let Some(machine) = name else {
        return Err(Unreadable::Missing(vec!["name"]));
    };
    let status = text(object, "status").unwrap_or_default();
    let action = word(object, "action").unwrap_or_else(|| WHOLE.to_owned());
    let percent = percent(object);
    let told = word(object, "result").and_then(|word| StepResult::of_word(&word));
    let result = match told {
        None if says_failed(&status) => Some(StepResult::Fail),
        None if percent.is_some_and(|percent| percent >= 100.0) => Some(StepResult::Success),
        told => told,
    };
    let kind = result.map_or(EventKind::Progress, EventKind::Finish);
    let mut event = Event::new(ORIGIN, &root(&action), kind).saying(status);
    event.percent = percent;
    event.timestamp = time(object, "timestamp");
    Ok(Message {
        machine: Some(machine),
        datacenter: word(object, "datacenter_name"),
        ..Message::of(event)
    })
}

/// An action is a whole: slashes would make it a part of one.
fn root(action: &str) -> String {
    let mut root = action.trim().replace('/', "-");
    cut(&mut root, LONGEST_NAME);
    root
}

/// Whether free text says that it failed, and nothing else can be meant: it begins with `failed`,
/// `failure`, `error` or `fatal` and a sign or nothing after it, or ends with the word `failed` with no
/// other word in it that turns or weakens it. `0 failed`, `retry if failed`, `Error handler installed`
/// are no failures.
fn says_failed(status: &str) -> bool {
    const FIRST: [&str; 4] = ["failed", "failure", "error", "fatal"];
    const TURNING: [&str; 16] = [
        "0",
        "no",
        "not",
        "none",
        "nothing",
        "never",
        "zero",
        "if",
        "when",
        "unless",
        "retry",
        "retrying",
        "was",
        "were",
        "previously",
        "ignored",
    ];
    let status = status.trim().to_ascii_lowercase();
    let first_end = status.find(|c: char| !c.is_alphanumeric());
    let (first, rest) = status.split_at(first_end.unwrap_or(status.len()));
    let sign = rest.trim_start().chars().next();
    if FIRST.contains(&first) && sign.is_none_or(|sign| ":;!,.-(".contains(sign)) {
        return true;
    }
    let words: Vec<&str> = status
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.last() == Some(&"failed") && !words.iter().any(|word| TURNING.contains(word))
}

/// The RFC's step: `{"name", "label", "priority", "status": "init" | "done" | "failed", "logs"}`, or without
/// status and logs in its simple form. A step that failed ends the whole: nobody else would say so.
pub(super) fn step(object: &Object) -> Result<Message, Unreadable> {
    let Some(label) = word(object, "label") else {
        return Err(Unreadable::Missing(vec!["label"]));
    };
    let logs = match object.get("logs") {
        Some(Value::Array(lines)) => {
            let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
            lines.join("\n")
        }
        _ => text(object, "logs").unwrap_or_default(),
    };
    let status = word(object, "status").unwrap_or_default();
    let kind = match (status.as_str(), StepResult::of_word(&status)) {
        ("init" | "start" | "started", _) => EventKind::Start,
        (_, Some(result)) => EventKind::Finish(result),
        _ => EventKind::Progress,
    };
    let mut said = text(object, "name").unwrap_or_default();
    if kind == EventKind::Finish(StepResult::Fail) && !logs.trim().is_empty() {
        said = format!("{said}: {}", last_lines(&logs));
    }
    let at = time(object, "timestamp").or_else(|| time(object, "time"));
    let event = |name: &str, kind| Event {
        timestamp: at,
        ..Event::new(ORIGIN, name, kind).saying(said.clone())
    };
    let mut message = Message::of(event(&format!("{WHOLE}/{label}"), kind));
    if kind == EventKind::Finish(StepResult::Fail) {
        message.push(event(WHOLE, kind));
    }
    message.machine = word(object, "machine").or_else(|| word(object, "host"));
    message.datacenter = word(object, "datacenter_name");
    message.step = Some(label.clone());
    if !logs.is_empty() {
        message.files.push(LogFile {
            name: format!("{label}.log"),
            content: logs.into_bytes(),
        });
    }
    Ok(message)
}

/// The machine says that it is built; what it sends along is its log.
pub fn built(body: &[u8]) -> Message {
    let event = Event::new(ORIGIN, WHOLE, EventKind::Finish(StepResult::Success));
    with_log(event.saying("built"), body.to_vec(), "built.log")
}

/// The machine says that building it failed, and why.
pub fn failed(body: &[u8]) -> Message {
    let kept = &body[..body.len().min(FAILURE_BYTES)];
    let mut text = String::new();
    for chunk in kept.utf8_chunks() {
        text.push_str(chunk.valid());
        // One sign for each byte, as Foreman does.
        text.extend(chunk.invalid().iter().map(|_| '_'));
    }
    if kept.len() < body.len() {
        text.push_str(TRIMMED);
    }
    let said = match last_lines(text.trim_end_matches(TRIMMED)) {
        said if said.is_empty() => "the installer says that it failed".to_owned(),
        said => said,
    };
    let event = Event::new(ORIGIN, WHOLE, EventKind::Finish(StepResult::Fail)).saying(said);
    with_log(event, text.into_bytes(), "failed.log")
}

fn with_log(event: Event, content: Vec<u8>, name: &str) -> Message {
    let mut message = Message::of(event);
    if !content.is_empty() {
        message.files.push(LogFile {
            name: name.to_owned(),
            content,
        });
    }
    message
}

fn last_lines(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    let mut last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    cut(&mut last, LONGEST_REASON);
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_that_cannot_mean_anything_else_is_a_failure() {
        for status in [
            "failed",
            "FAILED: no disk for the RAID",
            "Error: missing disk",
            "Fatal - no network",
            "error",
            "Installation failed",
            "Hardware RAID setup has failed!",
        ] {
            assert!(says_failed(status), "{status}");
        }
        for status in [
            "",
            "Installed",
            "0 failed",
            "No step failed",
            "Error handler installed",
            "retry if failed",
            "Checked for errors",
            "failed over to the second mirror",
            "Nothing has failed",
            "Failure detector started",
        ] {
            assert!(!says_failed(status), "{status}");
        }
    }

    #[test]
    fn a_failure_keeps_what_foreman_keeps_of_its_output() {
        let mut body = b"first\nno space \xff\xfe left\nlast\n".to_vec();
        let message = failed(&body);
        assert_eq!(
            message.events[0].description,
            "first\nno space __ left\nlast"
        );
        body.resize(70_000, b'x');
        let kept = &failed(&body).files[0].content;
        assert_eq!(kept.len(), 65_535 + TRIMMED.len());
        assert!(kept.ends_with(b"xx\n\nOutput trimmed\n"));
    }
}
