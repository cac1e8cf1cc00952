//! What the profiles of a section still have to give, without the lock and without effect.

use std::path::Path;

use serde::Serialize;

use super::error::AllocateError;
use super::stockroom::Stockroom;
use crate::model::{ProfileName, Remaining};

/// What one profile still has to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileStock {
    /// The profile.
    pub profile: ProfileName,
    /// How many machines it may still be given to.
    pub remaining: Remaining,
    /// How much of its CMDB is given away; none where it has no CMDB.
    pub entries: Option<EntryCount>,
    /// Why its CMDB cannot be used.
    pub problem: Option<String>,
}

/// How many entries a CMDB has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EntryCount {
    /// All.
    pub all: usize,
    /// Those that a machine holds or that are marked as used.
    pub used: usize,
}

/// What the profiles in `directory` still have to give, in the order of the state file.
///
/// # Errors
/// The state file or the record of the allocations cannot be read.
pub fn stock_of(directory: &Path) -> Result<Vec<ProfileStock>, AllocateError> {
    let mut stockroom = Stockroom::new(directory);
    stockroom.look()?;
    let quotas = stockroom.quotas().to_vec();
    let stock = stockroom.stock(quotas.iter().map(|quota| quota.profile.clone()));
    let told = quotas.into_iter().map(|quota| {
        let (entries, problem) = match stock.tables.get(&quota.profile) {
            Some(Some(Ok(table))) => {
                let all = table.document().entries().len();
                let used = all - table.count_free();
                (Some(EntryCount { all, used }), None)
            }
            Some(Some(Err(problem))) => (None, Some(problem.clone())),
            _ => (None, None),
        };
        ProfileStock {
            profile: quota.profile,
            remaining: quota.remaining,
            entries,
            problem,
        }
    });
    Ok(told.collect())
}
