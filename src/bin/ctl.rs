//! `edeployctl`: the admin's terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(edeploy::cli::run(std::env::args_os()))
}
