//! The server that a role comes from by HTTP, as an installed machine knows it.

use std::fmt;

use ureq::Agent;

use super::agent::{CaError, for_files, read_ca};
use super::settings::{Settings, SettingsError};

/// Why words name no server.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum RoleServerError {
    /// A value is none that its name can have.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The certificates are of no use.
    #[error(transparent)]
    Ca(#[from] CaError),
}

/// A server of roles by HTTP.
#[derive(Clone)]
pub(in crate::client) struct RoleServer {
    /// Keeps connections; trusts and shows what the installer does.
    pub(in crate::client) agent: Agent,
    /// The address of the images and trees: `http://HOST:PORT/PATH`.
    pub(in crate::client) url: String,
}

impl RoleServer {
    /// The server that words as those of the kernel's command line name, with so many connections; none if
    /// there is no `HSERV` among them.
    ///
    /// # Errors
    /// A word is wrong, or the file of certificates is of no use.
    pub(in crate::client) fn named_by(
        words: &str,
        connections: usize,
    ) -> Result<Option<RoleServer>, RoleServerError> {
        let mut settings = Settings::parse(words)?;
        let Some(url) = settings.hserv_url() else {
            return Ok(None);
        };
        if let Some(path) = &settings.ca {
            settings.ca_pem = read_ca(path)?;
        }
        let agent = for_files(&settings, connections);
        Ok(Some(RoleServer { agent, url }))
    }
}

impl fmt::Debug for RoleServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoleServer").field(&self.url).finish()
    }
}
