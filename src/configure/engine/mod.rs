//! Interprets a configure script: without a machine, to record what it does, or on one (DESIGN
//! section 5).
//!
//! [`plan_script`] and `run_script` are all that the rest of the library sees; that the scripts are
//! Starlark stays within `starlark/`. `recorder` is the host of a script, `performer` the machine
//! behind it, `printf` is Python's
//! `%`, `source` and [`Limits`] keep a script within bounds, `shell_text` keeps the machine's values
//! out of shell code. A plan is a function of script, profile, variables and limits: no clock, no
//! files, no randomness.
//!
//! The limits are the engine's own and best effort: one huge step can take more memory than they
//! say before it is noticed. Nothing here starts a process to hold it.

mod error;
mod facts_yaml;
mod limits;
mod paths;
mod performer;
mod printf;
mod recorder;
mod shell_text;
mod source;
mod starlark;
mod stop;

use crate::model::CmdbEntry;

use super::plan::Plan;
use super::reference::Helper;
use super::run::{Agreement, Follower, Machine, Ran};

pub use error::{Limit, Place, ScriptError};
pub use facts_yaml::facter_facts;
pub use limits::Limits;
pub use paths::staged_path;

use performer::Performer;
use recorder::Recorder;

/// A configure script.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// What messages call it, such as `vm.configure`.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A plan with what the script printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What the script does.
    pub plan: Plan,
    /// What it gave to `print`, one item for each call.
    pub printed: Vec<String>,
}

/// What a script does on a machine that was given `profile` and `variables`.
///
/// # Errors
///
/// As [`plan_with_output`].
pub fn plan_script(
    script: &Script<'_>,
    profile: &str,
    variables: &CmdbEntry,
    limits: &Limits,
) -> Result<Plan, ScriptError> {
    plan_with_output(script, profile, variables, limits).map(|planned| planned.plan)
}

/// What a script does, and what it prints.
///
/// # Errors
///
/// The script is wrong, asks for a variable that is not there or for what is refused, or needs more
/// than `limits`. The error says where in the script.
pub fn plan_with_output(
    script: &Script<'_>,
    profile: &str,
    variables: &CmdbEntry,
    limits: &Limits,
) -> Result<Planned, ScriptError> {
    source::check(script.name, script.text, limits)?;
    let recorder = Recorder::new(profile, variables, limits, None);
    let finished = starlark::interpret(script, variables, recorder)?;
    Ok(Planned {
        plan: finished.plan,
        printed: finished.printed,
    })
}

/// Runs a script on a machine, held to the plan of `follower`.
///
/// # Errors
///
/// As [`plan_with_output`]; besides, an action failed or is not in the plan.
pub(super) fn run_script(
    agreement: &Agreement<'_>,
    limits: &Limits,
    follower: Follower,
    machine: Box<dyn Machine>,
) -> Result<Ran, ScriptError> {
    source::check(agreement.script.name, agreement.script.text, limits)?;
    let performer = Performer::new(machine, follower, agreement.script.text);
    let profile = agreement.profile.as_str();
    let recorder = Recorder::new(profile, agreement.variables, limits, Some(performer));
    let finished = starlark::interpret(&agreement.script, agreement.variables, recorder)?;
    Ok(finished.ran.unwrap_or_default())
}

/// What each helper is and does.
pub(super) fn helpers() -> Vec<Helper> {
    starlark::helpers()
}

/// Checks the size, nesting and chains of a script before anything reads it.
///
/// # Errors
///
/// The first limit that the text exceeds.
pub(super) fn check_source(name: &str, text: &str, limits: &Limits) -> Result<(), ScriptError> {
    source::check(name, text, limits)
}

/// What stops a script before its first line.
const STOP: &str = "fail(\"resolved\")\n";

/// Parses a script and resolves its names; nothing of it is evaluated.
///
/// # Errors
///
/// The script is no Starlark, names what is not there, or exceeds `limits`.
pub fn resolve_script(script: &Script<'_>, limits: &Limits) -> Result<(), ScriptError> {
    source::check(script.name, script.text, limits)?;
    // All names are resolved before the first line is run, and the first line ends it.
    let text = format!("{STOP}{}", script.text);
    let stopped = Script {
        name: script.name,
        text: &text,
    };
    let variables = CmdbEntry::default();
    let recorder = Recorder::new("", &variables, limits, None);
    match starlark::interpret(&stopped, &variables, recorder) {
        Err(error) => match error.one_line_up() {
            Some(error) => Err(error),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
