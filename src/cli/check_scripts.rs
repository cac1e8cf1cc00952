//! The configure scripts for `check`: each one parsed, and planned for the recorded machines that its
//! profile matches. Nothing is run, and nothing is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::allocation::{self, Finding, ProfileExplanation, Severity};
use crate::configure::engine::{Limits, Script, ScriptError, resolve_script};
use crate::configure::plan::of_configure;
use crate::configure::port::port;
use crate::model::{Facts, ProfileName};

use super::answer::Failure;
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

struct Failed {
    shown: String,
    /// A machine that has the error.
    first: String,
    count: usize,
}

/// What is wrong with the scripts that the state file of `dir` names.
///
/// # Errors
/// `hardware` is named and cannot be read.
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
        for path in machine_files(machines)? {
            plan_machine(dir, &path, &mut scripts, &mut findings);
        }
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
            let shown = shown(&error, &name, &text);
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
fn shown(error: &ScriptError, name: &str, text: &str) -> String {
    let mut shown = error.with_caret().to_string();
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

/// Plans every script for one machine that its profile matches.
fn plan_machine(
    dir: &Path,
    path: &Path,
    scripts: &mut BTreeMap<ProfileName, Checked>,
    findings: &mut Vec<Finding>,
) {
    let facts: Facts = match input::read_hardware(path) {
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
    for profile in &explanation.profiles {
        if let Some(script) = scripts.get_mut(&profile.profile) {
            plan_script(profile, path, script);
        }
    }
}

fn plan_script(profile: &ProfileExplanation, machine: &Path, script: &mut Checked) {
    let Some(variables) = &profile.variables else {
        return;
    };
    script.matched += 1;
    let of = Script {
        name: &script.name,
        text: &script.text,
    };
    if let Err(error) = of_configure(&of, &profile.profile, variables, &Limits::default()) {
        let failed = script.errors.entry(error.to_string());
        let failed = failed.or_insert_with(|| Failed {
            shown: shown(&error, &script.name, &script.text),
            first: input::name_of(machine),
            count: 0,
        });
        failed.count += 1;
    }
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
