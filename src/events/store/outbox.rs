//! Messages that wait to be delivered: a queue for each address, kept in the store's database.
//!
//! What is to be told is read from the timeline, and how far that was read is kept in the same transaction as
//! the messages that came of it. So a change is told once, whenever the server is killed; a message may be
//! delivered twice if it is killed between the delivery and the note of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::error::StoreError;
use super::read;
use super::rows::{Cursor, Filter, Transition};
use crate::events::diagnosis::Finding;

/// How many dead messages are kept.
const MOST_DEAD: i64 = 10_000;

/// How many changes are read at once.
const AT_ONCE: usize = 1_000;

/// How long it waits for the store's own writer.
const BUSY: Duration = Duration::from_secs(10);

type Sql<T> = rusqlite::Result<T>;

/// The queues in one database. Each question has a connection of its own: there are few.
#[derive(Debug, Clone)]
pub struct Outbox {
    path: PathBuf,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub id: i64,
    /// What to say.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried.
    pub due: Timestamp,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// To whom.
    pub url: String,
    /// When what it tells happened.
    pub created: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not delivered.
    pub error: String,
    /// What it says.
    pub body: String,
}

impl Outbox {
    /// The queues in the database of a store that is open.
    pub fn new(path: &Path) -> Outbox {
        Outbox {
            path: path.to_owned(),
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Connection) -> Sql<T>) -> Result<T, StoreError> {
        let asked = Connection::open(&self.path).and_then(|mut connection| {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            ask(&mut connection)
        });
        asked.map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Begins at the newest change for an address that was never told anything.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn begin(&self, url: &str) -> Result<(), StoreError> {
        self.with(|connection| {
            connection.execute(
                "INSERT INTO told (url, transition)
                 SELECT ?1, coalesce(max(id), 0) FROM transition WHERE true
                 ON CONFLICT (url) DO NOTHING",
                [url],
            )?;
            Ok(())
        })
    }

    /// Queues what `say` makes of the changes that an address was not told of yet.
    ///
    /// # Errors
    /// The database cannot be read or written; nothing was queued.
    pub fn collect(
        &self,
        url: &str,
        say: impl Fn(&Transition) -> Option<String>,
    ) -> Result<(), StoreError> {
        self.with(|connection| {
            while collect_some(connection, url, &say)? == AT_ONCE {}
            Ok(())
        })
    }

    /// Queues what `say` makes of what is wrong now and was not, or is so no longer; its arguments are the
    /// machine, what was wrong with it, and what is. It says nothing of what its address does not want.
    ///
    /// # Errors
    /// The database cannot be read or written; nothing was queued.
    pub fn notice(
        &self,
        url: &str,
        now: &HashMap<String, Finding>,
        say: impl Fn(&str, Option<Finding>, Option<Finding>) -> Option<String>,
    ) -> Result<(), StoreError> {
        self.with(|connection| {
            let transaction = begin(connection)?;
            let before = told_findings(&transaction, url)?;
            let names: std::collections::BTreeSet<&String> =
                before.keys().chain(now.keys()).collect();
            for name in names {
                let (was, is) = (before.get(name).copied(), now.get(name).copied());
                if was == is {
                    continue;
                }
                if let Some(body) = say(name, was, is) {
                    post(&transaction, url, Timestamp::now(), &body)?;
                }
                keep_finding(&transaction, url, name, is)?;
            }
            transaction.commit()
        })
    }

    /// The message to an address that is due first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn next(&self, url: &str) -> Result<Option<Letter>, StoreError> {
        self.with(|connection| {
            let mut query = connection.prepare(
                "SELECT id, body, attempts, due FROM letter WHERE is_dead = 0 AND url = ?1
                 ORDER BY due, id LIMIT 1",
            )?;
            let letter = query.query_row([url], |row| {
                Ok(Letter {
                    id: row.get(0)?,
                    body: row.get(1)?,
                    attempts: row.get(2)?,
                    due: moment(row.get(3)?),
                })
            });
            letter.optional()
        })
    }

    /// A message was delivered.
    ///
    /// # Errors
    /// The database cannot be written: it will be delivered again.
    pub fn delivered(&self, id: i64) -> Result<(), StoreError> {
        self.with(|connection| connection.execute("DELETE FROM letter WHERE id = ?1", [id]))
            .map(drop)
    }

