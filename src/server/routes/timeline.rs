//! `/api/v1/timeline`: changes of machines' standing. `/api/v1/events`: everything that was reported.

use actix_web::guard;
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::error::ApiError;
use super::super::state::AppState;
use super::ask::{Query, ROWS, ask, page, respond};
use super::only_get;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/timeline")
                .get(timeline)
                .default_service(web::to(only_get)),
        )
        .service(
            // Other methods are for those who report.
            web::resource("/api/v1/events")
                .guard(guard::Get())
                .to(events),
        );
}

async fn timeline(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_timeline(&request, &state).await)
}

async fn try_timeline(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let query = Query::of(request, &ROWS)?;
    let filter = query.filter(state.events.store()?)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let rows = ask(state, move |store| store.timeline(&filter, cursor, limit)).await?;
    Ok(page("timeline", &rows, limit, |row| row.id))
}

async fn events(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_events(&request, &state).await)
}

async fn try_events(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let known: Vec<&str> = ROWS.into_iter().filter(|key| *key != "profile").collect();
    let query = Query::of(request, &known)?;
    let filter = query.filter(state.events.store()?)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let rows = ask(state, move |store| store.events(&filter, cursor, limit)).await?;
    Ok(page("events", &rows, limit, |row| row.id))
}
