//! Package managers of a role, held back on installed machines (eDeploy's `deactivate-pkgmngr`).
//!
//! What they change is no part of the role: `edeploy verify` tells it, and an upgrade may undo half of it.

use std::path::Path;
use std::time::Duration;

use crate::system::{Command, Real, Runner};

use super::super::answer::{Exit, Failure};
use super::build::put;

/// What is left in each tree, where.
const SCRIPTS: [(&str, &str); 3] = [
    (
        "usr/sbin/activate-pkgmngr",
        include_str!("held-back/activate-pkgmngr"),
    ),
    (DEACTIVATE, include_str!("held-back/deactivate-pkgmngr")),
    (
        "usr/lib/edeploy/held-back/stub",
        include_str!("held-back/stub"),
    ),
];

const DEACTIVATE: &str = "usr/sbin/deactivate-pkgmngr";

/// A few links.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Leaves the scripts in a tree, and holds its package managers back unless they are kept.
pub(super) fn hold_back(root: &Path, keeps: bool) -> Result<(), Failure> {
    for (path, text) in SCRIPTS {
        put(root, path, text.as_bytes(), 0o755, (0, 0))?;
    }
    if keeps {
        return Ok(());
    }
    let words = [root.display().to_string(), format!("/{DEACTIVATE}")];
    let command = Command::new("chroot", words.iter().map(String::as_str))
        .mutating()
        .with_timeout(TIMEOUT);
    Real.run(&command).map(drop).map_err(|error| {
        let sentence = "the package managers of the role cannot be held back";
        Failure::new(Exit::Environment, sentence).because(&error)
    })
}
