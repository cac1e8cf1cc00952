//! From a configure script to its plan, whatever language it is in.

use super::hash::sha256;
use super::{Action, Plan, What};
use crate::configure::engine::{Limits, Script, ScriptError, plan_script};
use crate::model::{CmdbEntry, ProfileName};

/// The plan of a configure script on a machine that was given `profile` and `variables`.
///
/// A text that begins with `#!` is for that interpreter and its plan is one opaque action
/// (DESIGN section 5); any other text is Starlark.
///
/// # Errors
/// The script is wrong or refused, or exceeds `limits`.
pub fn of_configure(
    script: &Script<'_>,
    profile: &ProfileName,
    variables: &CmdbEntry,
    limits: &Limits,
) -> Result<Plan, ScriptError> {
    let first = script.text.lines().next().unwrap_or_default();
    let Some(interpreter) = first.strip_prefix("#!") else {
        return plan_script(script, profile.as_str(), variables, limits);
    };
    let what = What::Opaque {
        interpreter: interpreter.trim().to_owned(),
        sha256: sha256(script.text),
    };
    Ok(Plan {
        profile: profile.as_str().to_owned(),
        actions: vec![Action { line: 1, what }],
        placeholders: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        let name = "vm.configure";
        let profile = ProfileName::new("vm").unwrap();
        let script = Script { name, text };
        of_configure(&script, &profile, &CmdbEntry::default(), &Limits::default()).unwrap()
    }

    #[test]
    fn a_script_for_another_interpreter_is_one_opaque_action() {
        let text = "#! /usr/bin/env perl\r\nsystem('ls')\n";
        let opaque = plan(text);
        assert!(opaque.is_partial());
        let what = What::Opaque {
            interpreter: "/usr/bin/env perl".to_owned(),
            sha256: sha256(text),
        };
        assert_eq!(opaque.actions, [Action { line: 1, what }]);
        let edited = plan(&text.replace("ls", "la"));
        assert_ne!(edited.hash(), opaque.hash());
    }

    #[test]
    fn any_other_script_is_planned_action_by_action() {
        let plan = plan("# nothing\nrun('ls')\nrun(['ls', '/'])\n");
        let lines: Vec<u32> = plan.actions.iter().map(|action| action.line).collect();
        assert_eq!(lines, [2, 3]);
        assert!(!plan.is_partial());
    }
}
