//! Where log lines go: standard error, as text or JSON, filtered by `RUST_LOG`.
//!
//! A program calls one of these functions once; nothing else here knows a subscriber.

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error as text for people and the journal: level `info` unless
/// `RUST_LOG` says otherwise. A second call changes nothing.
pub fn start_text() {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(std::io::stderr)
        .with_ansi(false);
    note(lines.try_init().is_ok());
}

/// The same with one JSON object a line.
pub fn start_json() {
    let lines = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter())
        .with_writer(std::io::stderr);
    note(lines.try_init().is_ok());
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"))
}

fn note(is_first: bool) {
    if !is_first {
        tracing::debug!("log lines go somewhere already");
    }
}
