//! Where log lines go: standard error, as text or JSON, filtered by `RUST_LOG`.
//!
//! The three programs call [`start`] once; nothing else here knows a subscriber.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line of text for people and the journal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends log lines to standard error from now on: level `info` unless `RUST_LOG` says otherwise.
///
/// A second call changes nothing.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("log lines go somewhere already");
    }
}
