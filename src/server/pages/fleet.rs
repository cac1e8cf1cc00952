//! All machines: how many are in which state, and what each is doing.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;

use crate::events::{MachineView, Standing};
use crate::server::state::AppState;

use super::shown::Row;
use super::{NoPage, answer, encoded};

/// How many machines a page shows.
const ROWS: usize = 100;

/// What is asked for. What is empty excludes nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    pub(super) q: String,
    pub(super) profile: String,
    pub(super) datacenter: String,
    /// A standing, or `wrong`.
    pub(super) standing: String,
    pub(super) from: usize,
}

/// A number that leads to the machines it counts.
#[derive(Debug)]
struct Count {
    name: &'static str,
    class: &'static str,
    number: usize,
    link: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct Fleet {
    here: &'static str,
    query: Query,
    profiles: BTreeSet<String>,
    datacenters: BTreeSet<String>,
    counts: Vec<Count>,
    rows: Vec<Row>,
    total: usize,
    shown: String,
    before: Option<String>,
    after: Option<String>,
}

/// Machines with something wrong, as a filter.
const WRONG: &str = "wrong";

impl Query {
    /// Whether a machine is like what is asked for, except for its state.
    fn takes(&self, view: &MachineView) -> bool {
        let wanted = self.q.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&wanted);
        let profile = view.profile.as_deref().unwrap_or_default();
        let found = wanted.is_empty()
            || holds(&view.machine)
            || holds(profile)
            || holds(&view.last_message)
            || view.diagnosis.as_ref().is_some_and(|it| holds(&it.what));
        let same = |wanted: &str, own: &Option<String>| {
            wanted.is_empty() || own.as_deref() == Some(wanted)
        };
        found && same(&self.profile, &view.profile) && same(&self.datacenter, &view.datacenter)
    }

    fn takes_standing(&self, view: &MachineView) -> bool {
        match self.standing.as_str() {
            "" => true,
            WRONG => view.diagnosis.is_some(),
            word => view.standing.word() == word,
        }
    }

    /// The address of the same question with another state or another beginning.
    fn link(&self, standing: &str, from: usize) -> String {
        let mut parts = Vec::new();
        for (key, value) in [
            ("q", self.q.as_str()),
            ("profile", &self.profile),
            ("datacenter", &self.datacenter),
            ("standing", standing),
        ] {
            if !value.is_empty() {
                parts.push(format!("{key}={}", encoded(value)));
            }
        }
        if from > 0 {
            parts.push(format!("from={from}"));
        }
        match parts.is_empty() {
            true => "/".to_owned(),
            false => format!("/?{}", parts.join("&")),
        }
    }
}

pub(super) async fn page(query: web::Query<Query>, state: web::Data<AppState>) -> HttpResponse {
    let query = query.into_inner();
    answer(super::blocking(move || fleet(query, &state, Timestamp::now())).await)
}

fn fleet(query: Query, state: &AppState, now: Timestamp) -> Result<Fleet, NoPage> {
    let all = views(state, now)?;
    let texts =
        |one: fn(&MachineView) -> Option<&String>| all.iter().filter_map(one).cloned().collect();
    let profiles = texts(|view| view.profile.as_ref());
    let datacenters = texts(|view| view.datacenter.as_ref());
    let total = all.len();
    let mut views: Vec<MachineView> = all.into_iter().filter(|view| query.takes(view)).collect();
    let counts = counts(&query, &views);
    views.retain(|view| query.takes_standing(view));
    // What needs somebody first, then what is going on.
    views.sort_by_cached_key(|view| {
        let is_quiet = !view.standing.is_busy();
        (view.diagnosis.is_none(), is_quiet, view.machine.clone())
    });
    let found = views.len();
    let from = query.from.min(found.saturating_sub(1)) / ROWS * ROWS;
    let rows: Vec<Row> = views
        .into_iter()
        .skip(from)
        .take(ROWS)
        .map(|view| Row::of(view, now))
        .collect();
    let until = from + rows.len();
    let link = |from| query.link(&query.standing, from);
    Ok(Fleet {
        here: "/",
        before: (from > 0).then(|| link(from.saturating_sub(ROWS))),
        after: (until < found).then(|| link(until)),
        shown: format!("{} to {until} of {found}", from + 1),
        profiles,
        datacenters,
        counts,
        rows,
        total,
        query,
    })
}

/// Every machine as it is now.
pub(super) fn views(state: &AppState, now: Timestamp) -> Result<Vec<MachineView>, NoPage> {
    let store = state.events.store()?;
    let patience = state.events.patience;
    // The lock is held for as long as it takes to share the machines, no longer.
    let machines: Vec<_> = {
        let board = store.board();
        let usual = |machine: &Arc<_>| board.usual(machine).clone();
        board
            .machines()
            .map(|machine| (machine.clone(), usual(machine)))
            .collect()
    };
    let view = |(machine, usual): &(Arc<_>, _)| MachineView::of(machine, usual, patience, now);
    Ok(machines.iter().map(view).collect())
}

fn counts(query: &Query, views: &[MachineView]) -> Vec<Count> {
    let count = |name: &'static str, word: &'static str, number: usize| Count {
        name,
        class: if word == WRONG && number > 0 {
            "failed"
        } else {
            word
        },
        number,
        link: query.link(word, 0),
        is_chosen: query.standing == word,
    };
    let wrong = views.iter().filter(|view| view.diagnosis.is_some()).count();
    let mut counts = vec![
        count("all", "", views.len()),
        count("need somebody", WRONG, wrong),
    ];
    for standing in Standing::ALL {
        let number = views
            .iter()
            .filter(|view| view.standing == standing)
            .count();
        if number > 0 {
            counts.push(count(standing.word(), standing.word(), number));
        }
    }
    counts
}
