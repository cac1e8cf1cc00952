//! What `edeploy verify --report` tells: how a machine's files differ from its role.

use serde::Deserialize;

use super::message::{Message, Unreadable};
use crate::model::{Drift, Event, EventKind, Level};

/// The longest such report, in bytes: all that a machine may tell has room.
pub const DRIFT_BYTES: u64 = 2 << 20;

#[derive(Deserialize)]
struct Told {
    machine: Option<String>,
    #[serde(flatten)]
    drift: Drift,
}

/// Reads one report.
///
/// # Errors
/// It is no JSON of this form, or says what cannot be.
pub fn drift(body: &[u8]) -> Result<Message, Unreadable> {
    let told: Told =
        serde_json::from_slice(body).map_err(|error| Unreadable::NoDrift(error.to_string()))?;
    let drift = told.drift.checked();
    let drift = drift.map_err(|error| Unreadable::NoDrift(error.to_string()))?;
    let event = Event::new("edeploy", "verify", EventKind::Note);
    let (role, version) = (&drift.role, &drift.version);
    let mut event = event.saying(format!("verify: {role} {version}: {}", drift.in_words()));
    if drift.sum() > 0 {
        event.level = Level::Warning;
    }
    Ok(Message {
        machine: told.machine,
        drift: Some(drift),
        ..Message::of(event)
    })
}
