//! What tables show, as texts: machines, changes of their standing, steps.

use jiff::{SignedDuration, Timestamp};

use crate::events::{MachineView, Step, Transition, in_words};
use crate::model::StepResult;

use super::encoded;

/// How much of a message a table shows.
const LONGEST_MESSAGE: usize = 160;

/// A machine in a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) machine: String,
    pub(super) link: String,
    /// Its name and its page.
    pub(super) profile: Option<(String, String)>,
    pub(super) standing: &'static str,
    pub(super) is_known: bool,
    pub(super) percent: Option<u8>,
    pub(super) left: Option<String>,
    pub(super) step: Option<String>,
    pub(super) message: String,
    pub(super) wrong: Option<String>,
    pub(super) updated: String,
    pub(super) ago: String,
    pub(super) took: String,
}

impl Row {
    pub(super) fn of(view: MachineView, now: Timestamp) -> Row {
        let section = view.section.as_deref().unwrap_or_default();
        let profile = view.profile.map(|name| {
            let link = profile_link(section, &name);
            (name, link)
        });
        let progress = view.progress.filter(|_| view.job.is_some());
        Row {
            link: machine_link(&view.machine),
            machine: view.machine,
            profile,
            standing: view.standing.word(),
            is_known: view.is_known,
            percent: progress.map(|it| whole(it.percent)),
            left: progress
                .and_then(|it| it.seconds_left)
                .map(seconds_in_words),
            step: view.step,
            message: cut(&view.last_message),
            wrong: view.diagnosis.map(|it| cut(&it.what)),
            updated: view.last_update.to_string(),
            ago: ago(view.last_update, now),
            took: view.seconds.map(seconds_in_words).unwrap_or_default(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100"
)]
fn whole(percent: f32) -> u8 {
    percent.clamp(0.0, 100.0).round() as u8
}

fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

pub(super) fn machine_link(machine: &str) -> String {
    format!("/machines/{}", encoded(machine))
}

pub(super) fn profile_link(section: &str, profile: &str) -> String {
    let path = format!("/profiles/{}", encoded(profile));
    match section {
        "" => path,
        section => format!("{path}?section={}", encoded(section)),
    }
}

/// How long ago, as people say it.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", in_words(now.duration_since(at)))
}

pub(super) fn seconds_in_words(seconds: u64) -> String {
    in_words(SignedDuration::from_secs(
        i64::try_from(seconds).unwrap_or(i64::MAX),
    ))
}

/// A change of a machine's standing in a table.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) when: String,
    pub(super) machine: String,
    pub(super) link: String,
    pub(super) profile: String,
    pub(super) action: String,
    pub(super) result: &'static str,
    pub(super) standing: &'static str,
    pub(super) previous: &'static str,
    pub(super) job: Option<i64>,
}

impl Line {
    pub(super) fn of(change: Transition) -> Line {
        Line {
            at: change.at.to_string(),
            when: change.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            link: machine_link(&change.machine),
            machine: change.machine,
            profile: change.profile.unwrap_or_default(),
            action: change.action,
            result: change.result.map_or("", StepResult::word),
            standing: change.standing.word(),
            previous: change.previous.word(),
            job: change.job,
        }
    }
}

/// A step in a table, and where its bar lies between 0 and 1000.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) words: String,
    pub(super) took: String,
    pub(super) result: &'static str,
    pub(super) class: &'static str,
    pub(super) from: String,
    pub(super) x: i64,
    pub(super) width: i64,
}

/// The bars of steps, over the time from the first start to the last end. A step of which only the end was
/// told is a moment.
pub(super) fn bars(steps: Vec<Step>, now: Timestamp) -> Vec<Bar> {
    let start_of = |step: &Step| step.started.or(step.ended);
    let end_of = |step: &Step| step.ended.unwrap_or(now);
    let (Some(first), Some(last)) = (
        steps.iter().filter_map(start_of).min(),
        steps.iter().map(end_of).max(),
    ) else {
        return Vec::new();
    };
    let whole = last.duration_since(first).as_millis().max(1);
    let share = |length: SignedDuration| {
        i64::try_from(length.as_millis().max(0) * 1000 / whole).unwrap_or(1000)
    };
    let bar = |step: Step| {
        let start = start_of(&step).unwrap_or(first);
        let from = start.duration_since(first);
        let took = end_of(&step)
            .duration_since(start)
            .max(SignedDuration::ZERO);
        let (class, result) = match (step.ended, step.result) {
            (None, _) => ("open", "running"),
            (_, Some(StepResult::Fail)) => ("fail", StepResult::Fail.word()),
            (_, result) => ("done", result.map_or("", StepResult::word)),
        };
        Bar {
            words: cut(&step.description),
            took: precisely(took),
            class,
            result,
            from: precisely(from),
            x: share(from).min(996),
            width: share(took).max(4),
            name: step.name,
        }
    };
    steps.into_iter().map(bar).collect()
}

/// A length with a tenth of a second where that tells something.
fn precisely(length: SignedDuration) -> String {
    let seconds = length.as_secs_f64();
    if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        in_words(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn step(name: &str, started: i64, ended: Option<i64>) -> Step {
        Step {
            name: name.to_owned(),
            started: Some(at(started)),
            ended: ended.map(at),
            seconds: None,
            result: None,
            description: String::new(),
        }
    }

    #[test]
    fn bars_lie_where_their_steps_lie_in_time() {
        let steps = vec![step("install", 0, None), step("install/sync", 50, Some(75))];
        let bars = bars(steps, at(100));
        assert_eq!((bars[0].x, bars[0].width, bars[0].class), (0, 1000, "open"));
        assert_eq!((bars[1].x, bars[1].width), (500, 250));
    }

    #[test]
    fn a_step_of_no_length_can_be_seen_and_none_leaves_its_row() {
        let moment = Step {
            started: None,
            ..step("c", 9, Some(9))
        };
        let steps = vec![step("a", 0, Some(0)), step("b", 0, Some(9)), moment];
        let bars = bars(steps, at(9));
        assert!(
            bars.iter()
                .all(|bar| bar.width >= 4 && bar.x + bar.width <= 1000)
        );
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(cut("a\nb"), "a");
        assert_eq!(cut(&"ü".repeat(500)).chars().count(), LONGEST_MESSAGE + 1);
    }
}
