//! What is known of a machine that asks how to boot, and what comes of it. Reads files: blocking.

use std::sync::Arc;

use super::super::state::{AppState, OpenSection};
use super::decision::{Decision, Hold, Known, Rules, decide};
use super::{files, is_plain};
use crate::allocation::AllocateError;
use crate::model::{Identity, SectionName};

/// Decides what the machine of this identity is to do: in `section`, or wherever it is known.
pub(in crate::server) fn survey(
    state: &AppState,
    identity: &Identity,
    section: Option<&str>,
) -> (Decision, Option<SectionName>) {
    let asked = match section {
        None => None,
        Some(name) => match state.section(Some(name)) {
            Ok(section) => Some(section.clone()),
            Err(error) => return (Decision::Hold(Hold::Trouble(error.to_string())), None),
        },
    };
    let name = asked.as_ref().map(|section| section.section.name().clone());
    let decision = decide_for(state, identity, asked.as_ref());
    (decision, name)
}

fn decide_for(state: &AppState, identity: &Identity, asked: Option<&Arc<OpenSection>>) -> Decision {
    if identity.is_weak() {
        return Decision::Hold(Hold::Nobody);
    }
    let sections: Vec<&Arc<OpenSection>> = match asked {
        Some(section) => vec![section],
        None => state.sections.values().collect(),
    };
    let mut known = Vec::new();
    for section in sections {
        match look_up(state, identity, section) {
            Ok(found) => known.extend(found),
            // Not knowing whether it is installed is no reason to install it.
            Err(error) => {
                let section = section.section.name();
                tracing::error!(%section, error = ?error.details(), "a boot script cannot be decided");
                return Decision::Hold(Hold::Trouble(error.details()));
            }
        }
    }
    let directory = &state.settings.boot_dir;
    let rules = Rules {
        attempts: state.settings.boot_attempts,
        missing: files::missing(directory).map(|name| (name, directory.clone())),
        section: asked.map(|section| section.section.name().clone()),
    };
    let decision = decide(&known, &rules);
    match &decision {
        Decision::Install {
            section: Some(section),
        } if !is_plain(section) => Decision::Hold(Hold::Trouble(format!(
            "the name of the section '{section}' cannot stand on a kernel's command line"
        ))),
        _ => decision,
    }
}

/// What one section knows of the machine.
fn look_up(
    state: &AppState,
    identity: &Identity,
    section: &OpenSection,
) -> Result<Option<Known>, AllocateError> {
    let section = &section.section;
    let held = section.held_by(identity)?;
    let mut known = Known {
        section: section.name().clone(),
        held: held.map(|held| (held.machine, held.deployments)),
        refusal: None,
    };
    let refused = state.refused.find(identity);
    let Some(refused) = refused.iter().find(|it| it.section == known.section) else {
        return Ok(known.held.is_some().then_some(known));
    };
    let refusal = section.refusal_of(refused.facts.clone())?;
    known.refusal = refusal.map(|refusal| refusal.to_string());
    Ok(Some(known))
}
