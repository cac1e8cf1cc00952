//! The rows of one commit: events, logs, host keys, transitions, deployments.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Batch, Packed, Sql};
use crate::events::deployment::Deployment;
use crate::events::fold::Moved;
use crate::events::machine::Machine;
use crate::events::meaning;
use crate::events::report::Report;

impl Batch<'_> {
    /// Whether this was reported already: producers repeat what they got no answer to (wire-formats 2.4).
    pub(super) fn is_repeat(&self, id: i64, report: &Report) -> Sql<bool> {
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

    pub(super) fn insert_event(&self, id: i64, job: Option<i64>, report: &Report) -> Sql<i64> {
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

    pub(super) fn insert_log(
        &self,
        id: i64,
        job: Option<i64>,
        now: Timestamp,
        file: &Packed,
    ) -> Sql<()> {
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

    pub(super) fn keep_host_keys(&self, id: i64, report: &Report) -> Sql<()> {
        for told in &report.about.host_keys {
            self.transaction
                .prepare_cached(
                    "INSERT INTO host_key (machine, algorithm, key, received) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (machine, algorithm) DO UPDATE SET key = excluded.key,
                     received = excluded.received",
                )?
                .execute(params![id, told.algorithm, told.key, micros(report.received)])?;
        }
        Ok(())
    }

    pub(super) fn insert_transition(
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
}

pub(super) fn write_deployment(
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
pub(in crate::events::store) fn micros(at: Timestamp) -> i64 {
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

pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text for keys is always JSON")
}
