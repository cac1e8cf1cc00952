//! `/var/lib/edeploy/VERSION/exclude`: what a role leaves to each machine.
//!
//! It comes with the role's tree and is in its manifest. An upgrade or a rollback, which believed its own list before,
//! puts that in its place, and the SHA-256 of it beside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::roles::{Aspect, Difference, Digest, Manifest, TreePath};

use super::site::{Site, SiteError};

/// What an upgrade leaves beside its list, as sha256sum(1) writes it.
pub(super) const BROUGHT: &str = "exclude.sha256";

/// The content of that file.
pub(super) fn brought(list: &[u8]) -> String {
    format!("{}  exclude\n", Digest::of(list))
}

/// The list as it is on a machine.
pub(super) struct RoleList {
    pub(super) path: PathBuf,
    name: String,
    text: Vec<u8>,
    /// What the manifest says of it.
    expected: Option<Digest>,
    is_believed: bool,
}

impl RoleList {
    /// Reads that of the version of a manifest. Where only what is signed is believed, that is the list of the manifest, or of an upgrade.
    pub(super) fn read(site: &Site, manifest: &Manifest) -> Result<RoleList, SiteError> {
        let home = site.home_of(&manifest.version);
        let path = home.join("exclude");
        let text = read_or_none(&path)?;
        let name = format!("var/lib/edeploy/{}/exclude", manifest.version);
        let expected = manifest.digest_of(&name);
        let is_believed = !site.has_key()
            || text.is_empty()
            || expected == Some(Digest::of(&text))
            || read_or_none(&home.join(BROUGHT))? == brought(&text).as_bytes();
        Ok(RoleList {
            path,
            name,
            text,
            expected,
            is_believed,
        })
    }

    /// Whether it counts.
    pub(super) fn is_believed(&self) -> bool {
        self.is_believed
    }

    /// The rules that count.
    pub(super) fn rules(&self) -> &[u8] {
        if self.is_believed { &self.text } else { &[] }
    }

    /// That it is not the one that is believed.
    pub(super) fn refused(&self) -> Option<Difference> {
        let path = TreePath::new(self.name.as_bytes()).ok();
        let path = path.filter(|_| !self.is_believed)?;
        let (aspect, expected, found) = match self.expected {
            Some(digest) => {
                let found = Digest::of(&self.text);
                (Aspect::Content, digest.to_string(), found.to_string())
            }
            None => (Aspect::Extra, String::new(), "file".to_owned()),
        };
        Some(Difference {
            path,
            aspect,
            expected,
            found,
            is_directory: false,
        })
    }
}

/// The content of a file; nothing if there is none.
pub(super) fn read_or_none(path: &Path) -> Result<Vec<u8>, SiteError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| SiteError::File {
            verb: "read",
            path: path.to_owned(),
            source,
        }),
    }
}
