//! The verb: from the answer to the exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Staged;
use super::answer::{Answer, AnswerError};
use super::journal::Journal;
use super::ramdisk::Ramdisk;
use crate::configure::engine::{Limits, Script, ScriptError};
use crate::configure::plan::{What, of_configure};
use crate::configure::run::{Agreement, Ran, run_configure};
use crate::system::{DryRun, Real, Runner};

/// Where the journal is kept, beside the other files of the ramdisk.
const JOURNAL: &str = "/configure.jsonl";

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
    #[arg(long, value_name = "FILE", default_value = JOURNAL)]
    journal: PathBuf,
}

/// Why a script was not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum ConfigureError {
    /// There is no answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Nobody has planned the script.
    #[error(
        "the answer has no plan hash, so nobody has agreed to what the script does: nothing was done"
    )]
    NoPlan,
    /// The server could not plan the script.
    #[error("the server could not plan the configure script, and nothing was done: {0}")]
    Unplanned(String),
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
            | ConfigureError::NoPlan
            | ConfigureError::Unplanned(_) => 3,
            ConfigureError::Answer(AnswerError::Read { .. }) => 5,
            ConfigureError::Answer(_) | ConfigureError::Script(_) => 1,
        }
    }
}

impl Configure {
    /// Runs the script and says in one line what it came to.
    pub(in crate::client) fn run(&self) -> Result<String, ConfigureError> {
        let mut answer = Answer::read(&self.answer)?;
        if let Some(hash) = &self.plan_hash {
            answer.plan_hash = Some(hash.clone());
        }
        let runner: Arc<dyn Runner> = if self.dry_run {
            Arc::new(DryRun::new(Real, |line| tracing::debug!(line, "dry run")))
        } else {
            Arc::new(Real)
        };
        let options = ConfigureOptions {
            journal: self.journal.clone(),
            is_rehearsal: self.dry_run,
        };
        answer.run(&runner, &options)
    }
}

/// How a script is run.
#[derive(Debug)]
pub(in crate::client) struct ConfigureOptions {
    /// Where to keep what was done.
    pub journal: PathBuf,
    /// Whether nothing is changed; then no journal is kept.
    pub is_rehearsal: bool,
}

impl Default for ConfigureOptions {
    fn default() -> ConfigureOptions {
        ConfigureOptions {
            journal: PathBuf::from(JOURNAL),
            is_rehearsal: false,
        }
    }
}

impl Answer {
    /// Runs the script and says in one line what it came to.
    pub(in crate::client) fn run(
        &self,
        runner: &Arc<dyn Runner>,
        options: &ConfigureOptions,
    ) -> Result<String, ConfigureError> {
        let hash = self
            .plan_hash
            .as_ref()
            .ok_or_else(|| match &self.plan_error {
                Some(error) => ConfigureError::Unplanned(error.clone()),
                None => ConfigureError::NoPlan,
            })?;
        let name = format!("{}.configure", self.profile);
        let agreement = Agreement {
            script: Script {
                name: &name,
                text: &self.configure,
            },
            profile: &self.profile,
            variables: &self.variables,
            plan_hash: hash,
        };
        let unwritten = |source| ConfigureError::Journal {
            path: options.journal.clone(),
            source,
        };
        let mut journal = if options.is_rehearsal {
            Journal::none()
        } else {
            Journal::create(&options.journal).map_err(unwritten)?
        };
        journal
            .begin(self.profile.as_str(), hash)
            .map_err(unwritten)?;
        let machine = Ramdisk::new(
            runner.clone(),
            Staged::below(Path::new("/")),
            journal.try_clone().map_err(unwritten)?,
            self.variables_json(),
            options.is_rehearsal,
        );
        let ended = run_configure(&agreement, &Limits::default(), Box::new(machine));
        journal.finish(&ended).map_err(unwritten)?;
        ended
            .map(|ran| summary(&ran, options.is_rehearsal))
            .map_err(ConfigureError::Script)
    }

    /// What the script would leave in `/vars`, by its plan.
    pub(in crate::client) fn planned_vars(&self) -> Result<Vec<(String, String)>, ConfigureError> {
        let name = format!("{}.configure", self.profile);
        let script = Script {
            name: &name,
            text: &self.configure,
        };
        let plan = of_configure(&script, &self.profile, &self.variables, &Limits::default());
        let mut vars = Vec::new();
        for action in plan.map_err(ConfigureError::Script)?.actions {
            if let What::SetRole {
                role,
                version,
                disk,
                ..
            } = action.what
            {
                let names = ["ROLE", "VERS", "DISK"].map(str::to_owned);
                vars.extend(names.into_iter().zip([role, version, disk]));
            }
        }
        Ok(vars)
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
