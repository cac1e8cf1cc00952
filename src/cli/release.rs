//! `edeployctl release`: a machine's entry and place are free again.

use clap::Args;

use crate::allocation::Section;

use super::answer::{Answer, Exit, Failure, Style};
use super::machine::{Ask, OneMachine};

/// Release what a machine holds: its CMDB entry and its place are free again
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl release srv11 --config /var/lib/edeploy/config

MACHINE is the machine's name, serial, uuid, one of its MACs, or the hostname it was given. With
--config the directory is changed under its lock, whether or not a server is running.")]
pub(super) struct Release {
    #[command(flatten)]
    of: OneMachine,
}

impl Release {
    /// Releases in the directory itself or through a server.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let json = self.of.ask(Section::release, Ask::Delete)?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        let field = |name: &str| json[name].as_str().unwrap_or("?").to_owned();
        let text = format!("released {} from {}", field("machine"), field("profile"));
        answer.say(Style::Good, &text);
        Ok(answer)
    }
}
