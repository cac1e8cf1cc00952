//! Which profile and which entry a machine gets: the law of DESIGN.md 4 on values, without files.

use std::collections::HashMap;
use std::sync::Arc;

use super::outcome::{ProfileReason, Reason, Refusal, RefusalKind};
use super::table::{NoEntry, Table};
use crate::matching::{Match, Verdict};
use crate::model::{
    Allocation, Deployments, Identity, MachineId, Place, ProfileName, Quota, Remaining,
};

/// A machine that asks, and what each profile makes of its facts.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) identity: Identity,
    /// The machine's name, should it be new.
    pub(crate) name: MachineId,
    pub(crate) judged: Arc<HashMap<ProfileName, Judged>>,
}

/// What one profile makes of a machine's facts.
#[derive(Debug, Clone)]
pub(crate) enum Judged {
    /// The profile's files are wrong; the text says how.
    Broken(String),
    /// What its spec says.
    Verdict(Verdict),
}

/// The table of a profile: none where it has no CMDB, a reason where the CMDB is wrong.
pub(crate) type TableState = Option<Result<Table, String>>;

/// What choosing looks at and changes: the counts in priority order and the tables.
#[derive(Debug)]
pub(crate) struct Stock<'a> {
    pub(crate) quotas: &'a mut Vec<Quota>,
    pub(crate) tables: &'a mut HashMap<ProfileName, TableState>,
}

/// What was decided for one machine.
#[derive(Debug)]
pub(crate) enum Choice {
    /// It holds this from now on.
    Holds {
        allocation: Box<Allocation>,
        /// It held the same profile before.
        repeated: bool,
        /// Something has changed and must be committed.
        changed: bool,
    },
    /// It gets nothing, and nothing has changed.
    Refused(Refusal),
}

impl Stock<'_> {
    /// Decides what the machine gets and takes it out of the stock. `current` is what it holds.
    pub(crate) fn choose(&mut self, request: &Request, current: Option<&Allocation>) -> Choice {
        let mut reasons = Vec::new();
        if let Some(current) = current {
            match self.keep(request, current) {
                Ok(allocation) => {
                    let changed = allocation != *current;
                    return Choice::Holds {
                        allocation: Box::new(allocation),
                        repeated: true,
                        changed,
                    };
                }
                Err(reason @ Reason::Broken(_)) => {
                    let reasons = vec![ProfileReason {
                        profile: current.profile.clone(),
                        reason,
                    }];
                    return refuse(current.machine.clone(), reasons);
                }
                Err(_) => {}
            }
        }
        let profiles: Vec<ProfileName> = self
            .quotas
            .iter()
            .map(|quota| quota.profile.clone())
            .collect();
        for profile in profiles {
            match self.take(request, &profile, current) {
                Ok(allocation) => {
                    return Choice::Holds {
                        allocation: Box::new(allocation),
                        repeated: false,
                        changed: true,
                    };
                }
                Err(reason) => reasons.push(ProfileReason { profile, reason }),
            }
        }
        refuse(
            current
                .map_or(&request.name, |current| &current.machine)
                .clone(),
            reasons,
        )
    }

    /// Gives the machine its own allocation again (rule 2), with what its hardware says now.
    fn keep(&mut self, request: &Request, current: &Allocation) -> Result<Allocation, Reason> {
        let profile = &current.profile;
        let remaining = self.remaining(profile).ok_or(Reason::CountSpent)?;
        if let Some(problem) = self.problem(profile) {
            return Err(Reason::Broken(problem));
        }
        let found = matched(request, profile)?;
        let place = match current.place {
            Place::GivenBack => take_place(remaining)?,
            held => (remaining, held),
        };
        let held = current.entry.as_ref();
        let entry = match self.tables.get_mut(profile) {
            None | Some(None | Some(Err(_))) => None,
            Some(Some(Ok(table))) => {
                let machine = Some(&current.machine);
                let chosen = table.choose(machine, &found.bindings, &found.key_bindings);
                let position = chosen.map_err(|none| no_entry(none, found))?;
                let own = table.position_of(&current.machine);
                if let (Some(held), true) = (held, own.is_some() && own != Some(position)) {
                    table.take_back(&current.machine, held);
                }
                Some(table.give(position, &current.machine, &found.bindings, held))
            }
        };
        self.set_remaining(profile, place.0);
        Ok(Allocation {
            machine: current.machine.clone(),
            identity: current.identity.updated_by(&request.identity),
            profile: profile.clone(),
            bindings: found.bindings.clone(),
            entry,
            place: place.1,
            deployments: current.deployments,
        })
    }

    /// Gives the machine a place and an entry of `profile`; what it held of another goes back.
    fn take(
        &mut self,
        request: &Request,
        profile: &ProfileName,
        current: Option<&Allocation>,
    ) -> Result<Allocation, Reason> {
        let found = matched(request, profile)?;
        let (remaining, place) = take_place(self.remaining(profile).ok_or(Reason::CountSpent)?)?;
        let machine = current.map_or(&request.name, |current| &current.machine);
        let chosen = match self.tables.get_mut(profile) {
            None | Some(None) => None,
            Some(Some(Err(problem))) => return Err(Reason::Broken(problem.clone())),
            Some(Some(Ok(table))) => {
                let chosen = table.choose(Some(machine), &found.bindings, &found.key_bindings);
                Some(chosen.map_err(|none| no_entry(none, found))?)
            }
        };
        self.set_remaining(profile, remaining);
        if let Some(current) = current {
            self.give_back(current);
        }
        let entry = match (chosen, self.tables.get_mut(profile)) {
            (Some(position), Some(Some(Ok(table)))) => {
                Some(table.give(position, machine, &found.bindings, None))
            }
            _ => None,
        };
        let identity = match current {
            Some(current) => current.identity.updated_by(&request.identity),
            None => request.identity.clone(),
        };
        let deployments = current.map_or_else(Deployments::default, |current| current.deployments);
        let (machine, profile, bindings) =
            (machine.clone(), profile.clone(), found.bindings.clone());
        Ok(Allocation {
            machine,
            identity,
            profile,
            bindings,
            entry,
            place,
            deployments,
        })
    }

    /// Puts back all that an allocation holds (rule 6).
    pub(crate) fn give_back(&mut self, allocation: &Allocation) {
        self.give_place_back(allocation);
        if let Some(held) = &allocation.entry
            && let Some(Some(Ok(table))) = self.tables.get_mut(&allocation.profile)
        {
            table.take_back(&allocation.machine, held);
        }
    }

    /// Puts back the place of an allocation that holds one (rule 5); tells whether it did.
    pub(crate) fn give_place_back(&mut self, allocation: &Allocation) -> bool {
        if allocation.place != Place::Counted {
            return false;
        }
        match self.remaining(&allocation.profile) {
            Some(remaining) => {
                self.set_remaining(&allocation.profile, remaining.give_one_back());
                true
            }
            None => false,
        }
    }

    /// What is wrong with a profile's CMDB.
    pub(crate) fn problem(&self, profile: &ProfileName) -> Option<String> {
        match self.tables.get(profile) {
            Some(Some(Err(problem))) => Some(problem.clone()),
            _ => None,
        }
    }

    fn remaining(&self, profile: &ProfileName) -> Option<Remaining> {
        self.quotas
            .iter()
            .find(|quota| quota.profile == *profile)
            .map(|quota| quota.remaining)
    }

    fn set_remaining(&mut self, profile: &ProfileName, remaining: Remaining) {
        if let Some(quota) = self
            .quotas
            .iter_mut()
            .find(|quota| quota.profile == *profile)
        {
            quota.remaining = remaining;
        }
    }
}

