//! A command that a person works with: an editor. How large the terminal is.

use std::time::Instant;

use super::{Command, RunError};

/// Runs a command at the caller's terminal and waits for it, however long that takes.
///
/// It keeps the caller's environment, working directory, process group and all three standard streams: an
/// editor needs the terminal as its user set it up. `stdin`, `timeout` and `env` of the command are not used.
///
/// # Errors
/// It cannot be started, or fails.
#[expect(
    clippy::disallowed_methods,
    reason = "the runner's other way to start a command, without its fixed environment"
)]
pub fn run_at_terminal(command: &Command) -> Result<(), RunError> {
    let started = Instant::now();
    let status = std::process::Command::new(&command.program)
        .args(&command.args)
        .status()
        .map_err(|source| RunError::Start {
            command: command.to_string(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(RunError::Failed {
        command: command.to_string(),
        status: status.to_string(),
        code: status.code(),
        seconds: started.elapsed().as_secs_f64(),
        last_output: "what it said is on the terminal".to_owned(),
        stdout: Vec::new(),
    })
}

/// How many columns and lines the terminal of standard output has; none if it is no terminal.
pub fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    let is_known = size.ws_col > 0 && size.ws_row > 0;
    is_known.then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_that_fails_or_is_missing_is_told() {
        run_at_terminal(&Command::new("true", [])).unwrap();
        let failed = run_at_terminal(&Command::new("false", [])).unwrap_err();
        assert!(matches!(failed, RunError::Failed { code: Some(1), .. }));
        let missing = run_at_terminal(&Command::new("no-such-editor", [])).unwrap_err();
        assert!(matches!(missing, RunError::Start { .. }));
    }
}
