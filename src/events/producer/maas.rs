//! curtin's legacy reporter `maas`: one form at the end, with the logs (wire-formats 2.6).

use super::message::{Message, Unreadable};
use crate::events::report::LogFile;
use crate::model::{Event, EventKind, StepResult};

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// The name of its file, where it is one.
    pub file_name: Option<String>,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Reads the fields of the form: `status` is `OK` or `FAILED`, `error` tells more, files are logs. Other
/// states, which MAAS's own scripts send, are notes.
///
/// # Errors
/// There is no `status`.
pub fn legacy_report(fields: Vec<FormField>) -> Result<Message, Unreadable> {
    let mut status = None;
    let mut error = String::new();
    let mut files = Vec::new();
    for field in fields {
        match (field.name.as_str(), field.file_name) {
            (_, Some(file_name)) => files.push(LogFile {
                name: if file_name.is_empty() {
                    field.name
                } else {
                    file_name
                },
                content: field.content,
            }),
            ("status", None) => status = Some(text(&field.content)),
            ("error", None) => error = text(&field.content),
            _ => {}
        }
    }
    let Some(status) = status else {
        return Err(Unreadable::Missing(vec!["status"]));
    };
    let kind = match StepResult::of_word(status.trim()) {
        Some(result) => EventKind::Finish(result),
        None => EventKind::Note,
    };
    let said = if error.trim().is_empty() {
        status
    } else {
        error
    };
    let event = Event::new("curtin", "cmd-install", kind).saying(said.trim());
    let mut message = Message::of(event);
    message.files.extend(files);
    Ok(message)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
