//! The command line of `edeploy`.

use std::error::Error;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::system::with_causes;

use super::configure::Configure;
use super::detect::Detect;
use super::helper::Helper;
use super::install::Install;
use super::installed;
use super::report::Report;
use super::upgrade::{List, Rollback, TestUpgrade, Upgrade, UpgradeError};
use super::verify::Verify;

/// Detects what this machine is made of, configures it as the server says, says what is installed and what changed since, reports
#[derive(Debug, Parser)]
#[command(
    name = "edeploy",
    version,
    disable_help_subcommand = true,
    after_help = "\
Example:
  edeploy detect > hw.json
  edeploy version

Exit codes: 0 done, 1 the input is wrong, 2 the command line is wrong, 3 refused, nothing was done,
5 something on this machine failed or is missing, 6 this machine is not as it was installed."
)]
struct Client {
    /// The file that says what is installed
    #[arg(long, global = true, value_name = "FILE", default_value = installed::DEFAULT_PATH)]
    conf: PathBuf,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the version of the installed role
    Version,
    /// Print the installed role
    Role,
    /// Print the profile that this machine was installed by
    Profile,
    Detect(Detect),
    Install(Install),
    Configure(Configure),
    Helper(Helper),
    Report(Report),
    Verify(Verify),
    List(List),
    TestUpgrade(TestUpgrade),
    Upgrade(Upgrade),
    Rollback(Rollback),
}

/// Runs `edeploy` with these arguments, the program's name first, and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let client = match Client::try_parse_from(arguments) {
        Ok(client) => client,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            return error.print().map_or(5, |()| code);
        }
    };
    let written = match client.answer() {
        Ok((text, code)) if text.is_empty() => Ok(code),
        Ok((text, code)) => writeln!(std::io::stdout(), "{text}").map(|()| code),
        Err((error, code)) => {
            let chain = with_causes(error.as_ref());
            writeln!(std::io::stderr(), "error: {chain}").map(|()| code)
        }
    };
    written.unwrap_or(5)
}

fn failed(error: UpgradeError) -> (Box<dyn Error>, u8) {
    let code = error.code();
    (error.into(), code)
}

impl Client {
    /// What to print and the exit code, or what went wrong and the exit code for it.
    fn answer(&self) -> Result<(String, u8), (Box<dyn Error>, u8)> {
        let text = match &self.verb {
            Verb::Version => self.installed("VERS"),
            Verb::Role => self.installed("ROLE"),
            Verb::Profile => self.installed("PROFILE"),
            Verb::List(verb) => verb.run(&self.conf).map_err(failed),
            Verb::TestUpgrade(verb) => verb.run(&self.conf).map_err(failed),
            Verb::Upgrade(verb) => return verb.run(&self.conf).map_err(failed),
            Verb::Rollback(verb) => return verb.run(&self.conf).map_err(failed),
            Verb::Configure(verb) => verb.run().map_err(|error| {
                let code = error.code();
                (error.into(), code)
            }),
            Verb::Detect(verb) => verb.run().map_err(|error| (error.into(), 5)),
            Verb::Install(verb) => verb.run().map_err(|error| {
                let code = error.code();
                (error.into(), code)
            }),
            Verb::Report(verb) => {
                let done = verb.run(&self.conf).map_err(|error| {
                    let code = error.code();
                    (error.into(), code)
                });
                done.map(|()| String::new())
            }
            Verb::Helper(verb) => {
                let done = verb.run().map_err(|error| (error.into(), 1));
                done.map(|()| String::new())
            }
            Verb::Verify(verb) => {
                return verb.run(&self.conf).map_err(|error| {
                    let code = error.code();
                    (error.into(), code)
                });
            }
        };
        text.map(|text| (text, 0))
    }

    fn installed(&self, name: &'static str) -> Result<String, (Box<dyn Error>, u8)> {
        installed::value_of(&self.conf, name).map_err(|error| (error.into(), 5))
    }
}
