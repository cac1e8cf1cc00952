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
    #[error("`{command}` ended with {status} after {seconds:.1} s: {stderr}")]
    Failed {
        /// The whole command.
        command: String,
        /// Its exit code or signal, in words.
        status: String,
        /// The exit code, where it was not ended by a signal.
        code: Option<i32>,
        /// How long it ran, in seconds.
        seconds: f64,
        /// The end of its standard error.
        stderr: String,
        /// All that it printed until then.
        stdout: Vec<u8>,
    },
    /// It ran longer than it may and was killed.
    #[error("`{command}` was killed after {seconds:.1} s without an end: {stderr}")]
    TimedOut {
        /// The whole command.
        command: String,
        /// How long it ran, in seconds.
        seconds: f64,
        /// The end of its standard error.
        stderr: String,
        /// All that it printed until then.
        stdout: Vec<u8>,
    },
    /// A recording has no answer for it.
    #[error("no answer is recorded for `{command}`")]
    NotRecorded {
        /// The whole command.
        command: String,
    },
}

/// The one way to run a command.
pub trait Runner: Send + Sync {
    /// Runs a command to its end and returns what it printed.
    ///
    /// # Errors
    /// It cannot be started, fails, or takes longer than its timeout.
    fn run(&self, command: &Command) -> Result<Output, RunError>;
}
