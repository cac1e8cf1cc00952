//! The machine that a configure script acts on: this one, as root in its ramdisk.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::controller::Controllers;
use super::journal::Journal;
use super::{Staged, board, foreign};
use crate::configure::plan::{Action, Class, CommandText, What, class_of};
use crate::configure::quoted;
use crate::configure::run::{Failure, Machine, Reply, Standing, Turn};
use crate::system::{Command, Ownership, RunError, Runner, with_causes};

/// How long a command of a script may take. Making a RAID array can take hours, a hung disk for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// This machine, seen by a script.
pub(super) struct Ramdisk {
    runner: Arc<dyn Runner>,
    staged: Staged,
    journal: Journal,
    controllers: Controllers,
    /// `var` as JSON, for another interpreter.
    variables: String,
    is_rehearsal: bool,
}

impl Ramdisk {
    /// A machine whose commands go to `runner` and whose files to `staged`. A rehearsal writes none.
    pub(super) fn new(
        runner: Arc<dyn Runner>,
        staged: Staged,
        journal: Journal,
        variables: String,
        is_rehearsal: bool,
    ) -> Ramdisk {
        Ramdisk {
            runner,
            staged,
            journal,
            controllers: Controllers::default(),
            variables,
            is_rehearsal,
        }
    }

    fn act(&mut self, action: &Action, script: &str) -> Result<Reply, Failure> {
        match &action.what {
            What::Run { .. } | What::Output { .. }
                if self.is_rehearsal && class_of(&action.what) != Class::Reads =>
            {
                Ok(Reply::Nothing)
            }
            What::Run { command } => self.command(command, &action.what).map(|_| Reply::Nothing),
            What::Output { command, .. } => self.command(command, &action.what).map(Reply::Text),
            What::Hpacucli {
                call, arguments, ..
            } => {
                if self.is_rehearsal {
                    return Ok(Reply::Nothing);
                }
                let answer = self.controllers.call(self.runner.as_ref(), call, arguments);
                let answer = answer.map_err(|error| Failure {
                    said: error.said,
                    report: error.report,
                })?;
                Ok(Reply::Value(answer))
            }
            What::Ipmi { call, arguments } => {
                for problem in board::call(self.runner.as_ref(), call, arguments) {
                    self.print(&problem);
                }
                Ok(Reply::Nothing)
            }
            What::Opaque { .. } => self.hand_over(script),
            _ if self.is_rehearsal => Ok(Reply::Nothing),
            other => self.stage(other).map(|()| Reply::Nothing),
        }
    }

    /// Does what needs no command.
    fn stage(&self, what: &What) -> Result<(), Failure> {
        let staged = match what {
            What::WriteFile {
                path,
                content,
                mode,
                uid,
                gid,
                append,
            } => {
                let wanted = Ownership {
                    mode: *mode,
                    uid: *uid,
                    gid: *gid,
                };
                self.staged.put(path, content.as_bytes(), *append, wanted)
            }
            What::SetRole {
                role,
                version,
                disk,
                profile,
            } => self.staged.set_role(role, version, disk, profile),
            What::GrubOptions { options } => self.staged.grub_options(options),
            What::Sleep { seconds } => {
                std::thread::sleep(Duration::from_secs_f64(*seconds));
                Ok(())
            }
            _ => Ok(()),
        };
        staged.map_err(|error| plainly(with_causes(&error)))
    }

