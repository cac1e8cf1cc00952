//! `/api/v1`: the same allocation for our own client and for admins, JSON in and JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::allocation::{Allocated, Outcome, Purpose};
use crate::format::facts::{BadRow, ParsedFacts, parse_json};
use crate::model::{Allocation, BootId, SectionName};
use crate::reporters::{ReporterTable, Teller};

use super::super::body::Body;
use super::super::decide::decide;
use super::super::error::ApiError;
use super::super::plans::Wanted;
use super::super::reporting::address_of;
use super::super::state::{AppState, OpenSection};
use super::{only_get, only_post, plan};

/// How many wrong rows an answer names.
const NAMED_ROWS: usize = 100;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/machines")
                .get(list)
                .post(upload)
                .default_service(web::to(only_get_or_post)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}")
                .get(show)
                .delete(release)
                .default_service(web::to(only_get_or_delete)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}/plan")
                .get(plan::show)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}/release")
                .post(release)
                .default_service(web::to(only_post)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}/installed")
                .post(installed)
                .default_service(web::to(only_post)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}/reinstall")
                .post(reinstall)
                .default_service(web::to(only_post)),
        );
}

async fn only_get_or_post(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("GET, POST").response(&request)
}

async fn only_get_or_delete(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("GET, DELETE").response(&request)
}

/// `?section=NAME`
#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    section: Option<String>,
}

/// The body of an upload with a section. A bare list of rows is one without.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MachinePost<'a> {
    section: Option<String>,
    /// Whether the machine only wants to see what it would come to.
    #[serde(default)]
    rehearsal: bool,
    /// Which start of the machine this is: the same upload made twice is one deployment.
    boot_id: Option<BootId>,
    #[serde(borrow)]
    facts: &'a RawValue,
}

async fn upload(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    match try_upload(&request, payload, state.clone()).await {
        Ok((section, allocated)) => {
            let mut answer = with_plan(&state, &allocated).await;
            // What the answer for old ramdisks adds to the script.
            let settings = &section.settings;
            let urls = [
                ("pxemngr_url", settings.announced_url()),
                ("metadata_url", settings.metadata_url.as_deref()),
            ];
            for (name, url) in urls {
                if let Some(url) = url {
                    answer[name] = url.into();
                }
            }
            if let Some(reporting) = reporting(&state, &allocated) {
                answer["reporting"] = reporting;
            }
            HttpResponse::Ok().json(answer)
        }
        Err(error) => error.response(&request),
    }
}

/// Whom the machine itself tells of its installation, by name, as in curtin's configuration.
fn reporting(state: &AppState, allocated: &Allocated) -> Option<Value> {
    let machine = allocated.allocation.machine.as_str();
    let told = state.settings.reporting.iter();
    let told = told.filter(|it| it.is_told_by(Teller::Machines));
    let tables: BTreeMap<&str, ReporterTable> =
        told.map(|it| (it.name(), it.table_for(machine))).collect();
    (!tables.is_empty()).then(|| json!(tables))
}

/// What a machine is told, with the hash of the plan that its script comes to. A machine whose script is
/// wrong is told so, and the rest all the same.
async fn with_plan(state: &AppState, allocated: &Allocated) -> Value {
    let variables = allocated.allocation.variables();
    let mut answer = json!({
        "machine": allocated.allocation.machine,
        "token": state.access.token_of(allocated.allocation.machine.as_str()),
        "profile": allocated.allocation.profile,
        "repeated": allocated.repeated,
        "variables": variables,
        "configure": allocated.configure.as_ref(),
    });
    let hash = state.plans.hash(Wanted {
        profile: allocated.allocation.profile.clone(),
        variables,
        configure: allocated.configure.clone(),
    });
    match hash.await {
        Ok(hash) => answer["plan_hash"] = Value::String(hash),
        Err(error) => {
            let (machine, profile) = (&allocated.allocation.machine, &allocated.allocation.profile);
            tracing::warn!(%machine, %profile, error = ?error.to_string(), "the script gives no plan");
            answer["plan_error"] = Value::String(error.details());
        }
    }
    answer
}

