//! A disk, stick or disc in the machine that holds the role: found by its label, mounted to be read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::system::{Command, RunError, Runner, with_causes};

use super::super::log::Log;
use super::super::retry::Transient;
use super::digest::{Hasher, Sum};
use super::image::Incoming;
use super::progress::{INTERVAL, Meter, Progress};

/// Where it is mounted.
const MOUNT_POINT: &str = "/run/edeploy-medium";

/// The directory on it (eDeploy's embedded mode).
const DIRECTORY: &str = "embedded";

/// Why a medium is of no use.
#[derive(Debug, thiserror::Error)]
pub(in crate::client::install) enum MediumError {
    /// It is not there, or not yet: a stick takes seconds to be seen.
    #[error("no medium with the label `{0}` is in this machine (EMBEDDED)")]
    NotThere(String),
    /// There are several.
    #[error("several file systems have the label `{label}` (EMBEDDED): {devices}")]
    Several {
        /// The label.
        label: String,
        /// Which they are.
        devices: String,
    },
    /// The role is not on it.
    #[error("the medium `{label}` has neither `{image}` nor `{tree}/`")]
    NoRole {
        /// The label.
        label: String,
        /// Where an image would be.
        image: String,
        /// Where a tree would be.
        tree: String,
    },
    /// The mount point cannot be made.
    #[error("cannot make `{MOUNT_POINT}`")]
    MountPoint(#[source] io::Error),
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] RunError),
}

impl Transient for MediumError {
    fn may_pass(&self) -> bool {
        matches!(self, MediumError::NotThere(_))
    }
}

/// What a medium holds of a role.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A packed image.
    Image(PathBuf),
    /// A tree.
    Tree(PathBuf),
}

impl Found {
    /// The manifest that lies beside it: `ROLE-VERSION.manifest`, or `VERSION/ROLE.manifest`.
    pub(super) fn manifest(&self) -> PathBuf {
        let (Found::Image(path) | Found::Tree(path)) = self;
        let mut name = path.clone().into_os_string();
        if let Found::Image(path) = self {
            name = path.with_extension("").into_os_string();
        }
        name.push(".manifest");
        name.into()
    }
}

/// A mounted medium; unmounted with the value.
pub(super) struct Medium<'a> {
    runner: &'a dyn Runner,
    label: &'a str,
    root: PathBuf,
}

impl<'a> Medium<'a> {
    /// Finds the medium and mounts it, so that nothing on it is changed or run.
    pub(super) fn mount(runner: &'a dyn Runner, label: &'a str) -> Result<Medium<'a>, MediumError> {
        let device = device_of(runner, label)?;
        std::fs::create_dir_all(MOUNT_POINT).map_err(MediumError::MountPoint)?;
        let options = "ro,nosuid,nodev,noexec";
        let words = ["-o", options, device.as_str(), MOUNT_POINT];
        runner.run(&Command::new("mount", words).mutating())?;
        Ok(Medium {
            runner,
            label,
            root: PathBuf::from(MOUNT_POINT),
        })
    }

    /// The role on it.
    pub(super) fn find(&self, role: &str, version: &str) -> Result<Found, MediumError> {
        find(&self.root, self.label, role, version)
    }
}

impl Drop for Medium<'_> {
    fn drop(&mut self) {
        let root = self.root.display().to_string();
        let unmount = Command::new("umount", [root.as_str()]).mutating();
        if let Err(error) = self.runner.run(&unmount) {
            tracing::warn!(error = %with_causes(&error), "the medium is still mounted");
        }
    }
}

/// The one device with this label, whatever blkid knew of former ones.
fn device_of(runner: &dyn Runner, label: &str) -> Result<String, MediumError> {
    let token = format!("LABEL={label}");
    let words = ["-c", "/dev/null", "-o", "device", "-t", token.as_str()];
    let listed = match runner.run(&Command::new("blkid", words)) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        // There is none (blkid(8)).
        Err(RunError::Failed { code: Some(2), .. }) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let devices: Vec<&str> = listed.split_whitespace().collect();
    match devices.as_slice() {
        [] => Err(MediumError::NotThere(label.to_owned())),
        [device] => Ok((*device).to_owned()),
        several => Err(MediumError::Several {
            label: label.to_owned(),
            devices: several.join(", "),
        }),
    }
}

fn find(root: &Path, label: &str, role: &str, version: &str) -> Result<Found, MediumError> {
    let image = format!("{DIRECTORY}/{role}-{version}.edeploy");
    let tree = format!("{DIRECTORY}/{version}/{role}");
    if root.join(&image).is_file() {
        return Ok(Found::Image(root.join(image)));
    }
    if root.join(&tree).is_dir() {
        return Ok(Found::Tree(root.join(tree)));
    }
    Err(MediumError::NoRole {
        label: label.to_owned(),
        image,
        tree,
    })
}

/// An image in a file.
pub(super) struct FileImage<'a> {
    file: File,
    total_bytes: u64,
    bytes: u64,
    hasher: Hasher,
    meter: Meter,
    log: &'a mut Log,
}

impl<'a> FileImage<'a> {
    pub(super) fn open(path: &Path, hasher: Hasher, log: &'a mut Log) -> io::Result<FileImage<'a>> {
        let file = File::open(path)?;
        Ok(FileImage {
            total_bytes: file.metadata()?.len(),
            file,
            bytes: 0,
            hasher,
            meter: Meter::new(INTERVAL, Instant::now(), 0),
            log,
        })
    }
}

impl Incoming for FileImage<'_> {
    fn sum(&self) -> Sum {
        self.hasher.sum()
    }
}

impl Read for FileImage<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        let progress = Progress::of(self.bytes, Some(self.total_bytes));
        if let Some(due) = self.meter.due(Instant::now(), progress) {
            self.log.progress(&due);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Output, Recorded};

    fn listed(text: &str) -> Recorded {
        let line = "blkid -c /dev/null -o device -t LABEL=roles".to_owned();
        let stdout = text.as_bytes().to_vec();
        Recorded::new([(
            line,
            Output {
                stdout,
                ..Output::default()
            },
        )])
    }

    #[test]
    fn one_medium_is_found_by_its_label_and_none_is_guessed() {
        let device = device_of(&listed("/dev/sdb1\n"), "roles").unwrap();
        assert_eq!(device, "/dev/sdb1");
        let error = device_of(&listed(""), "roles").unwrap_err();
        assert!(error.may_pass(), "{error}");
        let error = device_of(&listed("/dev/sdb1\n/dev/sdc1\n"), "roles").unwrap_err();
        assert!(!error.may_pass());
        assert!(
            error.to_string().ends_with("/dev/sdb1, /dev/sdc1"),
            "{error}"
        );
    }

    #[test]
    fn a_medium_holds_an_image_or_a_tree_where_the_original_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = find(dir.path(), "roles", "base", "1.0")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`embedded/base-1.0.edeploy`"), "{error}");
        let tree = dir.path().join("embedded/1.0/base");
        std::fs::create_dir_all(&tree).unwrap();
        assert_eq!(
            find(dir.path(), "roles", "base", "1.0").unwrap(),
            Found::Tree(tree)
        );
        let image = dir.path().join("embedded/base-1.0.edeploy");
        File::create_new(&image).unwrap();
        assert_eq!(
            find(dir.path(), "roles", "base", "1.0").unwrap(),
            Found::Image(image)
        );
    }
}
