//! How the files of all machines differ from their roles: versions, paths, machines.

use std::collections::HashSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;

use crate::events::DriftRow;
use crate::server::drift::{Fleet, One, State, Version};
use crate::server::state::AppState;

use super::shown::{ago, machine_link};
use super::{NoPage, answer, encoded};

/// How many machines a page shows.
const ROWS: usize = 100;
/// How many paths it shows.
const PATHS: usize = 25;

/// What is asked for. What is empty excludes nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    /// A state, or `never`.
    state: String,
    /// Only machines where this path differs, in this way.
    path: String,
    aspect: String,
    from: usize,
}

struct Count {
    name: &'static str,
    class: &'static str,
    number: usize,
    link: String,
    is_chosen: bool,
}

struct Path {
    path: String,
    aspect: String,
    machines: u64,
    link: String,
}

/// A machine; what it told where it told anything.
struct Row {
    machine: String,
    link: String,
    state: &'static str,
    told: Option<Told>,
}

/// The newest report of a machine, as texts.
pub(super) struct Told {
    pub(super) role: String,
    pub(super) version: String,
    pub(super) counts: String,
    pub(super) depth: &'static str,
    pub(super) at: String,
    pub(super) ago: String,
    pub(super) is_stale: bool,
    pub(super) left_out: u64,
    pub(super) differences: Vec<Difference>,
}

/// One path of a report.
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) aspect: &'static str,
    pub(super) what: String,
}

#[derive(Template)]
#[template(path = "drift.html")]
struct Page {
    here: &'static str,
    is_empty: bool,
    counts: Vec<Count>,
    versions: Vec<Version>,
    paths: Vec<Path>,
    /// The one path that the machines were chosen by.
    path: Option<String>,
    rows: Vec<Row>,
    shown: String,
    before: Option<String>,
    after: Option<String>,
}

pub(super) async fn page(query: web::Query<Query>, state: web::Data<AppState>) -> HttpResponse {
    let query = query.into_inner();
    answer(super::blocking(move || drift(&query, &state, Timestamp::now())).await)
}

impl Query {
    fn link(&self, from: usize) -> String {
        let given = [
            ("state", &self.state),
            ("path", &self.path),
            ("aspect", &self.aspect),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        let given: String = given
            .map(|(key, value)| format!("{key}={}&", encoded(value)))
            .collect();
        format!("/drift?{given}from={from}")
    }
}

fn drift(query: &Query, state: &AppState, now: Timestamp) -> Result<Page, NoPage> {
    let store = state.events.store()?;
    let mut fleet = Fleet::of(store)?;
    let counts = counts(query, &fleet);
    let is_empty = fleet.machines.is_empty();
    let mut silent = std::mem::take(&mut fleet.never_verified);
    if !query.path.is_empty() {
        let chosen = store.machines_with(&query.path, &query.aspect)?;
        let chosen: HashSet<String> = chosen.into_iter().collect();
        fleet
            .machines
            .retain(|one| chosen.contains(&one.row.machine));
        silent.clear();
    }
    if !query.state.is_empty() {
        fleet.machines.retain(|one| one.state.word() == query.state);
        if query.state != State::NEVER {
            silent.clear();
        }
    }
    let found = fleet.machines.len() + silent.len();
    let from = query.from.min(found.saturating_sub(1)) / ROWS * ROWS;
    let rows = fleet.machines.into_iter().map(|one| Row::of(one, now));
    let rows = rows.chain(silent.into_iter().map(Row::silent));
    let rows: Vec<Row> = rows.skip(from).take(ROWS).collect();
    let until = from + rows.len();
    Ok(Page {
        here: "/drift",
        is_empty,
        counts,
        versions: fleet.versions,
        paths: fleet.paths.into_iter().take(PATHS).map(Path::of).collect(),
        path: (!query.path.is_empty()).then(|| format!("{} {}", plain(&query.path), query.aspect)),
        shown: format!("{} to {until} of {found}", from + 1),
        before: (from > 0).then(|| query.link(from.saturating_sub(ROWS))),
        after: (until < found).then(|| query.link(until)),
        rows,
    })
}

fn counts(query: &Query, fleet: &Fleet) -> Vec<Count> {
    let count = |name, word: &'static str, number| Count {
        name,
        class: word,
        number,
        link: match word {
            "" => "/drift".to_owned(),
            word => format!("/drift?state={word}"),
        },
        is_chosen: query.state == word && query.path.is_empty(),
    };
    let silent = fleet.never_verified.len();
    let mut counts = vec![count("all", "", fleet.machines.len() + silent)];
    let of_states = State::ALL.map(|state| count(state.word(), state.word(), fleet.count(state)));
    counts.extend(of_states);
    counts.push(count("never verified", State::NEVER, silent));
    counts
}

impl Path {
    fn of(one: crate::events::CommonDifference) -> Path {
        let link = format!("/drift?path={}&aspect={}", encoded(&one.path), one.aspect);
        Path {
            path: plain(&one.path),
            aspect: one.aspect,
            machines: one.machines,
            link,
        }
    }
}

impl Row {
    fn of(one: One, now: Timestamp) -> Row {
        Row {
            link: format!("{}#drift", machine_link(&one.row.machine)),
            machine: one.row.machine.clone(),
            state: one.state.word(),
            told: Some(Told::of(one.row, now)),
        }
    }

    fn silent(machine: String) -> Row {
        Row {
            link: machine_link(&machine),
            machine,
            state: "never verified",
            told: None,
        }
    }
}

impl Told {
    pub(super) fn of(row: DriftRow, now: Timestamp) -> Told {
        let drift = row.drift;
        Told {
            counts: drift.in_words(),
            depth: drift.depth.word(),
            at: row.at.to_string(),
            ago: ago(row.at, now),
            is_stale: row.is_stale,
            left_out: drift.left_out,
            role: drift.role.to_string(),
            version: drift.version.to_string(),
            differences: drift
                .differences
                .into_iter()
                .map(|one| Difference {
                    path: plain(&one.path),
                    aspect: one.aspect.name(),
                    what: one.in_words(),
                })
                .collect(),
        }
    }
}

/// A path as people write it: `/etc/hosts` for `./etc/hosts`.
fn plain(path: &str) -> String {
    match path.strip_prefix('.') {
        Some("") => "/".to_owned(),
        Some(rest) => rest.to_owned(),
        None => path.to_owned(),
    }
}
