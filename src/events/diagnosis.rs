//! What is wrong with a machine, in a sentence, and what to do next. Pure: the clock is an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::machine::Machine;
use super::meaning;
use super::standing::{Standing, Status};
use super::usual::Usual;

/// How long silence is nothing to worry about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Where nothing is known of the step.
    pub stuck_after: Duration,
    /// After the restart at the end of an installation.
    pub back_within: Duration,
}

impl Patience {
    /// The same for both.
    pub fn of(silence: Duration) -> Patience {
        Patience {
            stuck_after: silence,
            back_within: silence,
        }
    }
}

impl Default for Patience {
    fn default() -> Patience {
        Patience::of(Duration::from_secs(15 * 60))
    }
}

/// A step may take this many times what it usually takes, and a minute, before it is called stuck.
const TIMES_USUAL: u32 = 3;
const GRACE: Duration = Duration::from_secs(60);

/// From the second time on that a machine begins again at one step, it goes round in circles.
const LOOP_FROM: u32 = 2;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The last deployment failed.
    Failed,
    /// It begins again and again.
    Looping,
    /// Nothing was heard for too long.
    Stuck,
    /// It was installed and has not come back.
    NeverCameBack,
    /// No profile is for it.
    Refused,
    /// It is kept from installing.
    Held,
}

impl Finding {
    /// All of them.
    pub const ALL: [Finding; 6] = [
        Finding::Failed,
        Finding::Looping,
        Finding::Stuck,
        Finding::NeverCameBack,
        Finding::Refused,
        Finding::Held,
    ];

    /// The finding of this word.
    pub fn of_word(word: &str) -> Option<Finding> {
        Finding::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Its word, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Finding::Failed => "failed",
            Finding::Looping => "looping",
            Finding::Stuck => "stuck",
            Finding::NeverCameBack => "never_came_back",
            Finding::Refused => "refused",
            Finding::Held => "held",
        }
    }
}

/// What is wrong with one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// What kind.
    pub finding: Finding,
    /// At which step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// In a sentence.
    pub what: String,
    /// What a person should do next.
    pub next: String,
}

/// What is wrong with a machine; none where all is as it should be.
pub fn diagnose(
    machine: &Machine,
    usual: &Usual,
    patience: Patience,
    now: Timestamp,
) -> Option<Diagnosis> {
    looping(machine)
        .or_else(|| by_standing(machine))
        .or_else(|| stuck(machine, usual, patience, now))
        .or_else(|| never_came_back(machine, patience, now))
}

fn looping(machine: &Machine) -> Option<Diagnosis> {
    let restarts = machine
        .restarts
        .as_ref()
        .filter(|it| it.count >= LOOP_FROM)?;
    let (count, step) = (restarts.count, &restarts.step);
    let look = format!(
        "read the console and the log of what follows {step}: a crash, a watchdog or a loose cable restarts machines"
    );
    let next = match machine.standing {
        Standing::Held => format!(
            "it is held; {look}; then `edeployctl reinstall {}`",
            machine.name
        ),
        _ => format!("switch it off or hold it, then {look}"),
    };
    let window = in_words(restarts.last.duration_since(restarts.first));
    Some(Diagnosis {
        finding: Finding::Looping,
        step: Some(step.clone()),
        since: restarts.first,
        what: format!("began again {count} times within {window}, each time after {step}"),
        next,
    })
}

