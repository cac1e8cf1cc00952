//! Runs a command whose input and output its caller handles while it runs.
//!
//! The calling thread hands on the lines; one thread feeds the command, two read what it prints. Its
//! input never ends early: where it fails, the command is killed, since many take an early end for the end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::real::{conclude, kill_group, spawn};
use super::{Command, Line, Output, RunError, Streams};

/// How often it is looked whether a command ended though its outputs are open: something it started holds them.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is looked whether a command ended once its outputs are closed: mostly it has.
const LOOK_AT_END: Duration = Duration::from_millis(2);

/// Lines that come one by one, as those of rsync for each file, are read together so often: to wake three
/// threads for each of them took a tenth of the time of a whole transfer.
const GATHER: Duration = Duration::from_millis(20);

/// Who says as much at once is not made to wait.
const FEW_BYTES: usize = 1 << 10;

/// After the end of a command its last lines are on the way: so long they are waited for.
const LAST_LINES: Duration = Duration::from_millis(200);

/// How much of each stream is kept at least, from its end.
const KEPT_BYTES: usize = 64 << 10;

/// Past this a line is handed on in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// As large as a pipe is by default.
const PIPE_BYTES: usize = 64 << 10;

/// What the threads of a running command tell the one that waits for it.
enum Message {
    Line {
        is_error: bool,
        text: Vec<u8>,
    },
    /// With the command's standard input, which must stay open until it was killed.
    InputFailed {
        error: io::Error,
        open: ChildStdin,
    },
}

/// What is known of a running command.
struct Running<'a> {
    heard: &'a mut dyn FnMut(Line<'_>),
    output: Output,
    /// Why its input broke off, and what must stay open until it was killed.
    broken_input: Option<(io::Error, ChildStdin)>,
}

impl Running<'_> {
    fn take(&mut self, message: Message) {
        match message {
            Message::Line { is_error, text } => {
                let shown = String::from_utf8_lossy(&text);
                let (line, kept) = match is_error {
                    true => (Line::Error(&shown), &mut self.output.stderr),
                    false => (Line::Output(&shown), &mut self.output.stdout),
                };
                (self.heard)(line);
                kept.extend_from_slice(&text);
                kept.push(b'\n');
                if kept.len() > 2 * KEPT_BYTES {
                    kept.drain(..kept.len() - KEPT_BYTES);
                }
            }
            Message::InputFailed { error, open } => self.broken_input = Some((error, open)),
        }
    }
}

/// Runs a command with streams.
pub(super) fn run(command: &Command, streams: Streams<'_>) -> Result<Output, RunError> {
    tracing::debug!(program = %command.program, args = ?command.args, "running");
    let started = Instant::now();
    let is_fed = streams.input.is_some();
    let mut child = spawn(command, is_fed).map_err(|source| RunError::Start {
        command: command.to_string(),
        source,
    })?;
    let (sender, messages) = channel();
    read_lines(child.stdout.take(), false, sender.clone());
    read_lines(child.stderr.take(), true, sender.clone());
    let mut running = Running {
        heard: streams.heard,
        output: Output::default(),
        broken_input: None,
    };
    let deadline = started + command.timeout;
    let stdin = child.stdin.take();
    let mut given = command.stdin.as_slice();
    let status = std::thread::scope(|scope| {
        let input: &mut (dyn Read + Send) = match streams.input {
            Some(input) => input,
            None => &mut given,
        };
        if let Some(stdin) = stdin {
            scope.spawn(move || feed(stdin, input, &sender));
        } else {
            drop(sender);
        }
        let status = wait(&mut running, &messages, deadline, || child.try_wait());
        if status.is_none() {
            // The feeding thread ends when nobody reads any more.
            kill_group(&child);
            child.wait().ok();
        }
        status
    });
    if !hear_the_rest(&mut running, &messages) {
        kill_group(&child);
    }
    let seconds = started.elapsed().as_secs_f64();
    match running.broken_input {
        Some((source, _)) => Err(RunError::Input {
            command: command.to_string(),
            seconds,
            source,
        }),
        None => conclude(command, status, seconds, running.output),
    }
}

/// Hands on lines until the command ends by itself; none if it must be ended.
fn wait(
    running: &mut Running<'_>,
    messages: &Receiver<Message>,
    deadline: Instant,
    mut ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
) -> Option<ExitStatus> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match messages.recv_timeout(LOOK.min(left)) {
            Ok(message) => {
                running.take(message);
                // What was read together.
                messages
                    .try_iter()
                    .for_each(|message| running.take(message));
            }
            // It may run on all the same.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK_AT_END),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if running.broken_input.is_some() || Instant::now() >= deadline {
            return None;
        }
        match ended() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => {}
            Err(_) => return None,
        }
    }
}

/// Whether the outputs were closed; a left-over grandchild may hold them open.
fn hear_the_rest(running: &mut Running<'_>, messages: &Receiver<Message>) -> bool {
    loop {
        match messages.recv_timeout(LAST_LINES) {
            Ok(message) => running.take(message),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

fn feed(mut stdin: ChildStdin, input: &mut (dyn Read + Send), sender: &Sender<Message>) {
    let mut buffer = vec![0; PIPE_BYTES];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            // A command that does not read to the end is its own affair.
            Ok(count) if stdin.write_all(&buffer[..count]).is_err() => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let open = stdin;
                sender.send(Message::InputFailed { error, open }).ok();
                return;
            }
        }
    }
}

