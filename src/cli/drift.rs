//! `edeployctl drift`: how machines' files differ from their roles.

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Changed, Drift as Told};

use super::answer::{Answer, Exit, Failure, Style};
use super::output::terminal_width;
use super::remote::{Remote, encoded};
use super::table::Table;

/// Show how machines' files differ from the roles that were installed, as `edeploy verify --report` told
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl drift
  edeployctl drift -m srv11
  edeployctl drift --json

A machine is stale if it was installed or upgraded since it told.")]
pub(super) struct Drift {
    /// The paths of this machine, by name, serial, uuid, MAC or hostname
    #[arg(short = 'm', long = "machine", value_name = "M")]
    machine: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Deserialize)]
struct Fleet {
    versions: Vec<Version>,
    never_verified: Vec<String>,
    machines: Vec<One>,
    paths: Vec<Path>,
}

#[derive(Debug, Deserialize)]
struct Version {
    role: String,
    version: String,
    clean: u64,
    changed: u64,
    stale: u64,
}

#[derive(Debug, Deserialize)]
struct Path {
    path: String,
    aspect: String,
    machines: u64,
    example: String,
}

#[derive(Debug, Deserialize)]
struct One {
    machine: String,
    state: String,
    at: Timestamp,
    #[serde(flatten)]
    told: Told,
}

#[derive(Debug, Deserialize)]
struct Whole {
    at: Timestamp,
    is_stale: bool,
    #[serde(flatten)]
    told: Told,
}

impl Drift {
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        match &self.machine {
            Some(machine) => self.of_machine(machine),
            None => self.of_fleet(),
        }
    }

    fn of_fleet(&self) -> Result<Answer, Failure> {
        let (json, fleet): (_, Fleet) = self.remote.json("/api/v1/drift", &[])?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        if fleet.machines.is_empty() {
            answer.say(
                Style::Plain,
                "no machine told yet: `edeploy verify --report` does",
            );
        } else {
            let tables = [
                versions(fleet.versions),
                paths(fleet.paths),
                machines(fleet.machines),
            ];
            for (at, table) in tables.into_iter().flatten().enumerate() {
                if at > 0 {
                    answer.lines.push((Style::Plain, String::new()));
                }
                answer.lines.extend(table.lines(terminal_width()));
            }
        }
        if !fleet.never_verified.is_empty() {
            let names = fleet.never_verified.join(", ");
            answer.say(Style::Weak, &format!("never verified: {names}"));
        }
        Ok(answer)
    }

    fn of_machine(&self, machine: &str) -> Result<Answer, Failure> {
        let path = format!("/api/v1/drift/{}", encoded(machine));
        let (json, whole): (_, Whole) = self.remote.json(&path, &[])?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        let told = whole.told;
        let mut table = Table::new(&["What", "Path", "Is"], 2);
        for one in &told.differences {
            table.row(Style::Plain, &cells(one));
        }
        if !told.differences.is_empty() {
            answer.lines = table.lines(terminal_width());
        }
        if told.left_out > 0 {
            answer.say(
                Style::Weak,
                &format!("{} more were left out", told.left_out),
            );
        }
        let stale = match whole.is_stale {
            true => "; it was installed or upgraded since",
            false => "",
        };
        let sum = format!(
            "{} {}, {:.0}: {}{stale}",
            told.role,
            told.version,
            whole.at,
            told.in_words()
        );
        answer.say(Style::Plain, &sum);
        Ok(answer)
    }
}

fn cells(one: &Changed) -> [String; 3] {
    [
        one.aspect.name().to_owned(),
        plain(&one.path),
        one.in_words(),
    ]
}

fn versions(rows: Vec<Version>) -> Option<Table> {
    let mut table = Table::new(&["Role", "Version", "Clean", "Changed", "Stale"], 0);
    for row in rows {
        let counts = [row.clean, row.changed, row.stale].map(|count| count.to_string());
        table.row(
            Style::Plain,
            &[&[row.role, row.version], counts.as_slice()].concat(),
        );
    }
    Some(table)
}

fn paths(rows: Vec<Path>) -> Option<Table> {
    let mut table = Table::new(&["Machines", "What", "Path", "On"], 2);
    let is_empty = rows.is_empty();
    for row in rows {
        let on = match row.machines {
            1 => row.example,
            more => format!("{} and {} more", row.example, more - 1),
        };
        let number = row.machines.to_string();
        table.row(Style::Plain, &[number, row.aspect, plain(&row.path), on]);
    }
    (!is_empty).then_some(table)
}

fn machines(rows: Vec<One>) -> Option<Table> {
    let mut table = Table::new(
        &["Machine", "State", "Role", "Version", "Differences", "Told"],
        4,
    );
    for row in rows {
        let style = match row.state.as_str() {
            "changed" => Style::Bad,
            "clean" => Style::Good,
            _ => Style::Weak,
        };
        let told = row.told;
        let cells = [
            row.machine,
            row.state,
            told.role.to_string(),
            told.version.to_string(),
            told.in_words(),
            format!("{:.0}", row.at),
        ];
        table.row(style, &cells);
    }
    Some(table)
}

/// A path as people write it: `/etc/hosts` for `./etc/hosts`.
fn plain(path: &str) -> String {
    match path.strip_prefix('.') {
        Some("") => "/".to_owned(),
        Some(rest) => rest.to_owned(),
        None => path.to_owned(),
    }
}
