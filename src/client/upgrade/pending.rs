//! An upgrade that has not come to its end, for whoever looks at the machine meanwhile.

use std::path::Path;

use crate::roles::{Filter, Manifest};

use super::areas::Areas;
use super::error::UpgradeError;
use super::guard;
use super::journal::{Files, Phase};

/// What waits for the restart of the machine.
#[derive(Debug)]
pub(in crate::client) struct Pending {
    /// What of the former version is there until then, and what finishes the upgrade.
    pub(in crate::client) extra: Filter,
    /// In words.
    pub(in crate::client) remark: String,
}

/// Whether something waits on the machine at `root`. `manifest` is what the version has: that is never left out.
pub(in crate::client) fn pending(
    root: &Path,
    manifest: &Manifest,
) -> Result<Option<Pending>, UpgradeError> {
    let files = Files::of(&Areas::of(root).main());
    let Some(journal) = files.read()? else {
        return Ok(None);
    };
    if journal.phase != Phase::Started {
        return Err(UpgradeError::Interrupted(journal.to.to_string()));
    }
    let entries = manifest.entries();
    let mut paths: Vec<_> = journal
        .later
        .into_iter()
        .map(|change| change.path)
        .collect();
    paths.extend(guard::paths());
    paths.retain(|path| {
        entries
            .binary_search_by(|entry| entry.path.cmp(path))
            .is_err()
    });
    Ok(Some(Pending {
        extra: Filter::of_paths(&paths),
        remark: format!(
            "the upgrade to {} waits for a restart: {} paths of the former version are there until then",
            journal.to,
            paths.len()
        ),
    }))
}
