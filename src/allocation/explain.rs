//! The same choice without the lock and without effect: what would be handed out, and why.

use std::path::Path;

use super::batch::find_machine;
use super::catalog::{Catalog, Loader};
use super::choose::{Choice, Request, Stock, matched, no_entry};
use super::error::AllocateError;
use super::outcome::{Explanation, ProfileExplanation, Reason};
use super::record::Record;
use super::stockroom::Stockroom;
use super::store;
use crate::model::{Allocation, CmdbEntry, Fact, Identity, MachineId, ProfileName, Quota};

/// What the machine with these facts would get from the files in `directory`, and why. Needs only to
/// read them.
///
/// # Errors
/// The state file or the record of the allocations cannot be read.
pub fn explain_dir(directory: &Path, facts: &[Fact]) -> Result<Explanation, AllocateError> {
    let catalog = Loader::new(directory).load()?;
    let mut stockroom = Stockroom::new(directory);
    stockroom.look()?;
    let request = request(&catalog, &stockroom.record, facts);
    let current = stockroom.record.find(&request.identity).cloned();
    let quotas = stockroom.quotas().to_vec();
    let held = current.as_ref().map(|current| current.profile.clone());
    let concerned: Vec<ProfileName> = request.matching().into_iter().chain(held).collect();
    let mut profiles = Vec::new();
    for quota in &quotas {
        let mut stock = stockroom.stock(concerned.clone());
        profiles.push(explain_profile(
            &mut stock,
            &request,
            quota,
            current.as_ref(),
        ));
    }
    let choice = stockroom
        .stock(concerned)
        .choose(&request, current.as_ref());
    if let Choice::Holds { allocation, .. } = choice {
        let given = profiles
            .iter_mut()
            .find(|explained| explained.profile == allocation.profile);
        if let Some(given) = given {
            (given.chosen, given.reason) = (true, None);
            given.variables = Some(allocation.variables());
        }
    }
    let machine = current
        .as_ref()
        .map_or(request.name, |current| current.machine.clone());
    Ok(Explanation {
        machine,
        identity: request.identity,
        current,
        profiles,
    })
}

fn request(catalog: &Catalog, record: &Record, facts: &[Fact]) -> Request {
    let identity = Identity::of(facts);
    let name = record.unique_name(&MachineId::of(facts, &identity));
    Request {
        identity,
        name,
        judged: catalog.judge(facts).into(),
    }
}

fn explain_profile(
    stock: &mut Stock<'_>,
    request: &Request,
    quota: &Quota,
    current: Option<&Allocation>,
) -> ProfileExplanation {
    let found = matched(request, &quota.profile).ok();
    let (reason, variables) = match offered(stock, request, quota, current) {
        Ok(variables) => (None, Some(variables)),
        Err(reason) => (Some(reason), None),
    };
    ProfileExplanation {
        profile: quota.profile.clone(),
        remaining: quota.remaining,
        reason,
        bindings: found.map(|found| found.bindings.clone()),
        key_bindings: found.map(|found| found.key_bindings.clone()),
        variables,
        chosen: false,
    }
}

/// The variables that a profile would give, were it the machine's turn.
fn offered(
    stock: &mut Stock<'_>,
    request: &Request,
    quota: &Quota,
    current: Option<&Allocation>,
) -> Result<CmdbEntry, Reason> {
    let found = matched(request, &quota.profile)?;
    if !quota.remaining.allows_one() {
        return Err(Reason::CountSpent);
    }
    match stock.tables.get_mut(&quota.profile) {
        Some(Some(Err(problem))) => Err(Reason::Broken(problem.clone())),
        Some(Some(Ok(table))) => {
            let machine = current.map(|current| &current.machine);
            let chosen = table.choose(machine, &found.bindings, &found.key_bindings);
            let position = chosen.map_err(|none| no_entry(none, found))?;
            Ok(table.entry(position).merged(&found.bindings))
        }
        _ => Ok(CmdbEntry::from(found.bindings.clone())),
    }
}

/// All allocations of the section in `directory`, oldest first.
///
/// # Errors
/// The record of the allocations cannot be read.
pub fn allocations(directory: &Path) -> Result<Vec<Allocation>, AllocateError> {
    let mut record = Record::new(
        directory
            .join(store::OWN_DIRECTORY)
            .join("allocations.jsonl"),
    );
    record.refresh()?;
    Ok(record.allocations().into_iter().cloned().collect())
}

/// What the machine called `wanted` holds.
///
/// # Errors
/// No machine, or more than one, is meant.
pub fn allocation_of(directory: &Path, wanted: &str) -> Result<Allocation, AllocateError> {
    let all = allocations(directory)?;
    find_machine(&all.iter().collect::<Vec<_>>(), wanted).cloned()
}
