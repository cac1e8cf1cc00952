//! What one message of a producer comes to.

use jiff::Timestamp;

use crate::events::report::{HostKey, LogFile, Report};
use crate::model::{Drift, Event};

/// How much of a description is kept with its event, in bytes; the whole is kept as a file.
const DESCRIPTION_BYTES: usize = 16 << 10;

/// The name of the file that keeps a description that was too long.
const DESCRIPTION_FILE: &str = "description.txt";

/// How long a name, an origin or an action may be, in characters.
pub(super) const LONGEST_NAME: usize = 1_000;

/// One message of a producer: one event, or the few that it stands for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// In the order they happened.
    pub events: Vec<Event>,
    /// Files that came with the message.
    pub files: Vec<LogFile>,
    /// What the message calls its machine.
    pub machine: Option<String>,
    /// The label of the RFC's step that it tells of.
    pub step: Option<String>,
    /// Where it says the machine stands.
    pub datacenter: Option<String>,
    /// What else its machine is called, where that is nobody else's name.
    pub aliases: Vec<String>,
    /// Which start of the machine it is from.
    pub boot_id: Option<String>,
    /// The machine's SSH host keys.
    pub host_keys: Vec<HostKey>,
    /// How the machine's files differ from its role.
    pub drift: Option<Drift>,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// What an event must have is not there (MAAS says it in these words, wire-formats 2.7).
    #[error("missing parameter(s) {} in status message", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// The text is no JSON.
    #[error("expected a JSON object, a list of them or one on each line: {0}")]
    NoJson(String),
    /// A value is no object.
    #[error("expected a JSON object, found {0}")]
    NoObject(&'static str),
    /// There is nothing in it.
    #[error("the message is empty")]
    Empty,
    /// The machine's profile says which steps there are.
    #[error("`{}` is no step of the profile `{profile}`: there is {}", label.escape_debug(), steps.join(", "))]
    UnknownStep {
        /// What was reported.
        label: String,
        /// The profile.
        profile: String,
        /// What can be.
        steps: Vec<String>,
    },
    /// It does not tell how a machine's files differ from its role.
    #[error("no report of `edeploy verify`: {0}")]
    NoDrift(String),
    /// The name is this server's own.
    #[error("the origin `{0}` is this server's own: give another one")]
    Reserved(String),
}

impl Message {
    /// A message of one event.
    pub fn of(event: Event) -> Message {
        let mut message = Message::default();
        message.push(event);
        message
    }

    /// Adds an event; a description that is too long becomes a file.
    pub(super) fn push(&mut self, mut event: Event) {
        for name in [&mut event.origin, &mut event.name] {
            cut(name, LONGEST_NAME);
        }
        let description = &mut event.description;
        if description.len() > DESCRIPTION_BYTES {
            let end = (0..=DESCRIPTION_BYTES).rfind(|end| description.is_char_boundary(*end));
            let end = end.unwrap_or(0);
            let first = format!("{}… (whole in {DESCRIPTION_FILE})", &description[..end]);
            let whole = std::mem::replace(description, first);
            self.files.push(LogFile {
                name: DESCRIPTION_FILE.to_owned(),
                content: whole.into_bytes(),
            });
        }
        self.events.push(event);
    }

    /// The message as reports of a machine that came in now; files and keys go with the first.
    pub fn reports(self, machine: &str, address: Option<&str>, received: Timestamp) -> Vec<Report> {
        let (mut files, mut host_keys) = (Some(self.files), Some(self.host_keys));
        let mut aliases = Some(self.aliases);
        let mut drift = self.drift;
        let reports = self.events.into_iter().map(|event| {
            let mut report = Report::new(machine, event, received);
            report.about.datacenter.clone_from(&self.datacenter);
            report.about.boot_id.clone_from(&self.boot_id);
            report.about.address = address.map(str::to_owned);
            report.about.aliases = aliases.take().unwrap_or_default();
            report.about.host_keys = host_keys.take().unwrap_or_default();
            report.about.drift = drift.take();
            report.files = files.take().unwrap_or_default();
            report
        });
        reports.collect()
    }
}

/// Cuts a text to so many characters.
pub(super) fn cut(text: &mut String, characters: usize) {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
}
