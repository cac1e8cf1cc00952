//! Runners that leave the machine alone: one only shows, one answers from a recording.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::{Command, Output, RunError, Runner};

/// Shows every command, and runs only those that change nothing.
pub struct DryRun<R> {
    inner: R,
    show: Box<dyn Fn(&str) + Send + Sync>,
}

impl<R> std::fmt::Debug for DryRun<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DryRun").finish_non_exhaustive()
    }
}

impl<R: Runner> DryRun<R> {
    /// A dry run that gives every command, as a shell would read it, to `show`.
    pub fn new(inner: R, show: impl Fn(&str) + Send + Sync + 'static) -> DryRun<R> {
        DryRun {
            inner,
            show: Box::new(show),
        }
    }
}

impl<R: Runner> Runner for DryRun<R> {
    fn run(&self, command: &Command) -> Result<Output, RunError> {
        (self.show)(&command.to_string());
        if command.mutates {
            Ok(Output::default())
        } else {
            self.inner.run(command)
        }
    }
}

/// Answers from a recording, in its order, and keeps what was asked.
#[derive(Debug, Default)]
pub struct Recorded {
    answers: Mutex<VecDeque<(String, Output)>>,
    asked: Mutex<Vec<Command>>,
}

impl Recorded {
    /// A recording: each command line as it is shown, with its output.
    pub fn new(answers: impl IntoIterator<Item = (String, Output)>) -> Recorded {
        Recorded {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    /// All commands so far, in order.
    pub fn asked(&self) -> Vec<Command> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

impl Runner for Recorded {
    fn run(&self, command: &Command) -> Result<Output, RunError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(command.clone());
        let line = command.to_string();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = answers.iter().position(|(recorded, _)| *recorded == line);
        match found.and_then(|at| answers.remove(at)) {
            Some((_, output)) => Ok(output),
            None => Err(RunError::NotRecorded { command: line }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_leaves_out_what_changes_something() {
        let shown = std::sync::Arc::new(Mutex::new(Vec::new()));
        let sink = shown.clone();
        let recorded = Recorded::new([("lsblk -J".to_owned(), Output::default())]);
        let dry = DryRun::new(recorded, move |line| {
            sink.lock().unwrap().push(line.to_owned());
        });
        dry.run(&Command::new("lsblk", ["-J"])).unwrap();
        dry.run(&Command::new("mkfs", ["/dev/sda"]).mutating())
            .unwrap();
        assert_eq!(*shown.lock().unwrap(), ["lsblk -J", "mkfs /dev/sda"]);
        assert_eq!(dry.inner.asked().len(), 1);
    }

    #[test]
    fn what_was_not_recorded_is_an_error() {
        let error = Recorded::default().run(&Command::new("lsblk", []));
        assert!(matches!(error, Err(RunError::NotRecorded { .. })));
    }
}
