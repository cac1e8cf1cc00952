//! What matching a spec with a machine says.

use serde::Serialize;

use crate::model::Bindings;

/// The answer for one spec and one machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every rule takes a fact of its own.
    Matched(Match),
    /// No assignment exists.
    Mismatch(Mismatch),
    /// The search was given up; whether an assignment exists is not known.
    Undecided {
        /// How many steps were spent.
        steps: u64,
    },
}

/// The first complete assignment in lexicographic order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// Every name and its value.
    pub bindings: Bindings,
    /// Those that are written `$$name`.
    pub key_bindings: Bindings,
    /// The number of the fact, from 0, that each rule took.
    pub facts: Vec<usize>,
}

/// Why there is no assignment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {}
