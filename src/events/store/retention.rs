//! Drops what is too old or too much, a little at a time, so that reports do not wait for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::StoreOptions;
use super::batch::micros;

/// How many rows one transaction drops.
const AT_ONCE: i64 = 5_000;

/// How many times longer deployments and the timeline are kept than events and logs.
const HISTORY_TIMES: u32 = 4;

/// Drops what is older than it is kept for, then the oldest while the database is too large. Gives how many
/// rows went.
pub(super) fn tidy(
    connection: &mut Connection,
    options: StoreOptions,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let before = |age: Duration| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).map_or(i64::MIN, micros)
    };
    let details = before(options.keep_for);
    let history = before(options.keep_for.saturating_mul(HISTORY_TIMES));
    let mut dropped = 0;
    for (table, column, limit) in [
        ("event", "received", details),
        ("log", "received", details),
        ("transition", "at", history),
    ] {
        dropped += drop_older(connection, table, column, limit)?;
    }
    dropped += connection.execute(
        "DELETE FROM deployment WHERE ended < ?1 AND NOT EXISTS
         (SELECT 1 FROM event WHERE event.deployment = deployment.number)",
        [history],
    )?;
    while used_bytes(connection)? > options.keep_bytes {
        let fewer = drop_oldest(connection)?;
        if fewer == 0 {
            break;
        }
        dropped += fewer;
    }
    Ok(dropped)
}

/// Rows are numbered as they come in, so the old ones are the first.
fn drop_older(
    connection: &Connection,
    table: &str,
    column: &str,
    limit: i64,
) -> rusqlite::Result<usize> {
    let text = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM
         (SELECT id, {column} AS at FROM {table} ORDER BY id LIMIT ?1) WHERE at < ?2)"
    );
    let mut dropped = 0;
    loop {
        let gone = connection.execute(&text, params![AT_ONCE, limit])?;
        dropped += gone;
        if gone == 0 {
            return Ok(dropped);
        }
    }
}

fn drop_oldest(connection: &Connection) -> rusqlite::Result<usize> {
    let mut dropped = 0;
    for table in ["log", "event"] {
        let text = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?1)"
        );
        let share = if table == "log" {
            AT_ONCE / 50
        } else {
            AT_ONCE
        };
        dropped += connection.execute(&text, [share])?;
    }
    Ok(dropped)
}

/// What the rows take; pages that became free are used again before the file grows.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or(0))
}
