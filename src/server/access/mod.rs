//! Who reports: credentials of admins (OAuth) and of machines (tokens), verified in constant time.
//!
//! None are needed unless the settings say so, but those that are given must be right. What the caller may
//! do with them, and which machine a report is of, is `reporting`'s.

mod oauth;
mod token;

use std::io;
use std::path::Path;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use self::oauth::Plaintext;
use self::token::TokenKey;
use super::settings::{OauthClient, Settings};
use crate::reporters::signature;

/// The name of the file of the key in the state directory.
const KEY_FILE: &str = "token.key";

/// The credentials that are good here.
#[derive(Debug)]
pub struct Access {
    clients: Vec<OauthClient>,
    key: TokenKey,
    is_needed: bool,
}

/// What good credentials say of their holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// The machine they are of; none for those of many machines.
    pub(super) machine: Option<String>,
}

/// Why a caller is not let in. It is not told which half of its credentials is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// None were given, and they are needed.
    #[error("reports need credentials here: a machine's token or OAuth")]
    Missing,
    /// They are not good.
    #[error("the credentials are wrong")]
    Wrong,
    /// They cannot be read.
    #[error("the credentials cannot be read: {0}")]
    Unreadable(&'static str),
}

impl Access {
    /// The credentials of the settings, and the key of the machines' tokens, which is made if there is none.
    ///
    /// # Errors
    /// The key can be neither read nor made.
    pub fn open(settings: &Settings) -> io::Result<Access> {
        Ok(Access {
            clients: settings.oauth.clone(),
            key: TokenKey::open(&Access::key_file(&settings.state_dir))?,
            is_needed: settings.events_need_token,
        })
    }

    /// Where the key is.
    pub fn key_file(state_dir: &Path) -> std::path::PathBuf {
        state_dir.join(KEY_FILE)
    }

    /// The secret of a machine for OAuth: its token's second half.
    pub(super) fn secret_of(&self, machine: &str) -> String {
        self.key.secret_of(machine)
    }

    /// The token of a machine as one text: `MACHINE.SECRET`.
    pub(super) fn token_of(&self, machine: &str) -> String {
        format!("{machine}.{}", self.key.secret_of(machine))
    }

    /// Judges what a request brings: an `Authorization`, a `token` in its query, both or neither. Gives the
    /// holders, the query's first.
    pub(super) fn judge(
        &self,
        headers: &HeaderMap,
        token: Option<&str>,
    ) -> Result<Vec<Holder>, Denied> {
        let mut holders = Vec::new();
        if let Some(token) = token {
            holders.push(self.of_token(token)?);
        }
        for header in headers.get_all(AUTHORIZATION) {
            let text = header
                .to_str()
                .map_err(|_| Denied::Unreadable("no ASCII"))?;
            holders.push(self.of_header(text)?);
        }
        if holders.is_empty() && self.is_needed {
            return Err(Denied::Missing);
        }
        Ok(holders)
    }

    fn of_header(&self, text: &str) -> Result<Holder, Denied> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => self.of_token(rest.trim()),
            "oauth" => self.of_oauth(&Plaintext::parse(rest)?),
            _ => Err(Denied::Unreadable("neither OAuth nor Bearer")),
        }
    }

    fn of_token(&self, token: &str) -> Result<Holder, Denied> {
        // A machine's name may hold dots, its secret none.
        let (machine, secret) = token.rsplit_once('.').ok_or(Denied::Wrong)?;
        if !self.key.is_secret_of(machine, secret) {
            return Err(Denied::Wrong);
        }
        Ok(Holder {
            machine: Some(machine.to_owned()),
        })
    }

    /// A token that is in the settings is judged by them alone; others are of machines. curtin leaves the
    /// consumer's secret empty, so a machine's has none.
    fn of_oauth(&self, given: &Plaintext) -> Result<Holder, Denied> {
        let mut known = self.clients.iter();
        let client = known.find(|client| {
            client.token_key == given.token && client.consumer_key == given.consumer_key
        });
        let (expected, machine) = match client {
            Some(client) => (
                signature(
                    client.consumer_secret.expose(),
                    client.token_secret.expose(),
                ),
                client.machine.clone(),
            ),
            None => (
                signature("", &self.key.secret_of(&given.token)),
                Some(given.token.clone()),
            ),
        };
        match self.key.same(&expected, &given.signature) {
            true => Ok(Holder { machine }),
            false => Err(Denied::Wrong),
        }
    }
}

#[cfg(test)]
mod tests;
