//! One machine: what it is doing, its newest deployment's steps, what it was given and why, its history.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::allocation::{AllocateError, allocation_of};
use crate::events::{Cursor, Diagnosis, Filter, MachineView, Store};
use crate::model::{Fact, Facts};
use crate::server::hardware;
use crate::server::state::{AppState, OpenSection};

use super::drift::Told;
use super::shown::{Bar, Line, Row, ago, bars};
use super::{NoPage, answer};

/// How many changes of its standing are shown.
const HISTORY: usize = 50;

/// How many rows of a deployment are looked at for its steps.
pub(super) const MOST_EVENTS: usize = 5_000;

struct Job {
    number: i64,
    link: String,
    spans: Vec<Bar>,
}

#[derive(Template)]
#[template(path = "machine.html")]
struct Page {
    here: &'static str,
    row: Row,
    section: Option<String>,
    since: String,
    since_ago: String,
    diagnosis: Option<Diagnosis>,
    job: Option<Job>,
    drift: Option<Told>,
    history: Vec<Line>,
    variables: Vec<(String, String)>,
    explanation: Option<String>,
    facts: Vec<Fact>,
}

pub(super) async fn page(name: web::Path<String>, state: web::Data<AppState>) -> HttpResponse {
    let called = name.into_inner();
    answer(super::blocking(move || machine(&called, &state, Timestamp::now())).await)
}

fn machine(called: &str, state: &AppState, now: Timestamp) -> Result<Page, NoPage> {
    let store = state.events.store()?;
    let (view, ended) = {
        let board = store.board();
        let found = board.machine(called).cloned();
        let machine =
            found.ok_or_else(|| NoPage::NotFound(format!("No machine is called {called}.")))?;
        let view = MachineView::of(&machine, board.usual(&machine), state.events.patience, now);
        (view, machine.deployment.as_ref().and_then(|it| it.ended))
    };
    let section = view
        .section
        .as_deref()
        .and_then(|name| state.section(Some(name)).ok());
    let facts = section
        .map(|it| kept_facts(it, &view.machine))
        .unwrap_or_default();
    let (variables, explanation) = match section {
        Some(section) => (
            variables(section, &view.machine)?,
            (!facts.is_empty()).then(|| explained(section, &facts)),
        ),
        None => (Vec::new(), None),
    };
    let filter = Filter {
        machines: vec![view.machine.clone()],
        ..Filter::default()
    };
    let history = store.timeline(&filter, Cursor::Before(None), HISTORY)?;
    let drift = store.drift(&view.machine)?;
    let job = view.job.map(|number| job(store, number, ended, now));
    let job = job.transpose()?;
    Ok(Page {
        here: "",
        section: view.section.clone(),
        since: view.since.to_string(),
        since_ago: ago(view.since, now),
        diagnosis: view.diagnosis.clone(),
        job,
        drift: drift.map(|row| Told::of(row, now)),
        history: history.into_iter().map(Line::of).collect(),
        variables,
        explanation,
        facts,
        row: Row::of(view, now),
    })
}

fn job(
    store: &Store,
    number: i64,
    ended: Option<Timestamp>,
    now: Timestamp,
) -> Result<Job, NoPage> {
    let filter = Filter {
        job: Some(number),
        ..Filter::default()
    };
    let rows = store.events(&filter, Cursor::After(0), MOST_EVENTS)?;
    Ok(Job {
        number,
        link: format!("/jobs/{number}"),
        spans: bars(crate::events::steps(&rows, ended), now),
    })
}

/// What a machine posted last, as it is kept. Nothing where it is not there or cannot be read.
pub(super) fn kept_facts(section: &OpenSection, machine: &str) -> Facts {
    let path = section.settings.hw_dir.join(format!("{machine}.hw"));
    let read = std::fs::read(path).ok();
    let parsed = read.and_then(|bytes| hardware::parse("kept.hw", &bytes).ok());
    parsed.map(|parsed| parsed.facts).unwrap_or_default()
}

/// What every profile makes of a machine, in words.
pub(super) fn explained(section: &OpenSection, facts: &[Fact]) -> String {
    match section.section.explain(facts) {
        Ok(explanation) => explanation.to_string(),
        Err(error) => error.details(),
    }
}

fn variables(section: &OpenSection, machine: &str) -> Result<Vec<(String, String)>, NoPage> {
    match allocation_of(section.section.config_dir(), machine) {
        Ok(allocation) => {
            let variables = allocation.variables();
            let pairs = variables
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_string()));
            Ok(pairs.collect())
        }
        Err(AllocateError::UnknownMachine { .. } | AllocateError::AmbiguousMachine { .. }) => {
            Ok(Vec::new())
        }
        Err(error) => Err(NoPage::Trouble(error.details())),
    }
}
