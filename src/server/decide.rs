//! One upload from facts to outcome: read, match, commit, keep the hardware, tell pxemngr.
//!
//! It runs on when the client goes away: what was begun is finished, so nothing is lost half-way.

use std::sync::Arc;

use actix_web::web;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::allocation::{AllocateError, Outcome, Purpose};
use crate::events::About;
use crate::format::facts::{ParsedFacts, render_hw};
use crate::model::{BootId, Event, EventKind, Fact, Identity, MachineId, StepResult};

use super::events;
use super::keep::keep_hardware;
use super::pxemngr;
use super::state::{AppState, OpenSection};

/// What was done before the commit and is needed after it.
struct Prepared {
    /// The name the machine has if the commit fails.
    machine: MachineId,
    hardware: String,
    macs: Vec<String>,
    identity: Identity,
    /// Where it posted from: what is reported from there without a name is of this machine.
    address: Option<String>,
    facts: Arc<[Fact]>,
    purpose: Purpose,
}

/// Decides what the machine with these facts, which posted from this address, gets.
///
/// # Errors
/// Those of [`crate::allocation::Section::submit`].
pub(super) async fn decide(
    state: web::Data<AppState>,
    section: Arc<OpenSection>,
    parsed: ParsedFacts,
    purpose: Purpose,
    address: Option<String>,
) -> Result<Outcome, AllocateError> {
    let task = decide_whole(state, section, parsed, purpose, address).in_current_span();
    let task = actix_web::rt::spawn(task);
    task.await.unwrap_or(Err(AllocateError::Stopping))
}

async fn decide_whole(
    state: web::Data<AppState>,
    section: Arc<OpenSection>,
    parsed: ParsedFacts,
    purpose: Purpose,
    address: Option<String>,
) -> Result<Outcome, AllocateError> {
    let (reply, answer) = oneshot::channel();
    let submitted_to = section.clone();
    let submit = move || submit(&submitted_to, parsed, purpose, address, reply);
    let prepared = web::block(submit)
        .await
        .map_err(|_| AllocateError::Stopping)?;
    let outcome = answer.await.unwrap_or(Err(AllocateError::Stopping));
    let span = tracing::Span::current();
    let finish = move || {
        span.in_scope(|| conclude(&state, &section, &prepared, &outcome));
        outcome
    };
    web::block(finish)
        .await
        .unwrap_or(Err(AllocateError::Stopping))
}

fn submit(
    section: &OpenSection,
    parsed: ParsedFacts,
    purpose: Purpose,
    address: Option<String>,
    reply: oneshot::Sender<Result<Outcome, AllocateError>>,
) -> Prepared {
    let facts: Arc<[Fact]> = parsed.facts.into();
    let identity = Identity::of(&facts);
    let prepared = Prepared {
        machine: MachineId::of(&facts, &identity),
        hardware: render_hw(&facts),
        macs: pxemngr::macs(&facts),
        identity,
        address,
        facts: facts.clone(),
        purpose,
    };
    section.section.submit(facts, purpose, move |outcome| {
        // Nobody waits any more only if the server is going away.
        reply.send(outcome).ok();
    });
    prepared
}

/// Reports what was decided to whoever watches the machine.
fn report(
    state: &AppState,
    section: &OpenSection,
    prepared: &Prepared,
    boot_id: Option<BootId>,
    outcome: &Outcome,
) {
    let name = section.section.name().as_str();
    let upload = |result| Event::new("server", "upload", EventKind::Finish(result));
    let (machine, event, mut about) = match outcome {
        Outcome::Allocated(allocated) => {
            let about = events::about(name, &allocated.allocation);
            let said = format!("given the profile {}", allocated.allocation.profile);
            (
                &allocated.allocation.machine,
                upload(StepResult::Success).saying(said),
                about,
            )
        }
        Outcome::Refused(refusal) => {
            let about = About {
                section: Some(name.to_owned()),
                aliases: events::aliases(&prepared.identity).collect(),
                is_known: true,
                ..About::default()
            };
            (
                &refusal.machine,
                upload(StepResult::Fail).saying(refusal.to_string()),
                about,
            )
        }
    };
    about.address.clone_from(&prepared.address);
    about.boot_id = boot_id.map(|boot_id| boot_id.to_string());
    let report = events::of_server(machine.as_str(), event, about);
    state.events.note(report);
}

fn count(state: &AppState, section: &OpenSection, outcome: &Result<Outcome, AllocateError>) {
    let (profile, word) = match outcome {
        Ok(Outcome::Allocated(it)) if it.repeated => (it.allocation.profile.as_str(), "repeated"),
        Ok(Outcome::Allocated(it)) => (it.allocation.profile.as_str(), "allocated"),
        Ok(Outcome::Refused(_)) => ("", "refused"),
        Err(_) => ("", "error"),
    };
    let section = section.section.name().as_str();
    state.metrics.allocation(section, profile, word);
}

/// What follows a decision. None of it changes the answer.
fn conclude(
    state: &AppState,
    section: &OpenSection,
    prepared: &Prepared,
    outcome: &Result<Outcome, AllocateError>,
) {
    let machine = match outcome {
        Ok(Outcome::Allocated(allocated)) => &allocated.allocation.machine,
        Ok(Outcome::Refused(refusal)) => &refusal.machine,
        Err(_) => &prepared.machine,
    };
    let settings = &section.settings;
    if let Err(error) = keep_hardware(&settings.hw_dir, machine, &prepared.hardware) {
        let directory = settings.hw_dir.display();
        tracing::error!(%machine, %directory, %error, "the hardware could not be kept");
    }
    if let (Ok(outcome), Purpose::Deployment(boot_id)) = (outcome, prepared.purpose) {
        report(state, section, prepared, boot_id, outcome);
    }
    count(state, section, outcome);
    match outcome {
        Ok(Outcome::Allocated(allocated)) => {
            state.refused.forget(&prepared.identity);
            let profile = &allocated.allocation.profile;
            let repeated = allocated.repeated;
            tracing::info!(section = %section.section.name(), %machine, %profile, repeated, "given a profile");
            pxemngr::announce(state.runner.as_ref(), settings, machine, &prepared.macs);
        }
        Ok(Outcome::Refused(refusal)) => {
            let name = section.section.name();
            state.refused.remember(name, prepared.facts.clone());
            tracing::warn!(section = %name, %machine, reasons = ?refusal.to_string(), "refused");
        }
        Err(error) => {
            tracing::error!(section = %section.section.name(), %machine, error = ?error.details(), "nothing allocated");
        }
    }
}
