//! `/info/nodes`, `/info/node/{name}`, `/info/globals`, `/config`.

use std::collections::{BTreeMap, HashMap};

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::events::{Finding, MachineView, Standing};

use super::super::super::state::AppState;
use super::super::super::views::Snapshot;
use super::super::api::machine_of;
use super::super::ask::ask;
use super::super::status;
use super::{in_words, json, quoted, respond};

/// A node in contiv's order of keys.
#[derive(Debug, Serialize)]
struct Node {
    monitoring_state: Monitoring,
    inventory_state: Inventory,
    configuration_state: Configuration,
}

#[derive(Debug, Serialize)]
struct Monitoring {
    label: String,
    serial_number: String,
    management_address: String,
}

#[derive(Debug, Serialize)]
struct Inventory {
    name: String,
    status: &'static str,
    prev_status: &'static str,
    state: &'static str,
    prev_state: &'static str,
}

#[derive(Debug, Serialize)]
struct Configuration {
    inventory_name: String,
    host_group: String,
    ssh_address: String,
    inventory_vars: BTreeMap<String, String>,
}

/// contiv's word for where a machine stands.
fn status_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Unknown => "Incomplete",
        Standing::Discovered => "New",
        Standing::Refused => "Unallocated",
        Standing::Installing | Standing::Upgrading => "Provisioning",
        Standing::Installed => "Allocated",
        Standing::Failed => "Cancelled",
        Standing::Held => "Maintenance",
        Standing::Released => "Decommissioned",
    }
}

fn node(view: MachineView, previous: Option<Standing>) -> Node {
    let finding = view.diagnosis.as_ref().map(|it| it.finding);
    let state = match finding {
        Some(Finding::Stuck | Finding::NeverCameBack) => "Disappeared",
        _ if view.is_known => "Discovered",
        _ => "Unknown",
    };
    let group = view.profile.unwrap_or_default();
    Node {
        monitoring_state: Monitoring {
            label: view.machine.clone(),
            serial_number: String::new(),
            management_address: String::new(),
        },
        inventory_state: Inventory {
            name: view.machine.clone(),
            status: status_of(view.standing),
            prev_status: status_of(previous.unwrap_or(Standing::Unknown)),
            state,
            prev_state: "Unknown",
        },
        configuration_state: Configuration {
            inventory_name: view.machine,
            host_group: group,
            ssh_address: String::new(),
            inventory_vars: BTreeMap::new(),
        },
    }
}

pub(super) async fn all(state: web::Data<AppState>) -> HttpResponse {
    respond(try_all(&state).await)
}

async fn try_all(state: &AppState) -> Result<HttpResponse, String> {
    let patience = state.events.patience;
    let asked = ask(state, move |store| {
        let previous = store.previous_standings()?;
        let snapshot = Snapshot::of(&store.board(), |_| true);
        let views = snapshot.views(patience, Timestamp::now());
        Ok(nodes(views, &previous))
    });
    json(&asked.await.map_err(|error| in_words(&error))?)
}

fn nodes(
    views: impl Iterator<Item = MachineView>,
    previous: &HashMap<String, Standing>,
) -> BTreeMap<String, Node> {
    let nodes = views.map(|view| {
        let before = previous.get(&view.machine).copied();
        (view.machine.clone(), node(view, before))
    });
    nodes.collect()
}

pub(super) async fn one(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(try_one(&request, &state).await)
}

async fn try_one(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, String> {
    let wanted = machine_of(request);
    let view = status::view(state, &wanted).map_err(|error| in_words(&error))?;
    let view = view.ok_or_else(|| format!("node with name {} doesn't exist", quoted(&wanted)))?;
    let previous = ask(state, |store| store.previous_standings()).await;
    let previous = previous.map_err(|error| in_words(&error))?;
    let before = previous.get(&view.machine).copied();
    json(&node(view, before))
}

/// There are none: what a script is given stands in the CMDB.
pub(super) async fn globals() -> HttpResponse {
    respond(json(&json!({ "extra_vars": {} })))
}

pub(super) async fn config(state: web::Data<AppState>) -> HttpResponse {
    let sections: Vec<&str> = state.sections.keys().map(|name| name.as_str()).collect();
    respond(json(&json!({
        "manager": { "addr": state.settings.listen },
        "edeploy": { "version": env!("CARGO_PKG_VERSION"), "sections": sections },
    })))
}
