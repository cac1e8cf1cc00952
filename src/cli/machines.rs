//! Machines as the server's API tells of them, and as lines.

use jiff::Timestamp;
use serde::Deserialize;

use crate::events::in_words;

use super::answer::Style;
use super::table::{Table, cut};

/// How many characters a bar has.
const BAR: usize = 10;

/// A machine of `/api/v1/status`. Fields that a later server adds are left alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Machine {
    pub(super) machine: String,
    pub(super) profile: Option<String>,
    pub(super) datacenter: Option<String>,
    standing: String,
    #[serde(default)]
    action: String,
    status: Option<String>,
    pub(super) job: Option<i64>,
    step: Option<String>,
    progress: Option<Progress>,
    #[serde(default)]
    last_message: String,
    last_update: Timestamp,
    started: Option<Timestamp>,
    seconds: Option<u64>,
    diagnosis: Option<Diagnosis>,
}

#[derive(Debug, Clone, Deserialize)]
struct Progress {
    percent: f32,
    seconds_left: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Diagnosis {
    finding: String,
    what: String,
    next: String,
}

impl Machine {
    fn style(&self) -> Style {
        match (&self.diagnosis, self.standing.as_str()) {
            (Some(_), _) => Style::Bad,
            (None, "installed") => Style::Good,
            (None, "released") => Style::Weak,
            _ => Style::Plain,
        }
    }

    /// The bar with what is left of the time, or a word for where the machine stands.
    fn progress(&self) -> String {
        let word = match &self.diagnosis {
            Some(diagnosis) => diagnosis.finding.replace('_', " "),
            None => String::new(),
        };
        let Some(progress) = &self.progress else {
            return match word.as_str() {
                "" => self.standing.clone(),
                _ => word,
            };
        };
        let left = progress.seconds_left.filter(|_| word.is_empty());
        let left = left.map(|seconds| format!("{} left", lasted(seconds)));
        let bar = bar(progress.percent);
        format!("{bar} {}", left.unwrap_or(word))
            .trim_end()
            .to_owned()
    }

    /// What it said last, and the step it is at.
    fn message(&self) -> String {
        let stage = self.step.as_deref().and_then(|step| step.rsplit_once('/'));
        match (self.last_message.as_str(), &self.step, stage) {
            ("", Some(step), _) => step.clone(),
            (message, _, Some((_, stage))) => format!("{stage}: {message}"),
            (message, _, None) => message.to_owned(),
        }
    }

    /// How long its newest deployment took, or has taken up to now.
    fn duration(&self, now: Timestamp) -> String {
        let is_open = matches!(self.status.as_deref(), Some("Queued" | "Running"));
        match (self.started.filter(|_| is_open), self.seconds) {
            (Some(started), _) => in_words(now.duration_since(started)),
            (None, Some(seconds)) => lasted(seconds),
            (None, None) => String::new(),
        }
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        vec![
            self.machine.clone(),
            self.action.clone(),
            self.progress(),
            self.message(),
            format!("{} ago", in_words(now.duration_since(self.last_update))),
            self.duration(now),
        ]
    }

    /// The machine as one plain line.
    pub(super) fn line(&self) -> String {
        let step = self.step.as_deref().unwrap_or_default();
        let words = [
            &format!("{:.0}", self.last_update),
            self.machine.as_str(),
            self.action.as_str(),
            &self.progress(),
            step,
            self.last_message.as_str(),
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join("  ").replace('\n', " ")
    }
}

fn lasted(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    in_words(jiff::SignedDuration::from_secs(seconds))
}

fn bar(percent: f32) -> String {
    let percent = if percent.is_finite() {
        percent.clamp(0.0, 100.0)
    } else {
        0.0
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 100"
    )]
    let whole = percent as usize;
    let full = whole * BAR / 100;
    format!(
        "[{}{}] {whole:>3}%",
        "#".repeat(full),
        "-".repeat(BAR - full)
    )
}

/// The table of machines, with what is wrong and what to do below it.
pub(super) fn lines(
    machines: &[Machine],
    now: Timestamp,
    width: Option<usize>,
) -> Vec<(Style, String)> {
    let head = [
        "Machine",
        "Action",
        "Progress",
        "Last message",
        "Last update",
        "Total duration",
    ];
    let mut table = Table::new(&head, 3);
    for machine in machines {
        table.row(machine.style(), &machine.cells(now));
    }
    let mut lines = table.lines(width);
    for machine in machines {
        let Some(diagnosis) = &machine.diagnosis else {
            continue;
        };
        let cut = |line: String| width.map_or(line.clone(), |width| cut(&line, width));
        let what = diagnosis.what.lines().collect::<Vec<_>>().join(" ");
        lines.push((Style::Plain, String::new()));
        lines.push((Style::Bad, cut(format!("{}: {what}", machine.machine))));
        lines.push((Style::Plain, cut(format!("  next: {}", diagnosis.next))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(more: &serde_json::Value) -> Machine {
        let mut json = json!({
            "machine": "node1", "standing": "installing", "action": "install", "status": "Running",
            "last_update": "2026-11-21T10:00:00Z", "started": "2026-11-21T09:58:00Z", "seconds": 90,
            "is_known": true, "since": "2026-11-21T09:58:00Z",
        });
        for (key, value) in more.as_object().unwrap() {
            json[key] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-21T10:00:30Z".parse().unwrap()
    }

    #[test]
    fn a_machine_is_a_row_with_a_bar() {
        let one = machine(&json!({
            "progress": {"percent": 45.7, "seconds_left": 600}, "step": "install/sync", "last_message": "3 MB",
        }));
        let lines = lines(&[one], now(), None);
        assert_eq!(
            lines[1],
            (
                Style::Plain,
                "node1    install  [####------]  45% 10 min left  sync: 3 MB    30 s ago     2 min"
                    .to_owned()
            )
        );
    }

    #[test]
    fn what_is_wrong_and_what_to_do_stand_below() {
        let stuck = machine(&json!({
            "step": "install/sync", "progress": {"percent": 20.0},
            "diagnosis": {"finding": "never_came_back", "since": "2026-11-21T09:00:00Z", "what": "silent", "next": "look"},
        }));
        let lines = lines(&[stuck], now(), None);
        assert_eq!(lines[1].0, Style::Bad);
        assert!(
            lines[1]
                .1
                .contains("[##--------]  20% never came back  install/sync"),
            "{lines:?}"
        );
        assert_eq!(lines[3].1, "node1: silent");
        assert_eq!(lines[4].1, "  next: look");
    }

    #[test]
    fn a_bar_is_never_longer_than_itself() {
        for percent in [f32::NAN, -5.0, 0.0, 99.9, 100.0, 1e9] {
            assert_eq!(bar(percent).len(), BAR + 7, "{percent}");
        }
    }
}
