//! The same choice without the lock and without effect: what would be handed out, and why.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use super::catalog::{Catalog, Loader, text_of};
use super::choose::{Choice, Judged, Request, Stock, matched, no_entry};
use super::error::AllocateError;
use super::named::find_machine;
use super::outcome::{Explanation, ProfileExplanation, Reason, Refusal};
use super::prepare::Prepared;
use super::record::{Change, Record};
use super::stockroom::Stockroom;
use super::store;
use crate::model::{Allocation, CmdbEntry, Fact, Facts, Identity, MachineId, ProfileName, Quota};

/// What the machine with these facts would get from the files in `directory`, and why. Needs only to
/// read them.
///
/// # Errors
/// The state file or the record of the allocations cannot be read.
pub fn explain_dir(directory: &Path, facts: &[Fact]) -> Result<Explanation, AllocateError> {
    let catalog = Loader::new(directory).load()?;
    let judged = catalog.judge(facts);
    Ok(Rehearsal::new(directory)?.explain(facts, judged))
}

/// What each machine of a fleet would get from the files in `directory`, and why, if they posted in this
/// order: what one is given, the next is not. Reads the files once and matches on all cores.
///
/// # Errors
/// The state file or the record of the allocations cannot be read.
pub fn explain_fleet(directory: &Path, fleet: &[Facts]) -> Result<Vec<Explanation>, AllocateError> {
    let catalog = Loader::new(directory).load()?;
    let judged = judge_all(&catalog, fleet)
        .map_err(AllocateError::io("start threads to match with", directory))?;
    let mut rehearsal = Rehearsal::new(directory)?;
    let machines = fleet.iter().zip(judged);
    let explained = machines.map(|(facts, judged)| rehearsal.explain(facts, judged));
    Ok(explained.collect())
}

type Judgement = HashMap<ProfileName, Judged>;

/// What every profile makes of each machine, in the order of the fleet.
fn judge_all(catalog: &Catalog, fleet: &[Facts]) -> io::Result<Vec<Judgement>> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let size = fleet.len().div_ceil(threads).max(1);
    let judge = |part: &[Facts]| -> Vec<Judgement> {
        part.iter().map(|facts| catalog.judge(facts)).collect()
    };
    thread::scope(|scope| {
        let parts = fleet
            .chunks(size)
            .map(|part| thread::Builder::new().spawn_scoped(scope, move || judge(part)));
        let parts: Vec<_> = parts.collect::<io::Result<_>>()?;
        let judged = parts.into_iter().map(|part| match part.join() {
            Ok(judged) => judged,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        Ok(judged.flatten().collect())
    })
}

/// The stock of a section as it stands, from which machines are given things that nobody else sees.
struct Rehearsal {
    stockroom: Stockroom,
}

impl Rehearsal {
    fn new(directory: &Path) -> Result<Rehearsal, AllocateError> {
        let mut stockroom = Stockroom::new(directory);
        stockroom.look()?;
        Ok(Rehearsal { stockroom })
    }

    /// What a machine gets now, and why. What it gets is gone for the next one.
    fn explain(&mut self, facts: &[Fact], judged: Judgement) -> Explanation {
        let request = request(&self.stockroom.record, facts, judged);
        let current = self.stockroom.record.find(&request.identity).cloned();
        let quotas = self.stockroom.quotas().to_vec();
        let held = current.as_ref().map(|current| current.profile.clone());
        let concerned = request.matching().into_iter().chain(held);
        let mut stock = self.stockroom.stock(concerned);
        let mut profiles: Vec<ProfileExplanation> = quotas
            .iter()
            .map(|quota| explain_profile(&mut stock, &request, quota, current.as_ref()))
            .collect();
        let choice = stock.choose(&request, current.as_ref());
        if let Choice::Holds { allocation, .. } = choice {
            let given = profiles
                .iter_mut()
                .find(|explained| explained.profile == allocation.profile);
            if let Some(given) = given {
                (given.chosen, given.reason) = (true, None);
                given.variables = Some(allocation.variables());
            }
            self.stockroom.note(Change::Holds(allocation));
        }
        let machine = current
            .as_ref()
            .map_or(request.name, |current| current.machine.clone());
        Explanation {
            machine,
            identity: request.identity,
            current,
            profiles,
        }
    }
}

fn request(record: &Record, facts: &[Fact], judged: Judgement) -> Request {
    let identity = Identity::of(facts);
    let name = record.unique_name(&MachineId::of(facts, &identity));
    Request {
        identity,
        name,
        judged: judged.into(),
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

/// Why a machine would be refused now; none where it would not. What it would get is not kept.
///
/// # Errors
/// The state file or the record of the allocations cannot be read.
pub(crate) fn refusal_of(
    stockroom: &mut Stockroom,
    prepared: Prepared,
) -> Result<Option<Refusal>, AllocateError> {
    stockroom.look()?;
    let request = prepared.request;
    let current = stockroom.record.find(&request.identity).cloned();
    let held = current.as_ref().map(|current| current.profile.clone());
    let concerned = request.matching().into_iter().chain(held);
    match stockroom
        .stock(concerned)
        .choose(&request, current.as_ref())
    {
        Choice::Refused(refusal) => Ok(Some(refusal)),
        Choice::Holds { .. } => {
            stockroom.forget_tables();
            Ok(None)
        }
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

/// The text of a profile's configure script as it stands in `directory`.
///
/// # Errors
/// The file is not there or is not UTF-8.
pub fn configure_script(directory: &Path, profile: &ProfileName) -> Result<String, AllocateError> {
    let path = directory.join(format!("{profile}.configure"));
    let file = store::read(&path)?;
    Ok(text_of(&path, &file)?.to_owned())
}

/// What the machine called `wanted` holds.
///
/// # Errors
/// No machine, or more than one, is meant.
pub fn allocation_of(directory: &Path, wanted: &str) -> Result<Allocation, AllocateError> {
    let all = allocations(directory)?;
    find_machine(&all.iter().collect::<Vec<_>>(), wanted).cloned()
}
