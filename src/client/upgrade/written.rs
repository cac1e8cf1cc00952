//! Files of ours on the machine, written whole or not at all, and on the disk when that is said.

use std::path::Path;

use crate::client::assignments;
use crate::client::site::Site;
use crate::configure::quoted;
use crate::model::RoleVersion;
use crate::system::{Durability, Existing, replace_file};

use super::error::{UpgradeError, file};

/// Says in the file of what is installed that it is this version. What else it says stays.
pub(super) fn set_version(site: &Site, version: &RoleVersion) -> Result<(), UpgradeError> {
    let conf = site.conf();
    let before = std::fs::read_to_string(conf).map_err(file("read", conf))?;
    let mut text = String::new();
    for (name, value) in assignments::parse(&before) {
        if name != "VERS" {
            text.push_str(&format!("{name}={}\n", quoted(&value)));
        }
    }
    text.push_str(&format!("VERS={}\n", quoted(version.as_str())));
    put(conf, text.as_bytes())
}

/// Writes a file.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<(), UpgradeError> {
    replace_file(path, Existing::Replace, Durability::Synced, |out| {
        out.write_all(content)
    })
    .map_err(file("write", path))
}
