//! What comes of an upload, a failure report or a question: values that the server, `edeployctl` and
//! the pages show alike.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::matching::Mismatch;
use crate::model::{
    Allocation, Bindings, BootId, CmdbEntry, Identity, MachineId, ProfileName, Remaining,
};

/// Why a machine posts its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be installed: a deployment begins, and counts, unless it began in this start already.
    Deployment(Option<BootId>),
    /// To see what it would come to: nothing is installed.
    Rehearsal,
}

/// What a machine is answered.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It has an allocation, and that is on disk.
    Allocated(Box<Allocated>),
    /// It gets nothing; nothing has changed.
    Refused(Refusal),
}

/// An allocation and the script that goes with it.
#[derive(Debug, Clone)]
pub struct Allocated {
    /// What the machine holds.
    pub allocation: Allocation,
    /// The text of `NAME.configure`.
    pub configure: Arc<str>,
    /// Whether the machine held this already.
    pub repeated: bool,
}

/// Whether other facts or other stock would have helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No profile matches the machine.
    NoMatch,
    /// A profile matches, but its count is spent or its CMDB has no entry for the machine.
    Exhausted,
}

/// Why a machine gets nothing, profile by profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusal {
    /// Whether a profile matches at all.
    pub kind: RefusalKind,
    /// The machine's name.
    pub machine: MachineId,
    /// Every profile that was tried, in order, and why it was not given.
    pub reasons: Vec<ProfileReason>,
}

/// Why one profile was not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileReason {
    /// The profile.
    pub profile: ProfileName,
    /// Why not.
    pub reason: Reason,
}

/// Why a profile is not given to a machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its files are wrong, which is for the admin to mend.
    Broken(String),
    /// Its spec does not match.
    Mismatch(Mismatch),
    /// Whether its spec matches could not be told within the step budget.
    Undecided {
        /// Steps taken.
        steps: u64,
    },
    /// No machine more may have it.
    CountSpent,
    /// All entries of its CMDB are used.
    NoFreeEntry,
    /// No entry of its CMDB has the values of its key bindings.
    NoEntryForKey {
        /// The key bindings.
        key: Bindings,
    },
    /// Another machine holds the entry with the values of its key bindings.
    KeyEntryHeld {
        /// The key bindings.
        key: Bindings,
        /// The machine that holds the entry.
        machine: MachineId,
    },
}

impl Reason {
    /// Whether the profile matches and only its stock is at its end.
    pub fn is_exhaustion(&self) -> bool {
        !matches!(
            self,
            Reason::Broken(_) | Reason::Mismatch(_) | Reason::Undecided { .. }
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Broken(problem) => write!(f, "skipped, its files are wrong: {problem}"),
            Reason::Mismatch(mismatch) => write!(f, "does not match:\n{mismatch}"),
            Reason::Undecided { steps } => write!(
                f,
                "undecided after {steps} steps: make its rules more specific, so that fewer facts fit each"
            ),
            Reason::CountSpent => f.write_str("matches, but its count in the state file is spent"),
            Reason::NoFreeEntry => f.write_str(
                "matches, but no entry of its CMDB is free: add entries or release machines",
            ),
            Reason::NoEntryForKey { key } => {
                write!(f, "matches, but no entry of its CMDB has {}", pairs(key))
            }
            Reason::KeyEntryHeld { key, machine } => write!(
                f,
                "matches, but the CMDB entry with {} belongs to machine {machine}",
                pairs(key)
            ),
        }
    }
}

/// `name=value, name=value`, with nothing in it that a terminal would obey.
fn pairs(bindings: &Bindings) -> String {
    let pair = |(name, value): (&str, &crate::model::Value)| {
        format!("{name}={}", value.to_string().escape_debug())
    };
    bindings.iter().map(pair).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.reasons.is_empty()) {
            (_, true) => f.write_str("the state file lists no profile")?,
            (RefusalKind::NoMatch, _) => f.write_str("no profile matches this machine")?,
            (RefusalKind::Exhausted, _) => {
                f.write_str("a profile matches this machine, but nothing of it is left")?;
            }
        }
        write!(f, " ({})", self.machine)?;
        for tried in &self.reasons {
            let text = format!("{}: {}", tried.profile, tried.reason);
            write!(f, "\n  {}", text.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

/// What a failure report changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReport {
    /// The machine's place went back to its profile; its entry stays reserved for it.
    PlaceGivenBack {
        /// The machine.
        machine: MachineId,
        /// Its profile.
        profile: ProfileName,
    },
    /// Its deployment ended; there was no place to give back.
    Ended {
        /// The machine.
        machine: MachineId,
        /// Its profile.
        profile: ProfileName,
        /// Why no place went back.
        why: String,
    },
    /// Nothing.
    Unchanged {
        /// Why not.
        why: String,
    },
}

/// What a machine would get, and why: the answer of `edeployctl explain`.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The name the machine has or would get.
    pub machine: MachineId,
    /// What it is recognised by.
    pub identity: Identity,
    /// What it holds already.
    pub current: Option<Allocation>,
    /// Every profile of the state file, in order.
    pub profiles: Vec<ProfileExplanation>,
}

/// What one profile makes of a machine.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileExplanation {
    /// The profile.
    pub profile: ProfileName,
    /// How many machines it may still be given to.
    pub remaining: Remaining,
    /// Why it would not be given; none where it would, were it the machine's turn.
    pub reason: Option<Reason>,
    /// What its spec binds, where it matches.
    pub bindings: Option<Bindings>,
    /// Those of the bindings that select the CMDB entry.
    pub key_bindings: Option<Bindings>,
    /// The variables that the configure script would have.
    pub variables: Option<CmdbEntry>,
    /// Whether an upload of these facts would be answered with it.
    pub chosen: bool,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "machine {}", self.machine)?;
        if self.identity.is_weak() {
            f.write_str(
                "\n  warning: it reports no uuid, serial or MAC, so any change of its facts makes it another machine",
            )?;
        }
        if let Some(current) = &self.current {
            write!(f, "\n  holds profile {} already", current.profile)?;
        }
        for explained in &self.profiles {
            write!(f, "\n{explained}")?;
        }
        if !self.profiles.iter().any(|explained| explained.chosen) {
            f.write_str("\nno profile would be given")?;
        }
        Ok(())
    }
}

impl fmt::Display for ProfileExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.chosen { "=>" } else { "  " };
        write!(f, "{mark} {} ({} left): ", self.profile, self.remaining)?;
        match &self.reason {
            Some(reason) => f.write_str(&reason.to_string().replace('\n', "\n     "))?,
            None if self.chosen => f.write_str("given")?,
            None => f.write_str("matches, but a profile before it is given")?,
        }
        let shown = self.variables.as_ref().filter(|_| self.chosen);
        for (name, value) in shown.into_iter().flat_map(CmdbEntry::iter) {
            write!(f, "\n     {name} = {}", value.to_string().escape_debug())?;
        }
        Ok(())
    }
}
