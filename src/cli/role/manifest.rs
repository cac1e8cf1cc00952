//! `edeployctl role manifest`: writes what a tree holds beside it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::model::{RoleName, RoleVersion};
use crate::roles::{Identity, Manifest};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::super::input;
use super::tree::{self, MANIFEST, PACKAGES};

/// Write the manifest and the list of packages of a tree, beside it
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role manifest install/D12-1.0/base

writes install/D12-1.0/base.manifest, one line for each path, and base.packages. The SHA-256 of the manifest is
the identity of this version of the role. A signature that was made before is taken away if the manifest changed.")]
pub(super) struct MakeManifest {
    /// The tree, VERSION/ROLE
    dir: PathBuf,
    /// Another version and role than the names of the directories say
    #[arg(long = "as", value_name = "VERSION/ROLE")]
    named: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    role: RoleName,
    version: RoleVersion,
    identity: Identity,
    paths: usize,
    packages: usize,
    manifest: PathBuf,
}

impl MakeManifest {
    /// Reads the tree and writes the two files.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (path, version, role) = tree::named(&self.dir, self.named.as_deref())?;
        let written = write(&path, version, role)?;
        let mut answer = Answer::new(Exit::Done, &written)?;
        answer.say(Style::Plain, &written.sentence());
        Ok(answer)
    }
}

impl Written {
    /// The same after its files have moved to a directory.
    pub(super) fn moved_to(mut self, directory: &Path) -> Written {
        self.manifest = directory.join(self.manifest.file_name().unwrap_or_default());
        self
    }

    /// The same for people.
    pub(super) fn sentence(&self) -> String {
        format!(
            "{}\n  role {}, version {}: {} paths, {} packages\n  identity {}",
            self.manifest.display(),
            self.role,
            self.version,
            self.paths,
            self.packages,
            self.identity
        )
    }
}

/// Writes manifest and packages of a tree beside it.
pub(super) fn write(path: &Path, version: RoleVersion, role: RoleName) -> Result<Written, Failure> {
    let manifest = Manifest::new(role, version, tree::read(path)?).map_err(|error| {
        let name = input::name_of(path);
        Failure::new(Exit::Environment, format!("`{name}` is no tree")).because(&error)
    })?;
    let packages = tree::packages(path)?;
    let text = manifest.render();
    let file = tree::beside(path, MANIFEST);
    forget_signature(&file, &text)?;
    tree::write(&file, &text)?;
    tree::write(&tree::beside(path, PACKAGES), &packages.render())?;
    Ok(Written {
        identity: Identity::of(&text),
        paths: manifest.entries().len(),
        packages: packages.len(),
        manifest: file,
        role: manifest.role,
        version: manifest.version,
    })
}

/// Nobody has signed a new text: machines that look for a signature must not find the old one.
pub(super) fn forget_signature(manifest: &Path, text: &str) -> Result<(), Failure> {
    let is_same = std::fs::read(manifest).is_ok_and(|before| before == text.as_bytes());
    let signature = tree::beside(manifest, "minisig");
    if is_same || !signature.exists() {
        return Ok(());
    }
    std::fs::remove_file(&signature)
        .map_err(|error| Failure::io("remove", &input::name_of(&signature), &error))
}
