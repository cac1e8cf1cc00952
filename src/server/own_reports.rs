//! What the server itself has to report of machines: what they were told to boot, and that they failed.

use crate::allocation::FailureReport;
use crate::events::{About, Standing};
use crate::model::{Event, EventKind, Identity, StepResult};

use super::boot::{Decision, Hold};
use super::events::{self, Events, of_server};

/// A machine reported that it failed, as old ramdisks do.
pub(super) fn failure(events: &Events, report: &FailureReport) {
    let machine = match report {
        FailureReport::PlaceGivenBack { machine, .. } | FailureReport::Ended { machine, .. } => {
            machine
        }
        FailureReport::Unchanged { .. } => return,
    };
    let kind = EventKind::Finish(StepResult::Fail);
    let event = Event::new("server", "failure", kind)
        .saying("the machine says that it failed; its log has the rest");
    events.note(of_server(machine.as_str(), event, About::default()));
}

/// A machine asked what to boot, and was told. One that is held asks every minute: that is reported once.
pub(super) fn boot(events: &Events, identity: &Identity, decision: &Decision) {
    let Some((machine, standing)) = known(events, identity, decision) else {
        return;
    };
    let note =
        |name: &str, words: String| Event::new("server", name, EventKind::Note).saying(words);
    let event = match decision {
        Decision::Install { .. } => note("boot/install", "sent to install".to_owned()),
        Decision::LocalBoot { .. } => note("boot/local", "sent to boot from its disk".to_owned()),
        // One that was refused stays so: that says more.
        Decision::Hold(Hold::Refused(_)) if standing == Some(Standing::Refused) => return,
        Decision::Hold(_) if standing == Some(Standing::Held) => return,
        Decision::Hold(hold) => note("boot/hold", hold.text()),
    };
    events.note(of_server(&machine, event, About::default()));
}

/// The machine's name, or what it is called as long as nobody knows it; and where it stands.
fn known(
    events: &Events,
    identity: &Identity,
    decision: &Decision,
) -> Option<(String, Option<Standing>)> {
    let board = events.store().ok()?.board();
    let named = match decision {
        Decision::LocalBoot { machine } | Decision::Hold(Hold::TooOften { machine, .. }) => {
            Some(machine.to_string())
        }
        _ => None,
    };
    let mut aliases = events::aliases(identity);
    let alias = aliases.find_map(|alias| board.name_of(&alias).map(str::to_owned));
    let stranger = || {
        let mac = identity.macs.first().cloned();
        mac.or_else(|| events::aliases(identity).next())
    };
    let name = named.or(alias).or_else(stranger)?;
    let standing = board.machine(&name).map(|machine| machine.standing);
    Some((name, standing))
}
