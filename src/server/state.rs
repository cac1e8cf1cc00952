//! What all handlers share: the settings, the sections, the runner, the traffic.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::Section;
use crate::model::SectionName;
use crate::system::Runner;

use super::access::Access;
use super::boot::RefusedMachines;
use super::events::Events;
use super::plans::Plans;
use super::settings::{SectionSettings, Settings};

/// Shared by all handlers of all workers.
pub struct AppState {
    /// The settings in force.
    pub settings: Settings,
    /// The sections by name.
    pub sections: BTreeMap<SectionName, Arc<OpenSection>>,
    /// Who runs external commands.
    pub runner: Arc<dyn Runner>,
    /// Who plans configure scripts.
    pub plans: Plans,
    /// Machines that were refused.
    pub(super) refused: RefusedMachines,
    /// What was reported.
    pub events: Events,
    /// Who may report.
    pub access: Access,
}

/// A section that is being served.
#[derive(Debug)]
pub struct OpenSection {
    /// Its files, their lock, what was allocated from them.
    pub section: Section,
    /// Its settings.
    pub settings: SectionSettings,
}

/// A client asks for a section that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no section `{}` here, only {}", .wanted.escape_debug(), .known.join(", "))]
pub struct UnknownSection {
    /// What was asked for.
    pub wanted: String,
    /// What there is.
    pub known: Vec<String>,
}

impl AppState {
    /// The section a client names, or the default one (eDeploy `upload.py`: `SERVER`).
    ///
    /// # Errors
    /// There is none of this name. The original took its default directories then.
    pub fn section(&self, name: Option<&str>) -> Result<&Arc<OpenSection>, UnknownSection> {
        let wanted = match name {
            Some(name) => SectionName::new(name).ok(),
            None => Some(SectionName::default_section()),
        };
        let found = wanted.as_ref().and_then(|name| self.sections.get(name));
        found.ok_or_else(|| UnknownSection {
            wanted: match name {
                // Anything may be sent as a name: enough of it to recognise it.
                Some(name) => name.chars().take(80).collect(),
                None => SectionName::default_section().to_string(),
            },
            known: self.sections.keys().map(ToString::to_string).collect(),
        })
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState")
            .field("settings", &self.settings)
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}
