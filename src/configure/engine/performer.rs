//! The machine behind a running script: each action is held against the plan, then performed.

use crate::configure::plan::Action;
use crate::configure::run::{Follower, Machine, Ran, Reply, Standing, Turn};

use super::stop::{Stop, refused};

/// Performs actions on a machine, in the order and within the bounds of a plan.
pub(super) struct Performer {
    machine: Box<dyn Machine>,
    follower: Follower,
    script: String,
    ran: Ran,
}

impl std::fmt::Debug for Performer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Performer");
        shown.field("ran", &self.ran).finish_non_exhaustive()
    }
}

impl Performer {
    /// A performer for the script with this text.
    pub(super) fn new(machine: Box<dyn Machine>, follower: Follower, script: &str) -> Performer {
        Performer {
            machine,
            follower,
            script: script.to_owned(),
            ran: Ran::default(),
        }
    }

    /// Lets the script leave its plan from here on, within bounds.
    pub(super) fn loosen(&mut self) {
        self.follower.loosen();
    }

    /// Performs an action and gives what the machine answers.
    pub(super) fn perform(&mut self, action: &Action) -> Result<Reply, Stop> {
        let line = action.line;
        let standing = match self.follower.judge(action) {
            Ok(standing) => standing,
            Err(why) => return off_plan(line, &why),
        };
        self.ran.performed += 1;
        self.ran.unplanned += usize::from(standing == Standing::Unplanned);
        let turn = Turn {
            number: self.ran.performed,
            action,
            standing,
            script: &self.script,
        };
        self.machine
            .perform(&turn)
            .map_err(|failure| Stop::Failed { failure, line })
    }

    /// Hands a text to the machine's console.
    pub(super) fn print(&mut self, text: &str) {
        self.machine.print(text);
    }

    /// What the run came to.
    pub(super) fn finish(mut self) -> Result<Ran, Stop> {
        match self.follower.left_out() {
            Ok(left_out) => {
                self.ran.left_out = left_out;
                Ok(self.ran)
            }
            Err(why) => refused(format!("the script left its plan: {why}"), None),
        }
    }
}

fn off_plan<T>(line: u32, why: &str) -> Result<T, Stop> {
    refused(
        format!("the action of line {line} is not in the plan: {why}"),
        Some("compare the journal with the plan that was agreed to"),
    )
}
