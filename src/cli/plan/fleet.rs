//! `edeployctl plan --fleet`: every recorded machine of a directory, as if they posted in its order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::allocation::{self, Explanation};
use crate::cli::answer::{Answer, Exit, Failure, Style};
use crate::cli::input;
use crate::configure::engine::Script;
use crate::configure::plan::Summary;
use crate::model::{CmdbEntry, Facts, ProfileName};
use crate::planner::{Planner, Reported, Request};

/// How much of a hash is shown: enough to see that two differ.
const HASH_SHOWN: usize = 12;

/// How many machines a reason names that several share.
const NAMED: usize = 10;

/// A recorded machine and what became of it.
struct Machine {
    file: String,
    /// Whether its hardware could be read.
    is_read: bool,
    /// Its name, where its hardware could be read.
    name: Option<String>,
    /// The profile that it would be given.
    profile: Option<ProfileName>,
    /// Its plan, or why it has none.
    plan: Result<Reported, Failure>,
}

/// The fleet as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    planned: usize,
    machines: Vec<Entry<'a>>,
}

/// One machine as JSON: with a plan, or with an error.
#[derive(Serialize)]
struct Entry<'a> {
    file: &'a str,
    machine: Option<&'a str>,
    profile: Option<&'a ProfileName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

impl Entry<'_> {
    fn of(machine: &Machine) -> Entry<'_> {
        let failure = machine.plan.as_ref().err();
        Entry {
            file: &machine.file,
            machine: machine.name.as_deref(),
            profile: machine.profile.as_ref(),
            plan: machine.plan.as_ref().ok().map(|plan| &*plan.report),
            error: failure.map(|failure| failure.error.as_str()),
            details: failure.map(|failure| &failure.facts),
        }
    }
}

/// Plans every machine that is recorded in `directory`.
pub(super) fn answer(directory: &Path, config: &Path) -> Result<Answer, Failure> {
    let (mut machines, mut fleet, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for path in recorded(directory)? {
        let read = input::read_hardware(&path).map(|(facts, more)| {
            fleet.push(facts);
            warnings.extend(more);
        });
        machines.push(Machine {
            file: input::name_of(&path),
            is_read: read.is_ok(),
            name: None,
            profile: None,
            plan: read.and_then(|()| Err(no_profile())),
        });
    }
    plan_all(config, &mut machines, &fleet)?;
    Ok(shown(&machines)?.warn(warnings))
}

/// The recorded machines of a directory, by name.
fn recorded(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = input::name_of(directory);
    let refused = |error| Failure::io("read", &name, &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("json" | "hw")) && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let error = format!("there is no recorded machine in `{name}`, no .json and no .hw");
        return Err(Failure::new(Exit::Input, error));
    }
    paths.sort();
    Ok(paths)
}

fn no_profile() -> Failure {
    Failure::new(
        Exit::Nothing,
        "the machine would be given no profile: see `explain`",
    )
}

/// Matches and plans the machines that could be read, which are those of `fleet`, in this order.
fn plan_all(config: &Path, machines: &mut [Machine], fleet: &[Facts]) -> Result<(), Failure> {
    let explained =
        allocation::explain_fleet(config, fleet).map_err(|error| Failure::allocate(&error))?;
    let mut scripts = BTreeMap::new();
    let mut given: Vec<(&mut Machine, &ProfileName, &CmdbEntry)> = Vec::new();
    let readable = machines.iter_mut().filter(|machine| machine.is_read);
    for (machine, explained) in readable.zip(&explained) {
        machine.name = Some(explained.machine.to_string());
        let Some((profile, variables)) = chosen(explained) else {
            continue;
        };
        machine.profile = Some(profile.clone());
        let read = || super::read_script(config, profile);
        match scripts.entry(profile).or_insert_with(read) {
            Ok(_) => given.push((machine, profile, variables)),
            Err(failure) => machine.plan = Err(failure.clone()),
        }
    }
    let requests = given.iter().filter_map(|(_, profile, variables)| {
        let (name, text) = scripts.get(profile)?.as_ref().ok()?;
        Some(Request {
            script: Script { name, text },
            profile,
            variables,
        })
    });
    let requests: Vec<Request<'_>> = requests.collect();
    let plans = Planner::default().report_all(&requests);
    for ((machine, ..), plan) in given.into_iter().zip(plans) {
        machine.plan = plan.map_err(|error| Failure::plan(&error));
    }
    Ok(())
}

