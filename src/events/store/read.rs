//! Questions to the database, on connections of their own: a reader never waits for the writer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::batch::micros;
use super::error::StoreError;
use super::open;
use super::rows::{Cursor, DeploymentRow, EventRow, Filter, HostKeyRow, LogRow, Transition};
use crate::events::standing::{Standing, Status};
use crate::model::{Level, StepResult};

/// How many connections are kept for the next question.
const IDLE_READERS: usize = 4;

pub(super) type Sql<T> = rusqlite::Result<T>;

/// Connections that only read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        Readers {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Asks on an idle connection, or a new one.
    pub(super) fn read<T>(&self, ask: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let failed = |error: rusqlite::Error| StoreError::of(&self.path, &error);
        let connection = match idle {
            Some(connection) => connection,
            None => open::open_reader(&self.path).map_err(failed)?,
        };
        let answer = ask(&connection).map_err(failed)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(answer)
    }
}

/// A question with its values.
struct Question {
    text: String,
    values: Vec<Value>,
}

impl Question {
    fn new(select: &str) -> Question {
        Question {
            text: format!("{select} WHERE true"),
            values: Vec::new(),
        }
    }

    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let condition = condition.replace('?', &format!("?{}", self.values.len()));
        self.text.push_str(&format!(" AND {condition}"));
    }

    /// The conditions that all tables have; `time` and `job` are the columns that hold those.
    fn and_filter(&mut self, filter: &Filter, time: &str, job: &str) {
        if !filter.machines.is_empty() {
            let names = serde_json::Value::from(filter.machines.clone()).to_string();
            self.and("m.name IN (SELECT value FROM json_each(?))", names);
        }
        if let Some(number) = filter.job {
            self.and(&format!("{job} = ?"), number);
        }
        if let Some(since) = filter.since {
            self.and(&format!("{time} >= ?"), micros(since));
        }
        if let Some(until) = filter.until {
            self.and(&format!("{time} < ?"), micros(until));
        }
    }

    fn from(&mut self, cursor: Cursor, id: &str, limit: usize) {
        let order = match cursor {
            Cursor::Before(before) => {
                if let Some(before) = before {
                    self.and(&format!("{id} < ?"), before);
                }
                "DESC"
            }
            Cursor::After(after) => {
                self.and(&format!("{id} > ?"), after);
                "ASC"
            }
        };
        self.text
            .push_str(&format!(" ORDER BY {id} {order} LIMIT {limit}"));
    }

    fn rows<T>(&self, connection: &Connection, read: fn(&Row<'_>) -> Sql<T>) -> Sql<Vec<T>> {
        let mut query = connection.prepare_cached(&self.text)?;
        query
            .query_map(params_from_iter(&self.values), read)?
            .collect()
    }
}

pub(super) fn events(
    connection: &Connection,
    filter: &Filter,
    cursor: Cursor,
    limit: usize,
) -> Sql<Vec<EventRow>> {
    let mut question = Question::new(
        "SELECT e.id, m.name, e.deployment, e.received, e.happened, e.origin, e.name, e.kind, e.result,
         e.level, e.percent, e.description FROM event e JOIN machine m ON m.id = e.machine",
    );
    question.and_filter(filter, "e.received", "e.deployment");
    if let Some(result) = filter.result {
        question.and("e.result = ?", result.word().to_owned());
    }
    question.from(cursor, "e.id", limit);
    question.rows(connection, |row| {
        Ok(EventRow {
            id: row.get(0)?,
            machine: row.get(1)?,
            job: row.get(2)?,
            received: time(row, 3)?,
            happened: time(row, 4)?,
            origin: row.get(5)?,
            name: row.get(6)?,
            kind: row.get(7)?,
            result: word(row, 8, StepResult::of_word)?,
            level: word(row, 9, Level::of_word)?.unwrap_or(Level::Info),
            percent: row.get(10)?,
            description: row.get(11)?,
        })
    })
}

pub(super) fn timeline(
    connection: &Connection,
    filter: &Filter,
    cursor: Cursor,
    limit: usize,
) -> Sql<Vec<Transition>> {
    let mut question = Question::new(
        "SELECT t.id, m.name, t.deployment, t.at, t.profile, t.action, t.result, t.standing, t.previous
         FROM transition t JOIN machine m ON m.id = t.machine",
    );
    question.and_filter(filter, "t.at", "t.deployment");
    if let Some(profile) = &filter.profile {
        question.and("t.profile = ?", profile.clone());
    }
    if let Some(result) = filter.result {
        question.and("t.result = ?", result.word().to_owned());
    }
    question.from(cursor, "t.id", limit);
    question.rows(connection, |row| {
        Ok(Transition {
            id: row.get(0)?,
            machine: row.get(1)?,
            job: row.get(2)?,
            at: time(row, 3)?,
            profile: row.get(4)?,
            action: row.get(5)?,
            result: word(row, 6, StepResult::of_word)?,
            standing: word(row, 7, Standing::of_word)?.unwrap_or(Standing::Unknown),
            previous: word(row, 8, Standing::of_word)?.unwrap_or(Standing::Unknown),
        })
    })
}