    /// A message was not delivered: to be tried again after `pause`, or given up.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn failed(&self, id: i64, error: &str, pause: Option<Duration>) -> Result<(), StoreError> {
        let pause =
            pause.map(|pause| SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX));
        let now = Timestamp::now();
        let due = now.checked_add(pause.unwrap_or_default()).unwrap_or(now);
        self.with(|connection| {
            connection.execute(
                "UPDATE letter SET attempts = attempts + 1, error = ?2, due = ?3, is_dead = ?4 WHERE id = ?1",
                params![id, error, due.as_microsecond(), pause.is_none()],
            )?;
            connection.execute(
                "DELETE FROM letter WHERE id IN (SELECT id FROM letter WHERE is_dead = 1
                 ORDER BY id DESC LIMIT -1 OFFSET ?1)",
                [MOST_DEAD],
            )?;
            Ok(())
        })
    }

    /// Messages that were given up, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dead(&self, before: Option<i64>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.with(|connection| {
            let mut query = connection.prepare(
                "SELECT id, url, created, attempts, error, body FROM letter
                 WHERE is_dead = 1 AND id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = query.query_map(params![before.unwrap_or(i64::MAX), limit], |row| {
                Ok(DeadLetter {
                    id: row.get(0)?,
                    url: row.get(1)?,
                    created: moment(row.get(2)?),
                    attempts: row.get(3)?,
                    error: row.get(4)?,
                    body: row.get(5)?,
                })
            })?;
            rows.collect()
        })
    }

    /// How many messages were given up.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dead_count(&self) -> Result<i64, StoreError> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) FROM letter WHERE is_dead = 1", [], |row| {
                row.get(0)
            })
        })
    }
}

/// To write from the start: one that reads first could not write after the store's writer has.
fn begin(connection: &mut Connection) -> Sql<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Reads some changes and queues what they come to. Gives how many were read.
fn collect_some(
    connection: &mut Connection,
    url: &str,
    say: &impl Fn(&Transition) -> Option<String>,
) -> Sql<usize> {
    let transaction = begin(connection)?;
    let told: Option<i64> = transaction
        .query_row("SELECT transition FROM told WHERE url = ?1", [url], |row| {
            row.get(0)
        })
        .optional()?;
    let from = Cursor::After(told.unwrap_or(0));
    let rows = read::timeline(&transaction, &Filter::default(), from, AT_ONCE)?;
    for row in &rows {
        if let Some(body) = say(row) {
            post(&transaction, url, row.at, &body)?;
        }
    }
    if let Some(last) = rows.last() {
        transaction.execute(
            "INSERT INTO told (url, transition) VALUES (?1, ?2)
             ON CONFLICT (url) DO UPDATE SET transition = excluded.transition",
            params![url, last.id],
        )?;
    }
    transaction.commit()?;
    Ok(rows.len())
}

fn post(connection: &Connection, url: &str, created: Timestamp, body: &str) -> Sql<()> {
    connection.execute(
        "INSERT INTO letter (url, created, body, attempts, due, error, is_dead)
         VALUES (?1, ?2, ?3, 0, ?4, '', 0)",
        params![
            url,
            created.as_microsecond(),
            body,
            Timestamp::now().as_microsecond()
        ],
    )?;
    Ok(())
}

fn told_findings(connection: &Connection, url: &str) -> Sql<HashMap<String, Finding>> {
    let mut query =
        connection.prepare("SELECT machine, finding FROM told_finding WHERE url = ?1")?;
    let mut rows = query.query([url])?;
    let mut told = HashMap::new();
    while let Some(row) = rows.next()? {
        let finding: String = row.get(1)?;
        if let Some(finding) = Finding::of_word(&finding) {
            told.insert(row.get(0)?, finding);
        }
    }
    Ok(told)
}

fn keep_finding(connection: &Connection, url: &str, machine: &str, is: Option<Finding>) -> Sql<()> {
    match is {
        Some(finding) => connection.execute(
            "INSERT INTO told_finding (url, machine, finding) VALUES (?1, ?2, ?3)
             ON CONFLICT (url, machine) DO UPDATE SET finding = excluded.finding",
            params![url, machine, finding.word()],
        )?,
        None => connection.execute(
            "DELETE FROM told_finding WHERE url = ?1 AND machine = ?2",
            params![url, machine],
        )?,
    };
    Ok(())
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

#[cfg(test)]
mod tests;
