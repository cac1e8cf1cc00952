//! `edeploy-server`: hardware in, the right configure script out.

use std::process::ExitCode;

use clap::Parser;
use edeploy::server;
use edeploy::server::settings::Args;

fn main() -> ExitCode {
    ExitCode::from(server::run(&Args::parse()))
}