fn take_place(remaining: Remaining) -> Result<(Remaining, Place), Reason> {
    let place = match remaining {
        Remaining::Unlimited => Place::Uncounted,
        Remaining::Limited(_) => Place::Counted,
    };
    remaining
        .take_one()
        .map(|left| (left, place))
        .ok_or(Reason::CountSpent)
}

/// The match of the machine with `profile`, or why there is none.
pub(crate) fn matched<'a>(
    request: &'a Request,
    profile: &ProfileName,
) -> Result<&'a Match, Reason> {
    match request.judged.get(profile) {
        Some(Judged::Verdict(Verdict::Matched(found))) => Ok(found),
        Some(Judged::Verdict(Verdict::Mismatch(mismatch))) => {
            Err(Reason::Mismatch(mismatch.clone()))
        }
        Some(Judged::Verdict(Verdict::Undecided { steps })) => {
            Err(Reason::Undecided { steps: *steps })
        }
        Some(Judged::Broken(problem)) => Err(Reason::Broken(problem.clone())),
        None => Err(Reason::Broken(
            "it has only just been listed in the state file".to_owned(),
        )),
    }
}

pub(crate) fn no_entry(none: NoEntry, found: &Match) -> Reason {
    let key = found.key_bindings.clone();
    match none {
        NoEntry::NoneFree => Reason::NoFreeEntry,
        NoEntry::NoneForKey => Reason::NoEntryForKey { key },
        NoEntry::HeldBy(machine) => Reason::KeyEntryHeld { key, machine },
    }
}

fn refuse(machine: MachineId, reasons: Vec<ProfileReason>) -> Choice {
    let exhausted = reasons.iter().any(|tried| tried.reason.is_exhaustion());
    let kind = if exhausted {
        RefusalKind::Exhausted
    } else {
        RefusalKind::NoMatch
    };
    Choice::Refused(Refusal {
        kind,
        machine,
        reasons,
    })
}

impl Request {
    /// The profiles that match.
    pub(crate) fn matching(&self) -> Vec<ProfileName> {
        let matches = |judged: &Judged| matches!(judged, Judged::Verdict(Verdict::Matched(_)));
        let found = self.judged.iter().filter(|(_, judged)| matches(judged));
        found.map(|(profile, _)| profile.clone()).collect()
    }

    /// Whether every profile in `quotas` has been judged for this request.
    pub(crate) fn knows_all_of(&self, quotas: &[Quota]) -> bool {
        quotas
            .iter()
            .all(|quota| self.judged.contains_key(&quota.profile))
    }
}

#[cfg(test)]
mod tests;
