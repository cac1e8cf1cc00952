//! Reports folded into what a machine is doing: pure, the same reports always give the same machine.
//!
//! Producers lose events, repeat names, never finish what they start and start anew without a word. So
//! nothing here needs an order: a start without a finish, a finish without a start and a restart in the
//! middle all have a meaning.

use jiff::{SignedDuration, Timestamp};

use super::deployment::{Deployment, OpenStep};
use super::machine::{Machine, Restarts};
use super::meaning::{self, Meaning};
use super::report::Report;
use super::standing::{Standing, Status};
use crate::model::{Event, StepResult};

/// For so long after the end of a deployment its own events may come in, overtaken by the word that it has ended:
/// our client waits a part of this for a server that does not take them.
const OVERTAKEN: SignedDuration = SignedDuration::from_mins(1);

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

    /// The open deployment, or a new one.
    fn deployment(&mut self) -> &mut Deployment {
        let is_open = self.machine.open().is_some();
        if !is_open {
            let event = &self.report.event;
            let action = meaning::action_of(event);
            let mut new = Deployment::begin(
                *self.next_number,
                action,
                &event.origin,
                self.report.received,
            );
            *self.next_number += 1;
            new.profile.clone_from(&self.machine.profile);
            let action = new.action.clone();
            self.machine.deployment = Some(new);
            self.machine.returned = None;
            // A boot of an installed system is no installation.
            if action != "boot" {
                self.moves(Standing::Installing, &action, None);
            }
        }
        self.machine
            .deployment
            .as_mut()
            .expect("an open deployment was there or has just been made")
    }

    /// The machine has begun again: what was open has come to no end.
    fn begins_again(&mut self) {
        let now = self.now();
        let Some(open) = self.machine.open() else {
            return;
        };
        let step = open
            .step()
            .map_or("the start", |step| &step.name)
            .to_owned();
        let first = open.started;
        let restarts = self.machine.restarts.take();
        let restarts = match restarts.filter(|known| known.step == step) {
            Some(known) => Restarts {
                count: known.count + 1,
                last: now,
                ..known
            },
            None => Restarts {
                step: step.clone(),
                count: 1,
                first,
                last: now,
            },
        };
        self.machine.restarts = Some(restarts);
        self.abandon(&format!("it began again while at {step}"));
    }

    /// Ends the open deployment as one that failed.
    fn abandon(&mut self, why: &str) {
        let now = self.now();
        let Some(open) = self.machine.deployment.as_mut() else {
            return;
        };
        if !open.status.is_open() {
            return;
        }
        let step = open
            .step()
            .map_or_else(|| "start".to_owned(), |step| step.name.clone());
        open.fail_at(&step, why);
        open.end(Status::Errored, now);
        self.folded.deployments.push(open.clone());
    }

    fn boots_to_install(&mut self) {
        self.machine.asks_for_boot = true;
        if self
            .machine
            .open()
            .is_some_and(|open| open.seen != Default::default())
        {
            self.begins_again();
        }
        let deployment = self.deployment();
        deployment.seen.boot = true;
        deployment.status = Status::Queued;
    }

    fn uploads(&mut self) {
        let boot_id = self.report.about.boot_id.clone().unwrap_or_default();
        let seen = self
            .machine
            .open()
            .map(|open| open.seen.clone())
            .unwrap_or_default();
        let is_same_start = !boot_id.is_empty() && seen.upload.as_ref() == Some(&boot_id);
        if seen.root.is_some() || (seen.upload.is_some() && !is_same_start) {
            self.begins_again();
        }
        let profile = self.machine.profile.clone();
        let deployment = self.deployment();
        deployment.seen.upload = Some(boot_id);
        deployment.status = Status::Running;
        deployment.profile = profile;
    }

    /// Whether this is of the deployment that has ended: one that begins after it tells of its own beginning.
    fn is_overtaken(&self) -> bool {
        let last = self.machine.deployment.as_ref();
        last.is_some_and(|last| {
            let since = last.ended.map(|ended| self.now().duration_since(ended));
            last.seen.root.is_some()
                && last.action == meaning::action_of(self.event())
                && since.is_some_and(|since| since <= OVERTAKEN)
        })
    }

    fn root_starts(&mut self) {
        let happened = self.report.happened();
        let seen = self.machine.open().and_then(|open| open.seen.root);
        if seen.is_some_and(|seen| seen != happened) {
            self.begins_again();
        }
        let action = meaning::action_of(self.event()).to_owned();
        let origin = self.event().origin.clone();
        let deployment = self.deployment();
        deployment.seen.root = Some(happened);
        deployment.status = Status::Running;
        deployment.action = action;
        deployment.origin = origin;
        self.step_starts();
    }

    fn step_starts(&mut self) {
        let event = self.event();
        let step = OpenStep {
            name: meaning::name_of(event).into_owned(),
            description: event.description.chars().take(LONGEST_MESSAGE).collect(),
            started: self.report.happened(),
            received: self.now(),
            percent: None,
            told: None,
        };
        let is_afterwards = self.is_afterwards();
        if is_afterwards {
            self.returns();
            return;
        }
        if self.is_overtaken() {
            return;
        }
        let deployment = self.deployment();
        deployment.status = Status::Running;
        deployment.start(step);
    }

    /// Whether an installed system tells of its own boot, after the deployment that made it.
    fn is_afterwards(&self) -> bool {
        let ended = self
            .machine
            .deployment
            .as_ref()
            .is_some_and(|last| last.ended.is_some());
        ended && meaning::is_sign_of_life(self.event())
    }

    fn step_ends(&mut self, result: StepResult) {
        let (name, why) = self.step_and_words();
        let happened = self.report.happened();
        if self.is_afterwards() {
            self.returns();
            return;
        }
        if self
            .machine
            .deployment
            .as_ref()
            .is_some_and(|last| last.ended.is_some())
        {
            return;
        }
        let deployment = self.deployment();
        if result == StepResult::Fail {
            deployment.fail_at(&name, &why);
        }
        deployment.finish(&name, result, happened);
    }

    fn step_and_words(&self) -> (String, String) {
        let event = self.event();
        let name = match meaning::meaning_of(event) {
            // Old ramdisks report the one step that can fail before the role is there.
            Meaning::FailureReported => "configure".to_owned(),
            _ => meaning::name_of(event).into_owned(),
        };
        let why = event
            .description
            .chars()
            .take(4 * LONGEST_MESSAGE)
            .collect();
        (name, why)
    }

    fn root_ends(&mut self, result: StepResult) {
        if self.is_afterwards() {
            self.returns();
            if result == StepResult::Fail {
                self.moves(Standing::Failed, "boot", Some(StepResult::Fail));
            }
            return;
        }
        let was_open = self.machine.open().is_some();
        let had_one = self.machine.deployment.is_some();
        if was_open || !had_one {
            let (name, happened) = (self.step_and_words().0, self.report.happened());
            self.deployment().finish(&name, result, happened);
        }
        self.ends(result);
    }

    /// The whole has ended. What ended before is not ended again.
    fn ends(&mut self, result: StepResult) {
        let (name, why) = self.step_and_words();
        let now = self.now();
        if self.machine.open().is_none() && self.machine.deployment.is_some() {
            return;
        }
        let deployment = self.deployment();
        let action = deployment.action.clone();
        let failed = result == StepResult::Fail;
        if failed {
            deployment.fail_at(&name, &why);
        }
        deployment.end(
            if failed {
                Status::Errored
            } else {
                Status::Complete
            },
            now,
        );
        let ended_well = !failed;
        if ended_well {
            self.machine.restarts = None;
        }
        if action == "boot" {
            self.machine.returned = Some(now);
        }
        let to = if failed {
            Standing::Failed
        } else {
            Standing::Installed
        };
        self.moves(to, &action, Some(result));
    }

    fn goes_on(&mut self) {
        let event = self.event();
        let (percent, is_whole) = (event.percent, !event.name.contains('/'));
        let now = self.now();
        let message = event.description.clone();
        let name = meaning::name_of(event).into_owned();
        if is_whole && self.says_its_first_again(&message, percent) {
            self.begins_again();
        }
        if self.is_afterwards() {
            self.returns();
            return;
        }
        if self.is_overtaken() {
            return;
        }
        let was_open = self.machine.open().is_some();
        let deployment = self.deployment();
        deployment.status = Status::Running;
        if !was_open || deployment.seen.message.is_none() {
            deployment.seen.message = Some(message);
        }
        if is_whole {
            deployment.percent = percent.or(deployment.percent);
        } else if let Some(step) = deployment.open.iter_mut().rfind(|step| step.name == name) {
            percent
                .into_iter()
                .for_each(|percent| step.comes_to(percent, now));
        }
    }

    /// A producer of messages alone has no start: its first message said again is one.
    fn says_its_first_again(&self, message: &str, percent: Option<f32>) -> bool {
        let Some(open) = self.machine.open() else {
            return false;
        };
        let is_first = open.seen.message.as_deref() == Some(message);
        is_first
            && open
                .percent
                .zip(percent)
                .is_some_and(|(known, told)| told < known)
    }

    /// The installed system was heard of.
    fn returns(&mut self) {
        let ended_well = self
            .machine
            .deployment
            .as_ref()
            .is_some_and(|last| last.status == Status::Complete);
        if ended_well && self.machine.returned.is_none() {
            self.machine.returned = Some(self.now());
        }
    }
}

#[cfg(test)]
mod tests;
