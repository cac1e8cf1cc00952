//! One event with all that is known of where it came from.

use jiff::Timestamp;

use crate::model::{Drift, Event};

/// A file that came with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// As the producer names it: a path, often.
    pub name: String,
    /// Its bytes; they may be no text.
    pub content: Vec<u8>,
}

/// A public key by which an installed machine is recognised over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// `ssh-ed25519`, `ssh-rsa`, …
    pub algorithm: String,
    /// The key in base64.
    pub key: String,
}

/// What is known of the machine of a report, besides its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// The section of its allocation.
    pub section: Option<String>,
    /// The profile it was given.
    pub profile: Option<String>,
    /// Where it stands, as Foreman's reporters say.
    pub datacenter: Option<String>,
    /// Other names that reports use for it: serial, uuid, MACs, hostname. What was reported under one of
    /// them of a machine that nobody knew is this machine's.
    pub aliases: Vec<String>,
    /// Where it calls from, until another machine does: see [`address_alias`].
    pub address: Option<String>,
    /// Which start of the machine this is (`/proc/sys/kernel/random/boot_id`): a request made twice is
    /// no second attempt.
    pub boot_id: Option<String>,
    /// The SSH host keys of its installed system, where it tells them: they take the place of older ones.
    pub host_keys: Vec<HostKey>,
    /// How its files differ from its role, where it tells that: it takes the place of what it told before.
    pub drift: Option<Drift>,
    /// Whether the machine's hardware is known: it was posted, or the name is that of an allocation.
    pub is_known: bool,
}

/// An event as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The machine's name, or one of its aliases.
    pub machine: String,
    /// What happened.
    pub event: Event,
    /// When it came in, by the server's clock.
    pub received: Timestamp,
    /// What else is known of the machine.
    pub about: About,
    /// Files that came with it.
    pub files: Vec<LogFile>,
}

impl Report {
    /// A report of an event with nothing else known.
    pub fn new(machine: impl Into<String>, event: Event, received: Timestamp) -> Report {
        Report {
            machine: machine.into(),
            event,
            received,
            about: About::default(),
            files: Vec::new(),
        }
    }

    /// When it happened: by the producer's clock, or when it came in.
    pub fn happened(&self) -> Timestamp {
        self.event.timestamp.unwrap_or(self.received)
    }
}

/// The name by which a machine is found that says nothing but where it calls from.
pub fn address_alias(address: &str) -> String {
    format!("@{address}")
}
