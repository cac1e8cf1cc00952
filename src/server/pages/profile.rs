//! Profiles: what each still has to give, who has it, and which machines nearly match.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;

use crate::allocation::{ProfileStock, Reason, stock_of};
use crate::events::{MachineView, Standing};
use crate::server::state::{AppState, OpenSection};

use super::machine::kept_facts;
use super::shown::{Row, machine_link, profile_link, seconds_in_words};
use super::{NoPage, answer, fleet};

/// How many machines that nearly match are shown.
const MISSES: usize = 10;

/// How many machines without a profile are matched anew for a page.
const MOST_MATCHED: usize = 200;

/// What one profile has to give, as texts.
#[derive(Debug)]
struct Stock {
    name: String,
    link: String,
    remaining: String,
    entries: String,
    problem: Option<String>,
    machines: usize,
}

struct SectionStock {
    name: String,
    problem: Option<String>,
    profiles: Vec<Stock>,
}

#[derive(Template)]
#[template(path = "profiles.html")]
struct List {
    here: &'static str,
    sections: Vec<SectionStock>,
}

struct Miss {
    machine: String,
    link: String,
    reason: String,
    reasons: usize,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Page {
    here: &'static str,
    section: String,
    stock: Stock,
    usual: Vec<(String, String)>,
    rows: Vec<Row>,
    misses: Vec<Miss>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    section: Option<String>,
}

pub(super) async fn list(state: web::Data<AppState>) -> HttpResponse {
    answer(super::blocking(move || sections(&state, Timestamp::now())).await)
}

fn sections(state: &AppState, now: Timestamp) -> Result<List, NoPage> {
    let views = fleet::views(state, now)?;
    let told = state.sections.values().map(|section| {
        let name = section.section.name().to_string();
        let (profiles, problem) = match stock_of(section.section.config_dir()) {
            Ok(stock) => (stock, None),
            Err(error) => (Vec::new(), Some(error.details())),
        };
        let profiles = profiles
            .into_iter()
            .map(|one| Stock::of(&name, one, &views));
        SectionStock {
            profiles: profiles.collect(),
            problem,
            name,
        }
    });
    Ok(List {
        here: "/profiles",
        sections: told.collect(),
    })
}

impl Stock {
    fn of(section: &str, stock: ProfileStock, views: &[MachineView]) -> Stock {
        let name = stock.profile.to_string();
        Stock {
            link: profile_link(section, &name),
            remaining: match stock.remaining.to_string().as_str() {
                "*" => "no limit".to_owned(),
                number => number.to_owned(),
            },
            entries: stock.entries.map_or_else(
                || "no CMDB".to_owned(),
                |it| format!("{} of {}", it.used, it.all),
            ),
            problem: stock.problem,
            machines: views
                .iter()
                .filter(|view| has(view, section, &name))
                .count(),
            name,
        }
    }
}

fn has(view: &MachineView, section: &str, profile: &str) -> bool {
    view.section.as_deref() == Some(section) && view.profile.as_deref() == Some(profile)
}

pub(super) async fn page(
    name: web::Path<String>,
    query: web::Query<Query>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let (name, section) = (name.into_inner(), query.into_inner().section);
    let made = move || profile(&name, section.as_deref(), &state, Timestamp::now());
    answer(super::blocking(made).await)
}

fn profile(
    name: &str,
    section: Option<&str>,
    state: &AppState,
    now: Timestamp,
) -> Result<Page, NoPage> {
    let open = state
        .section(section)
        .map_err(|error| NoPage::NotFound(error.to_string()))?;
    let section = open.section.name().to_string();
    let stock =
        stock_of(open.section.config_dir()).map_err(|error| NoPage::Trouble(error.details()))?;
    let found = stock.into_iter().find(|one| one.profile.as_str() == name);
    let none = || {
        NoPage::NotFound(format!(
            "The state file of section {section} lists no profile {name}."
        ))
    };
    let stock = found.ok_or_else(none)?;
    let views = fleet::views(state, now)?;
    let stock = Stock::of(&section, stock, &views);
    let misses = misses(open, &views, name);
    let usual = usual(state, &views, &section, name)?;
    let mut rows: Vec<Row> = views
        .into_iter()
        .filter(|view| has(view, &section, name))
        .map(|view| Row::of(view, now))
        .collect();
    rows.sort_by(|a, b| a.machine.cmp(&b.machine));
    Ok(Page {
        here: "",
        section,
        stock,
        usual,
        rows,
        misses,
    })
}

/// What the steps of this profile's installations usually take.
fn usual(
    state: &AppState,
    views: &[MachineView],
    section: &str,
    profile: &str,
) -> Result<Vec<(String, String)>, NoPage> {
    let board = state.events.store()?.board();
    let one = views
        .iter()
        .find(|view| has(view, section, profile) && view.action != "boot");
    let machine = one.and_then(|view| board.machine(&view.machine));
    let stages = machine
        .map(|machine| board.usual(machine).stages.clone())
        .unwrap_or_default();
    let told = stages.into_iter().map(|stage| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds, not negative"
        )]
        let seconds = stage.seconds.round() as u64;
        (stage.name, seconds_in_words(seconds))
    });
    Ok(told.collect())
}

/// Machines without a profile that this one is nearest to.
fn misses(section: &OpenSection, views: &[MachineView], profile: &str) -> Vec<Miss> {
    let own = section.section.name().as_str();
    let refused = views
        .iter()
        .filter(|view| view.standing == Standing::Refused && view.section.as_deref() == Some(own));
    let mut misses: Vec<Miss> = refused
        .take(MOST_MATCHED)
        .filter_map(|view| miss(section, view, profile))
        .collect();
    misses.sort_by(|a, b| (a.reasons, &a.machine).cmp(&(b.reasons, &b.machine)));
    misses.truncate(MISSES);
    misses
}

fn miss(section: &OpenSection, view: &MachineView, profile: &str) -> Option<Miss> {
    let facts = kept_facts(section, &view.machine);
    let explanation = section.section.explain(&facts).ok()?;
    let explained = explanation
        .profiles
        .into_iter()
        .find(|it| it.profile.as_str() == profile)?;
    let reason = explained.reason?;
    let reasons = match &reason {
        Reason::Mismatch(mismatch) => mismatch.reasons.len(),
        _ => 0,
    };
    Some(Miss {
        link: machine_link(&view.machine),
        machine: view.machine.clone(),
        reason: reason.to_string(),
        reasons,
    })
}
