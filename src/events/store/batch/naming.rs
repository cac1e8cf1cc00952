//! Whose a report is: machines by their names and aliases, strangers that turn out to be known.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::params;

use super::writing::json;
use super::{Batch, Sql};
use crate::events::board::{Kept, folded};
use crate::events::machine::Machine;
use crate::events::report::Report;

impl Batch<'_> {
    fn alias(&self, called: &str) -> Option<&String> {
        let key = folded(called);
        self.overlay
            .aliases
            .get(&key)
            .or_else(|| self.board.aliases.get(&key))
    }

    /// The machine that a report is of. Where its hardware is known the name is the machine's own; what
    /// was reported of it under another name before is its too.
    pub(super) fn machine_of(&mut self, report: &Report) -> Sql<String> {
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
    pub(super) fn adopt(
        &mut self,
        alias: &str,
        stranger: &Kept,
        name: &str,
        now: Timestamp,
    ) -> Sql<()> {
        let own = match self.kept(name) {
            Some(own) => own,
            None => self.create(name, now)?,
        };
        // A machine that told of its files under its own name is believed.
        self.transaction.execute(
            "DELETE FROM difference WHERE machine = ?2
             AND EXISTS (SELECT 1 FROM drift WHERE machine = ?1)",
            params![own.id, stranger.id],
        )?;
        for table in [
            "event",
            "log",
            "deployment",
            "transition",
            "alias",
            "host_key",
            "drift",
            "difference",
        ] {
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

    pub(super) fn create(&mut self, name: &str, now: Timestamp) -> Sql<Kept> {
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

    pub(super) fn learn_aliases(&mut self, name: &str, id: i64, aliases: &[String]) -> Sql<()> {
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
}
