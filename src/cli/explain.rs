//! `edeployctl explain`: every profile in order, and what it makes of one machine.

use std::path::PathBuf;

use clap::Args;

use crate::allocation;

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Show every profile in order and why a machine would be given it or not; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl explain hardware/vm.json --config /var/lib/edeploy/config

Ends with 0 if the machine would be given a profile and with 3 if it would not.")]
pub(super) struct Explain {
    /// A machine's hardware, .json or .hw; - is standard input
    hardware: PathBuf,
    /// The directory of the state file and the profiles
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
}

impl Explain {
    /// Asks `allocation` what it would do.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (facts, warnings) = input::read_hardware(&self.hardware)?;
        input::expect_directory(&self.config)?;
        let explanation = allocation::explain_dir(&self.config, &facts)
            .map_err(|error| Failure::allocate(&error))?;
        let given = explanation.profiles.iter().any(|profile| profile.chosen);
        let exit = if given { Exit::Done } else { Exit::Nothing };
        let mut answer = Answer::new(exit, &explanation)?;
        for line in explanation.to_string().lines() {
            answer.say(style_of(line), line);
        }
        Ok(answer.warn(warnings))
    }
}

/// The line of the profile that would be given stands out.
fn style_of(line: &str) -> Style {
    if line.starts_with("=>") {
        Style::Good
    } else {
        Style::Plain
    }
}
