//! The rows of what a machine tells of its files: the newest report takes the place of the one before.

use rusqlite::params;

use super::writing::{json, micros};
use super::{Batch, Sql};
use crate::events::report::Report;
use crate::model::Drift;

impl Batch<'_> {
    pub(super) fn keep_drift(&self, id: i64, report: &Report) -> Sql<()> {
        let Some(drift) = &report.about.drift else {
            return Ok(());
        };
        let summary = json(&Drift {
            differences: Vec::new(),
            ..drift.clone()
        });
        self.transaction
            .prepare_cached(
                "INSERT INTO drift (machine, received, summary) VALUES (?1, ?2, ?3)
                 ON CONFLICT (machine) DO UPDATE SET received = excluded.received, summary = excluded.summary",
            )?
            .execute(params![id, micros(report.received), summary])?;
        self.transaction
            .execute("DELETE FROM difference WHERE machine = ?1", [id])?;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO difference (machine, path, aspect, expected, found, below)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for one in &drift.differences {
            let below = i64::try_from(one.below).unwrap_or(i64::MAX);
            insert.execute(params![
                id,
                one.path,
                one.aspect.name(),
                one.expected,
                one.found,
                below
            ])?;
        }
        Ok(())
    }
}
