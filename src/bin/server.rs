//! `edeploy-server`: hardware in, the right configure script out.

use std::process::ExitCode;

use clap::Parser;
use edeploy::server::settings::{Args, LogFormat};
use edeploy::{server, telemetry};

fn main() -> ExitCode {
    if let Some(code) = server::plan_if_asked(std::env::args_os()) {
        return ExitCode::from(code);
    }
    let code = server::run(&Args::parse(), |format| match format {
        LogFormat::Text => telemetry::start_text(),
        LogFormat::Json => telemetry::start_json(),
    });
    ExitCode::from(code)
}
