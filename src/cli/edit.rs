//! `edeployctl edit`: a file of a profile, under its lock, as `visudo` does.

use std::path::PathBuf;

use clap::Args;

use super::answer::{Answer, Exit, Failure};

/// Edit a state file, a spec or a CMDB under the lock; what does not parse is not installed
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  EDITOR=nano edeployctl edit /var/lib/edeploy/config/state.ron")]
pub(super) struct Edit {
    /// The file
    file: PathBuf,
}

impl Edit {
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        Err(Failure::new(Exit::Environment, "later"))
    }
}
