//! Completing a commit: putting staged files in the place of the admin's, now or after a crash.
//!
//! A commit counts from the moment its line is in the record. Whether a file was replaced already is
//! told by its staged content: it is gone once it has taken its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::catalog::{shown, text_of};
use super::error::AllocateError;
use super::record::{Change, Commit, Replacement};
use super::store;
use crate::format::{CmdbDocument, Form, ParseError, StateDocument};
use crate::model::{HeldEntry, ProfileName, Remaining};

/// How a commit was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completed {
    /// Every file is what was staged.
    AsStaged,
    /// A file had been edited meanwhile, and the commit was worked into what it had become.
    Merged,
}

/// Puts every staged file in the place of its target, where it is not yet, and waits until the names are
/// on disk.
///
/// # Errors
/// The operating system's refusal, or a file that was edited meanwhile and no longer parses. Either way
/// the rest is completed by the next call.
pub(crate) fn complete(commit: &Commit) -> Result<Completed, AllocateError> {
    let mut completed = Completed::AsStaged;
    for replacement in &commit.replaces {
        if store::stamp(&replacement.staged)?.is_none() {
            continue;
        }
        let now = store::stamp(&replacement.target)?;
        if now.is_some() && now != Some(replacement.made_from) {
            tracing::warn!(
                path = %replacement.target.display(),
                "edited while it was being replaced: the change is worked into the edited file"
            );
            merge(commit, replacement)?;
            completed = Completed::Merged;
        }
        store::rename(&replacement.staged, &replacement.target)?;
    }
    sync_directories(&commit.replaces).map(|()| completed)
}

/// Waits until the names of staged and replaced files are on disk.
///
/// # Errors
/// The operating system's refusal.
pub(crate) fn sync_directories(replaces: &[Replacement]) -> Result<(), AllocateError> {
    let directories: BTreeSet<&Path> = replaces
        .iter()
        .map(|replacement| store::parent(&replacement.target))
        .collect();
    directories.into_iter().try_for_each(store::sync_directory)
}

/// Makes the staged content anew: what the admin made of the file, with the commit's changes in it.
fn merge(commit: &Commit, replacement: &Replacement) -> Result<(), AllocateError> {
    let target = &replacement.target;
    let file = store::read(target)?;
    let text = text_of(target, &file).and_then(|text| {
        let form = Form::of_file_name(&shown(target));
        match &replacement.cmdb_of {
            None => merged_state(&shown(target), text, form, &commit.counts),
            Some(profile) => merged_cmdb(&shown(target), text, form, &held_by(commit, profile)),
        }
    });
    let text = text.map_err(|source| AllocateError::CannotComplete {
        path: target.clone(),
        staged: replacement.staged.clone(),
        source: Box::new(source),
    })?;
    let like = std::fs::metadata(target).map_err(AllocateError::io("look at", target))?;
    let merged = replacement.staged.with_extension("merged");
    store::write_new(&merged, text.as_bytes(), Some(&like))?;
    store::rename(&merged, &replacement.staged)
}

fn held_by<'a>(commit: &'a Commit, profile: &ProfileName) -> Vec<&'a HeldEntry> {
    let held = |change: &'a Change| match change {
        Change::Holds(allocation) if allocation.profile == *profile => allocation.entry.as_ref(),
        _ => None,
    };
    commit.changes.iter().filter_map(held).collect()
}

fn merged_state(
    origin: &str,
    text: &str,
    form: Form,
    counts: &BTreeMap<ProfileName, i64>,
) -> Result<String, ParseError> {
    let mut document = StateDocument::parse(origin, text, form)?;
    for quota in document.quotas().to_vec() {
        if let (Some(by), Remaining::Limited(count)) = (counts.get(&quota.profile), quota.remaining)
        {
            let changed = Remaining::Limited(count.saturating_add_signed(*by));
            document.set_remaining(&quota.profile, changed);
        }
    }
    Ok(document.text().to_owned())
}

fn merged_cmdb(
    origin: &str,
    text: &str,
    form: Form,
    held: &[&HeldEntry],
) -> Result<String, ParseError> {
    let mut document = CmdbDocument::parse(origin, text, form)?;
    for held in held {
        let found = document
            .entries()
            .iter()
            .position(|entry| entry.same(&held.before));
        if let Some(position) = found {
            document.replace(position, held.after.clone());
        }
    }
    Ok(document.text())
}
