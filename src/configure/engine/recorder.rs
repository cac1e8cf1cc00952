//! The host of a script: it records what the script asks for, refuses what it must not, and on a
//! machine has each action performed before the script goes on.

use crate::configure::plan::{Action, CommandText, Placeholder, Plan, What};
use crate::configure::quoted;
use crate::configure::run::{Ran, Reply};
use crate::configure::uuid::Seed;
use crate::model::CmdbEntry;

use super::error::Limit;
use super::limits::Limits;
use super::performer::Performer;
use super::shell_text::Untrusted;
use super::stop::{Stop, refused};

/// A file that a script has opened.
#[derive(Debug)]
struct OpenFile {
    line: u32,
    path: String,
    mode: u32,
    uid: u32,
    gid: u32,
    append: bool,
    /// What is to be written by the next action; none where nothing is.
    pending: Option<String>,
    closed: bool,
}

/// How a file is opened.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    /// The path with its base directory.
    pub path: String,
    /// `w`, `a`, with `b` or `t`.
    pub mode: &'a str,
    /// The permission bits.
    pub bits: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// What a script did so far.
#[derive(Debug)]
pub(super) struct Recorder {
    plan: Plan,
    printed: Vec<String>,
    files: Vec<OpenFile>,
    untrusted: Untrusted,
    limits: Limits,
    bytes: usize,
    stopped: Option<Stop>,
    performer: Option<Performer>,
    seed: Seed,
}

/// What is left of a script that came to its end.
#[derive(Debug)]
pub(super) struct Finished {
    pub plan: Plan,
    pub printed: Vec<String>,
    /// What its run came to, where it was run.
    pub ran: Option<Ran>,
}

impl Recorder {
    /// A host that only records; with a performer it acts as well.
    pub(super) fn new(
        profile: &str,
        variables: &CmdbEntry,
        limits: &Limits,
        performer: Option<Performer>,
    ) -> Recorder {
        Recorder {
            plan: Plan {
                profile: profile.to_owned(),
                actions: Vec::new(),
                placeholders: Vec::new(),
            },
            printed: Vec::new(),
            files: Vec::new(),
            untrusted: Untrusted::of(variables),
            limits: limits.clone(),
            bytes: 0,
            stopped: None,
            performer,
            seed: Seed::of(profile, variables),
        }
    }

    /// What the machine's UUIDs are made of.
    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn profile(&self) -> &str {
        &self.plan.profile
    }

    /// Remembers why the script is stopped, so that nothing can undo it.
    pub(super) fn stop(&mut self, stop: &Stop) {
        if !matches!(stop, Stop::Failed { .. }) {
            self.stopped.get_or_insert_with(|| stop.clone());
        }
    }

    /// Takes notice that the script goes on after a failure.
    pub(super) fn caught(&mut self) {
        if let Some(performer) = &mut self.performer {
            performer.loosen();
        }
    }

    /// Takes notice of a value that may not be the one that the plan was made with.
    pub(super) fn answered(&mut self, as_planned: bool) {
        if !as_planned {
            self.caught();
        }
    }

    pub(super) fn stopped(&self) -> Option<&Stop> {
        self.stopped.as_ref()
    }

