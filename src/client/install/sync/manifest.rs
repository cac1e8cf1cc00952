//! The manifest of a role, from where the role comes from: who vouches for it, and that it is what came.
//!
//! With a key nothing is fetched before its owner's signature was seen, and nothing counts as installed
//! that differs from what was signed. Without one the manifest is kept for `edeploy verify`, if it is there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::roles::{
    Difference, Manifest, PublicKey, SignatureError, WalkError, compare_fresh, outermost,
};
use crate::system::{Command, RunError, Runner, with_causes};

use super::super::agent;
use super::super::log::Log;
use super::super::writer::{Writer, show};
use super::download::text_file;
use super::error::SyncError;
use super::medium::Medium;
use super::source::Source;

/// A role of a million paths has a manifest of 200 MB.
const LONGEST: u64 = 256 << 20;

/// How long a manifest may take to come.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Where the key is left in the installed system: what it is given later must be signed by it too.
const KEY: &str = "var/lib/edeploy/roles.pub";

/// How many differences are told.
const TOLD: usize = 4;

/// What ends the name of a signature's file.
const SIGNATURE: &str = ".minisig";

/// Why the key of `ROLE_KEY` is of no use.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum KeyError {
    /// The file cannot be read.
    #[error("cannot read `{path}`, which ROLE_KEY= on the kernel's command line names")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("`{path}`, which ROLE_KEY= on the kernel's command line names, is no key")]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SignatureError,
    },
}

