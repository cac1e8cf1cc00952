//! Foreman's `built` and `failed` (wire-formats 5.1), and eDeploy's `localboot` (1.7): the machine says that
//! its installation has ended.

use actix_web::guard::{self, fn_guard};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::allocation::AllocateError;
use crate::events::producer::{Message, built, failed, form_pairs};
use crate::events::{About, Receipt, address_alias};
use crate::model::{Event, EventKind, StepResult};

use super::super::error::ApiError;
use super::super::events::of_server;
use super::super::reporting::{Caller, body, keep};
use super::super::state::AppState;
use super::only_post;

/// `X-RHN-Provisioning-Mac-0: eth0 52:54:00:12:34:56`, as Anaconda sends it.
const MAC_HEADER: &str = "x-rhn-provisioning-mac-";

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/unattended/built")
                .get(is_built)
                .post(is_built)
                .default_service(web::to(only_get_or_post)),
        )
        .service(
            web::resource("/unattended/failed")
                .post(has_failed)
                .default_service(web::to(only_post)),
        )
        .service(
            // The path is put together from the section's `pxemngr_url`, whatever that begins with.
            web::resource("/{path:.*}")
                .guard(guard::Get())
                .guard(fn_guard(|context| {
                    mac_of(context.head().uri.path()).is_some()
                }))
                .to(boots_locally),
        );
}

async fn only_get_or_post(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("GET, POST").response(&request)
}

async fn is_built(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let kept = ended(&request, payload, &state, built).await;
    if let Ok(receipt) = &kept {
        boots_from_its_disk(&state, receipt.machine.clone()).await;
    }
    created(&request, kept)
}

async fn has_failed(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    created(&request, ended(&request, payload, &state, failed).await)
}

fn created(request: &HttpRequest, done: Result<Receipt, ApiError>) -> HttpResponse {
    match done {
        Ok(_) => HttpResponse::Created().finish(),
        Err(error) => error.response(request),
    }
}

async fn ended(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<AppState>,
    read: fn(&[u8]) -> Message,
) -> Result<Receipt, ApiError> {
    let body = body(payload, state).await?;
    let caller = Caller::of(request, state, None)?;
    let machine = told_mac(request, state);
    let kept = keep(state, caller, body, move |body| {
        let mut message = read(body);
        message.machine = machine;
        vec![Ok(message)]
    });
    kept.await?.pop().unwrap_or(Err(ApiError::Internal))
}

/// The MAC by which a machine without a token names itself: one that is known, else the first.
fn told_mac(request: &HttpRequest, state: &AppState) -> Option<String> {
    let headers = request.headers().iter();
    let headers = headers.filter(|(name, _)| name.as_str().starts_with(MAC_HEADER));
    let told = headers.filter_map(|(_, value)| value.to_str().ok()?.split_whitespace().next_back());
    let mut macs: Vec<String> = told.map(str::to_ascii_lowercase).collect();
    let query = form_pairs(request.query_string().as_bytes());
    let parameters = query.into_iter().filter(|(name, _)| name == "mac");
    macs.extend(parameters.map(|(_, value)| value.to_ascii_lowercase()));
    let store = state.events.store().ok();
    let board = store.map(|store| store.board());
    let known = board.and_then(|board| {
        macs.iter()
            .find(|mac| board.name_of(mac).is_some())
            .cloned()
    });
    known.or_else(|| macs.into_iter().next())
}

/// What follows `localboot/` in a path; none in another path.
fn mac_of(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (before, last) = path.rsplit_once('/')?;
    match (before.rsplit('/').next(), last) {
        (_, "localboot") => Some(""),
        (Some("localboot"), mac) => Some(mac),
        _ => None,
    }
}

/// The machine is installed. From one that nobody knows it changes nothing: any request would make a machine.
async fn boots_locally(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let mac = mac_of(request.path()).unwrap_or_default().to_owned();
    let mac = percent_encoding::percent_decode_str(&mac)
        .decode_utf8_lossy()
        .into_owned();
    let mac = Some(mac).filter(|mac| !mac.is_empty());
    match installed(&request, &state, mac.as_deref()).await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body(""),
        Err(error) => error.response(&request),
    }
}

async fn installed(
    request: &HttpRequest,
    state: &web::Data<AppState>,
    mac: Option<&str>,
) -> Result<(), ApiError> {
    let caller = Caller::of(request, state, mac)?;
    let called = match (caller.named, caller.address) {
        (Some(named), _) => named,
        (None, Some(address)) => address_alias(&address),
        (None, None) => return Ok(()),
    };
    let known = state
        .events
        .store()?
        .board()
        .name_of(&called)
        .map(str::to_owned);
    let Some(machine) = known else {
        tracing::warn!(machine = ?called, "a machine that nobody knows says that it is installed");
        return Ok(());
    };
    let event = Event::new(
        "server",
        "installed",
        EventKind::Finish(StepResult::Success),
    );
    let report = of_server(
        &machine,
        event.saying("boots from its own disk"),
        About::default(),
    );
    state.events.record(vec![report]).await?;
    boots_from_its_disk(state, machine).await;
    Ok(())
}

/// From now on the machine is not sent to install again. One without an allocation never was by us.
async fn boots_from_its_disk(state: &web::Data<AppState>, machine: String) {
    let state = state.clone();
    let told = web::block(move || {
        for section in state.sections.values().map(|open| &open.section) {
            match section.report_installed(&machine) {
                Ok(_) => tracing::info!(section = %section.name(), %machine, "installed"),
                Err(AllocateError::UnknownMachine { .. }) => {}
                Err(error) => {
                    let error = error.details();
                    tracing::error!(section = %section.name(), ?machine, ?error, "it would install again");
                }
            }
        }
    });
    told.await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localboot_is_known_below_any_prefix() {
        for (path, mac) in [
            ("/localboot/", Some("")),
            ("/localboot", Some("")),
            (
                "/pxe/localboot/52:54:12:34:00:03/",
                Some("52:54:12:34:00:03"),
            ),
            ("/localboot/x/y", None),
            ("/local", None),
            ("/", None),
        ] {
            assert_eq!(mac_of(path), mac, "{path}");
        }
    }
}
