//! Steps begin, come further and end.

use jiff::SignedDuration;

use crate::events::deployment::OpenStep;
use crate::events::meaning;
use crate::events::standing::Status;
use crate::model::StepResult;

use super::{Folding, LONGEST_MESSAGE};

/// For so long after the end of a deployment its own events may come in, overtaken by the word that it has ended:
/// our client waits a part of this for a server that does not take them.
const OVERTAKEN: SignedDuration = SignedDuration::from_mins(1);

impl Folding<'_> {
    pub(super) fn step_starts(&mut self) {
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

    pub(super) fn goes_on(&mut self) {
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

    pub(super) fn step_ends(&mut self, result: StepResult) {
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

    /// Whether this is of the deployment that has ended: one that begins after it tells of its own beginning.
    pub(super) fn is_overtaken(&self) -> bool {
        let last = self.machine.deployment.as_ref();
        last.is_some_and(|last| {
            let since = last.ended.map(|ended| self.now().duration_since(ended));
            last.seen.root.is_some()
                && last.action == meaning::action_of(self.event())
                && since.is_some_and(|since| since <= OVERTAKEN)
        })
    }
}
