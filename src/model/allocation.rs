//! What one machine was given.

use serde::{Deserialize, Serialize};

use super::{Bindings, CmdbEntry, Deployments, Identity, MachineId, ProfileName};

/// Whether an allocation holds one of the limited places of its profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A place was taken from the profile's count.
    Counted,
    /// The profile had no limit, so there was nothing to take.
    Uncounted,
    /// The place went back after a failure report; the next upload takes one again.
    GivenBack,
}

/// The CMDB entry that an allocation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldEntry {
    /// The entry as it stood before: what a release puts back.
    pub before: CmdbEntry,
    /// The entry as it reads in the file since.
    pub after: CmdbEntry,
}

/// Machine ⇄ (profile, entry, bindings), made once and given back to the same machine each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// The machine's name.
    pub machine: MachineId,
    /// What the machine is recognised by.
    pub identity: Identity,
    /// The profile it was given.
    pub profile: ProfileName,
    /// What its profile's spec bound at its latest upload.
    pub bindings: Bindings,
    /// The CMDB entry it holds, where the profile has a CMDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<HeldEntry>,
    /// Whether it holds one of the profile's places.
    pub place: Place,
    /// How the attempts to install it have gone.
    #[serde(default, skip_serializing_if = "Deployments::is_none")]
    pub deployments: Deployments,
}

impl Allocation {
    /// The variables of the configure script: the entry with the bindings in it, or the bindings.
    pub fn variables(&self) -> CmdbEntry {
        match &self.entry {
            Some(held) => held.after.clone(),
            None => CmdbEntry::from(self.bindings.clone()),
        }
    }
}
