//! How long the steps of a profile usually take, and what follows for one that is going on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::deployment::{Deployment, Stage, stage_of};
use super::standing::Status;

/// How much a newer deployment counts against all before it.
const WEIGHT: f64 = 0.3;

/// A step that takes longer than usual is not shown as done.
const ALMOST: f64 = 0.97;

/// The steps of our own client, each with its share of an installation in percent: what is shown of the first
/// machine of a profile. A role of some GB over the network takes the most of it.
const FIRST: [(&str, f64); 8] = [
    ("network", 3.0),
    ("detect", 1.0),
    ("upload", 1.0),
    ("configure", 15.0),
    ("sync", 60.0),
    ("files", 1.0),
    ("bootloader", 15.0),
    ("finish", 4.0),
];

/// What one step usually takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsualStage {
    /// Its name below the root.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// What the deployments of one profile have taught.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// How many deployments.
    pub count: u32,
    /// Steps in the order of the last deployment.
    pub stages: Vec<UsualStage>,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: f32,
    /// What is left, if it goes on as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
}

impl Usual {
    /// Learns from a deployment that ended well: newer ones count more.
    pub(super) fn learn(&mut self, stages: &[Stage]) {
        let learnt = stages.iter().filter(|stage| !stage.took.is_negative());
        self.stages = learnt
            .map(|stage| {
                let took = stage.took.as_secs_f64();
                let before = self.seconds_of(&stage.name);
                UsualStage {
                    name: stage.name.clone(),
                    seconds: before.map_or(took, |before| before + WEIGHT * (took - before)),
                }
            })
            .collect();
        self.count += 1;
    }

    /// What a step below the root usually takes, in seconds.
    fn seconds_of(&self, stage: &str) -> Option<f64> {
        let known = self.stages.iter().find(|known| known.name == stage);
        known.map(|known| known.seconds)
    }

    /// What the step that is going on usually takes.
    pub(super) fn of_step(&self, deployment: &Deployment) -> Option<Duration> {
        let step = deployment
            .open
            .iter()
            .find_map(|step| stage_of(&step.name))?;
        Duration::try_from_secs_f64(self.seconds_of(step)?).ok()
    }

    /// How far a deployment is: what its producer says, else what is learnt, else a rough guess without a time.
    pub fn progress(&self, deployment: &Deployment, now: Timestamp) -> Option<Progress> {
        match deployment.status {
            Status::Complete => {
                return Some(Progress {
                    percent: 100.0,
                    seconds_left: None,
                });
            }
            Status::Queued => {
                return Some(Progress {
                    percent: 0.0,
                    seconds_left: None,
                });
            }
            Status::Running | Status::Errored => {}
        }
        let told = deployment.percent.map(|percent| Progress {
            percent: percent.clamp(0.0, 100.0),
            seconds_left: None,
        });
        told.or_else(|| self.estimate(deployment, now))
            .or_else(|| first(deployment))
    }

    fn estimate(&self, deployment: &Deployment, now: Timestamp) -> Option<Progress> {
        let total: f64 = self.stages.iter().map(|stage| stage.seconds).sum();
        if total <= 0.0 {
            return None;
        }
        let is_done = |name: &str| deployment.stages.iter().any(|stage| stage.name == name);
        let mut done = 0.0;
        for stage in &self.stages {
            done += match is_done(&stage.name) {
                true => stage.seconds,
                false => part_done(deployment, &stage.name, stage.seconds, now),
            };
        }
        let left = (total - done).max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
        let percent = (100.0 * done / total).min(99.0) as f32;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; too large is as good as the largest"
        )]
        let seconds = left.round() as u64;
        Some(Progress {
            percent,
            seconds_left: deployment.status.is_open().then_some(seconds),
        })
    }
}

