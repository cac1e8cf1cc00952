//! SSH host keys that a package has made in a tree: no two machines may have the same, and no two builds have.
//!
//! Each machine makes its own when it first starts. An upgrade and `edeploy verify` leave them alone.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::roles::RoleFile;

use super::super::answer::Failure;
use super::super::input;
use super::build::put;

/// Where they are, and what begins their names: `ssh_host_ed25519_key`, `ssh_host_ed25519_key.pub`.
const DIRECTORY: &str = "etc/ssh";
const PREFIX: &str = "ssh_host_";

/// What makes them on the machine.
const UNIT: &str = "edeploy-ssh-host-keys.service";
const UNIT_TEXT: &str = include_str!("host-keys/edeploy-ssh-host-keys.service");

/// Takes them out of a tree, but for those that the role file brings, and has the machine make its own.
pub(super) fn forget(root: &Path, recipe: &RoleFile) -> Result<(), Failure> {
    let place = root.join(DIRECTORY);
    let is_removed = remove(&place, |name| {
        recipe.files.contains_key(&format!("{DIRECTORY}/{name}"))
    });
    if !is_removed.map_err(|error| Failure::io("remove", &input::name_of(&place), &error))? {
        return Ok(());
    }
    let units = "usr/lib/systemd/system";
    put(
        root,
        &format!("{units}/{UNIT}"),
        UNIT_TEXT.as_bytes(),
        0o644,
        (0, 0),
    )?;
    let wants = root.join(units).join("multi-user.target.wants");
    let link = wants.join(UNIT);
    std::fs::create_dir_all(&wants)
        .and_then(|()| symlink(format!("../{UNIT}"), &link))
        .map_err(|error| Failure::io("write", &input::name_of(&link), &error))
}

/// Whether there was one to remove.
fn remove(directory: &Path, is_kept: impl Fn(&str) -> bool) -> io::Result<bool> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut is_removed = false;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.contains("_key") && !is_kept(&name) {
            std::fs::remove_file(entry.path())?;
            is_removed = true;
        }
    }
    Ok(is_removed)
}
