//! One deployment: its steps and all that was said in it.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::{SignedDuration, Timestamp};

use crate::events::{Cursor, EventRow, Filter};
use crate::model::StepResult;
use crate::server::state::AppState;

use super::machine::MOST_EVENTS;
use super::shown::{Bar, bars, machine_link, seconds_in_words};
use super::{NoPage, answer};

#[derive(Template)]
#[template(path = "job.html")]
struct Page {
    here: &'static str,
    number: i64,
    machine: String,
    link: String,
    action: String,
    origin: String,
    status: &'static str,
    started: String,
    took: String,
    error: String,
    failed_step: String,
    spans: Vec<Bar>,
    /// Names and lengths.
    files: Vec<(String, u64)>,
    log: Vec<String>,
}

pub(super) async fn page(number: web::Path<String>, state: web::Data<AppState>) -> HttpResponse {
    let number = number.into_inner();
    answer(super::blocking(move || job(&number, &state, Timestamp::now())).await)
}

fn job(text: &str, state: &AppState, now: Timestamp) -> Result<Page, NoPage> {
    let none = || NoPage::NotFound(format!("There is no deployment {text}."));
    let number: i64 = text.parse().map_err(|_| none())?;
    let store = state.events.store()?;
    let filter = Filter {
        job: Some(number),
        ..Filter::default()
    };
    let found = store.deployments(&filter, None, Cursor::Before(None), 1)?;
    let job = found.into_iter().next().ok_or_else(none)?;
    let rows = store.events(&filter, Cursor::After(0), MOST_EVENTS)?;
    let files = store.logs(&filter, 100)?;
    let took = job.ended.unwrap_or(now).duration_since(job.started);
    Ok(Page {
        here: "",
        number,
        link: machine_link(&job.machine),
        machine: job.machine,
        action: job.action,
        origin: job.origin,
        status: job.status.word(),
        started: job.started.to_string(),
        took: seconds_in_words(
            u64::try_from(took.max(SignedDuration::ZERO).as_secs()).unwrap_or(0),
        ),
        error: job.error,
        failed_step: job.failed_step.unwrap_or_default(),
        spans: bars(crate::events::steps(&rows, job.ended), now),
        files: files
            .into_iter()
            .map(|file| (file.name, file.bytes))
            .collect(),
        log: rows.iter().map(line).collect(),
    })
}

fn line(row: &EventRow) -> String {
    let at = row.happened.strftime("%H:%M:%S");
    let result = row.result.map_or("", StepResult::word);
    format!(
        "{at} {} {} {result} {}",
        row.name, row.kind, row.description
    )
}
