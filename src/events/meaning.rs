//! What an event means for a deployment, by who tells it.
//!
//! Every installer has its own names. What is the whole, what ends it, and what is only said is decided
//! here and nowhere else.

use std::borrow::Cow;

use crate::model::{Event, EventKind, StepResult};

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The server sent the machine to install.
    BootInstall,
    /// The server sent the machine to its own disk: it is back after an installation.
    BootLocal,
    /// The server keeps the machine from installing.
    BootHold,
    /// It posted its hardware and was given its profile.
    Uploaded,
    /// It posted its hardware and no profile is for it.
    Refused,
    /// It reported that its configure script failed, as old ramdisks do.
    FailureReported,
    /// It reported that it is installed.
    Installed,
    /// An admin released it.
    Released,
    /// An admin wants it installed again.
    Reinstall,
    /// The whole begins.
    RootStart,
    /// The whole ends.
    RootFinish(StepResult),
    /// A step begins.
    StepStart,
    /// A step ends.
    StepFinish(StepResult),
    /// Something goes on.
    Progress,
    /// Something is said.
    Note,
}

/// Where the server's own reports come from.
pub(super) const SERVER: &str = "server";

/// cloud-init's reports: of the installed system's boots (wire-formats 4.2).
const CLOUD_INIT: &str = "cloudinit";

/// What our client calls bringing another version onto an installed machine.
pub(super) const UPGRADE: &str = "upgrade";

/// The name under which a step is known here: that of the producer, below a root where it has none.
pub(super) fn name_of(event: &Event) -> Cow<'_, str> {
    match event.origin.as_str() {
        CLOUD_INIT => Cow::Owned(format!("boot/{}", event.name)),
        _ => Cow::Borrowed(&event.name),
    }
}

/// What is being done, in one word.
pub(super) fn action_of(event: &Event) -> &str {
    match (event.origin.as_str(), event.root()) {
        (CLOUD_INIT, _) => "boot",
        (SERVER, _) | (_, "cmd-install" | "subiquity" | "") => "install",
        (_, root) => root,
    }
}

/// Whether the event is from an installed system that runs.
pub(super) fn is_sign_of_life(event: &Event) -> bool {
    event.origin == CLOUD_INIT || (event.origin != SERVER && event.root() == "boot")
}

/// What an event does.
pub(super) fn meaning_of(event: &Event) -> Meaning {
    if event.origin == SERVER {
        return of_server(event);
    }
    let is_root = is_root(event);
    match event.kind {
        EventKind::Start if is_root => Meaning::RootStart,
        EventKind::Start => Meaning::StepStart,
        EventKind::Finish(result) if is_root => Meaning::RootFinish(result),
        EventKind::Finish(result) => Meaning::StepFinish(result),
        EventKind::Progress => Meaning::Progress,
        EventKind::Note => Meaning::Note,
    }
}

fn of_server(event: &Event) -> Meaning {
    match (event.name.as_str(), event.kind) {
        ("boot/install", _) => Meaning::BootInstall,
        ("boot/local", _) => Meaning::BootLocal,
        ("boot/hold", _) => Meaning::BootHold,
        ("upload", EventKind::Finish(StepResult::Fail)) => Meaning::Refused,
        ("upload", _) => Meaning::Uploaded,
        ("failure", _) => Meaning::FailureReported,
        ("installed", _) => Meaning::Installed,
        ("released", _) => Meaning::Released,
        ("reinstall", _) => Meaning::Reinstall,
        _ => Meaning::Note,
    }
}

/// Whether the event is of the whole. cloud-init has no name for it: its last part ends it. Subiquity's
/// outermost name is finished by nobody: its install is (wire-formats 3).
fn is_root(event: &Event) -> bool {
    match event.origin.as_str() {
        CLOUD_INIT => event.name == "modules-final" && matches!(event.kind, EventKind::Finish(_)),
        _ if event.root() == "subiquity" => {
            matches!(event.kind, EventKind::Finish(_))
                && matches!(
                    event.name.as_str(),
                    "subiquity/Install" | "subiquity/Install/install"
                )
        }
        _ => !event.name.contains('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(origin: &str, name: &str, kind: EventKind) -> Meaning {
        meaning_of(&Event::new(origin, name, kind))
    }

    #[test]
    fn the_outermost_name_is_the_whole() {
        let success = EventKind::Finish(StepResult::Success);
        assert_eq!(
            meaning("curtin", "cmd-install", EventKind::Start),
            Meaning::RootStart
        );
        assert_eq!(
            meaning("curtin", "cmd-install/stage-early", success),
            Meaning::StepFinish(StepResult::Success)
        );
        assert_eq!(
            meaning("cloudinit", "modules-final", success),
            Meaning::RootFinish(StepResult::Success)
        );
        assert_eq!(
            meaning("cloudinit", "init-local", success),
            Meaning::StepFinish(StepResult::Success)
        );
        assert_eq!(
            meaning("curtin", "subiquity/Install/install", success),
            Meaning::RootFinish(StepResult::Success)
        );
    }

    #[test]
    fn the_words_of_the_server_are_not_for_others() {
        assert_eq!(
            meaning(SERVER, "released", EventKind::Note),
            Meaning::Released
        );
        assert_eq!(
            meaning("curtin", "released", EventKind::Note),
            Meaning::Note
        );
    }

    #[test]
    fn cloud_init_is_told_of_as_a_boot() {
        let event = Event::new("cloudinit", "init-network/check-cache", EventKind::Start);
        assert_eq!(name_of(&event), "boot/init-network/check-cache");
        assert_eq!(action_of(&event), "boot");
        assert!(is_sign_of_life(&event));
    }
}
