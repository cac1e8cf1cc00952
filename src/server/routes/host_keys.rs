//! `/api/v1/host-keys`: by which keys installed systems are recognised over SSH, as they told when they phoned
//! home.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::events::HostKeyRow;
use crate::events::producer::form_pairs;

use super::super::error::ApiError;
use super::super::state::AppState;
use super::cloud_init::text_answer;
use super::only_get;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/v1/host-keys")
            .get(host_keys)
            .head(host_keys)
            .default_service(web::to(only_get)),
    );
}

/// The host keys of installed systems, `?machine=` for one: JSON, or the lines of a `known_hosts` file.
async fn host_keys(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    match try_host_keys(&request, &state).await {
        Ok(keys) if super::plan::wants_text(&request) => {
            text_answer(known_hosts(&keys).into_bytes())
        }
        Ok(keys) => HttpResponse::Ok().json(keys),
        Err(error) => error.response(&request),
    }
}

async fn try_host_keys(
    request: &HttpRequest,
    state: &AppState,
) -> Result<Vec<HostKeyRow>, ApiError> {
    let query = form_pairs(request.query_string().as_bytes());
    let wanted = query.into_iter().find(|(name, _)| name == "machine");
    let store = state.events.store()?.clone();
    let rows = web::block(move || {
        let wanted = wanted.map(|(_, called)| {
            let board = store.board();
            board
                .name_of(&called)
                .map_or_else(|| called.clone(), str::to_owned)
        });
        store.host_keys(wanted.as_deref())
    });
    Ok(rows.await.map_err(|_| ApiError::Internal)??)
}

fn known_hosts(keys: &[HostKeyRow]) -> String {
    let lines = keys.iter().map(|row| {
        let name: String = row
            .machine
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control() && !",*?!#@|[]".contains(*c))
            .collect();
        format!("{name} {} {}\n", row.algorithm, row.key)
    });
    lines.collect()
}
