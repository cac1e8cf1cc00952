//! How a machine that boots from the network goes on: it installs itself, boots from its disk, or is held.
//!
//! [`survey`] finds out what is known of it, [`decision`] decides on that alone, [`ipxe`] and
//! [`pxelinux`] say it in the words of the boot loader. What a machine says of itself is used to
//! recognise it and for nothing else: none of it stands in a script. Who gets what is `allocation`'s.

mod address;
mod decision;
mod files;
pub(super) mod ipxe;
pub(super) mod pxelinux;
mod refused;
mod screen;
mod survey;
mod told;

pub(super) use address::Address;
pub(super) use decision::{Decision, Hold};
pub(super) use files::missing;
pub(super) use refused::RefusedMachines;
pub(super) use survey::survey;
pub(super) use told::{Named, Told};

use crate::model::SectionName;

/// How long a held machine waits before it asks again.
const HOLD_SECONDS: u32 = 60;

/// How long a machine waits before it asks again when a file did not come.
const RETRY_SECONDS: u32 = 10;

/// What a script is written from besides the decision.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    /// The server, as the machine called it.
    pub(super) address: &'a Address,
    /// The section that the machine asked for.
    pub(super) section: Option<&'a SectionName>,
    /// Further words for the ramdisk, from the settings.
    pub(super) arguments: &'a str,
}

impl Scene<'_> {
    /// The address of a file of the server.
    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The words of the ramdisk's command line that are for edeploy, and the admin's.
    fn ramdisk_words(&self, section: Option<&SectionName>) -> String {
        let mut words = vec![
            format!("SERV={}", self.address.host()),
            format!("HTTP_PORT={}", self.address.port()),
        ];
        let named = section.filter(|section| **section != SectionName::default_section());
        words.extend(named.map(|section| format!("SECTION={section}")));
        if !self.arguments.is_empty() {
            words.push(self.arguments.to_owned());
        }
        words.join(" ")
    }
}

/// Whether a section's name can be a word of a command line and of a script.
fn is_plain(section: &SectionName) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    section.as_str().chars().all(plain)
}

#[cfg(test)]
mod tests;
