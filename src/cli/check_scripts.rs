//! The configure scripts for `check`: each one parsed, and planned by a worker for the recorded
//! machines that its profile matches. Nothing is run, and nothing is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::allocation::{self, Finding, Severity};
use crate::configure::engine::{Limits, Script, resolve_script};
use crate::configure::port::port;
use crate::model::{CmdbEntry, ProfileName};
use crate::planner::{PlanError, Planner, Request};

use super::answer::{Exit, Failure};
use super::input;

/// Where the recorded machines of a directory of profiles are, unless another place is named.
const HARDWARE: &str = "hardware";

/// A script that can be planned, and what came of it.
struct Checked {
    path: PathBuf,
    name: String,
    text: String,
    /// How many recorded machines its profile matches.
    matched: usize,
    /// The errors of its plans, each with the machines that have it.
    errors: BTreeMap<String, Failed>,
}

/// A machine that is given a profile.
struct Given {
    machine: String,
    profile: ProfileName,
    variables: CmdbEntry,
}

struct Failed {
    shown: String,
    /// A machine that has the error.
    first: String,
    count: usize,
}

/// What is wrong with the scripts that the state file of `dir` names.
///
/// # Errors
/// `hardware` is named and cannot be read, or no process can be started that plans.
pub(super) fn check(dir: &Path, hardware: Option<&Path>) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    // What is wrong with the state file was said already.
    let Ok(explanation) = allocation::explain_dir(dir, &[]) else {
        return Ok(findings);
    };
    let mut scripts = BTreeMap::new();
    for profile in explanation.profiles {
        let path = dir.join(format!("{}.configure", profile.profile));
        if let Some(script) = parsed(path, &mut findings) {
            scripts.insert(profile.profile, script);
        }
    }
    let default = dir.join(HARDWARE);
    let machines = match hardware {
        Some(named) => Some(named),
        None => default.is_dir().then_some(default.as_path()),
    };
    if let Some(machines) = machines {
        let mut given = Vec::new();
        for path in machine_files(machines)? {
            match_machine(dir, &path, &mut given, &mut findings);
        }
        given.retain(|it| scripts.contains_key(&it.profile));
        plan_all(&given, &mut scripts)?;
    }
    for script in scripts.into_values() {
        told(script, machines.is_some(), &mut findings);
    }
    Ok(findings)
}

fn finding(severity: Severity, path: &Path, text: impl Into<String>) -> Finding {
    Finding {
        severity,
        file: Some(path.to_owned()),
        text: text.into(),
    }
}

/// Reads a script and parses it; what cannot be read at all was said already.
fn parsed(path: PathBuf, findings: &mut Vec<Finding>) -> Option<Checked> {
    let text = input::read_text(&path).ok()?;
    if text.trim().is_empty() {
        let what = "the script is empty: a machine would be given no role";
        findings.push(finding(Severity::Warning, &path, what));
        return None;
    }
    let name = input::name_of(&path);
    if !text.starts_with("#!") {
        let script = Script {
            name: &name,
            text: &text,
        };
        if let Err(error) = resolve_script(&script, &Limits::default()) {
            let shown = shown(error.with_caret().to_string(), &name, &text);
            findings.push(finding(Severity::Error, &path, shown));
            return None;
        }
    }
    Some(Checked {
        path,
        name,
        text,
        matched: 0,
        errors: BTreeMap::new(),
    })
}

/// The error as `plan` shows it, and that `convert` may help.
fn shown(mut shown: String, name: &str, text: &str) -> String {
    if !port(name, text).changes.is_empty() {
        shown.push_str(&format!(
            "\nhint: this looks like Python 2: `edeployctl convert {name}` ports it"
        ));
    }
    shown
}

/// The recorded machines, in the order of their names.
fn machine_files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |error: &std::io::Error| Failure::io("read", &input::name_of(dir), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| failure(&error))? {
        let path = entry.map_err(|error| failure(&error))?.path();
        let known = path
            .extension()
            .is_some_and(|it| it == "json" || it == "hw");
        if known && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Adds what one machine is given by every profile that it matches, whatever stands before it.
fn match_machine(dir: &Path, path: &Path, given: &mut Vec<Given>, findings: &mut Vec<Finding>) {
    let facts = match input::read_hardware(path) {
        Ok((facts, _)) => facts,
        Err(failure) => {
            let text = failure.details.unwrap_or(failure.error);
            findings.push(finding(Severity::Warning, path, text));
            return;
        }
    };
    let Ok(explanation) = allocation::explain_dir(dir, &facts) else {
        return;
    };
    for profile in explanation.profiles {
        if let Some(variables) = profile.variables {
            given.push(Given {
                machine: input::name_of(path),
                profile: profile.profile,
                variables,
            });
        }
    }
}

/// Plans every script for every machine that is given its profile.
fn plan_all(given: &[Given], scripts: &mut BTreeMap<ProfileName, Checked>) -> Result<(), Failure> {
    let requests = given.iter().filter_map(|it| {
        let script = scripts.get(&it.profile)?;
        Some(Request {
            script: Script {
                name: &script.name,
                text: &script.text,
            },
            profile: &it.profile,
            variables: &it.variables,
        })
    });
    let requests: Vec<Request<'_>> = requests.collect();
    let plans = Planner::default().plan_all(&requests);
    for (it, plan) in given.iter().zip(plans) {
        let Some(script) = scripts.get_mut(&it.profile) else {
            continue;
        };
        script.matched += 1;
        match plan {
            Ok(_) => {}
            Err(error) if error.is_of_the_script() => failed(script, &it.machine, &error),
            Err(error) => return Err(Failure::new(Exit::Environment, error.to_string())),
        }
    }
    Ok(())
}

fn failed(script: &mut Checked, machine: &str, error: &PlanError) {
    let (name, text) = (&script.name, &script.text);
    let failed = script.errors.entry(error.to_string());
    let failed = failed.or_insert_with(|| Failed {
        shown: shown(error.with_caret(), name, text),
        first: machine.to_owned(),
        count: 0,
    });
    failed.count += 1;
}

/// The findings of a script that was parsed.
fn told(script: Checked, has_machines: bool, findings: &mut Vec<Finding>) {
    for failed in script.errors.into_values() {
        let machines = match failed.count {
            1 => format!("in the plan of `{}`", failed.first),
            count => format!(
                "in the plans of {count} machines, such as `{}`",
                failed.first
            ),
        };
        let text = format!("{}\n{machines}", failed.shown);
        findings.push(finding(Severity::Error, &script.path, text));
    }
    if script.matched == 0 {
        let why = if has_machines {
            "no recorded machine is given this profile: its script is parsed only"
        } else {
            "there are no recorded machines to plan its script for: it is parsed only"
        };
        findings.push(finding(Severity::Note, &script.path, why));
    }
}
