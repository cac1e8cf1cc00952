//! Why a script is stopped by its host.

use crate::configure::run::Failure;

use super::error::Limit;

/// Why the host stops a script. Only a failed action can be caught, with `attempt`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// It is not done.
    #[error("{what}")]
    Refused {
        /// What, and why.
        what: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// It is too much.
    #[error("{0}")]
    Limit(Limit),
    /// An action failed on the machine.
    #[error("{}", .failure.said)]
    Failed {
        /// What failed.
        failure: Failure,
        /// The line of the action.
        line: u32,
    },
}

/// Stops for what is not done, with what to write instead.
pub(super) fn refused<T>(what: impl Into<String>, hint: Option<&str>) -> Result<T, Stop> {
    Err(Stop::Refused {
        what: what.into(),
        hint: hint.map(str::to_owned),
    })
}
