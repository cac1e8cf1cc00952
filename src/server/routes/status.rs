//! `/api/v1/status`: what each machine is doing now.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::events::{Board, Finding, Machine, MachineView, Standing};

use super::super::error::ApiError;
use super::super::state::AppState;
use super::super::views::Snapshot;
use super::api::machine_of;
use super::ask::{Query, respond};
use super::only_get;

const KEYS: [&str; 7] = [
    "machine",
    "datacenter",
    "profile",
    "section",
    "standing",
    "finding",
    "all",
];

/// A machine with which nothing is wrong and that was silent for so long is shown only if all are wanted.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/v1/status")
                .get(list)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource("/api/v1/status/{machine}")
                .get(show)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource("/api/v1/machines/{machine}/token")
                .get(token)
                .default_service(web::to(only_get)),
        );
}

/// Which machines are wanted; what is empty excludes none.
#[derive(Debug)]
struct Wanted {
    machines: Vec<String>,
    datacenters: Vec<String>,
    profiles: Vec<String>,
    sections: Vec<String>,
    standings: Vec<Standing>,
    findings: Vec<Finding>,
    all: bool,
}

impl Wanted {
    fn of(query: &Query) -> Result<Wanted, ApiError> {
        let standings = words(&Standing::ALL.map(Standing::word));
        let findings = words(&Finding::ALL.map(Finding::word));
        Ok(Wanted {
            machines: query.all("machine"),
            datacenters: query.all("datacenter"),
            profiles: query.all("profile"),
            sections: query.all("section"),
            standings: query.read_all("standing", &standings, Standing::of_word)?,
            findings: query.read_all("finding", &findings, Finding::of_word)?,
            all: query.truth("all")?,
        })
    }

    fn snapshot(&self, board: &Board) -> Snapshot {
        let wanted = |machine: &Machine| self.wants(machine);
        if self.machines.is_empty() {
            return Snapshot::of(board, wanted);
        }
        let mut names: Vec<&str> = self
            .machines
            .iter()
            .filter_map(|it| board.name_of(it))
            .collect();
        names.sort_unstable();
        names.dedup();
        let machines = names
            .into_iter()
            .filter(|name| board.machine(name).is_some_and(|it| wanted(it)));
        Snapshot::named(board, machines)
    }

    /// As far as the machine alone tells.
    fn wants(&self, machine: &Machine) -> bool {
        let is_one_of = |wanted: &[String], value: &Option<String>| {
            wanted.is_empty() || value.as_ref().is_some_and(|value| wanted.contains(value))
        };
        is_one_of(&self.datacenters, &machine.datacenter)
            && is_one_of(&self.profiles, &machine.profile)
            && is_one_of(&self.sections, &machine.section)
            && (self.standings.is_empty() || self.standings.contains(&machine.standing))
    }

    fn wants_view(&self, view: &MachineView, now: Timestamp) -> bool {
        let finding = view.diagnosis.as_ref().map(|it| it.finding);
        if !self.findings.is_empty() {
            return finding.is_some_and(|finding| self.findings.contains(&finding));
        }
        let is_named = !self.machines.is_empty() || !self.standings.is_empty();
        let is_recent = now.duration_since(view.last_update) <= SHOWN_FOR;
        let is_going_on = view.status.is_some_and(|status| status.is_open());
        self.all || is_named || is_recent || is_going_on || finding.is_some()
    }
}

fn words(words: &[&str]) -> String {
    format!("one of {}", words.join(", "))
}

async fn list(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_list(&request, &state).await)
}

async fn try_list(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::of(&Query::of(request, &KEYS)?)?;
    let store = state.events.store()?.clone();
    let patience = state.events.patience;
    let shown = web::block(move || {
        let now = Timestamp::now();
        let snapshot = wanted.snapshot(&store.board()).sorted();
        let views = snapshot.views(patience, now);
        list_of(views.filter(|view| wanted.wants_view(view, now)))
    });
    let shown = shown.await.map_err(|_| ApiError::Internal)?;
    let shown = shown.map_err(|_| ApiError::Internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(shown))
}

/// A list in JSON, written as it is made: of 10,000 machines no second copy is held.
fn list_of(views: impl Iterator<Item = MachineView>) -> serde_json::Result<Vec<u8>> {
    let mut list = vec![b'['];
    for view in views {
        if list.len() > 1 {
            list.push(b',');
        }
        serde_json::to_writer(&mut list, &view)?;
    }
    list.push(b']');
    Ok(list)
}

async fn show(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_show(&request, &state))
}

fn try_show(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let wanted = machine_of(request);
    let view = view(state, &wanted)?.ok_or_else(|| ApiError::unknown_machine(&wanted))?;
    Ok(HttpResponse::Ok().json(view))
}

/// The token with which a machine reports. It is made of the machine's name: there is one for each that is
/// known and was not released.
async fn token(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_token(&request, &state))
}

fn try_token(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    Query::of(request, &[])?;
    let wanted = machine_of(request);
    let name = {
        let board = state.events.store()?.board();
        let known = board.machine(&wanted);
        let known = known.filter(|machine| machine.standing != Standing::Released);
        known.map(|machine| machine.name.clone())
    };
    let name = name.ok_or_else(|| ApiError::unknown_machine(&wanted))?;
    Ok(HttpResponse::Ok().json(json!({ "token": state.access.token_of(&name) })))
}

/// The machine that is called this, now.
pub(super) fn view(state: &AppState, called: &str) -> Result<Option<MachineView>, ApiError> {
    let store = state.events.store()?;
    let snapshot = Snapshot::named(&store.board(), std::iter::once(called));
    let mut views = snapshot.views(state.events.patience, Timestamp::now());
    Ok(views.next())
}
