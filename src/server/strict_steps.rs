//! The steps of Foreman's RFC where a profile says which there are (seed `foreman-rfc-provisioning-progress`,
//! "Strict"): another one is an error for who reports it, and how far the machine is follows from the list.

use crate::allocation::steps_of;
use crate::events::Board;
use crate::events::producer::{Message, Unreadable};
use crate::model::{Event, EventKind, ProfileName, StepResult};

use super::state::AppState;

/// Whether a body may hold such a step: then a file is to be read before it is answered.
pub(super) fn may_hold_step(body: &[u8]) -> bool {
    let key = b"\"label\"";
    body.windows(key.len()).any(|part| part == key)
}

/// What is known of a machine that reports a step.
#[derive(Debug)]
pub(super) struct Reporter {
    section: Option<String>,
    profile: ProfileName,
    /// Whether earlier installations have taught how long its steps take, which says more than their number.
    is_learnt: bool,
}

/// Looks up the machine of a message; none where the message is of no such step, or the machine has no profile.
pub(super) fn reporter_of(board: &Board, machine: &str, message: &Message) -> Option<Reporter> {
    message.step.as_ref()?;
    let machine = board.machine(board.name_of(machine).unwrap_or(machine))?;
    Some(Reporter {
        section: machine.section.clone(),
        profile: ProfileName::new(machine.profile.as_deref()?).ok()?,
        is_learnt: board.usual(machine).count > 0,
    })
}

/// Judges a message by the list of its machine's profile; one of a step that is in it says how far the whole is.
///
/// # Errors
/// The profile has a list of steps, and this one is not among them.
pub(super) fn judge(
    state: &AppState,
    reporter: &Reporter,
    message: &mut Message,
) -> Result<(), Unreadable> {
    let (Some(label), Some(steps)) = (message.step.as_ref(), list(state, reporter)) else {
        return Ok(());
    };
    let Some(position) = steps.iter().position(|step| step == label) else {
        return Err(Unreadable::UnknownStep {
            label: label.chars().take(80).collect(),
            profile: reporter.profile.to_string(),
            steps,
        });
    };
    if !reporter.is_learnt {
        let whole = whole(message, position, steps.len());
        message.events.extend(whole);
    }
    Ok(())
}

/// The steps of the profile. A list that cannot be read stops no installation.
fn list(state: &AppState, reporter: &Reporter) -> Option<Vec<String>> {
    let profile = &reporter.profile;
    let section = state.section(reporter.section.as_deref()).ok()?;
    steps_of(section.section.config_dir(), profile).unwrap_or_else(|error| {
        tracing::warn!(%profile, error = ?error.details(), "the list of steps is of no use: any is taken");
        None
    })
}

/// How far the whole is when the step at this position of so many begins or has ended.
fn whole(message: &Message, position: usize, count: usize) -> Option<Event> {
    let step = message.events.first()?;
    let done = match step.kind {
        EventKind::Start => position,
        EventKind::Finish(StepResult::Fail) => return None,
        _ => position + 1,
    };
    #[expect(clippy::cast_precision_loss, reason = "a list of some steps")]
    let percent = 100.0 * done as f32 / count as f32;
    Some(Event {
        name: step.root().to_owned(),
        kind: EventKind::Progress,
        percent: Some(percent),
        ..step.clone()
    })
}
