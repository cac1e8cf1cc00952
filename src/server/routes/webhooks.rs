//! `/api/v1/webhooks/dead`: what could not be delivered and is not tried again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::events::{Cursor, DeadLetter};

use super::super::error::ApiError;
use super::super::state::AppState;
use super::ask::{Query, respond};
use super::only_get;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/v1/webhooks/dead")
            .get(dead)
            .default_service(web::to(only_get)),
    );
}

async fn dead(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_dead(&request, &state).await)
}

async fn try_dead(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let query = Query::of(request, &["before", "limit"])?;
    let limit = query.limit()?;
    let before = match query.cursor()? {
        Cursor::Before(before) => before,
        Cursor::After(_) => None,
    };
    // Who has no store has no letters either, and is told why.
    state.events.store()?;
    let outbox = state.webhooks.outbox().cloned();
    let asked = web::block(move || match outbox {
        Some(outbox) => Ok((outbox.dead(before, limit)?, outbox.dead_count()?)),
        None => Ok((Vec::new(), 0)),
    });
    let (mut dead, count): (Vec<DeadLetter>, i64) = asked
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(ApiError::Store)?;
    for letter in &mut dead {
        letter.url = shown(state, &letter.url);
    }
    let next = dead.last().filter(|_| dead.len() == limit).map(|it| it.id);
    Ok(HttpResponse::Ok().json(json!({ "dead": dead, "next": next, "count": count })))
}

/// An address without what may be secret of it; of one that the settings have no more, its beginning.
fn shown(state: &AppState, url: &str) -> String {
    let hooks = &state.settings.webhooks;
    match hooks.iter().find(|hook| hook.url == url) {
        Some(hook) => hook.shown(),
        None => "an address that the settings have no more".to_owned(),
    }
}
