//! What is known of one machine: where it stands, and its newest deployment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::report::About;
use super::standing::Standing;

/// How often a machine began again without coming to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// The step at which it began again each time.
    pub step: String,
    /// How often, without the first time.
    pub count: u32,
    /// When it first was at that step.
    pub first: Timestamp,
    /// When it last began again.
    pub last: Timestamp,
}

/// What is known of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name: that of its allocation, or what reports call it.
    pub name: String,
    /// The section of its allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Its profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where it stands, as reporters say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenter: Option<String>,
    /// Whether its hardware is known.
    pub is_known: bool,
    /// What it is.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// When the last report came in.
    pub last_event: Timestamp,
    /// The last that was said.
    pub last_message: String,
    /// The newest deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// Whether it goes round in circles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
    /// When the installed system was first heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Timestamp>,
    /// Whether it asks this server what to boot, so that its coming back will be seen.
    #[serde(default)]
    pub asks_for_boot: bool,
}

impl Machine {
    /// A machine of which nothing was reported yet.
    pub(super) fn new(name: &str, now: Timestamp) -> Machine {
        Machine {
            name: name.to_owned(),
            section: None,
            profile: None,
            datacenter: None,
            is_known: false,
            standing: Standing::Unknown,
            since: now,
            last_event: now,
            last_message: String::new(),
            deployment: None,
            restarts: None,
            returned: None,
            asks_for_boot: false,
        }
    }

    /// Takes what is told of the machine itself.
    pub(super) fn introduce(&mut self, about: &About) {
        for (known, told) in [
            (&mut self.section, &about.section),
            (&mut self.profile, &about.profile),
            (&mut self.datacenter, &about.datacenter),
        ] {
            if told.is_some() {
                known.clone_from(told);
            }
        }
        self.is_known |= about.is_known;
        if self.is_known && self.standing == Standing::Unknown {
            self.standing = Standing::Discovered;
        }
    }

    /// The deployment that is going on.
    pub fn open(&self) -> Option<&Deployment> {
        self.deployment.as_ref().filter(|one| one.status.is_open())
    }
}
