//! The manifest of a role and its signature, from where the role comes from.

use std::path::Path;

use crate::client::publication::bring_by_rsync;
use crate::client::site::{self, SIGNATURE};
use crate::roles::Signed;
use crate::system::Runner;

use super::super::agent;
use super::download::text_file;
use super::error::SyncError;
use super::manifest::VouchError;
use super::medium::Medium;
use super::source::Source;

/// A role of a million paths has a manifest of 200 MB.
const LONGEST: u64 = 256 << 20;

/// What lies beside a role.
#[derive(Debug)]
pub(super) struct Texts {
    /// Where the manifest is.
    pub(super) url: String,
    /// None if there is none.
    pub(super) signed: Option<Signed>,
}

impl Source<'_> {
    /// What lies beside the role, wherever that is.
    pub(super) fn texts(&self, runner: &dyn Runner) -> Result<Texts, SyncError> {
        let (settings, role) = (self.settings, &self.choice.role);
        if let Some(label) = &settings.embedded {
            let medium = Medium::mount(runner, label)?;
            let path = medium.find(role, &self.choice.version)?.manifest();
            return Ok(Texts {
                url: path.display().to_string(),
                signed: site::read(&path).map_err(VouchError::Texts)?,
            });
        }
        let url = format!("{}{role}.manifest", self.directory_url());
        let signed = match settings.hserv {
            Some(_) => self.texts_by_http(&url)?,
            None => texts_by_rsync(&url)?,
        };
        Ok(Texts { url, signed })
    }

    fn texts_by_http(&self, url: &str) -> Result<Option<Signed>, SyncError> {
        let agent = agent::for_images(self.settings);
        let Some(manifest) = text_file(&agent, url, LONGEST)? else {
            return Ok(None);
        };
        let signature = text_file(&agent, &format!("{url}{SIGNATURE}"), LONGEST)?;
        Ok(Some(Signed {
            manifest,
            signature,
        }))
    }
}

fn texts_by_rsync(url: &str) -> Result<Option<Signed>, SyncError> {
    let here = scratch().map_err(|source| VouchError::File {
        verb: "write",
        path: std::env::temp_dir(),
        source,
    })?;
    let urls = [url.to_owned(), format!("{url}{SIGNATURE}")];
    bring_by_rsync(&urls, here.path(), None)?;
    let name = url.rsplit('/').next().unwrap_or_default();
    let signed = site::read(&here.path().join(name));
    Ok(signed.map_err(VouchError::Texts)?)
}

/// A directory for a while. A ramdisk may have no place for such yet.
fn scratch() -> std::io::Result<tempfile::TempDir> {
    let place: &Path = &std::env::temp_dir();
    std::fs::create_dir_all(place)?;
    tempfile::tempdir_in(place)
}
