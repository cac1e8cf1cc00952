//! One commit: reports folded and written in one transaction. Nothing in memory changes before it is on disk.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Receipt;
use super::error::StoreError;
use crate::events::board::{Board, Kept, folded, usual_key};
use crate::events::deployment::Deployment;
use crate::events::fold::{Moved, fold};
use crate::events::machine::Machine;
use crate::events::meaning;
use crate::events::report::{About, Report, address_alias};
use crate::events::standing::Status;
use crate::events::usual::Usual;
use crate::model::{Event, EventKind};

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

    fn alias(&self, called: &str) -> Option<&String> {
        let key = folded(called);
        self.overlay
            .aliases
            .get(&key)
            .or_else(|| self.board.aliases.get(&key))
    }

    /// The machine that a report is of. Where its hardware is known the name is the machine's own; what
    /// was reported of it under another name before is its too.
    fn machine_of(&mut self, report: &Report) -> Sql<String> {
        let called = &report.machine;
        if !report.about.is_known {
            if self.kept(called).is_some() {
                return Ok(called.clone());
            }
            let known = self.alias(called).filter(|name| self.kept(name).is_some());
            return Ok(known.unwrap_or(called).clone());
        }
        for alias in &report.about.aliases {
            let stranger = self.kept(alias).filter(|kept| !kept.machine.is_known);
            if let Some(stranger) = stranger
                && alias != called
            {
                self.adopt(alias, &stranger, called, report.received)?;
            }
        }
        Ok(called.clone())
    }

    /// What was reported of a machine that nobody knew is of this one.
    fn adopt(&mut self, alias: &str, stranger: &Kept, name: &str, now: Timestamp) -> Sql<()> {
        let own = match self.kept(name) {
            Some(own) => own,
            None => self.create(name, now)?,
        };
        for table in ["event", "log", "deployment", "transition", "alias"] {
            let text = format!("UPDATE OR IGNORE {table} SET machine = ?1 WHERE machine = ?2");
            self.transaction
                .execute(&text, params![own.id, stranger.id])?;
        }
        self.transaction
            .execute("DELETE FROM machine WHERE id = ?1", [stranger.id])?;
        self.overlay.machines.remove(alias);
        self.overlay.removed.insert(alias.to_owned());
        // The deployment that began under the other name goes on.
        if own.machine.open().is_none() && stranger.machine.open().is_some() {
            let mut machine = (*own.machine).clone();
            machine.deployment.clone_from(&stranger.machine.deployment);
            machine.standing = stranger.machine.standing;
            machine.since = stranger.machine.since;
            machine.asks_for_boot |= stranger.machine.asks_for_boot;
            let machine = Arc::new(machine);
            self.overlay.machines.insert(
                name.to_owned(),
                Kept {
                    id: own.id,
                    machine,
                },
            );
        }
        Ok(())
    }

    fn create(&mut self, name: &str, now: Timestamp) -> Sql<Kept> {
        let machine = Machine::new(name, now);
        self.transaction
            .prepare_cached("INSERT INTO machine (name, summary) VALUES (?1, ?2)")?
            .execute(params![name, json(&machine)])?;
        let kept = Kept {
            id: self.transaction.last_insert_rowid(),
            machine: Arc::new(machine),
        };
        self.overlay.machines.insert(name.to_owned(), kept.clone());
        Ok(kept)
    }

    fn learn_aliases(&mut self, name: &str, id: i64, aliases: &[String]) -> Sql<()> {
        for alias in aliases {
            if alias.is_empty() || self.alias(alias).is_some_and(|known| known == name) {
                continue;
            }
            let key = folded(alias);
            self.transaction
                .prepare_cached(
                    "INSERT INTO alias (alias, machine) VALUES (?1, ?2)
                     ON CONFLICT (alias) DO UPDATE SET machine = excluded.machine",
                )?
                .execute(params![key, id])?;
            self.overlay.aliases.insert(key, name.to_owned());
        }
        Ok(())
    }

    /// Whether this was reported already: producers repeat what they got no answer to (wire-formats 2.4).
    fn is_repeat(&self, id: i64, report: &Report) -> Sql<bool> {
        let Some(key) = repeat_key(report) else {
            return Ok(false);
        };
        self.transaction
            .prepare_cached(
                "SELECT 1 FROM event WHERE machine = ?1 AND happened = ?2 AND repeat_key = ?3",
            )?
            .query_row(params![id, micros(report.happened()), key], |_| Ok(()))
            .optional()
            .map(|found| found.is_some())
    }

    fn insert_event(&self, id: i64, job: Option<i64>, report: &Report) -> Sql<i64> {
        let event = &report.event;
        self.transaction
            .prepare_cached(
                "INSERT INTO event (machine, deployment, received, happened, origin, name, kind, result,
                 level, percent, description, repeat_key)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .insert(params![
                id,
                job,
                micros(report.received),
                micros(report.happened()),
                event.origin,
                meaning::name_of(event),
                event.kind.word(),
                event.kind.result().map(|result| result.word()),
                event.level.word(),
                event.percent,
                event.description,
                repeat_key(report),
            ])
    }

    fn insert_log(&self, id: i64, job: Option<i64>, now: Timestamp, file: &Packed) -> Sql<()> {
        let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
        self.transaction
            .prepare_cached(
                "INSERT INTO log (machine, deployment, received, name, bytes, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id,
                job,
                micros(now),
                file.name,
                bytes,
                file.content
            ])?;
        Ok(())
    }

    fn insert_transition(
        &self,
        id: i64,
        machine: &Machine,
        moved: &Moved,
        now: Timestamp,
    ) -> Sql<()> {
        self.transaction
            .prepare_cached(
                "INSERT INTO transition (machine, deployment, at, profile, action, result, standing, previous)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id,
                machine.deployment.as_ref().map(|it| it.number),
                micros(now),
                machine.profile,
                moved.action,
                moved.result.map(|result| result.word()),
                moved.to.word(),
                moved.from.word(),
            ])?;
        Ok(())
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

fn write_deployment(
    transaction: &Transaction<'_>,
    machine: Option<i64>,
    deployment: &Deployment,
) -> Sql<()> {
    transaction
        .prepare_cached(
            "INSERT INTO deployment (number, machine, profile, action, origin, status, error, failed_step, started, ended)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (number) DO UPDATE SET profile = excluded.profile, action = excluded.action,
             origin = excluded.origin, status = excluded.status, error = excluded.error,
             failed_step = excluded.failed_step, ended = excluded.ended",
        )?
        .execute(params![
            deployment.number,
            machine,
            deployment.profile,
            deployment.action,
            deployment.origin,
            deployment.status.word(),
            deployment.error,
            deployment.failed_step,
            micros(deployment.started),
            deployment.ended.map(micros),
        ])?;
    Ok(())
}

/// Microseconds since 1970.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Names an event of a machine at a time; none where the time is our own.
fn repeat_key(report: &Report) -> Option<i64> {
    report.event.timestamp?;
    let mut hasher = DefaultHasher::new();
    let event = &report.event;
    (
        &event.origin,
        &event.name,
        event.kind.word(),
        &event.description,
    )
        .hash(&mut hasher);
    Some(hasher.finish().cast_signed())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text for keys is always JSON")
}
