//! Why there is no plan: the script, or the worker.

use crate::configure::engine::ScriptError;

/// Why a planner gives no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The script is wrong, is refused, or exceeds a limit of the engine.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The script used more memory or time than a worker has, so there is no line to show.
    #[error("{script}: script exceeded its limits: {how}")]
    Exceeded {
        /// The name of the script.
        script: String,
        /// Which limit, as far as that can be told.
        how: String,
    },
    /// No worker can be had: nothing is known of the script.
    #[error("no process can be started that plans scripts: {why}")]
    NoWorker {
        /// What the system or the worker said.
        why: String,
    },
}

impl PlanError {
    /// The line of `Display`; then, where there is one, the line of the script with carets and the hint.
    pub fn with_caret(&self) -> String {
        match self {
            PlanError::Script(error) => error.with_caret().to_string(),
            PlanError::Exceeded { .. } => format!(
                "{self}\nhint: look for a loop without an end, or for a text or list that grows in one"
            ),
            PlanError::NoWorker { .. } => self.to_string(),
        }
    }

    /// Whether the script is to blame, and so whoever wrote it must act.
    pub fn is_of_the_script(&self) -> bool {
        !matches!(self, PlanError::NoWorker { .. })
    }
}