    /// The plan, what was printed and what the run came to, with all files written.
    pub(super) fn finish(mut self) -> Result<Finished, Stop> {
        self.flush()?;
        let ran = self.performer.map(Performer::finish).transpose()?;
        match self.stopped {
            Some(stop) => Err(stop),
            None => Ok(Finished {
                plan: self.plan,
                printed: self.printed,
                ran,
            }),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.plan_bytes {
            return Err(Stop::Limit(Limit::PlanSize(self.limits.plan_bytes)));
        }
        Ok(())
    }

    /// Adds an action after the files that were written before it, and gives the machine's answer.
    pub(super) fn act(&mut self, line: u32, what: What) -> Result<Reply, Stop> {
        self.flush()?;
        self.push(line, what)
    }

    fn push(&mut self, line: u32, what: What) -> Result<Reply, Stop> {
        if self.plan.actions.len() >= self.limits.actions {
            return Err(Stop::Limit(Limit::Actions(self.limits.actions)));
        }
        self.spend(texts_of(&what))?;
        let action = Action { line, what };
        let reply = match &mut self.performer {
            Some(performer) => performer.perform(&action)?,
            None => Reply::Nothing,
        };
        self.plan.actions.push(action);
        Ok(reply)
    }

    pub(super) fn run(&mut self, line: u32, command: CommandText) -> Result<(), Stop> {
        self.check(&command)?;
        self.act(line, What::Run { command }).map(|_| ())
    }

    /// Gives what the machine says, or else the planned text, or else the placeholder of what only
    /// the machine knows.
    pub(super) fn output(
        &mut self,
        line: u32,
        command: CommandText,
        planned: Option<String>,
    ) -> Result<String, Stop> {
        self.check(&command)?;
        let text = match &planned {
            Some(text) => text.clone(),
            None => self.placeholder(line, "output", &command_line(&command))?,
        };
        let Reply::Text(said) = self.act(line, What::Output { command, planned })? else {
            return Ok(text);
        };
        self.answered(said == text);
        self.spend(said.len())?;
        self.untrusted.add_answer(&said);
        Ok(said)
    }

    fn check(&self, command: &CommandText) -> Result<(), Stop> {
        match command {
            CommandText::Shell(text) => self.untrusted.check(text),
            CommandText::List(words) if words.first().is_none_or(String::is_empty) => {
                refused("a command without a program", None)
            }
            CommandText::List(_) => Ok(()),
        }
    }

    /// A text that stands for what only the machine knows: `⟨disk-1⟩`.
    pub(super) fn placeholder(
        &mut self,
        line: u32,
        kind: &str,
        from: &str,
    ) -> Result<String, Stop> {
        if self.plan.placeholders.len() >= self.limits.actions {
            return Err(Stop::Limit(Limit::Actions(self.limits.actions)));
        }
        let prefix = format!("{kind}-");
        let before = |known: &&Placeholder| known.name.starts_with(&prefix);
        let number = self.plan.placeholders.iter().filter(before).count() + 1;
        let name = format!("{prefix}{number}");
        self.spend(name.len() + from.len())?;
        let text = format!("⟨{name}⟩");
        self.plan.placeholders.push(Placeholder {
            name,
            line,
            from: from.to_owned(),
        });
        Ok(text)
    }

    /// Opens a file for writing and gives its number.
    pub(super) fn open(&mut self, line: u32, opening: Opening<'_>) -> Result<usize, Stop> {
        if opening.path.contains('\0') {
            return refused("a path with a NUL character", None);
        }
        let append = match opening.mode.trim_end_matches(['b', 't']) {
            "w" => false,
            "a" => true,
            other => {
                return refused(
                    format!("a file opened with mode `{}`", other.escape_debug()),
                    Some(
                        "a script writes files, with `w` or `a`; what is in one is told by output('cat …', plan=…)",
                    ),
                );
            }
        };
        if self.files.len() >= self.limits.actions {
            return Err(Stop::Limit(Limit::Actions(self.limits.actions)));
        }
        self.files.push(OpenFile {
            line,
            path: opening.path,
            mode: opening.bits,
            uid: opening.uid,
            gid: opening.gid,
            append,
            pending: Some(String::new()),
            closed: false,
        });
        Ok(self.files.len() - 1)
    }

    /// Adds text to an open file.
    pub(super) fn write(&mut self, line: u32, number: usize, text: &str) -> Result<(), Stop> {
        self.spend(text.len())?;
        match self.files.get_mut(number) {
            Some(file) if !file.closed => {
                if file.pending.is_none() {
                    file.line = line;
                }
                file.pending.get_or_insert_default().push_str(text);
                Ok(())
            }
            _ => refused("writing to a closed file", None),
        }
    }

    pub(super) fn close(&mut self, number: usize) -> Result<(), Stop> {
        if let Some(file) = self.files.get_mut(number) {
            file.closed = true;
        }
        self.flush_one(number)
    }

    /// Writes what is pending, so that the next action finds it on the disk.
    fn flush(&mut self) -> Result<(), Stop> {
        let first = self.first_pending();
        (first..self.files.len()).try_for_each(|number| self.flush_one(number))
    }

    fn first_pending(&self) -> usize {
        self.files
            .iter()
            .position(|file| file.pending.is_some())
            .unwrap_or(self.files.len())
    }

    fn flush_one(&mut self, number: usize) -> Result<(), Stop> {
        let Some(file) = self.files.get_mut(number) else {
            return Ok(());
        };
        let Some(content) = file.pending.take() else {
            return Ok(());
        };
        let line = file.line;
        let what = What::WriteFile {
            path: file.path.clone(),
            content,
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            append: file.append,
        };
        // What is written later is added to what is there by then.
        file.append = true;
        self.push(line, what).map(|_| ())
    }

    pub(super) fn print(&mut self, text: &str) -> Result<(), Stop> {
        self.spend(text.len() + 1)?;
        if let Some(performer) = &mut self.performer {
            performer.print(text);
        }
        self.printed.push(text.to_owned());
        Ok(())
    }
}

fn command_line(command: &CommandText) -> String {
    match command {
        CommandText::Shell(text) => text.clone(),
        CommandText::List(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        }
    }
}

/// How many bytes of text an action holds. The content of a file was counted as it was written.
fn texts_of(what: &What) -> usize {
    const ITSELF: usize = 64;
    let command = |command: &CommandText| match command {
        CommandText::Shell(text) => text.len(),
        CommandText::List(words) => words.iter().map(|word| word.len() + 8).sum(),
    };
    ITSELF
        + match what {
            What::Run { command: text } => command(text),
            What::Output {
                command: text,
                planned,
            } => command(text) + planned.as_ref().map_or(0, String::len),
            What::WriteFile { path, .. } => path.len(),
            What::SetRole {
                role,
                version,
                disk,
                profile,
            } => role.len() + version.len() + disk.len() + profile.len(),
            What::GrubOptions { options } => options.len(),
            What::Ipmi { call, arguments }
            | What::Hpacucli {
                call, arguments, ..
            } => call.len() + arguments.iter().map(String::len).sum::<usize>(),
            What::Sleep { .. } => 0,
            What::Opaque {
                interpreter,
                sha256,
            } => interpreter.len() + sha256.len(),
        }
}
