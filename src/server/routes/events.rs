//! Where installers report: curtin, Subiquity, cloud-init, Foreman's thread, scripts (wire-formats 2 to 5).

use actix_multipart::Multipart;
use actix_web::error::PayloadError;
use actix_web::guard;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use crate::events::producer::{FormField, legacy_report, read};

use super::super::error::ApiError;
use super::super::form::FormError;
use super::super::reporting::{Caller, Kept, body, first_problem, keep, text};
use super::super::state::AppState;
use super::only_post;

/// How many fields a form may have.
const MOST_FIELDS: usize = 1_000;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            // What was reported is told to GET, elsewhere.
            web::resource(["/api/v1/events", "/api/v1/events/{machine}"])
                .guard(guard::Post())
                .to(told),
        )
        .service(posted(with_machine("/curtin")).to(quiet))
        .service(posted(with_machine("/events")).to(quiet))
        .service(posted(with_machine("/maas")).to(legacy))
        .service(posted(["/api/update", "/api/update/"].map(str::to_owned)).to(quiet));
    for path in ["/curtin", "/events", "/maas"] {
        config.service(web::resource(with_machine(path)).to(only_post));
    }
    config.service(web::resource("/api/update").to(only_post));
}

/// A path with and without the name of a machine, and with and without a slash at its end.
pub(super) fn with_machine(path: &str) -> [String; 4] {
    ["", "/", "/{machine}", "/{machine}/"].map(|end| format!("{path}{end}"))
}

fn posted(paths: impl Into<Vec<String>>) -> actix_web::Resource {
    web::resource(paths.into()).guard(guard::Post())
}

/// The machine in the path, percent-decoded, where the path names one.
pub(super) fn machine_in_path(request: &HttpRequest) -> Option<String> {
    let raw = request.match_info().get("machine")?;
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8_lossy();
    Some(decoded.into_owned())
}

/// The answer to reporters that look at nothing but the status: empty.
pub(super) fn answer(request: &HttpRequest, done: Result<(), ApiError>) -> HttpResponse {
    match done {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => error.response(request),
    }
}

async fn messages(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<AppState>,
) -> Result<Vec<Kept>, ApiError> {
    let body = body(payload, state).await?;
    let caller = Caller::of(request, state, machine_in_path(request).as_deref())?;
    keep(state, caller, body, |body| read(&text(body))).await
}

async fn quiet(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let kept = messages(&request, payload, &state).await;
    answer(&request, kept.and_then(first_problem))
}

/// One answer for one message, a list for a list or for lines: each tells the machine, the job and the number
/// of the event, or what is wrong. The status is that of the first that is wrong if none was kept.
async fn told(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let kept = match messages(&request, payload, &state).await {
        Ok(kept) => kept,
        Err(error) => return error.response(&request),
    };
    let is_single = kept.len() == 1;
    if kept.iter().all(Result::is_err)
        && let Some(error) = kept.iter().position(Result::is_err)
    {
        let mut kept = kept;
        return match kept.swap_remove(error) {
            Err(error) => error.response(&request),
            Ok(_) => ApiError::Internal.response(&request),
        };
    }
    let mut answers: Vec<Value> = kept.iter().map(shown).collect();
    match is_single {
        true => HttpResponse::Ok().json(answers.pop()),
        false => HttpResponse::Ok().json(answers),
    }
}

/// What became of a message, for who sent it.
pub(super) fn shown(kept: &Kept) -> Value {
    match kept {
        Ok(receipt) => json!({
            "machine": receipt.machine,
            "job": receipt.job,
            "event": receipt.event,
            "repeated": receipt.event.is_none(),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// curtin's old reporter takes any answer but the text `OK` for a failure (wire-formats 2.6).
async fn legacy(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    match try_legacy(&request, payload, &state).await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body("OK"),
        Err(error) => error.response(&request),
    }
}

async fn try_legacy(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<AppState>,
) -> Result<(), ApiError> {
    let body = body(payload, state).await?;
    let caller = Caller::of(request, state, machine_in_path(request).as_deref())?;
    let kept = match fields(request, body.clone()).await {
        Err(FormError::NoForm) => keep(state, caller, body, |body| read(&text(body))).await?,
        fields => {
            let fields = fields?;
            keep(state, caller, body, |_| vec![legacy_report(fields)]).await?
        }
    };
    first_problem(kept)
}

async fn fields(request: &HttpRequest, body: Bytes) -> Result<Vec<FormField>, FormError> {
    let whole = stream::iter([Ok::<Bytes, PayloadError>(body)]);
    let mut form = Multipart::new(request.headers(), whole);
    let mut fields = Vec::new();
    while let Some(field) = form.next().await {
        let mut field = field?;
        let mut content = Vec::new();
        while let Some(chunk) = field.next().await {
            let chunk = chunk?;
            content.extend_from_slice(&chunk);
        }
        let file_name = field
            .content_disposition()
            .and_then(|disposition| disposition.get_filename())
            .map(str::to_owned);
        let name = field.name().unwrap_or_default().to_owned();
        fields.push(FormField {
            name,
            file_name,
            content,
        });
        if fields.len() > MOST_FIELDS {
            return Err(FormError::Broken("it has too many fields".to_owned()));
        }
    }
    Ok(fields)
}
