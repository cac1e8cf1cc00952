//! `/api/v1/machines/{machine}/plan`: what the configure script does on a machine, before it runs there.

use std::sync::Arc;

use actix_web::http::header::{Accept, Header};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::allocation::{allocation_of, configure_script};
use crate::configure::plan::Plan;

use super::super::error::ApiError;
use super::super::plans::{NoPlan, Wanted};
use super::super::state::AppState;
use super::api::{Query, machine_of, section_name};

/// Answers with the plan as JSON, or as text where the client would rather have that.
pub(super) async fn show(
    request: HttpRequest,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: web::Data<AppState>,
) -> HttpResponse {
    match plan(machine_of(&request), query, &state).await {
        Ok(plan) if wants_text(&request) => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(plan.to_string()),
        Ok(plan) => HttpResponse::Ok().json(plan.report()),
        Err(error) => error.response(&request),
    }
}

async fn plan(
    machine: String,
    query: Result<web::Query<Query>, actix_web::Error>,
    state: &AppState,
) -> Result<Plan, ApiError> {
    let section = state.section(section_name(query)?.as_deref())?.clone();
    let read = web::block(move || {
        let directory = section.section.config_dir();
        let allocation = allocation_of(directory, &machine)?;
        let configure =
            configure_script(directory, &allocation.profile).map_err(NoPlan::Unreadable)?;
        Ok::<Wanted, ApiError>(Wanted {
            variables: allocation.variables(),
            profile: allocation.profile,
            configure: Arc::from(configure),
        })
    });
    let wanted = read.await.map_err(|_| ApiError::Internal)??;
    Ok(state.plans.plan(wanted).await?)
}

/// Whether the client names plain text before JSON. Most that name neither are programs.
pub(super) fn wants_text(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let ranked = accept.ranked();
    let mut known = ranked.iter().map(|kind| kind.essence_str());
    known.find(|kind| ["text/plain", "application/json"].contains(kind)) == Some("text/plain")
}
