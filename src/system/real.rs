//! Runs commands on this machine.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Command, Output, RunError, Runner, Streams, streaming};

/// Where programs are looked for, whatever the caller's environment says.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often a running command is looked at: soon after its start, since many are quick, then ever less.
const POLL_INTERVALS: [Duration; 2] = [Duration::from_micros(250), Duration::from_millis(5)];

/// How much of a failed command's output goes into the error, from its end.
const SHOWN_BYTES: usize = 1024;

/// Runs commands on this machine, with a cleared environment and in a process group of their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real;

impl Runner for Real {
    fn run(&self, command: &Command) -> Result<Output, RunError> {
        tracing::debug!(program = %command.program, args = ?command.args, "running");
        let started = Instant::now();
        let mut child = spawn(command, false).map_err(|source| RunError::Start {
            command: command.to_string(),
            source,
        })?;
        feed(&mut child, command.stdin.clone());
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let deadline = started + command.timeout;
        let status = wait(&mut child, deadline);
        if status.is_none() {
            kill_group(&child);
            // Reaped here so that no zombie stays; it was killed, so this does not wait long.
            child.wait().ok();
        }
        // A left-over grandchild may hold the pipes open: it is given up at the deadline too.
        let stdout = received(&stdout, deadline);
        let stderr = received(&stderr, deadline);
        if stdout.is_none() || stderr.is_none() {
            kill_group(&child);
        }
        let output = Output {
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        };
        conclude(command, status, started.elapsed().as_secs_f64(), output)
    }

    fn run_with(&self, command: &Command, streams: Streams<'_>) -> Result<Output, RunError> {
        streaming::run(command, streams)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts external commands"
)]
pub(super) fn spawn(command: &Command, is_fed: bool) -> std::io::Result<Child> {
    let stdin = if is_fed || !command.stdin.is_empty() {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    std::process::Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

fn feed(child: &mut Child, bytes: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read to the end is its own affair: the pipe breaks, nothing else.
        std::thread::spawn(move || stdin.write_all(&bytes).ok());
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is worth having.
            pipe.read_to_end(&mut bytes).ok();
        }
        sender.send(bytes).ok();
    });
    receiver
}

fn received(receiver: &Receiver<Vec<u8>>, deadline: Instant) -> Option<Vec<u8>> {
    // After the command's end its own output is already on the way: a moment is always granted.
    let left = deadline.saturating_duration_since(Instant::now());
    receiver
        .recv_timeout(left.max(Duration::from_millis(200)))
        .ok()
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let [mut interval, longest] = POLL_INTERVALS;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(interval);
                interval = longest.min(interval * 2);
            }
            Ok(None) | Err(_) => return None,
        }
    }
}

pub(super) fn kill_group(child: &Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // The group may be gone already.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
    }
}

pub(super) fn conclude(
    command: &Command,
    status: Option<ExitStatus>,
    seconds: f64,
    output: Output,
) -> Result<Output, RunError> {
    let command = command.to_string();
    match status {
        Some(status) if status.success() => Ok(output),
        Some(status) => Err(RunError::Failed {
            command,
            status: match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "an unknown status".to_owned(),
            },
            code: status.code(),
            seconds,
            last_output: last_output(&output),
            stdout: output.stdout,
        }),
        None => Err(RunError::TimedOut {
            command,
            seconds,
            last_output: last_output(&output),
            stdout: output.stdout,
        }),
    }
}

/// What it said of its end: many tools say that on standard output.
fn last_output(output: &Output) -> String {
    let said = end_of(&output.stderr);
    if said.is_empty() {
        end_of(&output.stdout)
    } else {
        said
    }
}

fn end_of(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(SHOWN_BYTES);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_sees_a_fixed_environment_and_no_shell() {
        let output = Real.run(&Command::new("env", [])).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LC_ALL=C.UTF-8", &format!("PATH={PATH}")]);
        let output = Real.run(&Command::new("echo", ["$(id)"])).unwrap();
        assert_eq!(output.stdout, b"$(id)\n");
    }

    #[test]
    fn a_failure_tells_the_program_the_code_and_its_last_words() {
        let command = Command::new("sh", ["-c", "echo no disk >&2; exit 3"]);
        let error = Real.run(&command).unwrap_err().to_string();
        assert!(
            error.contains("exit code 3") && error.ends_with("no disk"),
            "{error}"
        );
        let missing = Command::new("no-such-program", []);
        assert!(matches!(Real.run(&missing), Err(RunError::Start { .. })));
    }

    #[test]
    fn a_command_past_its_time_is_killed_with_all_it_started() {
        let command = Command::new("sh", ["-c", "sleep 600 & echo $!; sleep 600"])
            .with_timeout(Duration::from_millis(300));
        let started = Instant::now();
        assert!(matches!(Real.run(&command), Err(RunError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn standard_input_is_what_the_command_says() {
        let mut command = Command::new("cat", []);
        assert_eq!(Real.run(&command).unwrap().stdout, b"");
        command.stdin = vec![b'x'; 300_000];
        assert_eq!(Real.run(&command).unwrap().stdout.len(), 300_000);
    }
}
