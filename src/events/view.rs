//! One machine as pages, terminal and API show it.

use jiff::Timestamp;
use serde::Serialize;

use super::diagnosis::{Diagnosis, Patience, diagnose};
use super::machine::Machine;
use super::standing::{Standing, Status};
use super::usual::{Progress, Usual};

/// One machine at one time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MachineView {
    /// Its name.
    pub machine: String,
    /// The section of its allocation.
    pub section: Option<String>,
    /// Its profile.
    pub profile: Option<String>,
    /// Where it stands, as reporters say.
    pub datacenter: Option<String>,
    /// Whether its hardware is known.
    pub is_known: bool,
    /// What it is.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// What is or was last done with it.
    pub action: String,
    /// How far its newest deployment is.
    pub status: Option<Status>,
    /// The number of its newest deployment.
    pub job: Option<i64>,
    /// The step that is going on.
    pub step: Option<String>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// The last that was said.
    pub last_message: String,
    /// When.
    pub last_update: Timestamp,
    /// When the newest deployment began.
    pub started: Option<Timestamp>,
    /// How long the newest deployment took, or has taken up to now.
    pub seconds: Option<u64>,
    /// What is wrong.
    pub diagnosis: Option<Diagnosis>,
}

impl MachineView {
    /// What there is to show of a machine now.
    pub fn of(machine: &Machine, usual: &Usual, patience: Patience, now: Timestamp) -> MachineView {
        let deployment = machine.deployment.as_ref();
        let seconds = deployment.map(|it| {
            let took = it.ended.unwrap_or(now).duration_since(it.started);
            u64::try_from(took.as_secs()).unwrap_or(0)
        });
        MachineView {
            machine: machine.name.clone(),
            section: machine.section.clone(),
            profile: machine.profile.clone(),
            datacenter: machine.datacenter.clone(),
            is_known: machine.is_known,
            standing: machine.standing,
            since: machine.since,
            action: deployment.map_or_else(String::new, |it| it.action.clone()),
            status: deployment.map(|it| it.status),
            job: deployment.map(|it| it.number),
            step: machine
                .open()
                .and_then(|it| it.step())
                .map(|step| step.name.clone()),
            progress: deployment.and_then(|it| usual.progress(it, now)),
            last_message: machine.last_message.clone(),
            last_update: machine.last_event,
            started: deployment.map(|it| it.started),
            seconds,
            diagnosis: diagnose(machine, usual, patience, now),
        }
    }
}
