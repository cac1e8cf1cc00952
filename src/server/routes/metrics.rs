//! `/metrics`, as Prometheus reads it (wire-formats 10).

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;

use super::super::error::ApiError;
use super::super::metrics::Moment;
use super::super::state::AppState;
use super::super::views::Snapshot;
use super::ask::respond;
use super::only_get;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/metrics")
            .get(show)
            .default_service(web::to(only_get)),
    );
}

async fn show(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_show(state).await)
}

async fn try_show(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = web::block(move || text(&state)).await;
    let text = text.map_err(|_| ApiError::Internal)?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}

/// Without a store there are no machines to count; the rest is told all the same.
fn text(state: &AppState) -> String {
    let store = state.events.store().ok();
    let snapshot = store.map_or_else(Snapshot::default, |store| {
        Snapshot::of(&store.board(), |_| true)
    });
    let views = snapshot.views(state.events.patience, Timestamp::now());
    let moment = Moment {
        streams: state.live.open(),
        dead_letters: state.webhooks.dead_count(),
    };
    state.metrics.text(views, store.map(AsRef::as_ref), &moment)
}
