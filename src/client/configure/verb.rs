//! The verb: from the answer to the exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Staged;
use super::answer::{self, Answer, AnswerError};
use super::journal::Journal;
use super::ramdisk::Ramdisk;
use crate::configure::engine::{Limits, Script, ScriptError};
use crate::configure::run::{Job, Ran, run_configure};
use crate::system::{DryRun, Real, Runner};

/// Run the configure script of the server's answer on this machine
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  curl -sd @hw.json http://server/api/v1/machines | edeploy configure -

The script is planned again first; if that is not the plan that the server made, nothing is done.
--dry-run looks, but changes nothing: commands that only read are run, all others are shown.")]
pub(in crate::client) struct Configure {
    /// What the server answered to the machine's hardware; - is standard input
    answer: PathBuf,
    /// Change nothing: show what would be done
    #[arg(long)]
    dry_run: bool,
    /// The hash of the plan to run, instead of the one of the answer
    #[arg(long, value_name = "HASH")]
    plan_hash: Option<String>,
    /// Where to keep what was done; only root can read it
    #[arg(long, value_name = "FILE", default_value = "/configure.jsonl")]
    journal: PathBuf,
}

/// Why a script was not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum ConfigureError {
    /// There is no answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The server could not plan the script.
    #[error(
        "the answer has no plan hash, so nobody has agreed to what the script does: nothing was done"
    )]
    NoPlan,
    /// The journal cannot be begun.
    #[error("cannot write the journal `{path}`: nothing was done")]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The script failed, or was refused.
    #[error("{}", .0.with_caret())]
    Script(ScriptError),
}

impl ConfigureError {
    /// The exit code: 1 the script or the answer is wrong, 3 it is refused, 5 an action failed.
    pub(in crate::client) fn code(&self) -> u8 {
        match self {
            ConfigureError::Script(ScriptError::Failed { .. }) | ConfigureError::Journal { .. } => {
                5
            }
            ConfigureError::Script(ScriptError::OtherPlan { .. } | ScriptError::Refused { .. })
            | ConfigureError::NoPlan => 3,
            ConfigureError::Answer(AnswerError::Read { .. }) => 5,
            ConfigureError::Answer(_) | ConfigureError::Script(_) => 1,
        }
    }
}

impl Configure {
    /// Runs the script and says in one line what it came to.
    pub(in crate::client) fn run(&self) -> Result<String, ConfigureError> {
        let answer = answer::read(&self.answer)?;
        let hash = self.plan_hash.as_ref().or(answer.plan_hash.as_ref());
        let hash = hash.ok_or(ConfigureError::NoPlan)?;
        let name = format!("{}.configure", answer.profile);
        let job = Job {
            script: Script {
                name: &name,
                text: &answer.configure,
            },
            profile: &answer.profile,
            variables: &answer.variables,
            plan_hash: hash,
        };
        let mut journal = self.journal(&answer, hash)?;
        let own = journal.try_clone();
        let machine = self.machine(&answer, own.map_err(|source| self.unwritten(source))?);
        let ended = run_configure(&job, &Limits::default(), Box::new(machine));
        journal
            .finish(&ended)
            .map_err(|source| self.unwritten(source))?;
        ended
            .map(|ran| summary(&ran, self.dry_run))
            .map_err(ConfigureError::Script)
    }

    fn journal(&self, answer: &Answer, hash: &str) -> Result<Journal, ConfigureError> {
        if self.dry_run {
            return Ok(Journal::none());
        }
        Journal::create(&self.journal)
            .and_then(|mut journal| {
                journal.begin(answer.profile.as_str(), hash)?;
                Ok(journal)
            })
            .map_err(|source| self.unwritten(source))
    }

    fn unwritten(&self, source: std::io::Error) -> ConfigureError {
        ConfigureError::Journal {
            path: self.journal.clone(),
            source,
        }
    }

    fn machine(&self, answer: &Answer, journal: Journal) -> Ramdisk {
        let runner: Arc<dyn Runner> = if self.dry_run {
            Arc::new(DryRun::new(Real, |line| tracing::debug!(line, "dry run")))
        } else {
            Arc::new(Real)
        };
        let variables = answer.variables_json();
        let staged = Staged::below(Path::new("/"));
        Ramdisk::new(runner, staged, journal, variables, self.dry_run)
    }
}

fn summary(ran: &Ran, is_rehearsal: bool) -> String {
    let done = if is_rehearsal {
        "would be performed"
    } else {
        "performed"
    };
    let mut text = format!("{} actions {done}", ran.performed);
    if ran.unplanned > 0 {
        text.push_str(&format!(", {} of them not in the plan", ran.unplanned));
    }
    if !ran.left_out.is_empty() {
        let numbers: Vec<String> = ran.left_out.iter().map(usize::to_string).collect();
        text.push_str(&format!("; left out of the plan: {}", numbers.join(", ")));
    }
    text
}
