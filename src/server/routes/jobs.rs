//! `/api/v1/jobs`: every attempt to install a machine, its steps, its log.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

use crate::events::{
    Cursor, DeploymentRow, Filter, LogRow, Progress, Status, Step, Store, StoreError, steps,
};

use super::super::error::ApiError;
use super::super::job_log::{self, Following, of_job};
use super::super::state::AppState;
use super::ask::{Query, ROWS, ask, page, respond};
use super::only_get;

/// How many events of a job its steps are made of.
const MOST_EVENTS: usize = 20_000;

/// How many files of a job are named.
const MOST_FILES: usize = 1_000;

pub(super) fn register(config: &mut web::ServiceConfig) {
    let only_get = || web::to(only_get);
    config
        .service(
            web::resource("/api/v1/jobs")
                .get(list)
                .default_service(only_get()),
        )
        .service(
            web::resource("/api/v1/jobs/{job}")
                .get(show)
                .default_service(only_get()),
        )
        .service(
            web::resource("/api/v1/jobs/{job}/log")
                .get(log)
                .default_service(only_get()),
        )
        .service(
            web::resource("/api/v1/jobs/{job}/files/{file}")
                .get(file)
                .default_service(only_get()),
        );
}

/// A job in a list.
#[derive(Debug, Serialize)]
struct JobRow {
    #[serde(flatten)]
    row: DeploymentRow,
    /// How long it took, or has taken up to now.
    seconds: u64,
}

impl JobRow {
    fn of(row: DeploymentRow, now: Timestamp) -> JobRow {
        let took = row.ended.unwrap_or(now).duration_since(row.started);
        JobRow {
            seconds: u64::try_from(took.as_secs()).unwrap_or(0),
            row,
        }
    }
}

/// A job as a whole.
#[derive(Debug, Serialize)]
struct Job {
    #[serde(flatten)]
    job: JobRow,
    progress: Option<Progress>,
    steps: Vec<Step>,
    files: Vec<LogRow>,
}

async fn list(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_list(&request, &state).await)
}

async fn try_list(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let known = [ROWS.as_slice(), &["open"]].concat();
    let query = Query::of(request, &known)?;
    let filter = query.filter(state.events.store()?)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let is_open = match query.one("open") {
        None => None,
        Some(_) => Some(query.truth("open")?),
    };
    let rows = ask(state, move |store| {
        store.deployments(&filter, is_open, cursor, limit)
    })
    .await?;
    let now = Timestamp::now();
    let rows: Vec<JobRow> = rows.into_iter().map(|row| JobRow::of(row, now)).collect();
    Ok(page("jobs", &rows, limit, |job| job.row.number))
}

async fn show(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_show(&request, &state).await)
}

async fn try_show(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let row = find(request, state).await?;
    let (number, ended) = (row.number, row.ended);
    let progress = progress(state.events.store()?, &row);
    let (steps, files) = ask(state, move |store| {
        let events = store.events(&of_job(number), Cursor::After(0), MOST_EVENTS)?;
        let mut files = store.logs(&of_job(number), MOST_FILES)?;
        files.reverse();
        Ok((steps(&events, ended), files))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Job {
        job: JobRow::of(row, Timestamp::now()),
        progress,
        steps,
        files,
    }))
}

/// How far a job is that is its machine's newest.
fn progress(store: &Store, row: &DeploymentRow) -> Option<Progress> {
    let board = store.board();
    let machine = board.machine(&row.machine)?;
    let deployment = machine
        .deployment
        .as_ref()
        .filter(|it| it.number == row.number)?;
    board.usual(machine).progress(deployment, Timestamp::now())
}

async fn log(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_log(&request, &state).await)
}

async fn try_log(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let query = Query::of(request, &["follow"])?;
    let is_followed = query.truth("follow")?;
    let row = find(request, state).await?;
    log_of(state, &row, is_followed)
}

/// The answer with a job's log.
pub(super) fn log_of(
    state: &AppState,
    job: &DeploymentRow,
    is_followed: bool,
) -> Result<HttpResponse, ApiError> {
    let following = match is_followed {
        true => Some(Following {
            closing: state.live.closing(),
            _place: state.live.place()?,
        }),
        false => None,
    };
    let store = state.events.store()?.clone();
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(job_log::stream(store, job, following)))
}

async fn file(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_file(&request, &state).await)
}

async fn try_file(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let number = find(request, state).await?.number;
    let none = || ApiError::NotFound(format!("job {number} has no file of this number"));
    let wanted: i64 = request
        .match_info()
        .query("file")
        .parse()
        .map_err(|_| none())?;
    let content = ask(state, move |store| {
        let files = store.logs(&of_job(number), MOST_FILES)?;
        match files.iter().any(|file| file.id == wanted) {
            true => store.log_content(wanted),
            false => Ok(None),
        }
    })
    .await?
    .ok_or_else(none)?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment"))
        .body(content))
}

/// The job that the path names: a number, `active` or `last`.
async fn find(request: &HttpRequest, state: &AppState) -> Result<DeploymentRow, ApiError> {
    let wanted = request.match_info().query("job");
    let known = match wanted {
        "active" => ask(state, active).await?,
        "last" => ask(state, last).await?,
        number => match number.parse() {
            Ok(number) => ask(state, move |store| job_log::job(store, number)).await?,
            Err(_) => None,
        },
    };
    known.ok_or_else(|| match wanted {
        "active" => ApiError::NotFound("no job is going on".to_owned()),
        "last" => ApiError::NotFound("no job has ended yet".to_owned()),
        other => {
            let other: String = other.chars().take(80).collect();
            ApiError::NotFound(format!("there is no job `{}`", other.escape_debug()))
        }
    })
}

/// The newest job that is going on: one that runs before one that waits for its machine.
pub(super) fn active(store: &Store) -> Result<Option<DeploymentRow>, StoreError> {
    let mut open =
        store.deployments(&Filter::default(), Some(true), Cursor::Before(None), 1_000)?;
    let running = open.iter().position(|job| job.status == Status::Running);
    Ok((!open.is_empty()).then(|| open.swap_remove(running.unwrap_or(0))))
}

/// The newest job that has ended.
pub(super) fn last(store: &Store) -> Result<Option<DeploymentRow>, StoreError> {
    let ended = store.deployments(&Filter::default(), Some(false), Cursor::Before(None), 1)?;
    Ok(ended.into_iter().next())
}
