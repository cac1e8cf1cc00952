//! How far an upgrade is, on the disk: what a power cut leaves is finished from here.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::RoleVersion;
use crate::roles::{Change, Manifest};

use super::error::{UpgradeError, file};
use super::units::Unit;
use super::written::put;

/// What is done next. Each may be begun several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Everything is on the disk, and takes its place.
    Apply,
    /// It has, and the boot loader knows: the script `post` runs.
    Post,
    /// The machine is the new version, and says so.
    Finish,
    /// What must stay until the machine has started from the new version goes after that.
    Started,
}

/// One upgrade that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) from: RoleVersion,
    pub(super) to: RoleVersion,
    pub(super) phase: Phase,
    pub(super) units: Vec<Unit>,
    /// The changes outside of the units.
    pub(super) changes: Vec<Change>,
    /// The changes after the next start.
    pub(super) later: Vec<Change>,
    /// The versions of the kernels of the new version.
    pub(super) kernels: Vec<String>,
    /// Whether the boot loader has to know other kernels than before.
    pub(super) has_other_kernels: bool,
    pub(super) has_post: bool,
    /// Whether the machine must be restarted.
    pub(super) reboot: bool,
    /// Which start of the machine it was when all files had taken their places.
    pub(super) applied_in: Option<String>,
}

/// What a rollback goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Former {
    pub(super) version: RoleVersion,
    /// Whether the machine was restarted for the upgrade, and so has to be for the way back.
    pub(super) reboot: bool,
}

/// The files of a journal, in the area of the root's file system.
#[derive(Debug, Clone)]
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn of(area: &Path) -> Files {
        Files(area.to_owned())
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// The manifest of what takes its place.
    pub(super) fn target(&self) -> PathBuf {
        self.0.join("target.manifest")
    }

    /// The manifest of what leaves.
    pub(super) fn leaving(&self) -> PathBuf {
        self.0.join("leaving.manifest")
    }

    /// The manifest of what a rollback goes back to.
    pub(super) fn former_manifest(&self) -> PathBuf {
        self.0.join("former.manifest")
    }

    fn former(&self) -> PathBuf {
        self.0.join("former.json")
    }

    /// The upgrade that goes on; none if none does.
    pub(super) fn read(&self) -> Result<Option<Journal>, UpgradeError> {
        read_json(&self.journal())
    }

    /// Says how far it is. On the disk when it returns.
    pub(super) fn write(&self, journal: &Journal) -> Result<(), UpgradeError> {
        write_json(&self.journal(), journal)
    }

    /// The upgrade came to its end. On the disk when it returns: a journal that came back after a power cut
    /// would want what goes after it.
    pub(super) fn end(&self) -> Result<(), UpgradeError> {
        remove(&self.journal())?;
        let synced = std::fs::File::open(&self.0).and_then(|directory| directory.sync_all());
        synced.map_err(file("write", &self.0))?;
        remove(&self.target())
    }

    /// What a rollback goes back to; none if there is nothing.
    pub(super) fn read_former(&self) -> Result<Option<Former>, UpgradeError> {
        read_json(&self.former())
    }

    /// What left is what a rollback goes back to from now on.
    pub(super) fn promote(&self, former: &Former) -> Result<(), UpgradeError> {
        let (from, to) = (self.leaving(), self.former_manifest());
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file("write", &to)(error));
            }
            _ => {}
        }
        write_json(&self.former(), former)
    }
}

/// Reads a manifest that this program wrote.
pub(super) fn read_manifest(path: &Path, version: &RoleVersion) -> Result<Manifest, UpgradeError> {
    let text = std::fs::read_to_string(path).map_err(file("read", path))?;
    Manifest::parse(&text).map_err(|source| UpgradeError::Manifest {
        version: version.to_string(),
        source,
    })
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, UpgradeError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let read = serde_json::from_str(&text);
            read.map(Some)
                .map_err(|error| file("read", path)(error.into()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("read", path)(error)),
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), UpgradeError> {
    let text = serde_json::to_string(value).map_err(|error| file("write", path)(error.into()))?;
    put(path, text.as_bytes())
}

fn remove(path: &Path) -> Result<(), UpgradeError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
