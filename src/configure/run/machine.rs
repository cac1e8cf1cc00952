//! What a running script needs of the machine.

use crate::configure::plan::Action;
use crate::model::Value;

/// How an action stands to the plan that was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is this action of the plan, from 1, as it stands there.
    Planned {
        /// Its number in the plan.
        number: usize,
    },
    /// It is this action of the plan, from 1, with a value in it that only the machine could give.
    Filled {
        /// Its number in the plan.
        number: usize,
    },
    /// It does not stand in the plan: what the machine answered led to it.
    Unplanned,
}

/// One action at the moment when it is to be performed.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// Its number among those performed, from 1.
    pub number: usize,
    /// What is to be done.
    pub action: &'a Action,
    /// How it stands to the plan.
    pub standing: Standing,
    /// The text of the script, for another interpreter.
    pub script: &'a str,
}

/// What a machine answers to an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// There is nothing to answer, or it was not asked: a script goes on with what its plan says.
    Nothing,
    /// What a command printed, without the last line end.
    Text(String),
    /// What a controller told.
    Value(Value),
}

/// Why an action could not be performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One line for the script, as `attempt` gives it.
    pub said: String,
    /// All that a person needs: the command, how it ended, what it printed last.
    pub report: String,
}

/// The machine that a script runs on.
pub trait Machine: Send {
    /// Performs an action before the script goes on.
    ///
    /// # Errors
    /// It could not be performed, or a command of it failed.
    fn perform(&mut self, turn: &Turn<'_>) -> Result<Reply, Failure>;

    /// Takes a text that the script prints.
    fn print(&mut self, text: &str);
}
