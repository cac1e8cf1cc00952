//! Reports folded into what a machine is doing: pure, the same reports always give the same machine.
//!
//! Producers lose events, repeat names, never finish what they start and start anew without a word. So
//! nothing here needs an order: a start without a finish, a finish without a start and a restart in the
//! middle all have a meaning.

mod beginning;
mod ending;
mod going_on;

use jiff::Timestamp;

use super::deployment::Deployment;
use super::machine::Machine;
use super::meaning::{self, Meaning};
use super::report::Report;
use super::standing::Standing;
use crate::model::{Event, StepResult};

/// How much of a message is kept with the machine; the whole is kept with the event.
const LONGEST_MESSAGE: usize = 300;

/// A machine's standing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) from: Standing,
    pub(super) to: Standing,
    /// What was done: `install`, `release`, …
    pub(super) action: String,
    pub(super) result: Option<StepResult>,
}

/// What a report came to.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Deployments that changed, the ended ones before the one that goes on.
    pub(super) deployments: Vec<Deployment>,
    pub(super) moved: Vec<Moved>,
}

/// Takes one report. `next_number` is the number of the next deployment, and is counted up.
pub(super) fn fold(machine: &mut Machine, report: &Report, next_number: &mut i64) -> Folded {
    let mut folding = Folding {
        machine,
        report,
        next_number,
        folded: Folded::default(),
    };
    folding.know();
    folding.take();
    let mut folded = folding.folded;
    if let Some(current) = &machine.deployment {
        folded.deployments.push(current.clone());
    }
    folded
}

struct Folding<'a> {
    machine: &'a mut Machine,
    report: &'a Report,
    next_number: &'a mut i64,
    folded: Folded,
}

impl Folding<'_> {
    fn event(&self) -> &Event {
        &self.report.event
    }

    fn now(&self) -> Timestamp {
        self.report.received
    }

    /// What the report says of the machine itself.
    fn know(&mut self) {
        let machine = &mut *self.machine;
        machine.introduce(&self.report.about);
        machine.last_event = machine.last_event.max(self.report.received);
        let event = &self.report.event;
        if !event.description.is_empty() {
            machine.last_message = event.description.chars().take(LONGEST_MESSAGE).collect();
        }
    }

    fn take(&mut self) {
        match meaning::meaning_of(self.event()) {
            Meaning::BootInstall => self.boots_to_install(),
            Meaning::BootLocal => {
                self.machine.asks_for_boot = true;
                self.returns();
            }
            Meaning::BootHold => {
                self.machine.asks_for_boot = true;
                self.moves(Standing::Held, "hold", None);
            }
            Meaning::Uploaded => self.uploads(),
            Meaning::Refused => {
                self.abandon("no profile is for this machine");
                self.moves(Standing::Refused, "refuse", None);
            }
            Meaning::FailureReported => self.ends(StepResult::Fail),
            Meaning::Installed => self.ends(StepResult::Success),
            Meaning::Released => {
                self.abandon("the machine was released");
                self.machine.restarts = None;
                self.moves(Standing::Released, "release", Some(StepResult::Success));
            }
            Meaning::Reinstall => {
                self.machine.restarts = None;
                self.moves(Standing::Discovered, "reinstall", None);
            }
            Meaning::RootStart => self.root_starts(),
            Meaning::RootFinish(result) => self.root_ends(result),
            Meaning::StepStart => self.step_starts(),
            Meaning::StepFinish(result) => self.step_ends(result),
            Meaning::Progress => self.goes_on(),
            // phone_home is a note of an installed system.
            Meaning::Note if self.is_afterwards() => self.returns(),
            Meaning::Note => {}
        }
    }

    fn moves(&mut self, to: Standing, action: &str, result: Option<StepResult>) {
        let from = self.machine.standing;
        if from == to && result.is_none() {
            return;
        }
        self.machine.standing = to;
        self.machine.since = self.now();
        self.folded.moved.push(Moved {
            from,
            to,
            action: action.to_owned(),
            result,
        });
    }
}

#[cfg(test)]
mod tests;
