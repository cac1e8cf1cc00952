//! `/api/v1/drift`: machines tell how their files differ from their roles; admins ask what the fleet told.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::events::producer::{DRIFT_BYTES, drift};
use crate::server::body::Body;
use crate::server::drift::Fleet;

use super::super::error::ApiError;
use super::super::reporting::{Caller, keep};
use super::super::state::AppState;
use super::api::machine_of;
use super::ask::{Query, respond};
use super::events::shown;
use super::only_get;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/drift")
                .get(fleet)
                .post(told)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/api/v1/drift/{machine}")
                .get(one)
                .default_service(web::to(only_get)),
        );
}

async fn wrong_method(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("GET and POST").response(&request)
}

/// Keeps what a machine tells; it takes the place of what it told before.
async fn told(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    respond(&request, try_told(&request, payload, &state).await)
}

async fn try_told(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut body = Body::new(payload, state.settings.upload_pause);
    let body = body.read(DRIFT_BYTES).await?;
    let caller = Caller::of(request, state, None)?;
    let mut kept = keep(state, caller, body, |body| vec![drift(body)]).await?;
    let kept = kept.pop().ok_or(ApiError::Internal)??;
    Ok(HttpResponse::Ok().json(shown(&Ok(kept))))
}

async fn fleet(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_fleet(&request, &state).await)
}

async fn try_fleet(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let store = state.events.store()?.clone();
    let fleet = web::block(move || Fleet::of(&store));
    let fleet = fleet.await.map_err(|_| ApiError::Internal)??;
    Ok(HttpResponse::Ok().json(fleet))
}

async fn one(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_one(&request, &state).await)
}

async fn try_one(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let wanted = machine_of(request);
    let store = state.events.store()?.clone();
    let unknown = ApiError::NotFound(format!(
        "no machine `{}` told how its files differ: `edeploy verify --report` does",
        wanted.chars().take(80).collect::<String>().escape_debug()
    ));
    let found = web::block(move || {
        let name = store.board().name_of(&wanted).map(str::to_owned);
        name.map_or(Ok(None), |name| store.drift(&name))
    });
    let found = found.await.map_err(|_| ApiError::Internal)??;
    Ok(HttpResponse::Ok().json(found.ok_or(unknown)?))
}
