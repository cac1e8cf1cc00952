//! `edeployctl edit`: a file of a profile, under its lock, as `visudo` does.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::allocation::{self, EditStep, Edited};
use crate::system::{Command, run_at_terminal};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;
use super::output;

/// Edit a file of a profile under the lock; what does not parse is not installed
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  EDITOR=nano edeployctl edit /var/lib/edeploy/config/state.ron

The editor is $VISUAL, $EDITOR or vi. No machine is answered while it is open. Where standard input is no
terminal, a text that does not parse is kept as FILE.rejected and the file stays as it was.")]
pub(super) struct Edit {
    /// A state file, a spec, a CMDB or a configure script
    file: PathBuf,
    /// How long to wait for the lock
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    changed: bool,
}

/// What happened while the file was open.
#[derive(Default)]
struct Session {
    /// Why the text was refused last.
    refused: Option<String>,
    /// Why it could not be edited at all.
    broken: Option<Failure>,
}

impl Edit {
    /// Opens the editor until the text parses or is given up.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let editor = editor(|name| std::env::var(name).ok());
        let mut session = Session::default();
        let edited = allocation::edit_file(
            &self.file,
            Duration::from_secs(self.wait),
            |copy, refused| session.step(&editor, copy, refused),
        )
        .map_err(|error| Failure::allocate(&error))?;
        if let Some(failure) = session.broken {
            return Err(failure);
        }
        match edited {
            Edited::Installed => self.done(true),
            Edited::Unchanged => self.done(false),
            Edited::Discarded { kept } => {
                Err(self.discarded(kept.as_deref(), session.refused.as_deref()))
            }
        }
    }

    fn done(&self, changed: bool) -> Result<Answer, Failure> {
        let report = Report {
            file: &self.file,
            changed,
        };
        let mut answer = Answer::new(Exit::Done, &report)?;
        let what = if changed {
            "is installed"
        } else {
            "is unchanged"
        };
        answer.say(
            Style::Good,
            &format!("{} {what}", input::name_of(&self.file)),
        );
        Ok(answer)
    }

    fn discarded(&self, kept: Option<&Path>, why: Option<&str>) -> Failure {
        let file = input::name_of(&self.file);
        let sentence = match kept {
            Some(kept) => format!(
                "`{file}` is as it was: the new text does not parse and is kept as `{}`",
                kept.display()
            ),
            None => format!("`{file}` is as it was"),
        };
        let failure = Failure::new(Exit::Input, sentence);
        match why {
            Some(why) => failure.with_details(why),
            None => failure,
        }
    }
}

impl Session {
    fn step(&mut self, editor: &[String], copy: &Path, refused: Option<&str>) -> EditStep {
        if let Some(why) = refused {
            self.refused = Some(why.to_owned());
            if !wants_again(why) {
                return EditStep::Discard;
            }
        }
        let copy = input::name_of(copy);
        let words = editor.iter().map(String::as_str).chain([copy.as_str()]);
        let mut words = words.collect::<Vec<_>>();
        let command = Command::new(words.remove(0), words).mutating();
        match run_at_terminal(&command) {
            Ok(()) => EditStep::Saved,
            Err(error) => {
                let failure = Failure::new(Exit::Environment, "the file was not edited");
                self.broken = Some(failure.because(&error));
                EditStep::Discard
            }
        }
    }
}

/// The editor and its arguments, as the admin's environment names it.
fn editor(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| {
        let words: Vec<String> = variable(name)?
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then_some(words)
    });
    named.unwrap_or_else(|| vec!["vi".to_owned()])
}

/// Asks the person at the terminal; without one the answer is no.
fn wants_again(why: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    loop {
        match output::ask(why, "Edit again or discard? [e/d] ").as_deref() {
            Some("e" | "E" | "") => return true,
            Some("d" | "D") | None => return false,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visual_comes_before_editor_and_may_have_arguments() {
        let both = |name: &str| Some(format!("{} -nw", name.to_lowercase()));
        assert_eq!(editor(both), ["visual", "-nw"]);
        let empty = |name: &str| (name == "EDITOR").then(|| "nano".to_owned());
        assert_eq!(editor(empty), ["nano"]);
        assert_eq!(editor(|_| Some(" ".to_owned())), ["vi"]);
    }
}
