//! Opens the database: makes it, brings it up to date, sets it aside where it is damaged.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use crate::events::board::{Board, Kept};
use crate::events::machine::Machine;
use crate::events::usual::Usual;

/// What brings each version to the next; the first makes the tables.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema.sql"),
    include_str!("host_keys.sql"),
    include_str!("outbox.sql"),
    include_str!("drift.sql"),
];

/// How long a reader and the writer wait for one another, which in WAL mode they hardly do.
const BUSY: Duration = Duration::from_secs(10);

/// A database that is ready, and what is in it.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) board: Board,
    /// The number of the next deployment.
    pub(super) next_number: i64,
    /// Where a damaged one was put.
    pub(super) set_aside: Option<PathBuf>,
}

/// Opens the database for writing. A damaged one is renamed, and a new one begun: what is lost is history,
/// and machines go on being allocated.
pub(super) fn open(path: &Path, now: Timestamp) -> Result<Opened, StoreError> {
    match try_open(path) {
        Err(error) if error.is_damaged() => {
            let aside = set_aside(path, now)?;
            tracing::error!(
                %error, set_aside = %aside.display(),
                "the store of events is damaged: it was set aside and a new one begun"
            );
            let mut opened = try_open(path)?;
            opened.set_aside = Some(aside);
            Ok(opened)
        }
        opened => opened,
    }
}

fn try_open(path: &Path) -> Result<Opened, StoreError> {
    let opened = || -> rusqlite::Result<Opened> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // Each commit is on the disk before it is answered.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -16_000)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        migrate(&mut connection)?;
        let board = load(&connection)?;
        let next_number = connection.query_row(
            "SELECT coalesce(max(number), 0) + 1 FROM deployment",
            [],
            |row| row.get(0),
        )?;
        Ok(Opened {
            connection,
            board,
            next_number,
            set_aside: None,
        })
    };
    opened().map_err(|error| StoreError::of(path, &error))
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let done: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (version, migration) in (1..).zip(MIGRATIONS) {
        if version <= done {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn load(connection: &Connection) -> rusqlite::Result<Board> {
    let mut board = Board::default();
    let mut names = HashMap::new();
    let mut query = connection.prepare("SELECT id, name, summary FROM machine")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let summary: String = row.get(2)?;
        // A later version may have written what this one cannot read: the machine begins anew.
        let machine = serde_json::from_str::<Machine>(&summary)
            .unwrap_or_else(|_| Machine::new(&name, Timestamp::UNIX_EPOCH));
        names.insert(id, name.clone());
        let machine = Arc::new(machine);
        board.machines.insert(name, Kept { id, machine });
    }
    let mut query = connection.prepare("SELECT alias, machine FROM alias")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(name) = names.get(&row.get::<_, i64>(1)?) {
            board.aliases.insert(row.get(0)?, name.clone());
        }
    }
    let mut query = connection.prepare("SELECT profile, learnt FROM usual")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let learnt: String = row.get(1)?;
        let usual: Usual = serde_json::from_str(&learnt).unwrap_or_default();
        board.usual.insert(row.get(0)?, usual);
    }
    Ok(board)
}

/// A connection that only reads, beside the writer.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    Ok(connection)
}

/// Renames a damaged database with what belongs to it.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let ending = |text: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(text);
        PathBuf::from(name)
    };
    let aside = ending(&format!(".damaged-{}", now.as_millisecond()));
    for part in ["-wal", "-shm", ""] {
        let mut to = aside.as_os_str().to_owned();
        to.push(part);
        match std::fs::rename(ending(part), &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Database {
                    path: path.to_owned(),
                    problem: format!("damaged, and cannot be set aside: {error}"),
                    is_full: false,
                    is_damaged: false,
                });
            }
            _ => {}
        }
    }
    Ok(aside)
}
