//! One commit: reports folded and written in one transaction. Nothing in memory changes before it is on disk.

mod drift;
mod naming;
mod writing;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Receipt;
use super::error::StoreError;
use crate::events::board::{Board, Kept, usual_key};
use crate::events::deployment::Deployment;
use crate::events::fold::fold;
use crate::events::meaning;
use crate::events::report::{About, Report, address_alias};
use crate::events::standing::Status;
use crate::events::usual::Usual;
use crate::model::{Event, EventKind};

pub(super) use self::writing::micros;
use self::writing::{json, write_deployment};

/// A file as it is kept.
pub(super) struct Packed {
    pub(super) name: String,
    pub(super) bytes: usize,
    pub(super) content: Vec<u8>,
}

/// A report with its files compressed.
pub(super) struct Prepared {
    pub(super) report: Report,
    pub(super) files: Vec<Packed>,
    /// Whether it only makes the machine known.
    pub(super) is_introduction: bool,
}

impl Prepared {
    /// Says who a machine is, and reports nothing.
    pub(super) fn introduction((machine, about): (String, About)) -> Prepared {
        let event = Event::new(meaning::SERVER, "known", EventKind::Note);
        let report = Report {
            about,
            ..Report::new(machine, event, Timestamp::now())
        };
        Prepared {
            report,
            files: Vec::new(),
            is_introduction: true,
        }
    }
}

/// What a commit comes to in memory.
#[derive(Default)]
pub(super) struct Overlay {
    machines: HashMap<String, Kept>,
    removed: HashSet<String>,
    aliases: HashMap<String, String>,
    usual: HashMap<String, Usual>,
    pub(super) next_number: i64,
}

impl Overlay {
    /// Puts it onto the board.
    pub(super) fn settle(self, board: &mut Board) -> BTreeSet<String> {
        let changed = self.machines.keys().chain(&self.removed).cloned().collect();
        for name in self.removed {
            board.machines.remove(&name);
        }
        board.machines.extend(self.machines);
        board.aliases.extend(self.aliases);
        board.usual.extend(self.usual);
        changed
    }
}

/// A transaction that is being put together.
pub(super) struct Batch<'a> {
    transaction: Transaction<'a>,
    board: &'a Board,
    most_machines: usize,
    overlay: Overlay,
    deployments: HashMap<i64, (String, Deployment)>,
}

type Sql<T> = rusqlite::Result<T>;

impl<'a> Batch<'a> {
    pub(super) fn begin(
        connection: &'a mut Connection,
        board: &'a Board,
        next_number: i64,
        most_machines: usize,
    ) -> Sql<Batch<'a>> {
        Ok(Batch {
            transaction: connection.transaction()?,
            board,
            most_machines,
            overlay: Overlay {
                next_number,
                ..Overlay::default()
            },
            deployments: HashMap::new(),
        })
    }

    /// Takes one report. The inner error is about this report alone.
    pub(super) fn take(&mut self, prepared: &Prepared) -> Sql<Result<Receipt, StoreError>> {
        let report = &prepared.report;
        let name = self.machine_of(report)?;
        let kept = match self.kept(&name) {
            Some(kept) => kept,
            None if !report.about.is_known && self.count() >= self.most_machines => {
                return Ok(Err(StoreError::TooManyMachines(self.most_machines)));
            }
            None => self.create(&name, report.received)?,
        };
        self.learn_aliases(&name, kept.id, &report.about.aliases)?;
        let address = report.about.address.as_deref().map(address_alias);
        self.learn_aliases(&name, kept.id, address.as_slice())?;
        if prepared.is_introduction {
            let mut machine = (*kept.machine).clone();
            machine.introduce(&report.about);
            let machine = Arc::new(machine);
            let id = kept.id;
            self.overlay
                .machines
                .insert(name.clone(), Kept { id, machine });
        }
        if prepared.is_introduction || self.is_repeat(kept.id, report)? {
            return Ok(Ok(Receipt {
                machine: name,
                job: None,
                event: None,
            }));
        }
        let mut machine = (*kept.machine).clone();
        let folded = fold(&mut machine, report, &mut self.overlay.next_number);
        let job = machine.deployment.as_ref().map(|it| it.number);
        let event = self.insert_event(kept.id, job, report)?;
        self.keep_host_keys(kept.id, report)?;
        self.keep_drift(kept.id, report)?;
        for file in &prepared.files {
            self.insert_log(kept.id, job, report.received, file)?;
        }
        for moved in &folded.moved {
            self.insert_transition(kept.id, &machine, moved, report.received)?;
        }
        for deployment in folded.deployments {
            self.note_deployment(&name, deployment);
        }
        let machine = Arc::new(machine);
        let id = kept.id;
        self.overlay
            .machines
            .insert(name.clone(), Kept { id, machine });
        Ok(Ok(Receipt {
            machine: name,
            job,
            event: Some(event),
        }))
    }

    /// Writes what the reports came to and waits for the disk.
    pub(super) fn commit(mut self) -> Sql<Overlay> {
        self.learn();
        {
            let mut update = self
                .transaction
                .prepare_cached("UPDATE machine SET summary = ?2 WHERE id = ?1")?;
            for kept in self.overlay.machines.values() {
                update.execute(params![kept.id, json(kept.machine.as_ref())])?;
            }
        }
        for (machine, deployment) in self.deployments.values() {
            let id = self.overlay.machines.get(machine).map(|kept| kept.id);
            write_deployment(&self.transaction, id, deployment)?;
        }
        for (profile, usual) in &self.overlay.usual {
            self.transaction.execute(
                "INSERT INTO usual (profile, learnt) VALUES (?1, ?2)
                 ON CONFLICT (profile) DO UPDATE SET learnt = excluded.learnt",
                params![profile, json(usual)],
            )?;
        }
        self.transaction.commit()?;
        Ok(self.overlay)
    }

    fn kept(&self, name: &str) -> Option<Kept> {
        if let Some(kept) = self.overlay.machines.get(name) {
            return Some(kept.clone());
        }
        if self.overlay.removed.contains(name) {
            return None;
        }
        self.board.machines.get(name).cloned()
    }

    fn count(&self) -> usize {
        self.board.machines.len() + self.overlay.machines.len()
    }

    fn note_deployment(&mut self, machine: &str, deployment: Deployment) {
        self.deployments
            .insert(deployment.number, (machine.to_owned(), deployment));
    }

    /// What ended well in this commit teaches how long its steps take.
    fn learn(&mut self) {
        for (_, deployment) in self.deployments.values() {
            let has_just_ended =
                deployment.status == Status::Complete && !deployment.stages.is_empty();
            if !has_just_ended || deployment.is_learnt {
                continue;
            }
            let key = usual_key(deployment.profile.as_deref(), &deployment.action);
            let known = self
                .overlay
                .usual
                .get(&key)
                .or_else(|| self.board.usual.get(&key));
            let mut usual = known.cloned().unwrap_or_default();
            usual.learn(&deployment.stages);
            self.overlay.usual.insert(key, usual);
        }
        for kept in self.overlay.machines.values_mut() {
            let machine = Arc::make_mut(&mut kept.machine);
            if let Some(deployment) = &mut machine.deployment {
                deployment.is_learnt |= deployment.status == Status::Complete;
            }
        }
    }
}
