//! A deployment ends, and the installed system is heard of.

use crate::events::meaning::{self, Meaning};
use crate::events::standing::{Standing, Status};
use crate::model::{Leaves, StepResult};

use super::{Folding, LONGEST_MESSAGE};

impl Folding<'_> {
    pub(super) fn root_ends(&mut self, result: StepResult) {
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
    pub(super) fn ends(&mut self, result: StepResult) {
        let (name, why) = self.step_and_words();
        let now = self.now();
        if self.machine.open().is_none() && self.machine.deployment.is_some() {
            return;
        }
        let leaves = self.event().leaves;
        let deployment = self.deployment();
        let action = deployment.action.clone();
        let to = if result == StepResult::Fail {
            deployment.fail_at(&name, &why);
            deployment.end(Status::Errored, now);
            let as_before = deployment
                .before
                .filter(|_| leaves == Some(Leaves::Unchanged));
            as_before.unwrap_or(Standing::Failed)
        } else {
            deployment.end(Status::Complete, now);
            self.machine.restarts = None;
            Standing::Installed
        };
        // What is installed restarts. An upgraded machine does so if it says so, and else tells this itself.
        let stays = action == meaning::UPGRADE && leaves != Some(Leaves::Restarting);
        if action == "boot" || stays {
            self.machine.returned = Some(now);
        }
        self.moves(to, &action, Some(result));
    }

    pub(super) fn step_and_words(&self) -> (String, String) {
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

    /// Whether an installed system tells of its own boot, after the deployment that made it.
    pub(super) fn is_afterwards(&self) -> bool {
        let ended = self
            .machine
            .deployment
            .as_ref()
            .is_some_and(|last| last.ended.is_some());
        ended && meaning::is_sign_of_life(self.event())
    }

    /// The installed system was heard of.
    pub(super) fn returns(&mut self) {
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
