//! Reads back how machines' files differ from their roles.
//!
//! What was told before an installation or an upgrade began is stale: nobody knows what it left as it was.

use rusqlite::{Connection, Row};

use super::read::{Sql, time};
use super::rows::{CommonDifference, DriftRow};
use crate::model::{Aspect, Changed, Drift};

/// Whether another version may be installed since; `d` is the row of `drift`.
const IS_STALE: &str = "EXISTS (SELECT 1 FROM deployment p WHERE p.machine = d.machine
    AND p.started > d.received AND p.action IN ('install', 'upgrade', 'rollback'))";

/// The newest reports without their differences, by the names of the machines.
pub(super) fn drifts(connection: &Connection, machine: Option<&str>) -> Sql<Vec<DriftRow>> {
    let text = format!(
        "SELECT m.name, d.received, {IS_STALE}, d.summary FROM drift d
         JOIN machine m ON m.id = d.machine WHERE ?1 IS NULL OR m.name = ?1 ORDER BY m.name"
    );
    let mut query = connection.prepare_cached(&text)?;
    query.query_map([machine], row)?.collect()
}

fn row(row: &Row<'_>) -> Sql<DriftRow> {
    let summary: String = row.get(3)?;
    Ok(DriftRow {
        machine: row.get(0)?,
        at: time(row, 1)?,
        is_stale: row.get(2)?,
        drift: serde_json::from_str::<Drift>(&summary).map_err(|error| {
            let kind = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(3, kind, Box::new(error))
        })?,
    })
}

/// The newest report of a machine.
pub(super) fn whole(connection: &Connection, machine: &str) -> Sql<Option<DriftRow>> {
    let Some(mut found) = drifts(connection, Some(machine))?.pop() else {
        return Ok(None);
    };
    let mut query = connection.prepare_cached(
        "SELECT path, aspect, expected, found, below FROM difference
         WHERE machine = (SELECT id FROM machine WHERE name = ?1) ORDER BY path",
    )?;
    let differences = query.query_map([machine], |row| {
        let name: String = row.get(1)?;
        let aspect = Aspect::ALL.into_iter().find(|one| one.name() == name);
        Ok(Changed {
            path: row.get(0)?,
            aspect: aspect.unwrap_or(Aspect::Content),
            expected: row.get(2)?,
            found: row.get(3)?,
            below: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        })
    })?;
    found.drift.differences = differences.collect::<Sql<_>>()?;
    Ok(Some(found))
}

/// The names of the machines on which a path differs in this way, those whose reports are stale left out.
pub(super) fn machines_with(connection: &Connection, path: &str, aspect: &str) -> Sql<Vec<String>> {
    let text = format!(
        "SELECT m.name FROM drift d JOIN difference f ON f.machine = d.machine
         JOIN machine m ON m.id = d.machine
         WHERE f.path = ?1 AND f.aspect = ?2 AND NOT {IS_STALE} ORDER BY m.name"
    );
    let mut query = connection.prepare_cached(&text)?;
    query.query_map([path, aspect], |row| row.get(0))?.collect()
}

/// The paths that differ on the most machines, those whose reports are stale left out.
pub(super) fn common(connection: &Connection, limit: usize) -> Sql<Vec<CommonDifference>> {
    let text = format!(
        "SELECT f.path, f.aspect, count(*) AS machines, min(m.name) FROM drift d
         JOIN difference f ON f.machine = d.machine JOIN machine m ON m.id = d.machine
         WHERE NOT {IS_STALE} GROUP BY f.path, f.aspect ORDER BY machines DESC, f.path, f.aspect LIMIT ?1"
    );
    let mut query = connection.prepare_cached(&text)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map([limit], |row| {
        Ok(CommonDifference {
            path: row.get(0)?,
            aspect: row.get(1)?,
            machines: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
            example: row.get(3)?,
        })
    })?;
    rows.collect()
}
