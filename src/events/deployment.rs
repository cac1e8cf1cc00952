//! One attempt to install one machine: its steps as they start and finish.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::standing::{Standing, Status};
use crate::model::StepResult;

/// How many steps may be open at once, and how many stages are remembered. More come only from a producer
/// that never finishes anything.
const MOST_STEPS: usize = 64;

/// A step that has started and not finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenStep {
    /// Its name, parents first.
    pub name: String,
    /// In words.
    pub description: String,
    /// When it started, by the producer's clock.
    pub started: Timestamp,
    /// When we heard of it.
    pub received: Timestamp,
    /// How far it has come, where that is told: 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f32>,
    /// When that was told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}

impl OpenStep {
    /// The step has come so far: never less far than before.
    pub(super) fn comes_to(&mut self, percent: f32, now: Timestamp) {
        self.percent = Some(self.percent.map_or(percent, |known| known.max(percent)));
        self.told.get_or_insert(now);
    }
}

/// A finished step just below the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name without the root's.
    pub name: String,
    /// How long it took.
    pub took: SignedDuration,
    /// How it ended.
    pub result: StepResult,
}

/// One attempt to install one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number, over all machines; the API calls it the job's.
    pub number: i64,
    /// What is being done: `install`, `upgrade`, `boot`, or what a producer calls it.
    pub action: String,
    /// Who reports it first.
    pub origin: String,
    /// The machine's profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When the server heard of it first.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed; empty where it has not.
    #[serde(default)]
    pub error: String,
    /// The step that failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<String>,
    /// Steps that are going on, the outermost first.
    #[serde(default)]
    pub open: Vec<OpenStep>,
    /// Finished steps below the root, in their order.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// How far the whole has come, where a producer tells it: 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f32>,
    /// Whether its steps have been learnt from.
    #[serde(default)]
    pub(super) is_learnt: bool,
    /// Where the machine stood before; one that came to no end has failed.
    #[serde(default)]
    pub(super) before: Option<Standing>,
    /// What has been seen of it: tells the machine's next attempt from the rest of this one.
    #[serde(default)]
    pub(super) seen: Seen,
}

/// Which of the beginnings of an attempt have been seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// It asked what to boot.
    #[serde(default)]
    pub(super) boot: bool,
    /// It posted its hardware, in this start of the machine.
    #[serde(default)]
    pub(super) upload: Option<String>,
    /// The start of the root was reported.
    #[serde(default)]
    pub(super) root: Option<Timestamp>,
    /// In which start of the machine that was.
    #[serde(default)]
    pub(super) root_boot: Option<String>,
    /// The first message of a producer that has only messages.
    #[serde(default)]
    pub(super) message: Option<String>,
}

impl Deployment {
    /// One that begins now.
    pub(super) fn begin(number: i64, action: &str, origin: &str, started: Timestamp) -> Deployment {
        Deployment {
            number,
            action: action.to_owned(),
            origin: origin.to_owned(),
            profile: None,
            status: Status::Running,
            started,
            ended: None,
            error: String::new(),
            failed_step: None,
            open: Vec::new(),
            stages: Vec::new(),
            percent: None,
            is_learnt: false,
            before: None,
            seen: Seen::default(),
        }
    }

    /// The innermost step that is going on.
    pub fn step(&self) -> Option<&OpenStep> {
        self.open.last()
    }

    /// A step begins.
    pub(super) fn start(&mut self, step: OpenStep) {
        if self.open.len() == MOST_STEPS {
            self.open.remove(0);
        }
        self.open.push(step);
    }

    /// A step ends, and with it what it holds and was never finished. Gives how long it took.
    ///
    /// Names are not unique: the last one that started ends (wire-formats 2.3).
    pub(super) fn finish(
        &mut self,
        name: &str,
        result: StepResult,
        happened: Timestamp,
    ) -> Option<SignedDuration> {
        let at = self.open.iter().rposition(|step| step.name == name);
        let started = at.map(|at| {
            let started = self.open[at].started;
            let mut index = 0;
            self.open.retain(|step| {
                let ends = index == at || (index > at && is_below(&step.name, name));
                index += 1;
                !ends
            });
            started
        });
        let took = started.map(|started| happened.duration_since(started));
        let took = took.filter(|took| !took.is_negative());
        self.keep_stage(name, took.unwrap_or_default(), result);
        took
    }

