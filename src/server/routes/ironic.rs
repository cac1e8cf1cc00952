//! ironic-python-agent's inspection and eDeploy's discoverd mode: hardware without a wish (wire-formats 1.8, 8).

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::events::Report;
use crate::events::producer::{Inspection, inspection};
use crate::format::facts::{parse_json, render_hw};
use crate::model::{Event, EventKind, Evidence, Facts, Identity, MachineId};

use super::super::error::ApiError;
use super::super::events::aliases;
use super::super::keep::keep_hardware;
use super::super::reporting::{Caller, body, text};
use super::super::state::{AppState, OpenSection};
use super::only_post;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource(["/v1/continue_inspection", "/v1/continue"])
            .post(inspected)
            .default_service(web::to(only_post)),
    );
}

async fn inspected(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    match try_inspected(&request, payload, state).await {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(error) => error.response(&request),
    }
}

/// The agent wants a JSON object below 400; ironic-inspector's own has the node's uuid in it.
async fn try_inspected(
    request: &HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<Value, ApiError> {
    let body = body(payload, &state).await?;
    let caller = Caller::of(request, &state, None)?;
    let section = request.query_string().to_owned();
    let (report, uuid) = {
        let state = state.clone();
        let taken = web::block(move || take(&state, &caller, &section, &body));
        taken.await.map_err(|_| ApiError::Internal)??
    };
    let machine = report.machine.clone();
    state.events.record(vec![report]).await?;
    Ok(json!({ "uuid": uuid, "machine": machine }))
}

fn take(
    state: &AppState,
    caller: &Caller,
    query: &str,
    body: &Bytes,
) -> Result<(Report, String), ApiError> {
    let mut told = inspection(&text(body))?;
    let section = section(state, query)?;
    let facts = facts(&mut told)?;
    let identity = Identity::of(&facts);
    let machine = name_of(section, &facts, &identity);
    if let Err(error) = keep_hardware(&section.settings.hw_dir, &machine, &render_hw(&facts)) {
        let directory = section.settings.hw_dir.display();
        tracing::error!(%machine, %directory, %error, "the hardware could not be kept");
    }
    let uuid = identity
        .uuid
        .clone()
        .unwrap_or_else(|| uuid_of(machine.as_str()));
    let address = caller.address.as_deref();
    let mut reports = told
        .message
        .reports(machine.as_str(), address, Timestamp::now());
    let mut report = reports.pop().unwrap_or_else(|| {
        let event = Event::new("ironic", "inspection", EventKind::Note);
        Report::new(machine.as_str(), event, Timestamp::now())
    });
    report.about.section = Some(section.section.name().to_string());
    report.about.aliases = aliases(&identity).collect();
    report.about.is_known = true;
    let count = facts.len();
    report
        .event
        .description
        .push_str(&format!(": {count} facts"));
    Ok((report, uuid))
}

/// `?section=NAME`, else the default section, else the only one.
fn section<'a>(state: &'a AppState, query: &str) -> Result<&'a OpenSection, ApiError> {
    let pairs = crate::events::producer::form_pairs(query.as_bytes());
    let named = pairs.iter().find(|(key, _)| key == "section");
    let found = match (named, state.sections.len()) {
        (None, 1) => state
            .sections
            .values()
            .next()
            .map_or_else(|| state.section(None), Ok),
        (named, _) => state.section(named.map(|(_, name)| name.as_str())),
    };
    Ok(found?)
}

/// The rows of hardware-detect where the agent has them, else what its inventory says.
fn facts(told: &mut Inspection) -> Result<Facts, ApiError> {
    let Some(rows) = &told.rows else {
        return Ok(std::mem::take(&mut told.facts));
    };
    let parsed = parse_json("data", rows.as_bytes()).map_err(|error| ApiError::BadInput {
        error: error.to_string(),
        details: Value::String(error.with_caret()),
    })?;
    for row in parsed.bad_rows.iter().take(20) {
        tracing::warn!(row = row.index, problem = ?row.problem, "a row of the hardware was left out");
    }
    Ok(parsed.facts)
}

/// The machine's name where it has an allocation, else the one that its hardware gives it.
fn name_of(section: &OpenSection, facts: &Facts, identity: &Identity) -> MachineId {
    let allocations = section.section.allocations().unwrap_or_default();
    let same = allocations
        .iter()
        .filter_map(|one| match one.identity.compare(identity) {
            Evidence::Same { agreeing } => Some((agreeing, &one.machine)),
            Evidence::Different => None,
        });
    let known = same.max_by_key(|(agreeing, _)| *agreeing);
    known.map_or_else(
        || MachineId::of(facts, identity),
        |(_, machine)| machine.clone(),
    )
}

/// A uuid for a machine that tells none: always the same for one name (RFC 9562, version 8).
fn uuid_of(machine: &str) -> String {
    let digest = Sha256::digest(machine.as_bytes());
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
