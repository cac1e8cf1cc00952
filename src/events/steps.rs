//! The steps of one deployment with their times, from its events. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::meaning::SERVER;
use super::store::EventRow;
use crate::model::StepResult;

/// One step of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its name, parents first.
    pub name: String,
    /// When it started, by the producer's clock; none where only its end was told.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// How it ended; none while it goes on, and where only its parent's end was told.
    pub result: Option<StepResult>,
    /// The last that was said of it.
    pub description: String,
}

impl Step {
    fn of(row: &EventRow) -> Step {
        Step {
            name: row.name.clone(),
            started: None,
            ended: None,
            seconds: None,
            result: None,
            description: row.description.clone(),
        }
    }

    fn end(&mut self, at: Timestamp, result: Option<StepResult>) {
        let took = self.started.map(|started| at.duration_since(started));
        // A clock that was set back while the step went on says nothing of its length.
        let took = took.filter(|took| !took.is_negative());
        self.seconds = took.map(|took| took.as_secs_f64());
        self.ended = Some(at);
        self.result = result;
    }
}

/// From the boot script to the machine's hardware: firmware, kernel, ramdisk, and the first steps of the client.
const BOOT: &str = "boot";

/// A step that goes on.
struct Open {
    index: usize,
    /// When its start came in, by the server's clock.
    received: Timestamp,
}

/// The steps that these events, the oldest first, are the starts and ends of. Names are not unique: the
/// last one that started ends first; what a parent holds ends with it, and the rest with the deployment at
/// `ended`.
///
/// What is before the machine's own words is a step too, `boot`, by the server's clock.
pub fn steps(events: &[EventRow], ended: Option<Timestamp>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for row in events {
        match (row.origin.as_str(), row.name.as_str(), row.kind.as_str()) {
            (SERVER, "boot/install", _) => start(&mut steps, &mut open, row, BOOT),
            (SERVER, "upload", "finish") if is_open(&steps, &open, BOOT) => {
                finish(&mut steps, &mut open, row, BOOT);
            }
            (_, name, "start") => start(&mut steps, &mut open, row, name),
            (_, name, "finish") => finish(&mut steps, &mut open, row, name),
            _ => {}
        }
    }
    if let Some(ended) = ended {
        for one in &open {
            // The machine's clock may be another than the server's.
            let went_on = ended.duration_since(one.received);
            let step = &mut steps[one.index];
            let at = step.started.and_then(|at| at.checked_add(went_on).ok());
            step.end(at.unwrap_or(ended), None);
        }
    }
    steps
}

fn is_open(steps: &[Step], open: &[Open], name: &str) -> bool {
    open.iter().any(|one| steps[one.index].name == name)
}

fn start(steps: &mut Vec<Step>, open: &mut Vec<Open>, row: &EventRow, name: &str) {
    open.push(Open {
        index: steps.len(),
        received: row.received,
    });
    steps.push(Step {
        name: name.to_owned(),
        started: Some(row.happened),
        ..Step::of(row)
    });
}

fn finish(steps: &mut Vec<Step>, open: &mut Vec<Open>, row: &EventRow, name: &str) {
    let Some(at) = open.iter().rposition(|one| steps[one.index].name == name) else {
        let mut step = Step::of(row);
        step.end(row.happened, row.result);
        steps.push(step);
        return;
    };
    let index = open.remove(at).index;
    if !row.description.is_empty() {
        steps[index].description.clone_from(&row.description);
    }
    steps[index].end(row.happened, row.result);
    let inside = format!("{name}/");
    let mut place = 0;
    open.retain(|one| {
        place += 1;
        let ends = place > at && steps[one.index].name.starts_with(&inside);
        if ends {
            steps[one.index].end(row.happened, None);
        }
        !ends
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    fn row(second: i64, name: &str, kind: &str, result: Option<StepResult>) -> EventRow {
        let at = Timestamp::from_second(1_795_000_000 + second).unwrap();
        EventRow {
            id: second,
            machine: "node1".to_owned(),
            job: Some(1),
            received: at,
            happened: at,
            origin: "curtin".to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            result,
            level: Level::Info,
            percent: None,
            description: String::new(),
        }
    }

    #[test]
    fn steps_of_one_name_end_in_the_order_of_a_stack() {
        let ok = Some(StepResult::Success);
        let steps = steps(
            &[
                row(0, "cmd-install/x", "start", None),
                row(2, "cmd-install/x", "start", None),
                row(5, "cmd-install/x", "finish", ok),
                row(9, "cmd-install/x", "finish", ok),
            ],
            None,
        );
        let seconds: Vec<_> = steps.iter().map(|step| step.seconds).collect();
        assert_eq!(seconds, [Some(9.0), Some(3.0)]);
    }

    #[test]
    fn what_goes_on_when_the_deployment_ends_ends_with_it_whatever_its_clock_says() {
        let mut sync = row(5, "install/sync", "start", None);
        sync.happened = Timestamp::from_second(5).unwrap();
        let ended = Timestamp::from_second(1_795_000_035).unwrap();
        let told = |ended| {
            let steps = steps(std::slice::from_ref(&sync), ended);
            (steps[0].seconds, steps[0].ended.is_some(), steps[0].result)
        };
        assert_eq!(told(None), (None, false, None));
        assert_eq!(told(Some(ended)), (Some(30.0), true, None));
    }

    #[test]
    fn the_way_to_the_server_is_a_step_of_its_own() {
        let ok = Some(StepResult::Success);
        let server = |row: EventRow| EventRow {
            origin: SERVER.to_owned(),
            ..row
        };
        let boot = server(row(0, "boot/install", "note", None));
        let upload = || server(row(20, "upload", "finish", ok));
        let told = |rows: &[EventRow]| {
            let steps = steps(rows, None);
            let told = steps
                .into_iter()
                .map(|step| (step.name, step.seconds, step.result));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[boot, upload()]),
            [("boot".to_owned(), Some(20.0), ok)]
        );
        assert_eq!(told(&[upload()]), [("upload".to_owned(), None, ok)]);
    }

    #[test]
    fn a_parent_ends_what_it_holds_and_a_lone_finish_has_no_length() {
        let fail = Some(StepResult::Fail);
        let steps = steps(
            &[
                row(0, "install", "start", None),
                row(1, "install/sync", "start", None),
                row(4, "boot/init-local", "finish", fail),
                row(7, "install", "finish", fail),
            ],
            None,
        );
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.name.as_str(), step.seconds, step.result))
            .collect();
        assert_eq!(
            told,
            [
                ("install", Some(7.0), fail),
                ("install/sync", Some(6.0), None),
                ("boot/init-local", None, fail),
            ]
        );
    }
}