/// Reads the key that roles must be signed by.
pub(in crate::client::install) fn read_key(path: &Path) -> Result<String, KeyError> {
    let text = std::fs::read_to_string(path).map_err(|source| KeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    match PublicKey::parse(&text) {
        Ok(_) => Ok(text),
        Err(source) => Err(KeyError::NoKey {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Why a role is not believed.
#[derive(Debug, thiserror::Error)]
pub(in crate::client::install) enum VouchError {
    /// There is no manifest or no signature.
    #[error(
        "the role is refused (ROLE_KEY): there is no {what}{said}; `edeployctl role manifest` and `role sign` make them"
    )]
    NotThere {
        /// The file.
        what: String,
        /// What was said when it was asked for, after a comma.
        said: String,
    },
    /// It is signed by nobody known, or of another role.
    #[error("the role is refused (ROLE_KEY): {url}")]
    Refused {
        /// The manifest.
        url: String,
        /// Why.
        #[source]
        source: SignatureError,
    },
    /// What came is not what was signed.
    #[error(
        "the role that came is not the one that was signed: {what}; if the tree was changed since, make its manifest and its image again and sign it, else find out who changed it"
    )]
    Differs {
        /// Which paths, and in what way.
        what: String,
    },
    /// What came cannot be read.
    #[error("cannot compare what came with what was signed")]
    Walk(#[from] WalkError),
    /// A file here cannot be read or written.
    #[error("cannot {verb} `{path}`")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What lies beside a role.
#[derive(Debug, Default)]
struct Texts {
    /// Where the manifest is.
    url: String,
    manifest: Option<String>,
    signature: Option<String>,
    /// What was said when they were asked for.
    said: String,
}

/// A manifest that may be kept, with its signature.
#[derive(Debug)]
pub(super) struct Kept {
    manifest: String,
    signature: Option<String>,
}

impl Source<'_> {
    /// With a key: the manifest, signed by its owner and of this role and version.
    pub(super) fn signed_manifest(
        &self,
        runner: &dyn Runner,
    ) -> Result<Option<(Manifest, Kept)>, SyncError> {
        if self.settings.role_key.is_none() {
            return Ok(None);
        }
        if self.is_rehearsal {
            show(&format!("check who signed {}", self.url()));
            return Ok(None);
        }
        let texts = self.texts(runner)?;
        let url = &texts.url;
        let missing = |ending| VouchError::NotThere {
            what: format!("{url}{ending}"),
            said: texts.said.clone(),
        };
        let manifest = texts.manifest.ok_or_else(|| missing(""))?;
        let signature = texts.signature.ok_or_else(|| missing(SIGNATURE))?;
        let believed = PublicKey::parse(&self.settings.role_key_text)
            .and_then(|key| key.open(&manifest, &signature))
            .and_then(|believed| believed.expect(&self.choice.role, &self.choice.version));
        let believed = believed.map_err(|source| VouchError::Refused {
            url: texts.url,
            source,
        })?;
        let signature = Some(signature);
        let kept = Kept {
            manifest,
            signature,
        };
        Ok(Some((believed, kept)))
    }

    /// Compares what came with what was signed, and leaves who vouches for it in the target.
    pub(super) fn finish(
        &self,
        runner: &dyn Runner,
        log: &mut Log,
        signed: Option<(Manifest, Kept)>,
    ) -> Result<(), SyncError> {
        if self.is_rehearsal {
            return Ok(());
        }
        let Some((manifest, kept)) = signed else {
            match self.unsigned_manifest(runner) {
                Ok(kept) => self.keep(&kept)?,
                Err(why) => log.say(&format!("no manifest is kept: {why}")),
            }
            return Ok(());
        };
        let differences = compare_fresh(&manifest, self.target).map_err(VouchError::Walk)?;
        if !differences.is_empty() {
            let what = told(&differences);
            return Err(VouchError::Differs { what }.into());
        }
        let paths = manifest.entries().len();
        log.say(&format!(
            "all {paths} paths are what the owner of the key has signed"
        ));
        self.keep(&kept)?;
        let key = self.target.join(KEY);
        Ok(put(&key, &self.settings.role_key_text)?)
    }

    /// The manifest, if it is there and of this role; else why there is none.
    fn unsigned_manifest(&self, runner: &dyn Runner) -> Result<Kept, String> {
        let texts = self.texts(runner).map_err(|error| with_causes(&error))?;
        let url = texts.url;
        let manifest = texts.manifest.ok_or_else(|| {
            format!("there is no {url}, which verify and upgrades need; `edeployctl role manifest` writes it")
        })?;
        let read = Manifest::parse(&manifest).map_err(SignatureError::from);
        let expected = read.and_then(|read| read.expect(&self.choice.role, &self.choice.version));
        expected.map_err(|error| format!("{url}: {}", with_causes(&error)))?;
        Ok(Kept {
            manifest,
            signature: texts.signature,
        })
    }

    fn keep(&self, kept: &Kept) -> Result<(), VouchError> {
        let directory = self.target.join("var/lib/edeploy");
        let path = directory.join(&self.choice.version).join("manifest");
        put(&path, &kept.manifest)?;
        match &kept.signature {
            Some(signature) => put(&with_ending(&path, SIGNATURE), signature),
            None => Ok(()),
        }
    }

    /// What lies beside the role, wherever that is.
    fn texts(&self, runner: &dyn Runner) -> Result<Texts, SyncError> {
        let (settings, role) = (self.settings, &self.choice.role);
        if let Some(label) = &settings.embedded {
            let medium = Medium::mount(runner, label)?;
            let path = medium.find(role, &self.choice.version)?.manifest();
            let signature = with_ending(&path, SIGNATURE);
            return Ok(Texts {
                url: path.display().to_string(),
                manifest: read_if_there(&path)?,
                signature: read_if_there(&signature)?,
                said: String::new(),
            });
        }
        let directory = self.directory_url();
        let url = format!("{directory}{role}.manifest");
        if settings.hserv.is_some() {
            let agent = agent::for_images(settings);
            let manifest = text_file(&agent, &url, LONGEST)?;
            let signature = match manifest {
                Some(_) => text_file(&agent, &format!("{url}{SIGNATURE}"), LONGEST)?,
                None => None,
            };
            return Ok(Texts {
                manifest,
                signature,
                url,
                said: String::new(),
            });
        }
        texts_by_rsync(runner, url)
    }
}

fn texts_by_rsync(runner: &dyn Runner, url: String) -> Result<Texts, SyncError> {
    let failed = |source| {
        let path = std::env::temp_dir();
        VouchError::File {
            verb: "write",
            path,
            source,
        }
    };
    // A ramdisk may have none yet.
    std::fs::create_dir_all(std::env::temp_dir()).map_err(failed)?;
    let here = tempfile::tempdir().map_err(failed)?;
    let (signature, to) = (
        format!("{url}{SIGNATURE}"),
        format!("{}/", here.path().display()),
    );
    let words = ["-z", "--timeout=60", "--contimeout=30", "--"];
    let words = words
        .into_iter()
        .chain([url.as_str(), &signature, to.as_str()]);
    let said = match runner.run(&Command::new("rsync", words).with_timeout(TIMEOUT)) {
        Ok(_) => String::new(),
        // Not all are there (rsync(1), EXIT VALUES); what is has come.
        Err(RunError::Failed {
            code: Some(23),
            last_output,
            ..
        }) => format!(", rsync says: {}", last_output.trim().replace('\n', "; ")),
        Err(error) => return Err(error.into()),
    };
    let name = url.rsplit('/').next().unwrap_or_default();
    let path = here.path().join(name);
    Ok(Texts {
        manifest: read_if_there(&path)?,
        signature: read_if_there(&with_ending(&path, SIGNATURE))?,
        url,
        said,
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read_if_there(path: &Path) -> Result<Option<String>, VouchError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(VouchError::File {
            verb: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

fn put(path: &Path, text: &str) -> Result<(), VouchError> {
    let writer = Writer {
        is_rehearsal: false,
    };
    writer
        .put(path, text, false)
        .map_err(|source| VouchError::File {
            verb: "write",
            path: path.to_owned(),
            source,
        })
}

/// The first differences, and how many there are besides. Names are in printable characters only.
fn told(differences: &[Difference]) -> String {
    let shown = outermost(differences);
    let mut lines: Vec<String> = shown
        .iter()
        .take(TOLD)
        .map(|one| format!("{} {}", one.difference.path, one.difference.aspect.name()))
        .collect();
    if shown.len() > TOLD {
        lines.push(format!("and {} more", shown.len() - TOLD));
    }
    lines.join(", ")
}
