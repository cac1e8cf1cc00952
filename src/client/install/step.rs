//! The named steps in their order, and why one fails.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::configure::ConfigureError;
use crate::system::RunError;

use super::bootloader::BootError;
use super::files::FilesError;
use super::network::NetworkError;
use super::network_style::StyleError;
use super::overlay::OverlayError;
use super::retry::{Patience, Transient};
use super::server::ServerError;
use super::sync::SyncError;

/// How long a server or a network that is not there is waited for.
pub(super) const OUTAGE: Duration = Duration::from_secs(30 * 60);

/// A part of an installation that is reported by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Network,
    Detect,
    Upload,
    Configure,
    Sync,
    Files,
    Bootloader,
    Finish,
}

impl Step {
    /// All of them, in their order.
    pub(super) const ALL: [Step; 8] = [
        Step::Network,
        Step::Detect,
        Step::Upload,
        Step::Configure,
        Step::Sync,
        Step::Files,
        Step::Bootloader,
        Step::Finish,
    ];

    /// Its name in events.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Network => "network",
            Step::Detect => "detect",
            Step::Upload => "upload",
            Step::Configure => "configure",
            Step::Sync => "sync",
            Step::Files => "files",
            Step::Bootloader => "bootloader",
            Step::Finish => "finish",
        }
    }

    /// What it does, in its events.
    pub(super) fn description(self) -> &'static str {
        match self {
            Step::Network => "links up, addresses for them",
            Step::Detect => "what this machine is made of",
            Step::Upload => "the facts to the server, its answer back",
            Step::Configure => "the configure script of the profile",
            Step::Sync => "the role onto the disk",
            Step::Files => "what the installed system is told besides its role",
            Step::Bootloader => "the boot loader onto the disks",
            Step::Finish => "everything onto the disks, and unmounted",
        }
    }

    /// Steps that wait for others are tried again; what destroys data is done once.
    pub(super) fn patience(self) -> Patience {
        match self {
            Step::Network | Step::Upload | Step::Sync => Patience::lasting(OUTAGE),
            _ => Patience::NONE,
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("cannot read the hardware from `{path}`")]
    Hardware {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("what `{serv}` answered is no answer of edeploy-server: is SERV, HTTP_PORT right?")]
    Answer {
        serv: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    #[error("the configure script left no {0} in /vars: it must call set_role")]
    NoRole(&'static str),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    NetworkStyle(#[from] StyleError),
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error(transparent)]
    Command(#[from] RunError),
}

impl StepError {
    /// The command that failed, where one did.
    pub(super) fn command(&self) -> Option<&RunError> {
        match self {
            StepError::Network(NetworkError::Command(error))
            | StepError::Files(FilesError::Overlay(OverlayError::Command(error)))
            | StepError::Boot(BootError::Command(error))
            | StepError::Command(error) => Some(error),
            StepError::Sync(error) => error.command(),
            _ => None,
        }
    }
}

impl Transient for StepError {
    fn may_pass(&self) -> bool {
        match self {
            StepError::Network(error) => error.may_pass(),
            StepError::Server(error) => error.may_pass(),
            StepError::Sync(error) => error.may_pass(),
            _ => false,
        }
    }
}
