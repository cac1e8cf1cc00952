//! How the files of the whole fleet differ from its roles: what machines told last, counted.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::events::{CommonDifference, DriftRow, Standing, Store, StoreError};

/// How many paths that differ are told at most, those on the most machines first.
const MOST_PATHS: usize = 200;

/// What a machine's newest report is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Something differs from its role.
    Changed,
    /// Another version may be installed since.
    Stale,
    /// Nothing differs.
    Clean,
}

impl State {
    pub(super) const ALL: [State; 3] = [State::Changed, State::Stale, State::Clean];
    /// The word for installed machines that never told.
    pub(super) const NEVER: &str = "never";

    pub(super) fn of(row: &DriftRow) -> State {
        match (row.is_stale, row.drift.sum()) {
            (true, _) => State::Stale,
            (false, 0) => State::Clean,
            (false, _) => State::Changed,
        }
    }

    /// As in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Changed => "changed",
            State::Stale => "stale",
            State::Clean => "clean",
        }
    }
}

/// The machines that told of one version of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Version {
    pub(super) role: String,
    pub(super) version: String,
    pub(super) clean: usize,
    pub(super) changed: usize,
    pub(super) stale: usize,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct One {
    pub(super) state: State,
    #[serde(flatten)]
    pub(super) row: DriftRow,
}

/// The fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fleet {
    pub(super) versions: Vec<Version>,
    /// Machines that are installed and never told, by name.
    pub(super) never_verified: Vec<String>,
    /// Those where something changed first.
    pub(super) machines: Vec<One>,
    /// The paths that differ on the most machines.
    pub(super) paths: Vec<CommonDifference>,
}

impl Fleet {
    /// What the store has of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn of(store: &Store) -> Result<Fleet, StoreError> {
        let rows = store.drifts()?;
        let paths = store.common_differences(MOST_PATHS)?;
        let told: HashSet<&str> = rows.iter().map(|row| row.machine.as_str()).collect();
        let mut never_verified: Vec<String> = {
            let board = store.board();
            let installed = board.machines().filter(|machine| {
                matches!(machine.standing, Standing::Installed | Standing::Upgrading)
            });
            let silent = installed.filter(|machine| !told.contains(machine.name.as_str()));
            silent.map(|machine| machine.name.clone()).collect()
        };
        never_verified.sort();
        let mut versions: BTreeMap<(String, String), Version> = BTreeMap::new();
        let mut machines = Vec::with_capacity(rows.len());
        for row in rows {
            let (role, version) = (row.drift.role.to_string(), row.drift.version.to_string());
            let state = State::of(&row);
            let counted = versions
                .entry((role.clone(), version.clone()))
                .or_insert(Version {
                    role,
                    version,
                    clean: 0,
                    changed: 0,
                    stale: 0,
                });
            *match state {
                State::Clean => &mut counted.clean,
                State::Changed => &mut counted.changed,
                State::Stale => &mut counted.stale,
            } += 1;
            machines.push(One { state, row });
        }
        machines.sort_by_key(|one| one.state);
        Ok(Fleet {
            versions: versions.into_values().collect(),
            never_verified,
            machines,
            paths,
        })
    }
}

impl Fleet {
    /// How many machines there are of a state.
    pub(super) fn count(&self, state: State) -> usize {
        let machines = self.machines.iter();
        machines.filter(|one| one.state == state).count()
    }
}
