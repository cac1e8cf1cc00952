//! `edeploy`: the program on the machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(edeploy::client::run(std::env::args_os()))
}