    /// Runs a command and gives what it prints, without the last line end.
    fn command(&self, text: &CommandText, what: &What) -> Result<String, Failure> {
        let mut command = match text {
            CommandText::Shell(text) => Command::new("/bin/sh", ["-c", text.as_str()]),
            CommandText::List(words) => {
                let mut words = words.iter().map(String::as_str);
                let program = words.next().unwrap_or_default();
                Command::new(program, words)
            }
        }
        .with_timeout(COMMAND_TIMEOUT);
        command.mutates = class_of(what) != Class::Reads;
        let output = self
            .runner
            .run(&command)
            .map_err(|error| failure(&shown(text), &error))?;
        if !output.stderr.is_empty() {
            console(&String::from_utf8_lossy(&output.stderr));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        if matches!(what, What::Run { .. }) && !said.is_empty() {
            console(&said);
        }
        Ok(said.strip_suffix('\n').unwrap_or(&said).to_owned())
    }

    fn hand_over(&self, script: &str) -> Result<Reply, Failure> {
        let handed = foreign::hand_over(script, &self.variables)
            .map_err(|error| plainly(format!("the script cannot be written to a file: {error}")))?;
        let output = self.runner.run(&handed.command);
        let output = output.map_err(|error| failure("the script", &error))?;
        console(&String::from_utf8_lossy(&output.stderr));
        console(&String::from_utf8_lossy(&output.stdout));
        Ok(Reply::Nothing)
    }
}

impl Machine for Ramdisk {
    fn perform(&mut self, turn: &Turn<'_>) -> Result<Reply, Failure> {
        let not_planned = match turn.standing {
            Standing::Unplanned => " (not in the plan)",
            Standing::Planned { .. } | Standing::Filled { .. } => "",
        };
        let line = turn.action.line;
        // A value in it must not wipe out, nor go back over, what is run.
        let headline =
            headline(&turn.action.what).replace(|c: char| c.is_control() && c != '\n', "�");
        console(&format!("line {line} + {headline}{not_planned}"));
        let journal = self.journal.start(turn);
        let result = journal
            .map_err(|error| unwritten(&error))
            .and_then(|()| self.act(turn.action, turn.script));
        let ended = match &result {
            Ok(Reply::Text(text)) => Ok(text.clone()),
            Ok(Reply::Value(value)) => Ok(serde_json::to_string(value).unwrap_or_default()),
            Ok(Reply::Nothing) => Ok(String::new()),
            Err(failure) => Err(failure.report.clone()),
        };
        let ended = ended.as_deref().map_err(String::as_str);
        let journal = self.journal.end(turn.number, ended);
        result.and_then(|reply| match journal {
            Ok(()) => Ok(reply),
            Err(error) => Err(unwritten(&error)),
        })
    }

    fn print(&mut self, text: &str) {
        console(text);
    }
}

fn unwritten(error: &std::io::Error) -> Failure {
    plainly(format!("the journal cannot be written: {error}"))
}

/// A failure that is told to a script as it is to a person.
fn plainly(said: String) -> Failure {
    Failure {
        report: said.clone(),
        said,
    }
}

/// How a command of a script failed. The first line is the one that the answer for old ramdisks
/// gives to a script.
fn failure(shown: &str, error: &RunError) -> Failure {
    let said = match error {
        RunError::Failed {
            code: Some(code), ..
        } => format!("command failed with exit code {code}: {shown}"),
        // As a shell says it.
        RunError::Start { .. } => format!("command failed with exit code 127: {shown}"),
        _ => format!("command failed, {}: {shown}", error.ending()),
    };
    Failure {
        said,
        report: format!("`{shown}` failed: {}", error.ending()),
    }
}

/// A command as a person would type it.
fn shown(command: &CommandText) -> String {
    match command {
        CommandText::Shell(text) => text.clone(),
        CommandText::List(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        }
    }
}

/// One action in one line of the console.
fn headline(what: &What) -> String {
    match what {
        What::Run { command } | What::Output { command, .. } => shown(command),
        What::WriteFile { path, content, .. } => format!("write {path}, {} bytes", content.len()),
        What::SetRole {
            role,
            version,
            disk,
            ..
        } => format!("set role {role} {version} on {disk}"),
        What::GrubOptions { options } => format!("boot arguments {options}"),
        // A password may be among the arguments.
        What::Ipmi { call, .. } => format!("ipmi.{call}"),
        What::Hpacucli {
            call, arguments, ..
        } => format!("hpacucli.{call} {}", arguments.join(" ")),
        What::Sleep { seconds } => format!("sleep {seconds} s"),
        What::Opaque { interpreter, .. } => format!("the whole script, by {interpreter}"),
    }
}

/// Writes to the console: nobody may be there to read it, and that is no reason to stop.
fn console(text: &str) {
    let shown = settled(text);
    if !shown.is_empty() {
        writeln!(std::io::stderr(), "{shown}").ok();
    }
}

/// A text as it stands once all is written: progress is often shown by going back over it. No other
/// control character reaches the console.
fn settled(text: &str) -> String {
    let mut shown = String::new();
    for c in text.replace("\r\n", "\n").trim_end_matches('\n').chars() {
        match c {
            '\u{8}' if !shown.ends_with('\n') => drop(shown.pop()),
            '\r' => shown.truncate(shown.rfind('\n').map_or(0, |end| end + 1)),
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.push('�'),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_shown_as_it_ended_and_nothing_steers_the_console() {
        for (text, expected) in [
            (
                "tables:  0/38\u{8}\u{8}\u{8}\u{8}    \u{8}\u{8}\u{8}\u{8}done\n",
                "tables:  done",
            ),
            ("a\n 10%\r100%\n", "a\n100%"),
            ("dos\r\nline", "dos\nline"),
            ("\u{8}\u{1b}[2J", "�[2J"),
        ] {
            assert_eq!(settled(text), expected);
        }
    }
}
