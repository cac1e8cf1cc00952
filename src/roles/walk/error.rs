//! What cannot be read, and why.

use std::io;
use std::path::PathBuf;

use crate::roles::path::TreePath;

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A directory, file or link cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is something else than it was a moment ago.
    #[error("`{0}` changes while it is read")]
    Changing(PathBuf),
    /// No file or link comes into the place of that.
    #[error(
        "a file system is mounted on `{0}`, where the version has no directory: unmount it first"
    )]
    MountInTheWay(PathBuf),
    /// No program could open it by its path.
    #[error("a path below `{0}` is too long")]
    TooLong(PathBuf),
}

impl WalkError {
    /// Why, of a path that is named already.
    pub(in crate::roles) fn in_words(&self) -> String {
        match self {
            WalkError::Read { source, .. } => source.to_string(),
            WalkError::MountInTheWay(_) => "a file system is mounted on it".to_owned(),
            WalkError::Changing(_) => "it changes while it is read".to_owned(),
            WalkError::TooLong(_) => "a path below it is too long".to_owned(),
        }
    }
}

/// A path that cannot be looked at, or not wholly.
#[derive(Debug)]
pub(in crate::roles) struct Unread {
    pub(in crate::roles) path: TreePath,
    pub(in crate::roles) error: WalkError,
}
