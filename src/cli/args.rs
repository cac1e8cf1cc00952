//! The command line of `edeployctl`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::check::Check;
use super::convert::Convert;
use super::drift::Drift;
use super::edit::Edit;
use super::explain::Explain;
use super::generate::Generate;
use super::helpers::Helpers;
use super::job::Job;
use super::match_spec::Match;
use super::plan::Plan;
use super::reinstall::Reinstall;
use super::release::Release;
use super::role::Role;
use super::snippet::Snippet;
use super::status::Status;
use super::timeline::Timeline;
use super::verify_cmdb::VerifyCmdb;
use super::watch::Watch;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the input is wrong
  2  the command line is wrong
  3  no profile matches, or nothing is left to hand out
  4  someone else holds the lock
  5  a file is not there or cannot be read or written, or the server cannot be reached
  6  the job that was followed failed";

/// Checks, explains and edits what edeploy-server hands out, tells what becomes of machines, builds roles.
#[derive(Debug, Parser)]
#[command(name = "edeployctl", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Ctl {
    /// Answer in JSON, errors too
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Match(Match),
    Explain(Explain),
    Plan(Plan),
    Helpers(Helpers),
    Check(Check),
    Generate(Generate),
    Convert(Convert),
    Edit(Edit),
    VerifyCmdb(VerifyCmdb),
    Release(Release),
    Status(Status),
    Watch(Watch),
    Timeline(Timeline),
    Drift(Drift),
    Job(Job),
    Snippet(Snippet),
    Reinstall(Reinstall),
    Role(Role),
}

/// `-dc` of the Foreman thread's status tool (wire-formats 5.3), which is no short option.
pub(super) fn long_form(argument: OsString) -> OsString {
    match argument.to_str() {
        Some("-dc") => "--dc".into(),
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Ctl::command().debug_assert();
    }

    /// The `edeployctl` lines of the README's console blocks.
    fn documented() -> Vec<String> {
        let readme = include_str!("../../README.md");
        let blocks = readme.split("```console\n").skip(1);
        blocks
            .filter_map(|block| block.split("```").next())
            .flat_map(str::lines)
            .filter_map(|line| line.strip_prefix("$ "))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_command_of_the_readme_parses() {
        let commands = documented();
        for line in &commands {
            let words = line.split(' ').map(OsString::from).map(long_form);
            Ctl::try_parse_from(words).expect(line);
        }
        for verb in Ctl::command().get_subcommands() {
            let start = format!("edeployctl {} ", verb.get_name());
            assert!(
                commands.iter().any(|line| line.starts_with(&start)),
                "the README has no {start}"
            );
        }
    }

    #[test]
    fn every_verb_shows_an_example() {
        for verb in Ctl::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string);
            let example = format!("edeployctl {}", verb.get_name());
            assert!(
                help.is_some_and(|help| help.contains(&example)),
                "{} has no example",
                verb.get_name()
            );
        }
    }
}
