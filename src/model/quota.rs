//! How many machines a profile may still be given to.

use std::fmt;

use serde::{Serialize, Serializer};

use super::ProfileName;

/// What a state file says beside a profile's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// So many more machines; at zero the profile is passed over.
    Limited(u64),
    /// `*`: no limit.
    Unlimited,
}

impl Remaining {
    /// Whether one more machine fits.
    pub fn allows_one(self) -> bool {
        self != Remaining::Limited(0)
    }

    /// The count after one more machine took its place; none where there was no place.
    pub fn take_one(self) -> Option<Remaining> {
        match self {
            Remaining::Unlimited => Some(Remaining::Unlimited),
            Remaining::Limited(count) => count.checked_sub(1).map(Remaining::Limited),
        }
    }

    /// The count after one machine gave its place back.
    pub fn give_one_back(self) -> Remaining {
        match self {
            Remaining::Unlimited => Remaining::Unlimited,
            Remaining::Limited(count) => Remaining::Limited(count.saturating_add(1)),
        }
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remaining::Limited(count) => count.fmt(f),
            Remaining::Unlimited => f.write_str("*"),
        }
    }
}

/// A number, or the text `*`: as the state file has it.
impl Serialize for Remaining {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Remaining::Limited(count) => serializer.serialize_u64(*count),
            Remaining::Unlimited => serializer.serialize_str("*"),
        }
    }
}

/// One line of the state file. The order of the lines is the priority of the profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// The profile.
    pub profile: ProfileName,
    /// How many machines it may still be given to.
    pub remaining: Remaining,
}