async fn try_upload(
    request: &HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<(Arc<OpenSection>, Allocated), ApiError> {
    let mut body = Body::new(payload, state.settings.upload_pause);
    let bytes = body.read(state.settings.hardware_limit_bytes).await?;
    let posted = web::block(move || parse(&bytes))
        .await
        .map_err(|_| ApiError::Internal)??;
    let section = state.section(posted.section.as_deref())?.clone();
    let address = address_of(request);
    match decide(
        state,
        section.clone(),
        posted.facts,
        posted.purpose,
        address,
    )
    .await?
    {
        Outcome::Allocated(allocated) => Ok((section, *allocated)),
        Outcome::Refused(refusal) => Err(ApiError::Refused(Box::new(refusal))),
    }
}

/// An upload as it was read.
struct Posted {
    section: Option<String>,
    purpose: Purpose,
    facts: ParsedFacts,
}

/// Reads `{"section": .., "facts": [..]}` or `[..]`. Unlike `upload.py`, wrong rows are an error: this
/// client is ours and can be mended.
fn parse(bytes: &[u8]) -> Result<Posted, ApiError> {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let (section, purpose, rows) = if is_object {
        let post: MachinePost<'_> =
            serde_json::from_slice(bytes).map_err(|error| ApiError::BadInput {
                error: "expected a JSON object with `facts` and, if need be, `section`".to_owned(),
                details: Value::String(error.to_string()),
            })?;
        let purpose = match post.rehearsal {
            true => Purpose::Rehearsal,
            false => Purpose::Deployment(post.boot_id),
        };
        (post.section, purpose, post.facts.get().as_bytes())
    } else {
        (None, Purpose::Deployment(None), bytes)
    };
    let parsed = parse_json("facts", rows).map_err(|error| ApiError::BadInput {
        error: error.to_string(),
        details: Value::String(error.with_caret()),
    })?;
    if parsed.bad_rows.is_empty() {
        return Ok(Posted {
            section,
            purpose,
            facts: parsed,
        });
    }
    let rows = &parsed.bad_rows[..parsed.bad_rows.len().min(NAMED_ROWS)];
    Err(ApiError::BadInput {
        error: match parsed.bad_rows.len() {
            1 => "a row is no fact".to_owned(),
            several => format!("{several} rows are no facts"),
        },
        details: json!({ "bad_rows": rows.iter().map(bad_row).collect::<Vec<_>>() }),
    })
}

fn bad_row(row: &BadRow) -> Value {
    json!({ "index": row.index, "problem": row.problem })
}

async fn list(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    match try_list(query, state).await {
        Ok(listed) => HttpResponse::Ok().json(listed),
        Err(error) => error.response(&request),
    }
}

async fn try_list(
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> Result<Vec<Value>, ApiError> {
    let sections = match section_name(query)? {
        Some(name) => vec![state.section(Some(&name))?.clone()],
        None => state.sections.values().cloned().collect(),
    };
    let listed = web::block(move || {
        let mut listed = Vec::new();
        for section in &sections {
            let allocations = section.section.allocations()?;
            listed.extend(
                allocations
                    .iter()
                    .map(|one| shown(section.section.name(), one)),
            );
        }
        Ok(listed)
    });
    listed.await.map_err(|_| ApiError::Internal)?
}

pub(super) fn section_name(
    query: Result<web::Query<Query>, actix_web::Error>,
) -> Result<Option<String>, ApiError> {
    match query {
        Ok(query) => Ok(query.into_inner().section),
        Err(error) => Err(ApiError::BadInput {
            error: "the query is no `section=NAME`".to_owned(),
            details: Value::String(error.to_string()),
        }),
    }
}

fn shown(section: &SectionName, allocation: &Allocation) -> Value {
    json!({
        "section": section,
        "machine": allocation.machine,
        "profile": allocation.profile,
        "place": allocation.place,
        "deployments": allocation.deployments,
        "identity": allocation.identity,
        "variables": allocation.variables(),
    })
}

async fn show(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let wanted = machine_of(&request);
    one(&request, query, state, None, move |section| {
        crate::allocation::allocation_of(section.config_dir(), &wanted)
    })
    .await
}

async fn release(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let wanted = machine_of(&request);
    one(&request, query, state, Some("released"), move |section| {
        let released = section.release(&wanted)?;
        let (machine, profile) = (&released.machine, &released.profile);
        tracing::info!(section = %section.name(), %machine, %profile, "released");
        Ok(released)
    })
    .await
}

async fn installed(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let wanted = machine_of(&request);
    one(&request, query, state, Some("installed"), move |section| {
        let held = section.report_installed(&wanted)?;
        tracing::info!(section = %section.name(), machine = %held.machine, "installed");
        Ok(held)
    })
    .await
}

async fn reinstall(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let wanted = machine_of(&request);
    one(&request, query, state, Some("reinstall"), move |section| {
        let held = section.reinstall(&wanted)?;
        tracing::info!(section = %section.name(), machine = %held.machine, "to be installed again");
        Ok(held)
    })
    .await
}

/// The machine in the path, percent-decoded. Bytes that are no UTF-8 name no machine.
pub(super) fn machine_of(request: &HttpRequest) -> String {
    let raw = request.match_info().query("machine");
    percent_encoding::percent_decode_str(raw)
        .decode_utf8_lossy()
        .into_owned()
}

/// Asks one section about one machine, reports what became of it, and shows the allocation.
async fn one(
    request: &HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
    became: Option<&'static str>,
    ask: impl FnOnce(
        &crate::allocation::Section,
    ) -> Result<Allocation, crate::allocation::AllocateError>
    + Send
    + 'static,
) -> HttpResponse {
    let asked = async {
        let section = state.section(section_name(query)?.as_deref())?.clone();
        let asked = web::block(move || {
            let allocation = ask(&section.section)?;
            let name = section.section.name();
            if let Some(became) = became {
                state.events.became(name.as_str(), &allocation, became);
            }
            Ok::<Value, ApiError>(shown(name, &allocation))
        });
        asked.await.map_err(|_| ApiError::Internal)?
    };
    match asked.await {
        Ok(shown) => HttpResponse::Ok().json(shown),
        Err(error) => error.response(request),
    }
}
