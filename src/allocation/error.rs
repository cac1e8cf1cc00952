//! Why an allocation, a failure report or a release could not be carried out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::format::ParseError;
use crate::model::ProfileName;

/// Who must act on an [`AllocateError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The admin: a file says something that cannot be.
    Input,
    /// Nobody yet: try again later.
    Busy,
    /// Whoever runs the machine: a disk is full, a directory read-only.
    Environment,
}

/// Why nothing was allocated. Nothing has changed, or it will be completed before anything else is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AllocateError {
    /// A file of the whole section does not parse.
    #[error("{0}")]
    Unreadable(Box<ParseError>),
    /// There is no state file.
    #[error(
        "there is no `state` or `state.ron` in `{0}`: write one that lists the profiles in order"
    )]
    NoState(PathBuf),
    /// One name has a file in both forms.
    #[error("both `{0}` and `{1}` exist: keep one of the two forms and remove the other")]
    BothForms(PathBuf, PathBuf),
    /// The lock was not to be had in time.
    #[error("the lock `{path}` is still held after {waited:?} by {holder}")]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
        /// What is known of the process that holds it, and what to do about it.
        holder: String,
    },
    /// The operating system refused.
    #[error("cannot {verb} `{path}`")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The refusal.
        source: Arc<io::Error>,
    },
    /// The record of the allocations is damaged before its end.
    #[error("line {line} of `{path}` is damaged ({problem}): put the file back from a backup")]
    DamagedLog {
        /// The record of the allocations.
        path: PathBuf,
        /// The damaged line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A commit was cut short and then its file was edited so that it can no longer be completed.
    #[error(
        "a commit to `{path}` was cut short and the file has since been changed to something that does not \
         parse: mend the file (what was to be written is in `{staged}`)"
    )]
    CannotComplete {
        /// The admin's file.
        path: PathBuf,
        /// What was to become of it.
        staged: PathBuf,
        /// What is wrong with the file now.
        source: Box<ParseError>,
    },
    /// Files kept changing under the commit.
    #[error("the files in `{0}` keep changing while they are being updated: use `edeployctl edit`")]
    KeepsChanging(PathBuf),
    /// What a release must change is in a file that is wrong.
    #[error("the files of profile `{profile}` are wrong: {problem}")]
    ProfileBroken {
        /// The profile.
        profile: ProfileName,
        /// What is wrong.
        problem: String,
    },
    /// A release or a report names a machine that holds nothing.
    #[error("no machine here is called `{wanted}`{}", known(.candidates))]
    UnknownMachine {
        /// What was asked for.
        wanted: String,
        /// Machines with a similar name.
        candidates: Vec<String>,
    },
    /// A release names several machines.
    #[error("`{wanted}` could be any of {}: use the machine's own name", .candidates.join(", "))]
    AmbiguousMachine {
        /// What was asked for.
        wanted: String,
        /// The machines it fits.
        candidates: Vec<String>,
    },
    /// The section is being closed.
    #[error("the server is stopping: try again when it is back")]
    Stopping,
}

fn known(candidates: &[String]) -> String {
    if candidates.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", candidates.join(", "))
    }
}

impl AllocateError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            AllocateError::Busy { .. } | AllocateError::Stopping => ErrorKind::Busy,
            AllocateError::Io { .. } => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }

    /// The whole story for a person: the sentence, its cause, the place with a caret where there is one.
    pub fn details(&self) -> String {
        match self {
            AllocateError::Unreadable(error) => error.with_caret(),
            AllocateError::CannotComplete { source, .. } => {
                format!("{self}\n{}", source.with_caret())
            }
            AllocateError::Io { source, .. } => format!("{self}: {source}{}", advice(source)),
            _ => self.to_string(),
        }
    }

    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AllocateError {
        let path = path.to_owned();
        move |source| AllocateError::Io {
            verb,
            path,
            source: Arc::new(source),
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing was changed: free some space and let the machine try again"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "; nothing was changed: the server must be able to write this directory"
        }
        _ => "",
    }
}

impl From<ParseError> for AllocateError {
    fn from(error: ParseError) -> AllocateError {
        AllocateError::Unreadable(Box::new(error))
    }
}
