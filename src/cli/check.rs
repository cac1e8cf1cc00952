//! `edeployctl check`: what is wrong in a directory of profiles.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::allocation::{self, Finding, Severity};

use super::answer::{Answer, Exit, Failure, Style};
use super::check_scripts;

/// Check the state file and every profile of a directory
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl check /var/lib/edeploy/config
  edeployctl check . --hardware /var/lib/edeploy/hw

Every configure script is parsed, and planned for each recorded machine that its profile matches; one that
matches none is parsed only. Nothing is run.
Ends with 1 if there is an error; warnings and notes alone end with 0.")]
pub(super) struct Check {
    /// The directory of the state file and the profiles
    dir: PathBuf,
    /// The recorded machines, .json or .hw, to plan the scripts for [default: DIR/hardware]
    #[arg(long, value_name = "DIR")]
    hardware: Option<PathBuf>,
}

impl Check {
    /// Lists what `allocation` finds.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let mut report =
            allocation::check_dir(&self.dir).map_err(|error| Failure::allocate(&error))?;
        let scripts = check_scripts::check(&self.dir, self.hardware.as_deref())?;
        report.findings.extend(scripts);
        let count = |severity| {
            let findings = report.findings.iter();
            findings.filter(|found| found.severity == severity).count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let exit = if errors > 0 { Exit::Input } else { Exit::Done };
        let mut answer = Answer::new(exit, &report)?;
        for finding in &report.findings {
            say(&mut answer, finding);
        }
        let sentence = format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        );
        answer.say(if errors > 0 { Style::Bad } else { Style::Good }, &sentence);
        Ok(answer)
    }
}

/// The finding, with the name of its file where its first line has it not.
fn say(answer: &mut Answer, finding: &Finding) {
    let style = match finding.severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Plain,
        Severity::Note => Style::Weak,
    };
    let mut lines = finding.text.lines();
    let first = lines.next().unwrap_or_default();
    let name = finding.file.as_deref().and_then(Path::file_name);
    let name = name.map(|name| name.to_string_lossy().into_owned());
    let place = match name {
        Some(name) if !first.contains(&name) => format!("`{name}`: "),
        _ => String::new(),
    };
    answer.say(style, &format!("{}: {place}{first}", finding.severity));
    for line in lines {
        answer.say(Style::Plain, line);
    }
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}
