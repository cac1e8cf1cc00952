//! The command line of `edeploy`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::installed::{self, InstalledError};

/// Says what edeploy installed on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "edeploy",
    version,
    disable_help_subcommand = true,
    after_help = "\
Example:
  edeploy version

Exit codes: 0 done, 2 the command line is wrong, 5 this machine does not say what is installed."
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
        Ok(text) => writeln!(std::io::stdout(), "{text}").map(|()| 0),
        Err(error) => writeln!(std::io::stderr(), "error: {error}").map(|()| 5),
    };
    written.unwrap_or(5)
}

impl Client {
    fn answer(&self) -> Result<String, InstalledError> {
        let name = match self.verb {
            Verb::Version => "VERS",
            Verb::Role => "ROLE",
        };
        installed::value_of(&self.conf, name)
    }
}
