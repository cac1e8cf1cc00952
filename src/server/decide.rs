//! One upload from facts to outcome: read, match, commit, keep the hardware, tell pxemngr.
//!
//! It runs on when the client goes away: what was begun is finished, so nothing is lost half-way.

use std::sync::Arc;

use actix_web::web;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::allocation::{AllocateError, Outcome, Purpose};
use crate::format::facts::{ParsedFacts, render_hw};
use crate::model::{Fact, Identity, MachineId};

use super::keep::keep_hardware;
use super::pxemngr;
use super::state::{AppState, OpenSection};

/// What was done before the commit and is needed after it.
struct Prepared {
    /// The name the machine has if the commit fails.
    machine: MachineId,
    hardware: String,
    macs: Vec<String>,
    facts: Arc<[Fact]>,
}

/// Decides what the machine with these facts gets.
///
/// # Errors
/// Those of [`crate::allocation::Section::submit`].
pub(super) async fn decide(
    state: web::Data<AppState>,
    section: Arc<OpenSection>,
    parsed: ParsedFacts,
    purpose: Purpose,
) -> Result<Outcome, AllocateError> {
    let task = decide_whole(state, section, parsed, purpose).in_current_span();
    let task = actix_web::rt::spawn(task);
    task.await.unwrap_or(Err(AllocateError::Stopping))
}

async fn decide_whole(
    state: web::Data<AppState>,
    section: Arc<OpenSection>,
    parsed: ParsedFacts,
    purpose: Purpose,
) -> Result<Outcome, AllocateError> {
    let (reply, answer) = oneshot::channel();
    let submitted_to = section.clone();
    let prepared = web::block(move || submit(&submitted_to, parsed, purpose, reply))
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
    reply: oneshot::Sender<Result<Outcome, AllocateError>>,
) -> Prepared {
    let facts: Arc<[Fact]> = parsed.facts.into();
    let prepared = Prepared {
        machine: MachineId::of(&facts, &Identity::of(&facts)),
        hardware: render_hw(&facts),
        macs: pxemngr::macs(&facts),
        facts: facts.clone(),
    };
    section.section.submit(facts, purpose, move |outcome| {
        // Nobody waits any more only if the server is going away.
        reply.send(outcome).ok();
    });
    prepared
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
    match outcome {
        Ok(Outcome::Allocated(allocated)) => {
            state.refused.forget(&Identity::of(&prepared.facts));
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
