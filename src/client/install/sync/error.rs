//! Why a role is not on the disk.

use std::path::PathBuf;

use crate::system::RunError;

use super::super::retry::Transient;
use super::digest::{Kind, Sum};
use super::download::DownloadError;
use super::manifest::VouchError;
use super::medium::MediumError;
use super::tree;

/// Why the role is not on the disk.
#[derive(Debug, thiserror::Error)]
pub(in crate::client::install) enum SyncError {
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] RunError),
    /// Nothing is mounted where the role is to go.
    #[error(
        "nothing is mounted on `{0}`: the configure script must mount the disk there, or the role would fill the memory"
    )]
    NotMounted(PathBuf),
    /// The target has no room.
    #[error("the disk is full: `{target}` has {free_bytes} bytes free of {size_bytes}: {said}")]
    Full {
        /// Where the role goes.
        target: PathBuf,
        /// What is free there.
        free_bytes: u64,
        /// How large it is.
        size_bytes: u64,
        /// What the tool said.
        said: String,
        /// The tool, as it ended. Its own words are said already.
        tool: Box<RunError>,
    },
    /// Some files of a tree did not come over.
    #[error("not all of {url} came over: {files}")]
    Incomplete {
        /// The tree.
        url: String,
        /// Which files, and why.
        files: String,
        /// The tool, as it ended. Its own words are said already.
        tool: Box<RunError>,
    },
    /// An image does not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// An image on a medium cannot be read.
    #[error("cannot read {url}")]
    Read {
        /// The image.
        url: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An image is not what it should be.
    #[error("the image {url} is damaged or cut short: {what}")]
    Damaged {
        /// The image.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// Files of an image could not be written.
    #[error("the image {url} could not be unpacked: {said}")]
    Unpack {
        /// The image.
        url: String,
        /// What tar said, from its beginning.
        said: String,
        /// The tool, as it ended. Its own words are said already.
        tool: Box<RunError>,
    },
    /// An image has another sum than the file beside it says.
    #[error("the image {url} has the {} {}, but `{file}` says {}", found.kind, found.hex, expected.hex)]
    Checksum {
        /// The image.
        url: String,
        /// The file beside it.
        file: String,
        /// What it says.
        expected: Sum,
        /// What came.
        found: Sum,
    },
    /// A checksum file holds no checksum.
    #[error("`{file}` holds no {kind} of the image")]
    NoChecksum {
        /// The file.
        file: String,
        /// Which sum it should hold.
        kind: Kind,
    },
    /// Nobody vouches for the role, or not for what came.
    #[error(transparent)]
    Vouch(#[from] VouchError),
    /// The medium is not there.
    #[error(transparent)]
    Medium(#[from] MediumError),
}

impl SyncError {
    /// The command that failed, where one did.
    pub(in crate::client::install) fn command(&self) -> Option<&RunError> {
        match self {
            SyncError::Full { tool, .. }
            | SyncError::Incomplete { tool, .. }
            | SyncError::Unpack { tool, .. } => Some(tool),
            SyncError::Command(error) | SyncError::Medium(MediumError::Command(error)) => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl Transient for SyncError {
    fn may_pass(&self) -> bool {
        match self {
            SyncError::Command(error) => tree::may_pass(error),
            SyncError::Incomplete { tool, .. } => tree::may_pass(tool),
            SyncError::Download(error) => error.may_pass(),
            SyncError::Medium(error) => error.may_pass(),
            _ => false,
        }
    }
}
