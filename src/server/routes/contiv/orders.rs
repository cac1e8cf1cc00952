//! What `clusterctl` can tell the server to do. Only to decommission has a meaning here.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::super::super::body::Body;
use super::super::super::state::AppState;
use super::{quoted, respond};

/// How long an order may be.
const LONGEST: u64 = 1 << 20;

/// The body of every order; what one does not need is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    nodes: Option<Vec<String>>,
    extra_vars: String,
    name: String,
}

async fn read(state: &AppState, payload: web::Payload) -> Result<Order, String> {
    let mut body = Body::new(payload, state.settings.upload_pause);
    let bytes = body
        .read(LONGEST)
        .await
        .map_err(|error| error.to_string())?;
    let order: Order = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if !order.extra_vars.is_empty()
        && let Err(error) = serde_json::from_str::<Value>(&order.extra_vars)
    {
        return Err(format!(
            "\"extra_vars\" should be a valid json. Error: {error}"
        ));
    }
    Ok(order)
}

/// Reads the order, so that what is wrong with it is said first, and refuses it.
async fn refuse(state: &AppState, payload: web::Payload, why: &str) -> HttpResponse {
    respond(match read(state, payload).await {
        Ok(_) => Err(why.to_owned()),
        Err(error) => Err(error),
    })
}

pub(super) async fn commission(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    let why = "edeploy-server commissions no node by request: a machine installs itself when it boots from the network";
    refuse(&state, payload, why).await
}

pub(super) async fn update(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    let why = "edeploy-server updates no node by request: run `edeploy upgrade` on the machine";
    refuse(&state, payload, why).await
}

pub(super) async fn discover(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    let why = "edeploy-server discovers no node by request: a machine makes itself known when it boots from the network";
    refuse(&state, payload, why).await
}

pub(super) async fn globals(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    let why = "edeploy-server keeps no globals: what scripts are given stands in the CMDB";
    refuse(&state, payload, why).await
}

pub(super) async fn config(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    let why = "edeploy-server takes its settings from its files, not by request";
    refuse(&state, payload, why).await
}

pub(super) async fn monitor(state: web::Data<AppState>, payload: web::Payload) -> HttpResponse {
    respond(match read(&state, payload).await {
        Ok(order) => Err(format!(
            "Invalid or empty event name specified: {}",
            quoted(&order.name)
        )),
        Err(error) => Err(error),
    })
}

/// Releases the nodes, in their order, up to the first that cannot be.
pub(super) async fn decommission(
    state: web::Data<AppState>,
    payload: web::Payload,
) -> HttpResponse {
    respond(try_decommission(state, payload).await)
}

async fn try_decommission(
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, String> {
    let nodes = read(&state, payload).await?.nodes.unwrap_or_default();
    if nodes.is_empty() {
        return Err("no node is named".to_owned());
    }
    let released = web::block(move || nodes.iter().try_for_each(|node| release(&state, node)));
    released.await.map_err(|error| error.to_string())??;
    Ok(HttpResponse::Ok().finish())
}

fn release(state: &AppState, node: &str) -> Result<(), String> {
    let section = state.events.store().ok().and_then(|store| {
        let board = store.board();
        board.machine(node)?.section.clone()
    });
    let section = state
        .section(section.as_deref())
        .map_err(|error| error.to_string())?;
    let released = section
        .section
        .release(node)
        .map_err(|error| error.details())?;
    let (machine, profile) = (&released.machine, &released.profile);
    tracing::info!(section = %section.section.name(), %machine, %profile, "released");
    state
        .events
        .became(section.section.name().as_str(), &released, "released");
    Ok(())
}
