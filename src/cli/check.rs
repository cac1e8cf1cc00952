//! `edeployctl check`: what is wrong in a directory of profiles.

use std::path::PathBuf;

use clap::Args;

use crate::allocation::{self, Severity};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Check the state file and every profile of a directory
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl check /var/lib/edeploy/config

Ends with 1 if there is an error; warnings and notes alone end with 0.")]
pub(super) struct Check {
    /// The directory of the state file and the profiles
    dir: PathBuf,
}

impl Check {
    /// Lists what `allocation` finds.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        input::expect_directory(&self.dir)?;
        let report = allocation::check_dir(&self.dir);
        let count = |severity| {
            let findings = report.findings.iter();
            findings.filter(|found| found.severity == severity).count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let exit = if errors > 0 { Exit::Input } else { Exit::Done };
        let mut answer = Answer::new(exit, &report)?;
        for finding in &report.findings {
            let (style, word) = match finding.severity {
                Severity::Error => (Style::Bad, "error"),
                Severity::Warning => (Style::Plain, "warning"),
                Severity::Note => (Style::Weak, "note"),
            };
            let mut lines = finding.text.lines();
            answer.say(style, &format!("{word}: {}", lines.next().unwrap_or_default()));
            for line in lines {
                answer.say(Style::Plain, line);
            }
        }
        let sentence = format!("{errors} errors, {warnings} warnings");
        answer.say(if errors > 0 { Style::Bad } else { Style::Good }, &sentence);
        Ok(answer)
    }
}