/// How far the first machine of a profile is, where our client installs it.
fn first(deployment: &Deployment) -> Option<Progress> {
    if deployment.origin != "edeploy" {
        return None;
    }
    let share = |(name, share): &(&str, f64)| {
        let is_done = deployment.stages.iter().any(|stage| stage.name == *name);
        let mut open = deployment.open.iter();
        let open = open.find(|step| stage_of(&step.name) == Some(name));
        let percent = open.and_then(|step| step.percent);
        match (is_done, percent) {
            (true, _) => *share,
            (false, percent) => share * f64::from(percent.unwrap_or(0.0).clamp(0.0, 100.0)) / 100.0,
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
    let percent = FIRST.iter().map(share).sum::<f64>().min(99.0) as f32;
    Some(Progress {
        percent,
        seconds_left: None,
    })
}

/// How much of a step that is going on is done, in seconds of what it usually takes.
fn part_done(deployment: &Deployment, stage: &str, usual: f64, now: Timestamp) -> f64 {
    let open = deployment
        .open
        .iter()
        .find(|step| stage_of(&step.name) == Some(stage));
    let Some(step) = open else { return 0.0 };
    let told = step.percent.unwrap_or(0.0).clamp(0.0, 100.0);
    // Until it was told how far it is, the clock was believed: what was shown is not taken back.
    let until = step.told.unwrap_or(now);
    let elapsed = until.duration_since(step.received);
    let elapsed = elapsed.max(SignedDuration::ZERO).as_secs_f64();
    elapsed
        .min(usual * ALMOST)
        .max(usual * f64::from(told) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::deployment::OpenStep;
    use crate::model::StepResult;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn stage(name: &str, seconds: i64) -> Stage {
        Stage {
            name: name.to_owned(),
            took: SignedDuration::from_secs(seconds),
            result: StepResult::Success,
        }
    }

    fn going_on(step: &str, since: i64) -> Deployment {
        let mut one = Deployment::begin(1, "install", "edeploy", at(0));
        one.stages = vec![stage("upload", 1)];
        one.open = vec![OpenStep {
            name: format!("install/{step}"),
            description: String::new(),
            started: at(since),
            received: at(since),
            percent: None,
            told: None,
        }];
        one
    }

    #[test]
    fn what_was_learnt_gives_percent_and_time_left() {
        let mut usual = Usual::default();
        usual.learn(&[
            stage("upload", 10),
            stage("sync", 80),
            stage("bootloader", 10),
        ]);
        let progress = usual.progress(&going_on("sync", 10), at(50)).unwrap();
        assert_eq!(progress.percent.round(), 50.0);
        assert_eq!(progress.seconds_left, Some(50));
    }

    #[test]
    fn a_step_that_takes_too_long_is_not_called_done() {
        let mut usual = Usual::default();
        usual.learn(&[stage("upload", 10), stage("sync", 90)]);
        let progress = usual.progress(&going_on("sync", 10), at(5_000)).unwrap();
        assert!(progress.percent < 99.5, "{progress:?}");
    }

    #[test]
    fn what_was_shown_is_not_taken_back_when_a_step_tells_how_far_it_is() {
        let mut usual = Usual::default();
        usual.learn(&[stage("upload", 10), stage("sync", 90)]);
        let mut one = going_on("sync", 0);
        let percent = |one: &Deployment, second| usual.progress(one, at(second)).unwrap().percent;
        assert_eq!(percent(&one, 18).round(), 28.0);
        one.open[0].comes_to(10.0, at(18));
        assert_eq!(percent(&one, 40).round(), 28.0);
        one.open[0].comes_to(5.0, at(50));
        assert_eq!(one.open[0].percent, Some(10.0));
        one.open[0].comes_to(50.0, at(60));
        assert_eq!(percent(&one, 60).round(), 55.0);
    }

    #[test]
    fn the_first_machine_of_a_profile_has_a_bar_without_a_time() {
        let mut one = going_on("sync", 0);
        let progress = |one: &Deployment| Usual::default().progress(one, at(9));
        one.open[0].comes_to(50.0, at(9));
        let told = progress(&one).unwrap();
        assert_eq!((told.percent.round(), told.seconds_left), (31.0, None));
        one.origin = "curtin".to_owned();
        assert_eq!(progress(&one), None);
    }

    #[test]
    fn newer_deployments_count_more() {
        let mut usual = Usual::default();
        for seconds in [100, 10, 10, 10, 10, 10, 10] {
            usual.learn(&[stage("sync", seconds)]);
        }
        assert!(usual.stages[0].seconds < 25.0, "{usual:?}");
        assert_eq!(usual.count, 7);
    }
}
