//! `edeployctl reinstall`: a machine is installed anew by its next boot.

use clap::Args;

use crate::allocation::Section;

use super::answer::{Answer, Exit, Failure, Style};
use super::machine::{Ask, OneMachine};

/// Have a machine installed again by its next boot from the network: it keeps its entry and its place
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl reinstall srv11 --config /var/lib/edeploy/config

For a machine that is installed, and for one that was tried too often. MACHINE is the machine's name, serial,
uuid, one of its MACs, or the hostname it was given. With --config the directory is changed under its
lock, whether or not a server is running.")]
pub(super) struct Reinstall {
    #[command(flatten)]
    of: OneMachine,
}

impl Reinstall {
    /// Says so in the directory itself or through a server.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let json = self.of.ask(Section::reinstall, Ask::Post("reinstall"))?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        let field = |name: &str| json[name].as_str().unwrap_or("?").to_owned();
        let text = format!(
            "the next boot of {} installs {}",
            field("machine"),
            field("profile")
        );
        answer.say(Style::Good, &text);
        Ok(answer)
    }
}