fn read_lines(pipe: Option<impl Read + Send + 'static>, is_error: bool, sender: Sender<Message>) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut begun = Vec::new();
        let mut last_read = None;
        let hand_on = |begun: &mut Vec<u8>| {
            let text = std::mem::take(begun);
            // Nobody may wait for it any more.
            if !text.is_empty() {
                sender.send(Message::Line { is_error, text }).ok();
            }
        };
        loop {
            let taken = match pipe.fill_buf() {
                Ok(bytes) if !bytes.is_empty() => {
                    let mut pieces = bytes.split_inclusive(|byte| is_end(*byte)).peekable();
                    while let Some(piece) = pieces.next() {
                        let end = piece.last().copied().filter(|byte| is_end(*byte));
                        begun.extend_from_slice(&piece[..piece.len() - usize::from(end.is_some())]);
                        if end == Some(b'\r') && is_line(pieces.peek()) {
                            // Another one takes its place, as on a terminal.
                            begun.clear();
                        } else if end.is_some() || begun.len() > LONGEST_LINE {
                            hand_on(&mut begun);
                        }
                    }
                    bytes.len()
                }
                // What was read before an error is worth having.
                _ => return hand_on(&mut begun),
            };
            pipe.consume(taken);
            let now = Instant::now();
            let is_steady = last_read.is_some_and(|last| now.duration_since(last) < GATHER * 2);
            last_read = Some(now);
            if is_steady && taken < FEW_BYTES {
                std::thread::sleep(GATHER);
            }
        }
    });
}

/// Whether a piece is a line with text and end.
fn is_line(piece: Option<&&[u8]>) -> bool {
    piece.is_some_and(|piece| piece.len() > 1 && piece.last().is_some_and(|byte| is_end(*byte)))
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

#[cfg(test)]
mod tests {
    use super::super::{Real, Runner};
    use super::*;

    fn shell(text: &str) -> Command {
        Command::new("sh", ["-c", text])
    }

    /// Runs a command and gives its lines with what came of it.
    fn heard(
        command: &Command,
        input: Option<&mut (dyn Read + Send)>,
    ) -> (Vec<String>, Result<Output, RunError>) {
        let mut lines = Vec::new();
        let ended = Real.run_with(
            command,
            Streams {
                input: input.map(|input| input as _),
                heard: &mut |line| lines.push(format!("{line:?}")),
            },
        );
        (lines, ended)
    }

    #[test]
    fn lines_are_handed_on_while_the_command_runs() {
        let dir = tempfile::tempdir().unwrap();
        let gate = dir.path().join("gate");
        // It ends only if its first line arrives before its end.
        let text =
            "printf 'one\r'; while [ ! -e \"$0\" ]; do sleep 0.01; done; echo two >&2; printf last";
        let command = Command::new("sh", ["-c", text, gate.to_str().unwrap()]);
        let mut lines = Vec::new();
        let mut take = |line: Line<'_>| {
            lines.push(format!("{line:?}"));
            if line == Line::Output("one") {
                std::fs::File::create_new(&gate).unwrap();
            }
        };
        let streams = Streams {
            input: None,
            heard: &mut take,
        };
        let output = Real.run_with(&command, streams).unwrap();
        lines.sort();
        assert_eq!(
            lines,
            [r#"Error("two")"#, r#"Output("last")"#, r#"Output("one")"#]
        );
        assert_eq!(
            (output.stdout, output.stderr),
            (b"one\nlast\n".to_vec(), b"two\n".to_vec())
        );
    }

    #[test]
    fn of_lines_that_take_each_others_place_the_last_is_handed_on() {
        let (lines, ended) = heard(&shell("printf '1 %%\\r2 %%\\r3 %%\\r\\nend\\r\\n'"), None);
        ended.unwrap();
        assert_eq!(lines, [r#"Output("3 %")"#, r#"Output("end")"#]);
    }

    #[test]
    fn what_is_read_is_fed_and_what_is_not_read_is_left() {
        let many = vec![b'x'; 3_000_000];
        let (lines, ended) = heard(&shell("wc -c"), Some(&mut many.as_slice()));
        ended.unwrap();
        assert_eq!(lines, [r#"Output("3000000")"#]);
        let mut left = many.as_slice();
        heard(&shell("head -c 5"), Some(&mut left)).1.unwrap();
        assert!(!left.is_empty());
    }

    /// Some bytes, then an error.
    struct Cut(usize);

    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.min(buffer.len());
            self.0 -= count;
            match count {
                0 => Err(io::Error::other("cut")),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn a_command_never_takes_the_beginning_of_its_input_for_all_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done");
        let text = "cat >/dev/null; : >\"$0\"";
        let command = Command::new("sh", ["-c", text, done.to_str().unwrap()]);
        let (_, ended) = heard(&command, Some(&mut Cut(100_000)));
        let error = ended.unwrap_err();
        assert!(matches!(&error, RunError::Input { source, .. } if source.to_string() == "cut"));
        assert!(!done.exists());
    }

    #[test]
    fn a_command_that_fails_or_hangs_is_told_as_by_run() {
        let (_, ended) = heard(&shell("echo no disk >&2; exit 3"), Some(&mut Cut(0)));
        assert!(ended.is_err());
        let (_, ended) = heard(&shell("echo no disk >&2; exit 3"), None);
        let error = ended.unwrap_err().to_string();
        assert!(
            error.contains("exit code 3") && error.ends_with("no disk"),
            "{error}"
        );
        let slow = shell("sleep 600 & sleep 600").with_timeout(Duration::from_millis(300));
        let started = Instant::now();
        let (_, ended) = heard(&slow, None);
        assert!(matches!(ended, Err(RunError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
