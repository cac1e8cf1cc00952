//! What is kept, as it is read back.

use jiff::Timestamp;
use serde::Serialize;

use crate::events::standing::{Standing, Status};
use crate::model::{Drift, Level, StepResult};

/// A report as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// Its number: later reports have higher ones.
    pub id: i64,
    /// The machine.
    pub machine: String,
    /// The deployment it belongs to.
    pub job: Option<i64>,
    /// When it came in.
    pub received: Timestamp,
    /// When it happened, by the producer's clock.
    pub happened: Timestamp,
    /// Who told it.
    pub origin: String,
    /// Which step.
    pub name: String,
    /// `start`, `finish`, `progress`, `note`.
    pub kind: String,
    /// How the step ended.
    pub result: Option<StepResult>,
    /// How much to care.
    pub level: Level,
    /// How far.
    pub percent: Option<f32>,
    /// In words.
    pub description: String,
}

/// A deployment as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentRow {
    /// Its number.
    pub number: i64,
    /// The machine.
    pub machine: String,
    /// Its profile then.
    pub profile: Option<String>,
    /// What was done.
    pub action: String,
    /// Who reported it first.
    pub origin: String,
    /// How far it came.
    pub status: Status,
    /// Why it failed.
    pub error: String,
    /// Where.
    pub failed_step: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A file that came with a report, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogRow {
    /// Its number.
    pub id: i64,
    /// The machine.
    pub machine: String,
    /// The deployment it belongs to.
    pub job: Option<i64>,
    /// When it came in.
    pub received: Timestamp,
    /// What the producer calls it.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// An SSH host key of an installed system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostKeyRow {
    /// The machine.
    pub machine: String,
    /// `ssh-ed25519`, `ssh-rsa`, …
    pub algorithm: String,
    /// The key in base64.
    pub key: String,
    /// When the machine told it.
    pub received: Timestamp,
}

/// How a machine's files differ from its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DriftRow {
    /// The machine.
    pub machine: String,
    /// When it told it.
    pub at: Timestamp,
    /// Whether another version may be installed since: an installation or an upgrade began later.
    pub is_stale: bool,
    /// What it told; without the single differences where it is one of many.
    #[serde(flatten)]
    pub drift: Drift,
}

/// A path that differs on several machines in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommonDifference {
    /// Which.
    pub path: String,
    /// In which way, as [`crate::model::Aspect::name`] says.
    pub aspect: String,
    /// On how many machines.
    pub machines: u64,
    /// One of them.
    pub example: String,
}

/// A change of a machine's standing: a line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Its number: later ones are higher.
    pub id: i64,
    /// The machine.
    pub machine: String,
    /// The deployment it belongs to.
    pub job: Option<i64>,
    /// When.
    pub at: Timestamp,
    /// The machine's profile then.
    pub profile: Option<String>,
    /// What was done: `install`, `release`, …
    pub action: String,
    /// How it ended.
    pub result: Option<StepResult>,
    /// What the machine is since.
    pub standing: Standing,
    /// What it was before.
    pub previous: Standing,
}

/// Which rows are wanted. What is none excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these machines, by their names.
    pub machines: Vec<String>,
    /// Of this profile.
    pub profile: Option<String>,
    /// Which ended so.
    pub result: Option<StepResult>,
    /// Of this deployment.
    pub job: Option<i64>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
}

/// Where to go on: rows with a lower number, or with a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The newest first, from here back; none begins with the newest of all.
    Before(Option<i64>),
    /// The oldest first, from here on.
    After(i64),
}
