//! `edeployctl timeline`: what became of machines, the newest first.

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{Answer, Exit, Failure, Style};
use super::output::terminal_width;
use super::remote::{Query, Remote};
use super::table::Table;

/// Show what became of machines: each change of what one is, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl timeline
  edeployctl timeline -m srv11 --since 7d
  edeployctl timeline --result fail --profile vm --json")]
pub(super) struct Timeline {
    /// Only these machines, by name, serial, uuid, MAC or hostname
    #[arg(short = 'm', long = "machine", value_name = "M", num_args = 1..)]
    machines: Vec<String>,
    /// Only of this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Only what ended so: success, warn, fail, skipped
    #[arg(long, value_name = "RESULT")]
    result: Option<String>,
    /// Not older than this: 2026-11-21T10:00:00Z, or 90s, 15m, 2h, 7d ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Go on from here: the number that the page before ended with
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// How many lines
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Deserialize)]
struct Page {
    timeline: Vec<Row>,
    next: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Row {
    machine: String,
    job: Option<i64>,
    at: Timestamp,
    profile: Option<String>,
    action: String,
    result: Option<String>,
    standing: String,
    previous: String,
}

impl Timeline {
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (json, page): (_, Page) = self.remote.json("/api/v1/timeline", &self.query())?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        let head = [
            "Time", "Machine", "Action", "Result", "Was", "Is", "Profile", "Job",
        ];
        let mut table = Table::new(&head, 1);
        for row in page.timeline {
            table.row(row.style(), &row.cells());
        }
        answer.lines = table.lines(terminal_width());
        if let Some(next) = page.next {
            answer.say(Style::Weak, &format!("older ones: --before {next}"));
        }
        Ok(answer)
    }

    fn query(&self) -> Query<'static> {
        let mut query: Query<'static> = Vec::new();
        query.extend(self.machines.iter().map(|it| ("machine", it.clone())));
        for (key, value) in [
            ("profile", &self.profile),
            ("result", &self.result),
            ("since", &self.since),
            ("until", &self.until),
        ] {
            query.extend(value.iter().map(|it| (key, it.clone())));
        }
        query.extend(self.before.map(|before| ("before", before.to_string())));
        query.push(("limit", self.limit.to_string()));
        query
    }
}

impl Row {
    fn style(&self) -> Style {
        match self.result.as_deref() {
            Some("fail") => Style::Bad,
            Some("success") => Style::Good,
            _ => Style::Plain,
        }
    }

    fn cells(self) -> Vec<String> {
        vec![
            format!("{:.0}", self.at),
            self.machine,
            self.action,
            self.result.unwrap_or_default(),
            self.previous,
            self.standing,
            self.profile.unwrap_or_default(),
            self.job.map_or_else(String::new, |job| job.to_string()),
        ]
    }
}
