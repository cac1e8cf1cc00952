//! The event of curtin, cloud-init, Subiquity and our own client: one shape of JSON (wire-formats 2 to 4).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::message::{Message, Unreadable};
use super::words::{Object, percent, text, time, word};
use crate::events::report::LogFile;
use crate::model::{Event, EventKind, Leaves, Level, StepResult};

/// How many files of one message are kept.
const MOST_FILES: usize = 1_000;

/// What only this server reports (`events::meaning`).
const RESERVED: &str = "server";

/// Python's `b64encode`, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads one event.
///
/// Kinds that nobody knows are notes, so that nothing an installer tells is lost. A finish without a
/// result, or with one that nobody knows, ends as its level says.
pub(super) fn status_event(object: &Object) -> Result<Message, Unreadable> {
    let needed = ["event_type", "origin", "name", "description"];
    let missing: Vec<&str> = needed
        .into_iter()
        .filter(|key| match *key {
            "description" => text(object, key).is_none(),
            key => word(object, key).is_none(),
        })
        .collect();
    if !missing.is_empty() {
        return Err(Unreadable::Missing(missing));
    }
    let told = |key| text(object, key).unwrap_or_default();
    let origin = told("origin");
    if origin.trim().eq_ignore_ascii_case(RESERVED) {
        return Err(Unreadable::Reserved(RESERVED.to_owned()));
    }
    let level = word(object, "level").and_then(|level| Level::of_word(&level));
    let (kind, kinds_level) = kind_of(&told("event_type"), object, level);
    let mut event = Event::new(&origin, &told("name"), kind).saying(in_words(object));
    event.level = level.or(kinds_level).unwrap_or(event.level);
    event.timestamp = time(object, "timestamp");
    event.percent = percent(object);
    event.leaves = word(object, "leaves").and_then(|word| Leaves::of_word(&word));
    let mut message = Message {
        machine: word(object, "machine"),
        datacenter: word(object, "datacenter"),
        boot_id: word(object, "boot_id"),
        files: files(object),
        ..Message::default()
    };
    message.push(event);
    Ok(message)
}

/// What it says; of a command that failed also which, and what it printed last, as our own client tells.
fn in_words(object: &Object) -> String {
    let mut words = text(object, "description").unwrap_or_default();
    for (key, mark) in [("command", "$ "), ("output", "")] {
        if let Some(more) = text(object, key).filter(|more| !more.is_empty()) {
            words.push_str(&format!("\n{mark}{more}"));
        }
    }
    words
}

/// What the event says, and the level that goes with it where none is told.
fn kind_of(event_type: &str, object: &Object, level: Option<Level>) -> (EventKind, Option<Level>) {
    match event_type.to_ascii_lowercase().as_str() {
        "start" => (EventKind::Start, None),
        "finish" => (EventKind::Finish(result_of(object, level)), None),
        "progress" => (EventKind::Progress, None),
        // Subiquity's messages (wire-formats 3).
        "warning" => (EventKind::Note, Some(Level::Warning)),
        "error" => (EventKind::Note, Some(Level::Error)),
        _ => (EventKind::Note, None),
    }
}

fn result_of(object: &Object, level: Option<Level>) -> StepResult {
    let told = word(object, "result").and_then(|word| StepResult::of_word(&word));
    told.unwrap_or(match level {
        Some(Level::Error) => StepResult::Fail,
        Some(Level::Warning) => StepResult::Warn,
        _ => StepResult::Success,
    })
}

/// The files of the last event of an installation. `content` is null for one that does not exist.
fn files(object: &Object) -> Vec<LogFile> {
    let Some(Value::Array(told)) = object.get("files") else {
        return Vec::new();
    };
    let objects = told.iter().filter_map(Value::as_object);
    objects.filter_map(file).take(MOST_FILES).collect()
}

fn file(object: &Object) -> Option<LogFile> {
    let Value::String(content) = object.get("content")? else {
        return None;
    };
    let mut name = word(object, "path")
        .or_else(|| word(object, "name"))
        .unwrap_or_else(|| "unnamed".to_owned());
    // MAAS's own extension; it stays packed, and is called so.
    if let Some(compression) = word(object, "compression") {
        let ending = match compression.as_str() {
            "bzip2" => ".bz2",
            "gzip" => ".gz",
            _ => ".packed",
        };
        name.push_str(ending);
    }
    let is_base64 = word(object, "encoding").is_none_or(|one| one.eq_ignore_ascii_case("base64"));
    let decoded = is_base64.then(|| {
        let bytes: Vec<u8> = content
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        BASE64.decode(bytes)
    });
    let content = match decoded {
        Some(Ok(bytes)) => bytes,
        // Better what it says than nothing.
        Some(Err(_)) | None => content.clone().into_bytes(),
    };
    Some(LogFile { name, content })
}
