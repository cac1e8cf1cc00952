//! The machine that is upgraded: what is installed on it, whom it believes, where its role comes from.

use std::path::{Path, PathBuf};

use crate::client::assignments;
use crate::client::installed;
use crate::client::publication::Publication;
use crate::configure::quoted;
use crate::model::{RoleName, RoleVersion};
use crate::roles::{Manifest, PublicKey, SignatureError};
use crate::system::{Durability, Existing, replace_file};

use super::error::{UpgradeError, file};

/// Where the installation left the key of its role server.
const KEY: &str = "var/lib/edeploy/roles.pub";

/// The texts of a manifest and of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) manifest: String,
    pub(super) signature: Option<String>,
}

/// One machine.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) root: PathBuf,
    conf: PathBuf,
    pub(super) role: RoleName,
    /// The version that is installed.
    pub(super) version: RoleVersion,
    pub(super) publication: Publication,
    key: Option<PublicKey>,
}

impl Site {
    /// Reads what is installed on the machine at `root`. A key in `key`, or else that of the installation, is the
    /// only one that is believed.
    pub(super) fn open(root: &Path, conf: &Path, key: Option<&Path>) -> Result<Site, UpgradeError> {
        let conf = match conf.strip_prefix("/") {
            Ok(below) if conf == Path::new(installed::DEFAULT_PATH) => root.join(below),
            _ => conf.to_owned(),
        };
        let value = |name| installed::value_of(&conf, name);
        let (role, version) = (value("ROLE")?, value("VERS")?);
        let named = |name: &str, error| UpgradeError::Name(name.to_owned(), error);
        let installed_key = root.join(KEY);
        // What cannot be told is an error: a key must not be overlooked.
        let has_own = installed_key
            .try_exists()
            .map_err(file("read", &installed_key))?;
        let key = key.or(has_own.then_some(&*installed_key));
        Ok(Site {
            publication: Publication::of(&conf)?,
            role: RoleName::new(&role).map_err(|error| named(&role, error))?,
            version: RoleVersion::new(&version).map_err(|error| named(&version, error))?,
            key: key.map(read_key).transpose()?,
            root: root.to_owned(),
            conf,
        })
    }

    /// Whether only what is signed is believed.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The file that says what is installed.
    pub(super) fn conf(&self) -> &Path {
        &self.conf
    }

    /// Where the files of a version about itself are.
    pub(super) fn home_of(&self, version: &RoleVersion) -> PathBuf {
        self.root.join("var/lib/edeploy").join(version.as_str())
    }

    /// The manifest that was kept of a version on this machine. A machine may be older than its key: what has no
    /// signature here may have one on the server by now.
    pub(super) fn kept(&self, version: &RoleVersion) -> Option<Signed> {
        let kept = Signed::read(&self.home_of(version).join("manifest"))?;
        (self.key.is_none() || kept.signature.is_some()).then_some(kept)
    }

    /// Reads a manifest of the role and this version, checked with the key where there is one.
    pub(super) fn believe(&self, signed: &Signed, version: &str) -> Result<Manifest, UpgradeError> {
        let refused = |source| UpgradeError::Refused {
            version: version.to_owned(),
            source,
        };
        let manifest = match &self.key {
            Some(key) => {
                let signature = signed.signature.as_deref().unwrap_or_default();
                key.open(&signed.manifest, signature).map_err(refused)?
            }
            None => Manifest::parse(&signed.manifest).map_err(|source| UpgradeError::Manifest {
                version: version.to_owned(),
                source,
            })?,
        };
        manifest
            .expect(self.role.as_str(), version)
            .map_err(refused)
    }

    /// Says in the file of what is installed that it is this version. What else it says stays.
    pub(super) fn set_version(&self, version: &RoleVersion) -> Result<(), UpgradeError> {
        let before = std::fs::read_to_string(&self.conf).map_err(file("read", &self.conf))?;
        let mut text = String::new();
        for (name, value) in assignments::parse(&before) {
            if name != "VERS" {
                text.push_str(&format!("{name}={}\n", quoted(&value)));
            }
        }
        text.push_str(&format!("VERS={}\n", quoted(version.as_str())));
        put(&self.conf, text.as_bytes())
    }
}

impl Signed {
    /// A manifest and what is beside it as `.minisig`; none if the manifest is not there.
    pub(super) fn read(manifest: &Path) -> Option<Signed> {
        let mut signature = manifest.as_os_str().to_owned();
        signature.push(".minisig");
        Some(Signed {
            manifest: std::fs::read_to_string(manifest).ok()?,
            signature: std::fs::read_to_string(signature).ok(),
        })
    }
}

fn read_key(path: &Path) -> Result<PublicKey, UpgradeError> {
    let text = std::fs::read_to_string(path).map_err(file("read", path))?;
    PublicKey::parse(&text).map_err(|source: SignatureError| UpgradeError::Refused {
        version: path.display().to_string(),
        source,
    })
}

/// Writes a file of ours, whole or not at all, and on the disk when it returns.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<(), UpgradeError> {
    replace_file(path, Existing::Replace, Durability::Synced, |out| {
        out.write_all(content)
    })
    .map_err(file("write", path))
}