    fn keep_stage(&mut self, name: &str, took: SignedDuration, result: StepResult) {
        let Some(stage) = stage_of(name) else { return };
        self.stages.retain(|known| known.name != stage);
        if self.stages.len() < MOST_STEPS {
            self.stages.push(Stage {
                name: stage.to_owned(),
                took,
                result,
            });
        }
    }

    /// The step fails: the first to do so is the one to look at, unless one inside it told before.
    pub(super) fn fail_at(&mut self, name: &str, why: &str) {
        if self.failed_step.is_none() {
            self.failed_step = Some(name.to_owned());
            self.error = why.to_owned();
        }
    }

    /// Nothing more is to come. A step that is going on has ended well with the whole: our client says that
    /// it is installed from within its last one.
    pub(super) fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.ended = Some(at);
        let open = std::mem::take(&mut self.open);
        if status == Status::Complete {
            for step in open {
                let took = at.duration_since(step.received);
                self.keep_stage(&step.name, took, StepResult::Success);
            }
            self.percent = None;
            self.error.clear();
            self.failed_step = None;
        }
    }
}

/// Whether a name is that of a step inside `parent`.
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The name below the root, where the step is just below it.
pub(super) fn stage_of(name: &str) -> Option<&str> {
    let (_, stage) = name.split_once('/')?;
    (!stage.is_empty() && !stage.contains('/')).then_some(stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn step(name: &str, second: i64) -> OpenStep {
        OpenStep {
            name: name.to_owned(),
            description: String::new(),
            started: at(second),
            received: at(second),
            percent: None,
            told: None,
        }
    }

    #[test]
    fn the_last_of_two_steps_with_one_name_ends_first() {
        let mut one = Deployment::begin(1, "install", "curtin", at(0));
        one.start(step("cmd-install/x", 1));
        one.start(step("cmd-install/x", 3));
        let inner = one.finish("cmd-install/x", StepResult::Success, at(5));
        let outer = one.finish("cmd-install/x", StepResult::Success, at(6));
        assert_eq!(inner, Some(SignedDuration::from_secs(2)));
        assert_eq!(outer, Some(SignedDuration::from_secs(5)));
        assert!(one.open.is_empty());
    }

    #[test]
    fn a_missing_finish_comes_with_that_of_the_parent() {
        let mut one = Deployment::begin(1, "install", "edeploy", at(0));
        for (name, second) in [
            ("install", 0),
            ("install/sync", 1),
            ("install/sync/rsync", 2),
        ] {
            one.start(step(name, second));
        }
        one.finish("install/sync", StepResult::Success, at(9));
        assert_eq!(one.step().map(|step| step.name.as_str()), Some("install"));
        assert_eq!(one.stages.len(), 1);
        assert_eq!(one.stages[0].took, SignedDuration::from_secs(8));
    }

    #[test]
    fn a_finish_without_a_start_is_a_stage_of_no_length() {
        let mut one = Deployment::begin(1, "boot", "cloudinit", at(0));
        assert_eq!(
            one.finish("boot/init-local", StepResult::Success, at(3)),
            None
        );
        assert_eq!(one.stages[0].took, SignedDuration::ZERO);
    }

    #[test]
    fn what_goes_on_when_the_whole_ends_well_has_ended_well() {
        let mut one = Deployment::begin(1, "install", "edeploy", at(0));
        one.start(step("install", 0));
        one.start(step("install/finish", 4));
        one.end(Status::Complete, at(9));
        assert_eq!(one.step(), None);
        assert_eq!(one.stages.len(), 1);
        assert_eq!(one.stages[0].took, SignedDuration::from_secs(5));
        let mut failed = Deployment::begin(2, "install", "edeploy", at(0));
        failed.start(step("install/sync", 4));
        failed.end(Status::Errored, at(9));
        assert_eq!(failed.stages, []);
    }

    #[test]
    fn the_step_inside_is_the_one_to_look_at() {
        let mut one = Deployment::begin(1, "install", "edeploy", at(0));
        one.fail_at("install/configure/mkfs", "no such option");
        one.fail_at("install/configure", "a command failed");
        assert_eq!(one.error, "no such option");
        assert_eq!(one.failed_step.as_deref(), Some("install/configure/mkfs"));
    }
}
