//! What the integration tests share: a running server, requests byte for byte, waiting.

pub(crate) mod browser;
pub(crate) mod capture;
pub(crate) mod client;
pub(crate) mod corpus;
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod images;
pub(crate) mod python;
pub(crate) mod recorded;
pub(crate) mod server;
pub(crate) mod told;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time that anything in a test may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds; fails the test if it never does.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes a file and the directories above it.
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
pub(crate) fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A command that a test runs itself.
#[expect(clippy::disallowed_methods, reason = "tests run programs of their own")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
    std::process::Command::new(program)
}

/// A file of the shared clients, or a note that the test is skipped.
pub(crate) fn clients(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EDEPLOY_CLIENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/clients"),
        PathBuf::from,
    );
    let file = root.join(name);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: there is no {}", file.display());
    None
}
