//! What a planner and its worker say to one another: lines of JSON.
//!
//! The planner writes one [`Order`] and then a [`Task`] a line. The worker writes [`READY`] once its
//! limits are in force, then an [`Answer`] for each task, in order. A worker that ends with success
//! before the last task has written as much as one worker may; the rest is for the next.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::configure::engine::ScriptError;
use crate::configure::plan::Summary;
use crate::model::CmdbEntry;

/// The verb that makes a program a worker.
pub(super) const VERB: &str = "plan-worker";

/// The worker's first line.
pub(super) const READY: &str = "ready";

/// The exit code of a worker whose script took too long.
pub(super) const TOO_SLOW: u8 = 124;

/// What the panics say with which allocators give up.
pub(super) const OUT_OF_MEMORY: [&str; 3] =
    ["out of memory", "capacity overflow", "memory allocation"];

/// What is asked of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// The plan with its hash.
    Plan,
    /// A summary of the plan.
    Summary,
    /// A summary, and the JSON of the plan as it stands.
    Report,
}

/// The first line to a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order<'a> {
    pub(super) wanted: Wanted,
    /// The longest that one script may take.
    pub(super) deadline_ms: u64,
    /// The scripts, each once, however many machines it is for.
    #[serde(borrow)]
    pub(super) scripts: Vec<Text<'a>>,
}

/// A script.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Text<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
}

/// One machine.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task<'a> {
    /// Which script of the order.
    pub(super) script: usize,
    #[serde(borrow)]
    pub(super) profile: Cow<'a, str>,
    pub(super) variables: Cow<'a, CmdbEntry>,
}

/// A plan for a list of many: what the list shows of it, and all of it for programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reported<R = Box<RawValue>> {
    /// The plan at a glance.
    pub summary: Summary,
    /// The JSON of [`Plan::report`](crate::configure::plan::Plan::report), which is not read on its way.
    pub report: R,
}

/// What came of a task.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer<T> {
    /// What was wanted.
    Done(T),
    /// The script gives no plan.
    Wrong(ScriptError),
    /// The script used more memory than there is, and the engine noticed it itself.
    OutOfMemory,
}