pub(super) fn deployments(
    connection: &Connection,
    filter: &Filter,
    is_open: Option<bool>,
    cursor: Cursor,
    limit: usize,
) -> Sql<Vec<DeploymentRow>> {
    let mut question = Question::new(
        "SELECT d.number, m.name, d.profile, d.action, d.origin, d.status, d.error, d.failed_step,
         d.started, d.ended FROM deployment d JOIN machine m ON m.id = d.machine",
    );
    question.and_filter(filter, "d.started", "d.number");
    if let Some(profile) = &filter.profile {
        question.and("d.profile = ?", profile.clone());
    }
    match filter.result {
        Some(StepResult::Fail) => question.and("d.status = ?", Status::Errored.word().to_owned()),
        Some(_) => question.and("d.status = ?", Status::Complete.word().to_owned()),
        None => {}
    }
    match is_open {
        Some(true) => question
            .text
            .push_str(" AND d.status IN ('Queued', 'Running')"),
        Some(false) => question
            .text
            .push_str(" AND d.status IN ('Complete', 'Errored')"),
        None => {}
    }
    question.from(cursor, "d.number", limit);
    question.rows(connection, |row| {
        Ok(DeploymentRow {
            number: row.get(0)?,
            machine: row.get(1)?,
            profile: row.get(2)?,
            action: row.get(3)?,
            origin: row.get(4)?,
            status: word(row, 5, Status::of_word)?.unwrap_or(Status::Running),
            error: row.get(6)?,
            failed_step: row.get(7)?,
            started: time(row, 8)?,
            ended: row.get::<_, Option<i64>>(9)?.map(of_micros),
        })
    })
}

pub(super) fn logs(connection: &Connection, filter: &Filter, limit: usize) -> Sql<Vec<LogRow>> {
    let mut question = Question::new(
        "SELECT l.id, m.name, l.deployment, l.received, l.name, l.bytes
         FROM log l JOIN machine m ON m.id = l.machine",
    );
    question.and_filter(filter, "l.received", "l.deployment");
    question.from(Cursor::Before(None), "l.id", limit);
    question.rows(connection, |row| {
        Ok(LogRow {
            id: row.get(0)?,
            machine: row.get(1)?,
            job: row.get(2)?,
            received: time(row, 3)?,
            name: row.get(4)?,
            bytes: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        })
    })
}

/// What each machine was before it became what it is.
pub(super) fn previous_standings(connection: &Connection) -> Sql<HashMap<String, Standing>> {
    let mut query = connection.prepare_cached(
        "SELECT m.name, t.previous FROM transition t JOIN machine m ON m.id = t.machine
         WHERE t.id IN (SELECT max(id) FROM transition GROUP BY machine)",
    )?;
    let rows = query.query_map([], |row| {
        let previous = word(row, 1, Standing::of_word)?;
        Ok((row.get(0)?, previous.unwrap_or(Standing::Unknown)))
    })?;
    rows.collect()
}

pub(super) fn host_keys(connection: &Connection, machine: Option<&str>) -> Sql<Vec<HostKeyRow>> {
    connection
        .prepare_cached(
            "SELECT m.name, k.algorithm, k.key, k.received FROM host_key k
             JOIN machine m ON m.id = k.machine WHERE ?1 IS NULL OR m.name = ?1
             ORDER BY m.name, k.algorithm",
        )?
        .query_map([machine], |row| {
            Ok(HostKeyRow {
                machine: row.get(0)?,
                algorithm: row.get(1)?,
                key: row.get(2)?,
                received: time(row, 3)?,
            })
        })?
        .collect()
}

pub(super) fn log_content(connection: &Connection, id: i64) -> Sql<Option<Vec<u8>>> {
    let packed: Option<(Vec<u8>, i64)> = connection
        .prepare_cached("SELECT content, bytes FROM log WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((content, bytes)) = packed else {
        return Ok(None);
    };
    let bytes = usize::try_from(bytes).unwrap_or(0);
    let content = zstd::bulk::decompress(&content, bytes.max(1));
    content.map(Some).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Sql<Timestamp> {
    Ok(of_micros(row.get(column)?))
}

/// Times that no calendar has, which only a damaged file holds, are the beginning of all.
fn of_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

fn word<T>(row: &Row<'_>, column: usize, read: fn(&str) -> Option<T>) -> Sql<Option<T>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.as_deref().and_then(read))
}
