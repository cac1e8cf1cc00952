//! A deployment begins: at the server's word, at an upload, at the first event; or once more, without a word.

use crate::events::deployment::Deployment;
use crate::events::machine::Restarts;
use crate::events::meaning;
use crate::events::standing::{Standing, Status};

use super::Folding;

impl Folding<'_> {
    /// The open deployment, or a new one.
    pub(super) fn deployment(&mut self) -> &mut Deployment {
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
            let before = self.machine.standing;
            new.before = Some(if before.is_busy() {
                Standing::Failed
            } else {
                before
            });
            let action = new.action.clone();
            self.machine.deployment = Some(new);
            self.machine.returned = None;
            // A boot of an installed system is no installation.
            match action.as_str() {
                "boot" => {}
                meaning::UPGRADE => self.moves(Standing::Upgrading, &action, None),
                _ => self.moves(Standing::Installing, &action, None),
            }
        }
        self.machine
            .deployment
            .as_mut()
            .expect("an open deployment was there or has just been made")
    }

    /// The machine has begun again: what was open has come to no end.
    pub(super) fn begins_again(&mut self) {
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
    pub(super) fn abandon(&mut self, why: &str) {
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

    pub(super) fn boots_to_install(&mut self) {
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

    pub(super) fn uploads(&mut self) {
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

    pub(super) fn root_starts(&mut self) {
        let happened = self.report.happened();
        let boot_id = self.report.about.boot_id.clone();
        let action = meaning::action_of(self.event()).to_owned();
        let is_another = self.machine.open().is_some_and(|open| {
            // What is left of an upgrade is done by another process, which tells of a beginning too.
            let goes_on =
                action == meaning::UPGRADE && boot_id.is_some() && open.seen.root_boot == boot_id;
            open.seen.root.is_some_and(|seen| seen != happened) && !goes_on
        });
        if is_another {
            self.begins_again();
        }
        let origin = self.event().origin.clone();
        let deployment = self.deployment();
        deployment.seen.root = Some(happened);
        deployment.seen.root_boot = boot_id;
        deployment.status = Status::Running;
        deployment.action = action;
        deployment.origin = origin;
        self.step_starts();
    }

    /// A producer of messages alone has no start: its first message said again is one.
    pub(super) fn says_its_first_again(&self, message: &str, percent: Option<f32>) -> bool {
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
}
