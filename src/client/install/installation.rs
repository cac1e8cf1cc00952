//! One installation, from its first step to its last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::configure::Answer;
use crate::model::BootId;
use crate::system::{RunError, Runner, with_causes};

use super::courier::Courier;
use super::log::{Failure, Log};
use super::retry::Tries;
use super::settings::Settings;
use super::step::{Step, StepError};
use super::sync::Came;

/// The step that ended an installation.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: Step,
    pub(super) error: Box<StepError>,
}

/// One installation.
pub(super) struct Installation {
    pub(super) settings: Settings,
    pub(super) runner: Arc<dyn Runner>,
    pub(super) log: Log,
    /// Where the script mounts the installed system.
    pub(super) target: PathBuf,
    /// A file of facts that takes the place of detection.
    pub(super) hardware: Option<PathBuf>,
    pub(super) is_rehearsal: bool,
    /// Which start of the machine this is.
    pub(super) boot_id: Option<BootId>,
    pub(super) facts: Option<String>,
    pub(super) answer: Option<Answer>,
    pub(super) vars: Vec<(String, String)>,
    /// What broken tries of the sync brought.
    pub(super) came: Came,
    /// The journal of events.
    pub(super) events: PathBuf,
    /// Who hands it on, once the server has told the machine's name.
    pub(super) couriers: Vec<Courier>,
}

impl Installation {
    /// Runs all steps; the first that fails ends it. The server is told all of it.
    pub(super) fn run(&mut self) -> Result<(), Failed> {
        self.log.begin();
        let done = self.run_steps();
        let why = done.as_ref().err().map(|failed| {
            let error = with_causes(failed.error.as_ref());
            format!("{}: {error}", failed.step.name())
        });
        self.log.end(why.as_deref(), None);
        self.hand_events_on();
        done
    }

    fn run_steps(&mut self) -> Result<(), Failed> {
        for step in Step::ALL {
            self.log.start(step.name(), step.description());
            let started = Instant::now();
            let done = self.with_patience(step);
            self.tell(step, started.elapsed(), done.as_ref().err());
            done.map_err(|error| Failed {
                step,
                error: Box::new(error),
            })?;
        }
        Ok(())
    }

    fn tell(&mut self, step: Step, took: Duration, error: Option<&StepError>) {
        let said = error.map(|error| with_causes(error));
        let command = error.and_then(StepError::command);
        let output = command.map(RunError::last_output);
        let failure = said.as_ref().map(|said| Failure {
            error: said,
            command: command.map(RunError::command),
            output: output.as_deref(),
        });
        self.log.finish(step.description(), took, failure);
    }

    fn with_patience(&mut self, step: Step) -> Result<(), StepError> {
        let mut tries = Tries::new(step.patience());
        loop {
            let Err(error) = self.step(step) else {
                return Ok(());
            };
            let Some(pause) = tries.pause_after(&error) else {
                return Err(error);
            };
            self.log.again(&with_causes(&error), pause);
            std::thread::sleep(pause);
        }
    }
}
