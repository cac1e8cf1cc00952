//! The journal: one JSON line before and one after each action, so that a machine that dies in
//! between says where.
//!
//! It holds what the script holds, passwords included, so only root can read it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::configure::engine::ScriptError;
use crate::configure::run::{Ran, Standing, Turn};

/// How much of an output is kept, from its end.
const KEPT_BYTES: usize = 64 * 1024;

/// What was done, action by action, against the plan.
#[derive(Debug)]
pub(super) struct Journal {
    /// None where nothing is kept.
    file: Option<File>,
}

impl Journal {
    /// A journal that keeps nothing.
    pub(super) fn none() -> Journal {
        Journal { file: None }
    }

    /// Begins a new journal; an older one of that name is kept beside it with `.old` at its end.
    pub(super) fn create(path: &Path) -> io::Result<Journal> {
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        match std::fs::rename(path, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut open = std::fs::OpenOptions::new();
        let file = open.create_new(true).append(true).mode(0o600).open(path)?;
        Ok(Journal { file: Some(file) })
    }

    /// Another handle on the same journal.
    pub(super) fn try_clone(&self) -> io::Result<Journal> {
        let file = self.file.as_ref().map(File::try_clone).transpose()?;
        Ok(Journal { file })
    }

    /// What is run.
    pub(super) fn begin(&mut self, profile: &str, plan_hash: &str) -> io::Result<()> {
        self.line(json!({ "event": "begin", "profile": profile, "plan_hash": plan_hash }))
    }

    /// An action is about to be performed.
    pub(super) fn start(&mut self, turn: &Turn<'_>) -> io::Result<()> {
        let mut line = json!({ "event": "start", "number": turn.number });
        let (standing, planned) = match turn.standing {
            Standing::Planned { number } => ("planned", Some(number)),
            Standing::Filled { number } => ("filled", Some(number)),
            Standing::Unplanned => ("unplanned", None),
        };
        line["standing"] = standing.into();
        line["planned"] = planned.into();
        if let Ok(Value::Object(fields)) = serde_json::to_value(turn.action) {
            line["action"] = Value::Object(fields);
        }
        self.line(line)
    }

    /// The action ended: with its output, or with what went wrong.
    pub(super) fn end(&mut self, number: usize, ended: Result<&str, &str>) -> io::Result<()> {
        let (result, text) = match ended {
            Ok(output) => ("done", output),
            Err(error) => ("failed", error),
        };
        let from = text.len().saturating_sub(KEPT_BYTES);
        let from = (from..=text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len());
        self.line(json!({
            "event": "end", "number": number, "result": result, "text": &text[from..],
        }))
    }

    /// The script ended.
    pub(super) fn finish(&mut self, ended: &Result<Ran, ScriptError>) -> io::Result<()> {
        self.line(match ended {
            Ok(ran) => json!({
                "event": "finish", "result": "done", "performed": ran.performed,
                "unplanned": ran.unplanned, "left_out": ran.left_out,
            }),
            Err(error) => json!({
                "event": "finish", "result": "failed", "error": error.to_string(),
            }),
        })
    }

    fn line(&mut self, mut line: Value) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        line["unix_seconds"] = now.unwrap_or_default().as_secs_f64().into();
        // One write for a line: two journals never mix within one.
        file.write_all(format!("{line}\n").as_bytes())
    }
}
