//! What a verb gives back: lines for people, JSON for programs, an exit code.

use serde::Serialize;

use crate::allocation::{AllocateError, ErrorKind};
use crate::format::ParseError;
use crate::planner::PlanError;
use crate::system::with_causes;

/// How `edeployctl` ends: who has to do something next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done; what was asked is so.
    Done = 0,
    /// A file or a name that was given is wrong.
    Input = 1,
    /// The command line itself is wrong.
    Usage = 2,
    /// No profile matches, or nothing is left to hand out.
    Nothing = 3,
    /// Someone else held the lock until the deadline.
    Busy = 4,
    /// A file is not there or cannot be read or written, a server cannot be reached.
    Environment = 5,
    /// The job that was followed failed.
    JobFailed = 6,
}

/// How a line looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Good,
    Bad,
    Weak,
}

/// What a verb found out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) exit: Exit,
    /// For people, on standard output.
    pub(super) lines: Vec<(Style, String)>,
    /// For programs, on standard output.
    pub(super) json: String,
    /// For people, on standard error, in either case.
    pub(super) warnings: Vec<String>,
}

impl Answer {
    /// An answer without lines yet.
    pub(super) fn new(exit: Exit, json: &impl Serialize) -> Result<Answer, Failure> {
        let json = serde_json::to_string(json).map_err(|error| {
            Failure::new(Exit::Environment, "the answer cannot be written as JSON").because(&error)
        })?;
        Ok(Answer {
            exit,
            lines: Vec::new(),
            json,
            warnings: Vec::new(),
        })
    }

    /// Adds the lines of `text`.
    pub(super) fn say(&mut self, style: Style, text: &str) {
        self.lines
            .extend(text.lines().map(|line| (style, line.to_owned())));
    }

    /// The same answer with these warnings.
    pub(super) fn warn(mut self, warnings: Vec<String>) -> Answer {
        self.warnings = warnings;
        self
    }
}

/// Why a verb could not answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// One sentence.
    pub(super) error: String,
    /// Several lines for people, where there is more to say.
    pub(super) details: Option<String>,
    /// The same for programs.
    pub(super) facts: serde_json::Value,
}

impl Failure {
    /// A failure that one sentence tells.
    pub(super) fn new(exit: Exit, error: impl Into<String>) -> Failure {
        Failure {
            exit,
            error: error.into(),
            details: None,
            facts: serde_json::Value::Null,
        }
    }

    /// The same failure with `details` for people and programs alike.
    pub(super) fn with_details(mut self, details: impl Into<String>) -> Failure {
        let details = details.into();
        self.facts = serde_json::Value::String(details.clone());
        self.details = Some(details);
        self
    }

    /// The same failure with its cause in the sentence.
    pub(super) fn because(mut self, cause: &dyn std::error::Error) -> Failure {
        self.error = format!("{}: {}", self.error, with_causes(cause));
        self
    }

    /// A text of the admin's or the machine's that cannot be read, with the line and a caret.
    pub(super) fn parse(error: &ParseError) -> Failure {
        Failure {
            exit: Exit::Input,
            error: error.to_string(),
            details: Some(error.with_caret()),
            facts: serde_json::to_value(error).unwrap_or_default(),
        }
    }

    /// What `allocation` could not do.
    pub(super) fn allocate(error: &AllocateError) -> Failure {
        let exit = match error.kind() {
            ErrorKind::Input => Exit::Input,
            ErrorKind::Busy => Exit::Busy,
            ErrorKind::Environment => Exit::Environment,
        };
        let details = error.details();
        if details.contains('\n') {
            Failure::new(exit, error.to_string()).with_details(details)
        } else {
            Failure::new(exit, details)
        }
    }

    /// Why a script gives no plan.
    pub(super) fn plan(error: &PlanError) -> Failure {
        let exit = if error.is_of_the_script() {
            Exit::Input
        } else {
            Exit::Environment
        };
        Failure::new(exit, error.to_string()).with_details(error.with_caret())
    }

    /// What to do with a file (`read`, `write`) and why that failed.
    pub(super) fn io(verb: &str, path: &str, error: &std::io::Error) -> Failure {
        Failure::new(Exit::Environment, format!("cannot {verb} `{path}`")).because(error)
    }
}
