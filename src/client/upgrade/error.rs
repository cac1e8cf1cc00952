//! Why a machine has not got another version.

use std::io;
use std::path::{Path, PathBuf};

use crate::client::publication::FetchError;
use crate::client::site::SiteError;
use crate::roles::{FilterError, InTheWay, ManifestError, WalkError};
use crate::system::RunError;

/// Why an upgrade ended. [`UpgradeError::code`] tells whether anything was changed.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum UpgradeError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("only root can upgrade a machine")]
    NotRoot,
    #[error("another upgrade is running on this machine")]
    Running,
    #[error("the upgrade to {0} was interrupted: `edeploy upgrade --resume` finishes it")]
    Interrupted(String),
    #[error(
        "the change to {0} is done and waits for a restart into its kernel: restart this machine first, or go back by `edeploy rollback`"
    )]
    WaitsForRestart(String),
    #[error("nothing was interrupted")]
    NothingToResume,
    #[error("this machine has not been upgraded yet: there is no former version to go back to")]
    NoFormer,
    #[error(
        "there is no way from {from} to {to} for role {role}: `edeploy list` shows where there is one"
    )]
    NoWay {
        from: String,
        to: String,
        role: String,
    },
    #[error("the manifest of version {version} cannot be read")]
    Manifest {
        version: String,
        #[source]
        source: ManifestError,
    },
    #[error("`{file}` of the way from {from} to {to} is not what was signed")]
    NotSigned {
        file: &'static str,
        from: String,
        to: String,
    },
    #[error(
        "neither the way nor version {0} has a list `exclude`: without one an upgrade could overwrite what is this machine's own"
    )]
    NoExclude(String),
    #[error("`{path}` is no list of rsync's exclude rules")]
    Exclude {
        path: PathBuf,
        #[source]
        source: FilterError,
    },
    #[error("cannot look at this machine")]
    Walk(#[from] WalkError),
    #[error(transparent)]
    InTheWay(#[from] InTheWay),
    #[error("`{place}` has too little space: {needed} MB are needed, {free} MB are free")]
    Space {
        place: PathBuf,
        needed: u64,
        free: u64,
    },
    #[error("not all that was asked of the server came")]
    Fetch(#[source] Box<FetchError>),
    #[error(
        "`{0}` is not what the manifest says: the server's tree was changed after its manifest was written"
    )]
    Damaged(String),
    #[error(
        "`{0}` is not what the version says, and what was brought for it is gone: mount what is missing or copy it there from the version's tree, then run `edeploy upgrade --resume`; `edeploy rollback` goes back after that"
    )]
    Lost(PathBuf),
    #[error("a command failed")]
    Command(#[source] Box<RunError>),
    #[error("the script {name} ended with {status}; {after}")]
    Script {
        name: &'static str,
        status: String,
        after: &'static str,
        #[source]
        source: Box<RunError>,
    },
    #[error("cannot {verb} `{path}`")]
    File {
        verb: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl UpgradeError {
    /// The exit code: 1 what was given is wrong, 3 refused with nothing changed, 5 something failed.
    pub(in crate::client) fn code(&self) -> u8 {
        match self {
            UpgradeError::Site(error) => error.code(),
            UpgradeError::Manifest { .. }
            | UpgradeError::Exclude { .. }
            | UpgradeError::NothingToResume => 1,
            UpgradeError::NotRoot
            | UpgradeError::Running
            | UpgradeError::Interrupted(_)
            | UpgradeError::WaitsForRestart(_)
            | UpgradeError::NoFormer
            | UpgradeError::NoWay { .. }
            | UpgradeError::NotSigned { .. }
            | UpgradeError::NoExclude(_)
            | UpgradeError::InTheWay(_)
            | UpgradeError::Damaged(_)
            | UpgradeError::Space { .. } => 3,
            UpgradeError::Script { name: "pre", .. } => 3,
            _ => 5,
        }
    }

    /// The command that failed, where one did.
    pub(super) fn command(&self) -> Option<&RunError> {
        match self {
            UpgradeError::Fetch(error) | UpgradeError::Site(SiteError::Fetch(error)) => {
                error.command()
            }
            UpgradeError::Command(error) => Some(error),
            UpgradeError::Script { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<RunError> for UpgradeError {
    fn from(error: RunError) -> UpgradeError {
        UpgradeError::Command(Box::new(error))
    }
}

/// What the server did not give.
pub(super) fn fetch(error: FetchError) -> UpgradeError {
    UpgradeError::Fetch(Box::new(error))
}

/// The error of a file, from what the system said.
pub(super) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UpgradeError {
    let path = path.to_owned();
    move |source| UpgradeError::File { verb, path, source }
}
