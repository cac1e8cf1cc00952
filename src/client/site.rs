//! An installed machine: what is installed on it, whom it believes, where its role comes from.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::model::{NameError, RoleName, RoleVersion};
use crate::roles::{Manifest, PublicKey, SignatureError, Signed};

use super::installed::{self, InstalledError};
use super::publication::{FetchError, Publication, PublicationError};

/// Where an installation leaves the key of its role server, below the root: what comes later must be signed by it too.
pub(super) const KEY: &str = "var/lib/edeploy/roles.pub";

/// How this machine was installed to differ from its role: rules of the installation itself.
pub(super) const STAGED: &str = "var/lib/edeploy/exclude";

/// What ends the name of a signature's file.
pub(super) const SIGNATURE: &str = ".minisig";

/// Why it is not known what a machine should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteError {
    #[error(transparent)]
    Installed(#[from] InstalledError),
    #[error("`{0}` cannot be the name of a version or role")]
    Name(String, #[source] NameError),
    #[error(transparent)]
    Publication(#[from] PublicationError),
    #[error("the manifest does not come")]
    Fetch(#[source] Box<FetchError>),
    #[error(
        "there is no manifest of role {role}, version {version}, which would be {place}; on the server `edeployctl role manifest` writes it"
    )]
    NoManifest {
        role: String,
        version: String,
        place: String,
    },
    #[error("there is no {0}; on the server `edeployctl role sign` writes it")]
    NoSignature(String),
    #[error("`{path}` is no key")]
    Key {
        path: PathBuf,
        #[source]
        source: SignatureError,
    },
    #[error("the manifest of version {version} is refused")]
    Refused {
        version: String,
        #[source]
        source: SignatureError,
    },
    #[error("cannot {verb} `{path}`")]
    File {
        verb: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl SiteError {
    /// The exit code: 1 what was given is wrong, 3 what is there is not believed, 5 something failed.
    pub(super) fn code(&self) -> u8 {
        match self {
            SiteError::Name(..)
            | SiteError::Refused {
                source: SignatureError::Manifest(_),
                ..
            } => 1,
            SiteError::Key { .. }
            | SiteError::Refused { .. }
            | SiteError::NoManifest { .. }
            | SiteError::NoSignature(_) => 3,
            _ => 5,
        }
    }
}

/// One machine.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) root: PathBuf,
    conf: PathBuf,
    pub(super) role: RoleName,
    /// The version that is installed.
    pub(super) version: RoleVersion,
    publication: OnceLock<Publication>,
    key: Option<PublicKey>,
}

impl Site {
    /// Reads what is installed on the machine at `root`. A key in `key`, or else that of the installation, is the
    /// only one that is believed.
    pub(super) fn open(root: &Path, conf: &Path, key: Option<&Path>) -> Result<Site, SiteError> {
        let conf = match conf.strip_prefix("/") {
            Ok(below) if conf == Path::new(installed::DEFAULT_PATH) => root.join(below),
            _ => conf.to_owned(),
        };
        let value = |name| installed::value_of(&conf, name);
        let (role, version) = (value("ROLE")?, value("VERS")?);
        let named = |name: &str, error| SiteError::Name(name.to_owned(), error);
        let own_key = root.join(KEY);
        // What cannot be told is an error: a key must not be overlooked.
        let has_own = own_key.try_exists().map_err(file("read", &own_key))?;
        let key = key.or(has_own.then_some(&*own_key));
        Ok(Site {
            role: RoleName::new(&role).map_err(|error| named(&role, error))?,
            version: RoleVersion::new(&version).map_err(|error| named(&version, error))?,
            publication: OnceLock::new(),
            key: key.map(read_key).transpose()?,
            root: root.to_owned(),
            conf,
        })
    }

    /// Where the role comes from.
    pub(super) fn publication(&self) -> Result<&Publication, SiteError> {
        if let Some(publication) = self.publication.get() {
            return Ok(publication);
        }
        let publication = Publication::of(&self.conf)?;
        Ok(self.publication.get_or_init(|| publication))
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
    pub(super) fn kept(&self, version: &RoleVersion) -> Result<Option<Signed>, SiteError> {
        let kept = read(&self.home_of(version).join("manifest"))?;
        Ok(kept.filter(|kept| self.key.is_none() || kept.signature.is_some()))
    }

    /// A manifest in a file, with what is beside it as `.minisig`.
    pub(super) fn read(&self, path: &Path) -> Result<Signed, SiteError> {
        let no_file = || io::ErrorKind::NotFound.into();
        let signed = read(path)?.ok_or_else(|| file("read", path)(no_file()))?;
        self.expect_signature(signed, &path.display().to_string())
    }

    /// Brings the manifest of a version from the server into a directory. `basis` holds files of the same names that
    /// are much like what comes.
    pub(super) fn fetch(
        &self,
        version: &RoleVersion,
        into: &Path,
        basis: Option<&Path>,
    ) -> Result<Signed, SiteError> {
        let publication = self.publication()?;
        let name = self.manifest_name();
        let url = publication.install(&format!("{version}/{name}"));
        let addresses = [url.clone(), format!("{url}{SIGNATURE}")];
        let brought = publication.bring(&addresses, into, basis);
        brought.map_err(|error| SiteError::Fetch(Box::new(error)))?;
        let signed = read(&into.join(&name))?;
        let signed = signed.ok_or_else(|| self.no_manifest(version.as_str(), &url))?;
        self.expect_signature(signed, &url)
    }

    /// What a manifest is called on the server.
    pub(super) fn manifest_name(&self) -> String {
        format!("{}.manifest", self.role)
    }

    /// The error of a manifest that should be there.
    pub(super) fn no_manifest(&self, version: &str, place: &str) -> SiteError {
        SiteError::NoManifest {
            role: self.role.to_string(),
            version: version.to_owned(),
            place: place.to_owned(),
        }
    }

    fn expect_signature(&self, signed: Signed, place: &str) -> Result<Signed, SiteError> {
        match &signed.signature {
            None if self.has_key() => Err(SiteError::NoSignature(format!("{place}{SIGNATURE}"))),
            _ => Ok(signed),
        }
    }

    /// The manifest of the role and this version, checked with the key where there is one.
    pub(super) fn believe(&self, signed: &Signed, version: &str) -> Result<Manifest, SiteError> {
        let believed = signed.believe(self.key.as_ref(), self.role.as_str(), version);
        believed.map_err(|source| SiteError::Refused {
            version: version.to_owned(),
            source,
        })
    }
}

/// A manifest and what is beside it as `.minisig`; none if the manifest is not there.
pub(super) fn read(manifest: &Path) -> Result<Option<Signed>, SiteError> {
    let Some(text) = read_if_there(manifest)? else {
        return Ok(None);
    };
    Ok(Some(Signed {
        manifest: text,
        signature: read_if_there(&signature_of(manifest))?,
    }))
}

/// Where the signature of a manifest is.
pub(super) fn signature_of(manifest: &Path) -> PathBuf {
    let mut name = manifest.as_os_str().to_owned();
    name.push(SIGNATURE);
    name.into()
}

fn read_if_there(path: &Path) -> Result<Option<String>, SiteError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file("read", path)(source)),
    }
}

fn read_key(path: &Path) -> Result<PublicKey, SiteError> {
    let text = std::fs::read_to_string(path).map_err(file("read", path))?;
    PublicKey::parse(&text).map_err(|source| SiteError::Key {
        path: path.to_owned(),
        source,
    })
}

fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SiteError {
    let path = path.to_owned();
    move |source| SiteError::File { verb, path, source }
}
