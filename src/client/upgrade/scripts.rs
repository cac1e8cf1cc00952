//! The scripts `pre` and `post` of a way from one version to another.

use std::path::Path;
use std::time::Duration;

use crate::model::RoleVersion;
use crate::system::{Command, Line, Real, RunError, Runner, Streams};

use super::error::UpgradeError;

/// A script may rebuild a database.
const TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// The exit code of `post` that asks for a restart once all is done (eDeploy `edeploy`).
pub(super) const REBOOT: i32 = 100;

/// How a script ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    WantsReboot,
}

/// Runs `/var/lib/edeploy/VERSION/NAME` of the machine, with `FROM`, `TO` and `ROLE` in its environment.
pub(super) fn run(
    root: &Path,
    name: &'static str,
    (from, to, role): (&RoleVersion, &RoleVersion, &str),
    heard: &mut dyn FnMut(Line<'_>),
) -> Result<Ended, UpgradeError> {
    let path = format!("/var/lib/edeploy/{to}/{name}");
    let mut command = match root == Path::new("/") {
        true => Command::new(&path, []),
        false => Command::new(
            "chroot",
            [&root.display().to_string(), &path].map(String::as_str),
        ),
    };
    command = command.mutating().with_timeout(TIMEOUT);
    let values = [("FROM", from.as_str()), ("TO", to.as_str()), ("ROLE", role)];
    command.env = values
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let streams = Streams { input: None, heard };
    match Real.run_with(&command, streams) {
        Ok(_) => Ok(Ended::Well),
        Err(RunError::Failed {
            code: Some(REBOOT), ..
        }) if name == "post" => Ok(Ended::WantsReboot),
        Err(error) => Err(UpgradeError::Script {
            name,
            status: match &error {
                RunError::Failed { status, .. } => status.clone(),
                other => other.ending(),
            },
            after: match name {
                "pre" => "nothing was changed",
                _ => {
                    "the files are those of the new version: mend it and run `edeploy upgrade --resume`, or `edeploy rollback`"
                }
            },
            source: Box::new(error),
        }),
    }
}
