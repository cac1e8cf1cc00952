//! Machines that no profile is for, each with what every profile says of it.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::events::Standing;
use crate::server::state::AppState;

use super::machine::{explained, kept_facts};
use super::shown::{ago, machine_link};
use super::{NoPage, answer, fleet};

/// How many machines are explained on one page.
const MOST_MACHINES: usize = 100;

struct One {
    machine: String,
    link: String,
    ago: String,
    explanation: String,
}

#[derive(Template)]
#[template(path = "unmatched.html")]
struct Page {
    here: &'static str,
    machines: Vec<One>,
}

pub(super) async fn page(state: web::Data<AppState>) -> HttpResponse {
    answer(super::blocking(move || unmatched(&state, Timestamp::now())).await)
}

fn unmatched(state: &AppState, now: Timestamp) -> Result<Page, NoPage> {
    let mut refused = fleet::views(state, now)?;
    refused.retain(|view| view.standing == Standing::Refused);
    refused.sort_by_key(|view| std::cmp::Reverse(view.since));
    refused.truncate(MOST_MACHINES);
    let machines = refused.into_iter().map(|view| {
        let section = view
            .section
            .as_deref()
            .and_then(|name| state.section(Some(name)).ok());
        let explanation = section.map(|section| {
            let facts = kept_facts(section, &view.machine);
            explained(section, &facts)
        });
        One {
            link: machine_link(&view.machine),
            ago: ago(view.since, now),
            explanation: explanation.unwrap_or(view.last_message),
            machine: view.machine,
        }
    });
    Ok(Page {
        here: "/unmatched",
        machines: machines.collect(),
    })
}