fn by_standing(machine: &Machine) -> Option<Diagnosis> {
    let deployment = machine.deployment.as_ref();
    let name = &machine.name;
    let (finding, step, what, next) = match machine.standing {
        Standing::Failed => {
            let failed = deployment.filter(|it| it.status == Status::Errored);
            let step = failed.and_then(|it| it.failed_step.clone());
            let error = failed.map_or(machine.last_message.as_str(), |it| &it.error);
            let place = step.as_deref().unwrap_or("a step");
            let what = match error.trim() {
                "" => format!("failed at {place}; it did not say why"),
                error => format!("failed at {place}: {error}"),
            };
            let next = match failed {
                Some(it) if it.action == meaning::UPGRADE => {
                    "read /var/lib/edeploy/upgrade_*.out on it and mend the cause; there `edeploy upgrade --resume` goes on, `edeploy rollback` goes back".to_owned()
                }
                _ => format!(
                    "read its log (`edeployctl job log {name}`), mend the cause, and start it again: it gets the same entry"
                ),
            };
            (Finding::Failed, step, what, next)
        }
        Standing::Refused => (
            Finding::Refused,
            None,
            "no profile is for this machine".to_owned(),
            "see why with `edeployctl explain`, and change a spec, a count or a CMDB".to_owned(),
        ),
        Standing::Held => (
            Finding::Held,
            None,
            match machine.last_message.as_str() {
                "" => "is kept from installing again".to_owned(),
                message => message.to_owned(),
            },
            format!(
                "mend the cause, then `edeployctl reinstall {name}`: it asks again every minute"
            ),
        ),
        // Only what left the machine as it was fails without changing where it stands.
        Standing::Installed => {
            let failed = deployment.filter(|it| it.status == Status::Errored)?;
            let step = failed.failed_step.clone();
            let place = step.as_deref().unwrap_or("a step");
            let what = format!("was refused at {place}: {}", failed.error.trim());
            let next = format!(
                "nothing of it was changed: mend the cause, and {} it again",
                failed.action
            );
            (Finding::Failed, step, what, next)
        }
        _ => return None,
    };
    Some(Diagnosis {
        finding,
        step,
        since: machine.since,
        what,
        next,
    })
}

fn stuck(
    machine: &Machine,
    usual: &Usual,
    patience: Patience,
    now: Timestamp,
) -> Option<Diagnosis> {
    let open = machine.open()?;
    let usually = usual.of_step(open);
    let limit = usually.map_or(patience.stuck_after, |usually| {
        usually * TIMES_USUAL + GRACE
    });
    let silent = now.duration_since(machine.last_event);
    if silent <= SignedDuration::try_from(limit).ok()? {
        return None;
    }
    let step = open.step().map(|step| step.name.clone());
    let place = match (&step, open.status) {
        (Some(step), _) => format!("at {step}"),
        (None, Status::Queued) => "since it was sent to install".to_owned(),
        (None, _) if open.seen.root.is_none() => "since it posted its hardware".to_owned(),
        (None, _) => "between two steps".to_owned(),
    };
    let usually = usually.map_or_else(String::new, |usually| {
        let usually = SignedDuration::try_from(usually).unwrap_or(SignedDuration::MAX);
        format!("; that step usually takes {}", in_words(usually))
    });
    let next = match open.status {
        Status::Queued => {
            "look whether it loads kernel and ramdisk: cable, DHCP, `/boot/` of the server"
        }
        _ if open.action == meaning::UPGRADE => {
            "look at its console; cut in the middle, an upgrade goes on after a restart"
        }
        _ => "look at its console, then restart it: it gets the same entry and begins anew",
    };
    Some(Diagnosis {
        finding: Finding::Stuck,
        step,
        since: machine.last_event,
        what: format!("silent for {} {place}{usually}", in_words(silent)),
        next: next.to_owned(),
    })
}

fn never_came_back(machine: &Machine, patience: Patience, now: Timestamp) -> Option<Diagnosis> {
    let done = machine.deployment.as_ref();
    let done = done.filter(|it| it.status == Status::Complete && it.action != "boot")?;
    let ended = done.ended?;
    // Of a machine that tells nobody when it boots nothing is expected.
    if machine.standing != Standing::Installed
        || machine.returned.is_some()
        || !machine.asks_for_boot
    {
        return None;
    }
    let silent = now.duration_since(ended);
    if silent <= SignedDuration::try_from(patience.back_within).ok()? {
        return None;
    }
    let was = match done.action.as_str() {
        meaning::UPGRADE => "upgraded",
        _ => "installed",
    };
    Some(Diagnosis {
        finding: Finding::NeverCameBack,
        step: None,
        since: ended,
        what: format!(
            "was {was} {} ago and has not asked for its boot script since",
            in_words(silent)
        ),
        next:
            "look at its console: the order of boot devices, the boot loader, a kernel that stops"
                .to_owned(),
    })
}

/// A length of time as people say it.
pub fn in_words(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
