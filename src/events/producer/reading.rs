//! Reads a body of JSON: one message, a list of them, or one on each line; any shape that is known.

use serde_json::Value;

use super::foreman::{step, update};
use super::message::{Message, Unreadable};
use super::status_event::status_event;
use super::words::{Object, kind_of};

/// Reads all messages of a body. One that is wrong does not take the others with it.
pub fn read(text: &str) -> Vec<Result<Message, Unreadable>> {
    if text.trim().is_empty() {
        return vec![Err(Unreadable::Empty)];
    }
    match serde_json::from_str(text) {
        Ok(Value::Array(values)) => values.iter().map(message).collect(),
        Ok(value) => vec![message(&value)],
        Err(error) => lines(text).unwrap_or_else(|| vec![no_json(&error)]),
    }
}

/// One message on each line; none where there are not several lines of JSON.
fn lines(text: &str) -> Option<Vec<Result<Message, Unreadable>>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    let is_of_lines = lines.len() > 1 && serde_json::from_str::<Value>(lines[0]).is_ok();
    is_of_lines.then(|| {
        let read = lines
            .into_iter()
            .map(|line| match serde_json::from_str(line) {
                Ok(value) => message(&value),
                Err(error) => no_json(&error),
            });
        read.collect()
    })
}

fn no_json<T>(error: &serde_json::Error) -> Result<T, Unreadable> {
    Err(Unreadable::NoJson(error.to_string()))
}

fn message(value: &Value) -> Result<Message, Unreadable> {
    match value {
        Value::Object(object) => of_object(object),
        other => Err(Unreadable::NoObject(kind_of(other))),
    }
}

/// The shapes are told apart by what only one of them has.
fn of_object(object: &Object) -> Result<Message, Unreadable> {
    let has = |key| object.contains_key(key);
    if has("event_type") {
        status_event(object)
    } else if has("label") {
        step(object)
    } else if has("percentage") || has("status") {
        update(object)
    } else {
        status_event(object)
    }
}
