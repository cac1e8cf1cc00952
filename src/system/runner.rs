//! What it is to run a command: the one trait, what comes of it, what goes wrong.

use std::fmt;
use std::io::Read;

use super::Command;

/// What a command printed before it ended with success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

/// Why a command did not end with success.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started at all.
    #[error("cannot start `{command}`: is the program installed?")]
    Start {
        /// The whole command.
        command: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It ended with an exit code other than 0, or by a signal.
    #[error("`{command}` ended with {status} after {seconds:.1} s: {last_output}")]
    Failed {
        /// The whole command.
        command: String,
        /// Its exit code or signal, in words.
        status: String,
        /// The exit code, where it was not ended by a signal.
        code: Option<i32>,
        /// How long it ran, in seconds.
        seconds: f64,
        /// The end of its standard error, or of its standard output if that is empty.
        last_output: String,
        /// All of its standard output until then.
        stdout: Vec<u8>,
    },
    /// It ran longer than it may and was killed.
    #[error("`{command}` was killed after {seconds:.1} s without an end: {last_output}")]
    TimedOut {
        /// The whole command.
        command: String,
        /// How long it ran, in seconds.
        seconds: f64,
        /// The end of its standard error, or of its standard output if that is empty.
        last_output: String,
        /// All of its standard output until then.
        stdout: Vec<u8>,
    },
    /// What it was to read could not be had, and it was killed: it must not take a part for the whole.
    #[error("`{command}` was stopped after {seconds:.1} s: its input ended with an error")]
    Input {
        /// The whole command.
        command: String,
        /// How long it ran, in seconds.
        seconds: f64,
        /// What the input said.
        #[source]
        source: std::io::Error,
    },
    /// A recording has no answer for it.
    #[error("no answer is recorded for `{command}`")]
    NotRecorded {
        /// The whole command.
        command: String,
    },
}

impl RunError {
    /// The whole command, as a person would type it.
    pub fn command(&self) -> &str {
        match self {
            RunError::Start { command, .. }
            | RunError::Failed { command, .. }
            | RunError::TimedOut { command, .. }
            | RunError::Input { command, .. }
            | RunError::NotRecorded { command } => command,
        }
    }

    /// What the command said last, or else what the system said of it.
    pub fn last_output(&self) -> String {
        match self {
            RunError::Start { source, .. } | RunError::Input { source, .. } => source.to_string(),
            RunError::Failed { last_output, .. } | RunError::TimedOut { last_output, .. } => {
                last_output.clone()
            }
            RunError::NotRecorded { .. } => self.to_string(),
        }
    }

    /// How the command ended, without the command itself: it may hold what is not to be shown.
    pub fn ending(&self) -> String {
        match self {
            RunError::Start { source, .. } => format!("cannot be started: {source}"),
            RunError::Failed {
                status,
                last_output,
                ..
            } => format!("{status}: {last_output}"),
            RunError::TimedOut { seconds, .. } => format!("killed after {seconds:.1} s"),
            RunError::Input { source, .. } => format!("its input ended: {source}"),
            RunError::NotRecorded { .. } => "not recorded".to_owned(),
        }
    }
}

/// What passes between a command and its caller while it runs.
pub struct Streams<'a> {
    /// What the command reads, in place of [`Command::stdin`]. It is read no further than the command wants.
    pub input: Option<&'a mut (dyn Read + Send)>,
    /// Takes each line as soon as it is whole, without its end. A lone carriage return ends one too: so do
    /// programs show how far they are.
    pub heard: &'a mut dyn FnMut(Line<'_>),
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_input = self.input.is_some();
        f.debug_struct("Streams")
            .field("has_input", &has_input)
            .finish_non_exhaustive()
    }
}

/// A line that a command says. Bytes that are no UTF-8 are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// On standard output.
    Output(&'a str),
    /// On standard error.
    Error(&'a str),
}

/// The one way to run a command.
pub trait Runner: Send + Sync {
    /// Runs a command to its end and returns what it printed.
    ///
    /// # Errors
    /// It cannot be started, fails, or takes longer than its timeout.
    fn run(&self, command: &Command) -> Result<Output, RunError>;

    /// Runs a command with streams that are open while it runs. Of what it printed the end is kept.
    ///
    /// A runner that starts no command leaves the input unread, and says all lines at the end.
    ///
    /// # Errors
    /// As [`Runner::run`], and the input cannot be read.
    fn run_with(&self, command: &Command, streams: Streams<'_>) -> Result<Output, RunError> {
        let output = self.run(command)?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            (streams.heard)(Line::Output(line));
        }
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            (streams.heard)(Line::Error(line));
        }
        Ok(output)
    }
}
