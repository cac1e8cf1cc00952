//! `upload.py`: hardware, failure reports and logs of the ramdisk (wire-formats 1.1 to 1.4).
//!
//! The client runs whatever it is answered, whatever the status: so the status is always 200 and the
//! body always a script, as in the original. Only reports and logs, whose answers it never runs, get an
//! empty body.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::allocation::{FailureReport, Outcome, Purpose};
use crate::configure::{Answer, render_refusal, render_script};
use crate::format::facts::{BadRow, ParsedFacts};
use crate::model::ProfileName;

use super::super::decide::decide;
use super::super::form::{self, Form, FormError, Upload};
use super::super::hardware::parse;
use super::super::keep::keep_log;
use super::super::own_reports;
use super::super::reporting::address_of;
use super::super::state::{AppState, OpenSection, UnknownSection};

/// What the original says to a request without hardware; its README's smoke test.
const NO_FILE: &str = "No file passed to the CGI";

/// Why an upload gets no script of its own. The text is printed by the machine.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{NO_FILE}")]
    NoFile,
    #[error(transparent)]
    Form(#[from] FormError),
    #[error(transparent)]
    Section(#[from] UnknownSection),
    #[error("Invalid hardware file: {0}")]
    Hardware(String),
    #[error("{0}")]
    Nothing(String),
    #[error("the server could not finish the request: see its log")]
    Internal,
}

pub(super) async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let form = form::read(request.headers(), payload, &state.settings).await;
    let body = match form {
        Ok(form) => answer_form(state, form, address_of(&request)).await,
        Err(error) => Err(error.into()),
    };
    let body = body.unwrap_or_else(|refused| {
        // What came of a decision is in the log already, with the machine's name.
        if !matches!(refused, Refused::Nothing(_)) {
            tracing::warn!(reason = ?refused.to_string(), "answered with a refusal");
        }
        render_refusal(&refused.to_string())
    });
    HttpResponse::Ok().content_type("text/x-python").body(body)
}

async fn answer_form(
    state: web::Data<AppState>,
    form: Form,
    address: Option<String>,
) -> Result<String, Refused> {
    let upload = form.file.ok_or(Refused::NoFile)?;
    let section = state.section(form.section.as_deref())?.clone();
    match (upload, form.failure) {
        (Upload::Log { name, file }, _) => {
            web::block(move || take_log(&section, &name, file))
                .await
                .map_err(|_| Refused::Internal)?;
            Ok(String::new())
        }
        (Upload::Hardware { name, bytes }, Some(profile)) => {
            let report = move || take_report(&state, &section, &profile, &name, &bytes);
            web::block(report).await.map_err(|_| Refused::Internal)?;
            Ok(String::new())
        }
        (Upload::Hardware { name, bytes }, None) => {
            let parsed = web::block(move || parse(&name, &bytes))
                .await
                .map_err(|_| Refused::Internal)?
                .map_err(Refused::Hardware)?;
            configure(state, section, parsed, address).await
        }
    }
}

/// Nobody runs the answer to a log: what goes wrong is for the server's log alone.
fn take_log(section: &OpenSection, name: &str, mut file: std::fs::File) {
    let directory = &section.settings.log_dir;
    match keep_log(directory, name, &mut file) {
        Ok(path) => tracing::info!(path = %path.display(), "a log was uploaded"),
        Err(error) => {
            let directory = directory.display();
            tracing::error!(%directory, %error, "an uploaded log could not be kept");
        }
    }
}

/// The place of a machine that failed goes back. Never allocates, whatever the report says.
fn take_report(
    state: &AppState,
    section: &OpenSection,
    profile: &str,
    name: &str,
    hardware: &[u8],
) {
    let unchanged = |why: String| tracing::warn!(why = ?why, "a failure report changed nothing");
    let profile = match ProfileName::new(profile) {
        Ok(profile) => profile,
        Err(error) => return unchanged(format!("the profile's name: {error}")),
    };
    let parsed = match parse(name, hardware) {
        Ok(parsed) => parsed,
        Err(error) => return unchanged(error),
    };
    let reported = section.section.report_failure(&parsed.facts, &profile);
    if let Ok(report) = &reported {
        own_reports::failure(&state.events, report);
    }
    match reported {
        Ok(FailureReport::PlaceGivenBack { machine, profile }) => {
            tracing::warn!(%machine, %profile, "the installation failed, its place is free again");
        }
        Ok(FailureReport::Ended {
            machine,
            profile,
            why,
        }) => {
            tracing::warn!(%machine, %profile, why = ?why, "the installation failed, there is no place to give back");
        }
        Ok(FailureReport::Unchanged { why }) => unchanged(why),
        Err(error) => {
            tracing::error!(%profile, error = ?error.details(), "a failure report could not be recorded");
        }
    }
}

async fn configure(
    state: web::Data<AppState>,
    section: Arc<OpenSection>,
    parsed: ParsedFacts,
    address: Option<String>,
) -> Result<String, Refused> {
    let bad_rows: Vec<usize> = parsed.bad_rows.iter().map(|row| row.index).collect();
    log_bad_rows(&parsed.bad_rows);
    // Old ramdisks do not tell which start of the machine it is.
    let purpose = Purpose::Deployment(None);
    let outcome = decide(state, section.clone(), parsed, purpose, address)
        .await
        .map_err(|error| Refused::Nothing(error.details()))?;
    match outcome {
        Outcome::Refused(refusal) => Err(Refused::Nothing(refusal.to_string())),
        Outcome::Allocated(allocated) => Ok(render_script(&Answer {
            profile: &allocated.allocation.profile,
            variables: &allocated.allocation.variables(),
            configure: &allocated.configure,
            pxemngr_url: section.settings.announced_url(),
            metadata_url: section.settings.metadata_url.as_deref(),
            bad_rows: &bad_rows,
        })),
    }
}

fn log_bad_rows(rows: &[BadRow]) {
    for row in rows.iter().take(20) {
        tracing::warn!(row = row.index, problem = ?row.problem, "a row of the hardware was left out");
    }
    if rows.len() > 20 {
        tracing::warn!(rows = rows.len(), "more rows of the hardware were left out");
    }
}
