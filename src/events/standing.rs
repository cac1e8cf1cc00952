//! Where a machine and a deployment stand.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the machine is, as its reports say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Something was reported of it, but never its hardware.
    Unknown,
    /// It asked what to boot and was sent to install, or its hardware is known.
    Discovered,
    /// No profile is for it.
    Refused,
    /// A deployment is going on.
    Installing,
    /// The last deployment ended well.
    Installed,
    /// It is installed and gets another version in place.
    Upgrading,
    /// The last deployment did not.
    Failed,
    /// It is kept from installing again until somebody has looked.
    Held,
    /// What it held was given back.
    Released,
}

impl Standing {
    /// All of them, in the order of a machine's life.
    pub const ALL: [Standing; 9] = [
        Standing::Unknown,
        Standing::Discovered,
        Standing::Refused,
        Standing::Installing,
        Standing::Installed,
        Standing::Upgrading,
        Standing::Failed,
        Standing::Held,
        Standing::Released,
    ];

    /// Its word, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Unknown => "unknown",
            Standing::Discovered => "discovered",
            Standing::Refused => "refused",
            Standing::Installing => "installing",
            Standing::Installed => "installed",
            Standing::Upgrading => "upgrading",
            Standing::Failed => "failed",
            Standing::Held => "held",
            Standing::Released => "released",
        }
    }

    /// The standing of this word.
    pub fn of_word(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether a deployment is going on.
    pub fn is_busy(self) -> bool {
        matches!(self, Standing::Installing | Standing::Upgrading)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a deployment is, in contiv's words (wire-formats 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// The machine was sent to install and has not asked for its script.
    Queued,
    /// It is being installed.
    Running,
    /// It ended well.
    Complete,
    /// It did not.
    Errored,
}

impl Status {
    /// Its word, as contiv's clients read it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Queued => "Queued",
            Status::Running => "Running",
            Status::Complete => "Complete",
            Status::Errored => "Errored",
        }
    }

    /// The status of this word.
    pub fn of_word(word: &str) -> Option<Status> {
        [
            Status::Queued,
            Status::Running,
            Status::Complete,
            Status::Errored,
        ]
        .into_iter()
        .find(|known| known.word() == word)
    }

    /// Whether more is to come.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Queued | Status::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
