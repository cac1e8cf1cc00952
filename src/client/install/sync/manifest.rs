//! The manifest of a role, from where the role comes from: who vouches for it, and that it is what came.
//!
//! With a key nothing is fetched before its owner's signature was seen, and nothing counts as installed
//! that differs from what was signed. Without one the manifest is kept for `edeploy verify`, if it is there.

use std::io;
use std::path::{Path, PathBuf};

use crate::client::site::{KEY, SiteError, signature_of};
use crate::roles::{
    Difference, Manifest, PublicKey, SignatureError, Signed, WalkError, compare_fresh, outermost,
};
use crate::system::{Runner, with_causes};

use super::super::log::Log;
use super::super::writer::{Writer, show};
use super::came::Came;
use super::error::SyncError;
use super::source::Source;
use super::texts::Texts;

/// How many differences are told.
const TOLD: usize = 4;

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
        "the role is refused (ROLE_KEY): there is no {0}; `edeployctl role manifest` and `role sign` make them"
    )]
    NotThere(String),
    /// What came of them cannot be read.
    #[error(transparent)]
    Texts(SiteError),
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

impl Source<'_> {
    /// With a key: the manifest, signed by its owner and of this role and version.
    pub(super) fn signed_manifest(
        &self,
        runner: &dyn Runner,
    ) -> Result<Option<(Manifest, Signed)>, SyncError> {
        if self.settings.role_key.is_none() {
            return Ok(None);
        }
        if self.is_rehearsal {
            show(&format!("check who signed {}", self.url()));
            return Ok(None);
        }
        let Texts { url, signed } = self.texts(runner)?;
        let signed = signed.ok_or_else(|| VouchError::NotThere(url.clone()))?;
        if signed.signature.is_none() {
            let signature = signature_of(Path::new(&url));
            return Err(VouchError::NotThere(signature.display().to_string()).into());
        }
        let believed = PublicKey::parse(&self.settings.role_key_text)
            .and_then(|key| signed.believe(Some(&key), &self.choice.role, &self.choice.version));
        let manifest = believed.map_err(|source| VouchError::Refused { url, source })?;
        Ok(Some((manifest, signed)))
    }

    /// Compares what came with what was signed, and leaves who vouches for it in the target.
    pub(super) fn finish(
        &self,
        runner: &dyn Runner,
        log: &mut Log,
        signed: Option<(Manifest, Signed)>,
        came: &mut Came,
    ) -> Result<(), SyncError> {
        if self.is_rehearsal {
            return Ok(());
        }
        let Some((manifest, signed)) = signed else {
            let texts = || self.texts(runner).map_err(|error| with_causes(&error));
            let read = || Ok(self.read_texts(texts()?)?.1);
            match came.unsigned.take().unwrap_or_else(read) {
                Ok(signed) => self.keep(&signed)?,
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
        self.keep(&signed)?;
        let key = self.target.join(KEY);
        Ok(put(&key, &self.settings.role_key_text)?)
    }

    /// Without a key: the manifest, if it is there and of this role; else why none is kept.
    pub(super) fn read_texts(&self, texts: Texts) -> Result<(Manifest, Signed), String> {
        let Texts { url, signed } = texts;
        let signed = signed.ok_or_else(|| {
            format!("there is no {url}, which verify and upgrades need; `edeployctl role manifest` writes it")
        })?;
        let believed = signed.believe(None, &self.choice.role, &self.choice.version);
        let manifest = believed.map_err(|error| format!("{url}: {}", with_causes(&error)))?;
        Ok((manifest, signed))
    }

    fn keep(&self, signed: &Signed) -> Result<(), VouchError> {
        let directory = self.target.join("var/lib/edeploy");
        let path = directory.join(&self.choice.version).join("manifest");
        put(&path, &signed.manifest)?;
        match &signed.signature {
            Some(signature) => put(&signature_of(&path), signature),
            None => Ok(()),
        }
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
