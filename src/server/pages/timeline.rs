//! What became of all machines, the newest first.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::events::{Cursor, Filter};
use crate::model::StepResult;
use crate::server::state::AppState;

use super::shown::Line;
use super::{NoPage, answer, encoded};

/// How many lines a page shows.
const LINES: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    machine: String,
    profile: String,
    result: String,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page {
    here: &'static str,
    query: Query,
    profiles: BTreeSet<String>,
    lines: Vec<Line>,
    earlier: Option<String>,
}

pub(super) async fn page(query: web::Query<Query>, state: web::Data<AppState>) -> HttpResponse {
    let query = query.into_inner();
    answer(super::blocking(move || timeline(query, &state)).await)
}

fn timeline(query: Query, state: &AppState) -> Result<Page, NoPage> {
    let store = state.events.store()?;
    let (machine, profiles) = {
        let board = store.board();
        let machine = board
            .name_of(&query.machine)
            .unwrap_or(&query.machine)
            .to_owned();
        let profiles = board
            .machines()
            .filter_map(|machine| machine.profile.clone());
        (machine, profiles.collect())
    };
    let filter = Filter {
        machines: Some(machine)
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect(),
        profile: Some(query.profile.clone()).filter(|name| !name.is_empty()),
        result: StepResult::of_word(&query.result),
        ..Filter::default()
    };
    let changes = store.timeline(&filter, Cursor::Before(query.before), LINES)?;
    let last = changes
        .last()
        .filter(|_| changes.len() == LINES)
        .map(|line| line.id);
    let earlier = last.map(|id| {
        let given = [
            ("machine", &query.machine),
            ("profile", &query.profile),
            ("result", &query.result),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        let given: String = given
            .map(|(key, value)| format!("{key}={}&", encoded(value)))
            .collect();
        format!("/timeline?{given}before={id}")
    });
    Ok(Page {
        here: "/timeline",
        query,
        profiles,
        lines: changes.into_iter().map(Line::of).collect(),
        earlier,
    })
}