fn chosen(explained: &Explanation) -> Option<(&ProfileName, &CmdbEntry)> {
    let given = explained.profiles.iter().find(|profile| profile.chosen)?;
    Some((&given.profile, given.variables.as_ref()?))
}

fn shown(machines: &[Machine]) -> Result<Answer, Failure> {
    let exits = machines
        .iter()
        .filter_map(|machine| machine.plan.as_ref().err());
    let exit = exits
        .map(|failure| failure.exit)
        .max_by_key(|exit| gravity(*exit));
    let planned: Vec<(&Machine, &Summary)> = machines
        .iter()
        .filter_map(|machine| Some((machine, &machine.plan.as_ref().ok()?.summary)))
        .collect();
    let listed = Listed {
        planned: planned.len(),
        machines: machines.iter().map(Entry::of).collect(),
    };
    let mut answer = Answer::new(exit.unwrap_or(Exit::Done), &listed)?;
    if !planned.is_empty() {
        for line in table(&planned) {
            answer.say(Style::Plain, &line);
        }
        answer.lines.push((Style::Plain, String::new()));
    }
    let count = format!(
        "{} of {} machines are planned",
        planned.len(),
        machines.len()
    );
    let all = planned.len() == machines.len();
    answer.say(if all { Style::Good } else { Style::Bad }, &count);
    for (text, files) in reasons(machines) {
        answer.lines.push((Style::Plain, String::new()));
        answer.say(Style::Bad, &format!("not planned: {}", named(&files)));
        answer.say(Style::Plain, text);
    }
    Ok(answer)
}

/// Of several ends the one that says most: that of the environment, then of the input, then of no match.
fn gravity(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::Nothing => 1,
        Exit::Input | Exit::Usage => 2,
        Exit::Busy => 3,
        Exit::Environment | Exit::JobFailed => 4,
    }
}

/// One line for each planned machine, below a line that says what is what.
fn table(planned: &[(&Machine, &Summary)]) -> Vec<String> {
    let heads = [
        "machine",
        "profile",
        "actions",
        "plan",
        "hash",
        "destroys data on",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(planned.iter().map(|(machine, summary)| {
        let profile = machine.profile.as_ref().map(ToString::to_string);
        let plan = if summary.partial {
            "partial"
        } else {
            "complete"
        };
        let destroys = match summary.destroys.as_slice() {
            [] => "nothing".to_owned(),
            disks => disks.join(", "),
        };
        [
            machine.name.clone().unwrap_or_default(),
            profile.unwrap_or_default(),
            summary.actions.to_string(),
            plan.to_owned(),
            summary.hash.chars().take(HASH_SHOWN).collect(),
            destroys,
        ]
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len() - 1).map(width).collect();
    let line = |row: &[String; 6]| -> String {
        let cells = row.iter().zip(&widths);
        let mut line: String = cells
            .map(|(cell, width)| format!("{cell:<width$}  "))
            .collect();
        line.push_str(&row[5]);
        line
    };
    rows.iter().map(line).collect()
}

/// Each reason why machines have no plan, once, with the files of all of them.
fn reasons(machines: &[Machine]) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for machine in machines {
        let Err(failure) = &machine.plan else {
            continue;
        };
        let text = failure.details.as_ref().unwrap_or(&failure.error);
        match reasons.iter_mut().find(|(known, _)| known == text) {
            Some((_, files)) => files.push(&machine.file),
            None => reasons.push((text, vec![&machine.file])),
        }
    }
    reasons
}

fn named(files: &[&str]) -> String {
    let shown = files.iter().take(NAMED).copied().collect::<Vec<_>>();
    match files.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
