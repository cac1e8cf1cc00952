//! `/info/job/{active,last}` and `/info/logs/active`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::events::{Cursor, DeploymentRow, EventRow, Store, StoreError};

use super::super::super::job_log::{line, of_job};
use super::super::super::state::AppState;
use super::super::ask::ask;
use super::super::jobs::{active, last, log_of};
use super::{in_words, json, quoted, respond};

/// How many events the text of a job is made of: the newest ones.
const MOST_EVENTS: usize = 5_000;

/// A job in contiv's order of keys.
#[derive(Debug, Serialize)]
struct Job {
    desc: String,
    task: String,
    status: &'static str,
    error: String,
    logs: Vec<String>,
}

pub(super) async fn show(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(try_show(&request, &state).await)
}

async fn try_show(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, String> {
    let row = find(request, state).await?;
    let number = row.number;
    let events = ask(state, move |store| {
        store.events(&of_job(number), Cursor::Before(None), MOST_EVENTS)
    });
    let events = events.await.map_err(|error| in_words(&error))?;
    json(&shown(&row, &events))
}

/// The job with its events, the newest first.
fn shown(row: &DeploymentRow, events: &[EventRow]) -> Job {
    let text: String = events.iter().rev().map(line).collect();
    let profile = row.profile.as_deref().unwrap_or("none");
    let (action, machine) = (&row.action, &row.machine);
    Job {
        desc: format!(
            "{action}: nodes:[{machine}] profile:{profile} job:{}",
            row.number
        ),
        task: events
            .first()
            .map_or_else(|| action.clone(), |event| event.name.clone()),
        status: row.status.word(),
        error: row.error.clone(),
        logs: text.split('\n').map(str::to_owned).collect(),
    }
}

pub(super) async fn log(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(try_log(&request, &state).await)
}

async fn try_log(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, String> {
    let job = find(request, state).await?;
    if !job.status.is_open() {
        return Err("job is not Running".to_owned());
    }
    log_of(state, &job, true).map_err(|error| in_words(&error))
}

async fn find(request: &HttpRequest, state: &AppState) -> Result<DeploymentRow, String> {
    let label = request.match_info().query("label");
    let question: fn(&Store) -> Result<Option<DeploymentRow>, StoreError> = match label {
        "active" => active,
        "last" => last,
        other => {
            let label = percent_encoding::percent_decode_str(other).decode_utf8_lossy();
            return Err(format!(
                "Invalid or empty job label specified: {}",
                quoted(&label)
            ));
        }
    };
    let found = ask(state, question)
        .await
        .map_err(|error| in_words(&error))?;
    found.ok_or_else(|| format!("info for {label:?} job doesn't exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Status;
    use crate::model::Level;
    use jiff::Timestamp;

    #[test]
    fn keys_and_logs_are_as_clusterctl_reads_them() {
        let row = DeploymentRow {
            number: 7,
            machine: "node1".to_owned(),
            profile: Some("hp".to_owned()),
            action: "install".to_owned(),
            origin: "edeploy".to_owned(),
            status: Status::Running,
            error: String::new(),
            failed_step: None,
            started: Timestamp::UNIX_EPOCH,
            ended: None,
        };
        let event = EventRow {
            id: 1,
            machine: "node1".to_owned(),
            job: Some(7),
            received: Timestamp::UNIX_EPOCH,
            happened: Timestamp::UNIX_EPOCH,
            origin: "edeploy".to_owned(),
            name: "install".to_owned(),
            kind: "start".to_owned(),
            result: None,
            level: Level::Info,
            percent: None,
            description: String::new(),
        };
        let text = serde_json::to_string(&shown(&row, &[event])).unwrap();
        assert_eq!(
            text,
            "{\"desc\":\"install: nodes:[node1] profile:hp job:7\",\"task\":\"install\",\"status\":\"Running\",\
             \"error\":\"\",\"logs\":[\"1970-01-01T00:00:00.000Z  install                           start\",\"\"]}"
        );
    }
}
