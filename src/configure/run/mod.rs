//! Runs a configure script on the machine it is for, against the plan that was made of it.
//!
//! The same helpers that a plan records act here, one by one, through a [`Machine`]. Nothing is done
//! before the plan was made again and its hash compared (DESIGN section 5); then `Follower` holds
//! each action against the plan. What a machine is, and how a command is run on it, is the business
//! of whoever implements [`Machine`].

mod follow;
mod machine;

use super::engine::{self, Limits, Script, ScriptError};
use super::plan::{self, Action, What};
use crate::model::{CmdbEntry, ProfileName};

pub(super) use follow::Follower;
pub use machine::{Failure, Machine, Reply, Standing, Turn};

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// How many actions were performed.
    pub performed: usize,
    /// How many of them do not stand in the plan: what the machine answered led to them.
    pub unplanned: usize,
    /// The numbers, from 1, of planned actions that were not performed.
    pub left_out: Vec<usize>,
}

/// What is to be run: a script with all that its plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Agreement<'a> {
    /// The configure script.
    pub script: Script<'a>,
    /// The profile that the machine was given.
    pub profile: &'a ProfileName,
    /// `var` in the script.
    pub variables: &'a CmdbEntry,
    /// The hash of the plan that was agreed to.
    pub plan_hash: &'a str,
}

/// Runs a script on `machine`, if its plan is the one that was agreed to.
///
/// # Errors
/// [`ScriptError::OtherPlan`] before anything was done, if the plan has another hash. Later: an action
/// failed, the script is wrong on a way that the plan did not take, or it leaves its plan.
pub fn run_configure(
    agreement: &Agreement<'_>,
    limits: &Limits,
    mut machine: Box<dyn Machine>,
) -> Result<Ran, ScriptError> {
    let plan = plan::of_configure(
        &agreement.script,
        agreement.profile,
        agreement.variables,
        limits,
    )?;
    let found = plan.hash();
    if found != agreement.plan_hash {
        return Err(ScriptError::OtherPlan {
            name: agreement.script.name.to_owned(),
            expected: agreement.plan_hash.to_owned(),
            found,
        });
    }
    match plan.actions.as_slice() {
        [action] if matches!(action.what, What::Opaque { .. }) => {
            hand_over(agreement, action, machine.as_mut())
        }
        _ => engine::run_script(agreement, limits, Follower::new(&plan), machine),
    }
}

/// Has another interpreter do all of it.
fn hand_over(
    agreement: &Agreement<'_>,
    action: &Action,
    machine: &mut dyn Machine,
) -> Result<Ran, ScriptError> {
    let turn = Turn {
        number: 1,
        action,
        standing: Standing::Planned { number: 1 },
        script: agreement.script.text,
    };
    match machine.perform(&turn) {
        Ok(_) => Ok(Ran {
            performed: 1,
            ..Ran::default()
        }),
        Err(failure) => Err(ScriptError::Failed {
            what: failure.report,
            place: None,
        }),
    }
}

#[cfg(test)]
mod tests;
