//! Where roles are published: trees and manifests of versions, and beside them the metadata of the ways from one
//! version to another (eDeploy README, "Update process").
//!
//! A machine that has `HSERV` in its file of what is installed was installed by HTTP, and goes on so: there need be no
//! rsync server. Any other has `RSERV`.

mod http;
mod rsync;

use std::path::{Path, PathBuf};

use crate::roles::TreePath;
use crate::system::{Line, RunError};

use super::install::{DownloadError, RoleServer, RoleServerError, Transient};
use super::installed::{self, InstalledError};

pub(super) use rsync::bring as bring_by_rsync;

/// The directory of update metadata, and the rsync module of that name.
const METADATA: &str = "metadata";

/// Why a machine does not know where its role is published.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublicationError {
    #[error(transparent)]
    Installed(#[from] InstalledError),
    #[error("`{path}` names no server of roles")]
    Named {
        path: PathBuf,
        #[source]
        source: RoleServerError,
    },
}

/// Why something does not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Rsync(RunError),
    #[error(
        "the server of roles does not answer as it should; HSERV, HSERV_PORT, HPATH and TOKEN in /var/lib/edeploy/conf must be right, and it must be able to read the whole tree"
    )]
    Http(#[from] DownloadError),
    #[error(
        "there is no {0}: the tree on the server was changed after its manifest was written; `edeployctl role manifest` writes it anew"
    )]
    Missing(String),
    #[error("what {url} answers is no list of a directory: HSERV must be an edeploy-server")]
    NoList {
        url: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot write `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl FetchError {
    /// The command that failed, where one did.
    pub(super) fn command(&self) -> Option<&RunError> {
        match self {
            FetchError::Rsync(error) => Some(error),
            _ => None,
        }
    }
}

impl Transient for FetchError {
    fn may_pass(&self) -> bool {
        matches!(self, FetchError::Http(error) if error.may_pass())
    }
}

/// A file of a tree that is to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a TreePath,
    /// What its manifest says.
    pub(super) size_bytes: u64,
}

/// How files come.
#[derive(Debug, Clone)]
enum By {
    Rsync,
    Http(ureq::Agent),
}

/// A server of roles.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    by: By,
    /// The address of the trees, without a slash at its end.
    install: String,
    /// The address of the metadata.
    metadata: String,
}

impl Publication {
    /// The server that the file of what is installed names: `HSERV HSERV_PORT HPATH CA TOKEN`, or else
    /// `RSERV RSERV_PORT RPATH`.
    ///
    /// # Errors
    /// It names none, or one that cannot be.
    pub(super) fn of(conf: &Path) -> Result<Publication, PublicationError> {
        let words = ["HSERV", "HSERV_PORT", "HPATH", "CA", "TOKEN"];
        let words = words.into_iter().filter_map(|name| {
            let value = installed::value_of(conf, name).ok()?;
            Some(format!("{name}={value}"))
        });
        let words = words.collect::<Vec<_>>().join(" ");
        let server = RoleServer::named_by(&words, http::CONNECTIONS);
        let server = server.map_err(|source| PublicationError::Named {
            path: conf.to_owned(),
            source,
        })?;
        if let Some(RoleServer { agent, url }) = server {
            let above = url.rsplit_once('/').map_or("", |(above, _)| above);
            return Ok(Publication {
                by: By::Http(agent),
                metadata: format!("{above}/{METADATA}"),
                install: url.trim_end_matches('/').to_owned(),
            });
        }
        let value = |name| installed::value_of(conf, name);
        let base = format!("rsync://{}:{}", value("RSERV")?, value("RSERV_PORT")?);
        Ok(Publication {
            by: By::Rsync,
            install: format!("{base}/{}", value("RPATH")?.trim_matches('/')),
            metadata: format!("{base}/{METADATA}"),
        })
    }

    /// The address of something among the trees.
    pub(super) fn install(&self, path: &str) -> String {
        self.address(&self.install, path)
    }

    /// The address of something among the metadata.
    pub(super) fn metadata(&self, path: &str) -> String {
        self.address(&self.metadata, path)
    }

    fn address(&self, base: &str, path: &str) -> String {
        match self.by {
            By::Rsync => format!("{base}/{path}"),
            By::Http(_) => format!("{base}/{}", http::encoded(path.as_bytes())),
        }
    }

    /// Brings files, or directories whose address ends with a slash, into a directory; what is not there is left out.
    /// With `basis` rsync sends a file of the same name there as a difference to it.
    ///
    /// # Errors
    /// The server cannot be reached, or breaks off.
    pub(super) fn bring(
        &self,
        addresses: &[String],
        into: &Path,
        basis: Option<&Path>,
    ) -> Result<(), FetchError> {
        match &self.by {
            By::Rsync => rsync::bring(addresses, into, basis).map_err(FetchError::Rsync),
            By::Http(agent) => http::bring(agent, addresses, into),
        }
    }

    /// The names in a directory, but for hidden ones; none where it is not there.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(super) fn names_in(&self, address: &str) -> Result<Vec<String>, FetchError> {
        let mut names = match &self.by {
            By::Rsync => rsync::names_in(address).map_err(FetchError::Rsync)?,
            By::Http(agent) => http::names_in(agent, address)?,
        };
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    /// Brings the content of these files of the tree `VERSION/ROLE` into a directory that has theirs in it already: who
    /// asks knows the rest from a manifest, and compares the content with it. `heard` is told how far it is, in lines as rsync's. What lies
    /// under the same name in the tree at `basis` rsync does not send again.
    ///
    /// # Errors
    /// The server cannot be reached, breaks off, or lacks a file.
    pub(super) fn bring_files(
        &self,
        tree: &str,
        files: &[Wanted<'_>],
        into: &Path,
        basis: &Path,
        heard: &mut dyn FnMut(Line<'_>),
    ) -> Result<(), FetchError> {
        match &self.by {
            By::Rsync => {
                let module = self.install("");
                let done = rsync::bring_files(&module, tree, files, into, basis, heard);
                done.map_err(FetchError::Rsync)
            }
            By::Http(agent) => {
                let tree = self.install(tree);
                http::bring_files(agent, &tree, files, into, http::PATIENCE, heard)
            }
        }
    }
}
