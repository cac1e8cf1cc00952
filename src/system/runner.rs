//! What it is to run a command: the one trait, what comes of it, what goes wrong.

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
    /// A recording has no answer for it.
    #[error("no answer is recorded for `{command}`")]
    NotRecorded {
        /// The whole command.
        command: String,
    },
}

impl RunError {
    /// What the command said last, or else what the system said of it.
    pub fn last_output(&self) -> String {
        match self {
            RunError::Start { source, .. } => source.to_string(),
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
            RunError::NotRecorded { .. } => "not recorded".to_owned(),
        }
    }
}

/// The one way to run a command.
pub trait Runner: Send + Sync {
    /// Runs a command to its end and returns what it printed.
    ///
    /// # Errors
    /// It cannot be started, fails, or takes longer than its timeout.
    fn run(&self, command: &Command) -> Result<Output, RunError>;
}
