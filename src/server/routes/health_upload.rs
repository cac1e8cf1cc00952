//! `upload-health.py`: results of the health image (wire-formats 1.5). Knows no sections.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::format::facts::render_hw;
use crate::model::{Identity, MachineId};

use super::super::error::ApiError;
use super::super::form::{self, Form, Upload};
use super::super::hardware::parse;
use super::super::keep::keep_health;
use super::super::state::AppState;

pub(super) async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let form = match form::read(request.headers(), payload, &state.settings).await {
        Ok(form) => form,
        Err(error) => return failed(&ApiError::from(error)),
    };
    let kept = web::block(move || keep(&state, form)).await;
    match kept.unwrap_or(Err(ApiError::Internal)) {
        // Empty as the original's; that one also forgot the header.
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body(""),
        Err(error) => failed(&error),
    }
}

/// The client shows the answer to nobody: one line of text will do.
fn failed(error: &ApiError) -> HttpResponse {
    tracing::warn!(error = ?error.to_string(), "a health result was not kept");
    HttpResponse::build(error.status())
        .content_type("text/plain; charset=utf-8")
        .body(format!("{error}\n"))
}

fn keep(state: &AppState, form: Form) -> Result<(), ApiError> {
    let bad_input = |error: String| ApiError::BadInput {
        error,
        details: serde_json::Value::Null,
    };
    let Some(Upload::Hardware { name, bytes }) = form.file else {
        return Err(bad_input("No file passed to the CGI".to_owned()));
    };
    let facts = parse(&name, &bytes).map_err(bad_input)?.facts;
    let machine = MachineId::of(&facts, &Identity::of(&facts));
    let directory = &state.settings.health_dir;
    match keep_health(
        directory,
        form.session.as_deref(),
        &machine,
        &render_hw(&facts),
    ) {
        Ok(path) => {
            tracing::info!(%machine, path = %path.display(), "a health result was kept");
            Ok(())
        }
        Err(error) => {
            let directory = directory.display();
            tracing::error!(%machine, %directory, %error, "a health result could not be kept");
            Err(ApiError::Internal)
        }
    }
}
