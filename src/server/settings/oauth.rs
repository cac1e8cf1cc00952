//! `[[oauth]]`: the credentials of those who report for several machines.

use serde::{Deserialize, Serialize};

use super::SettingsError;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One who may report, with the four texts of curtin's `reporting` (seed `curtin-reporting`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthClient {
    /// The consumer.
    pub consumer_key: String,
    /// Its secret; empty where MAAS's way is followed.
    pub consumer_secret: Secret,
    /// The token.
    pub token_key: String,
    /// Its secret.
    pub token_secret: Secret,
    /// The one machine it reports for; none for those who report for any.
    pub machine: Option<String>,
}

/// One table `[[oauth]]` in a file of settings.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the keys are those of `OauthClient`, which tells them"
)]
pub struct OauthFile {
    pub consumer_key: String,
    #[serde(default)]
    pub consumer_secret: String,
    pub token_key: String,
    pub token_secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
}

impl std::fmt::Debug for OauthFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OauthFile")
            .field("consumer_key", &self.consumer_key)
            .field("token_key", &self.token_key)
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl From<&OauthClient> for OauthFile {
    fn from(client: &OauthClient) -> OauthFile {
        OauthFile {
            consumer_key: client.consumer_key.clone(),
            consumer_secret: client.consumer_secret.expose().to_owned(),
            token_key: client.token_key.clone(),
            token_secret: client.token_secret.expose().to_owned(),
            machine: client.machine.clone(),
        }
    }
}

/// Checks the tables: a token that anybody could guess, or that stands twice, is a slip.
pub(super) fn clients(files: Vec<OauthFile>) -> Result<Vec<OauthClient>, SettingsError> {
    let mut clients: Vec<OauthClient> = Vec::new();
    for file in files {
        let (consumer, token) = (&file.consumer_key, &file.token_key);
        let wrong = |problem: &str| {
            let (consumer, token) = (consumer.escape_debug(), token.escape_debug());
            SettingsError::Value(format!(
                "`oauth` with the consumer `{consumer}` and the token `{token}`: {problem}"
            ))
        };
        if file.token_secret.is_empty() {
            return Err(wrong(
                "`token_secret` is empty: give one, or leave the table out",
            ));
        }
        if token.is_empty() {
            return Err(wrong("`token_key` is empty: give one"));
        }
        if clients
            .iter()
            .any(|known| (&known.consumer_key, &known.token_key) == (consumer, token))
        {
            return Err(wrong("it stands twice: keep one of them"));
        }
        clients.push(OauthClient {
            consumer_key: file.consumer_key,
            consumer_secret: Secret(file.consumer_secret),
            token_key: file.token_key,
            token_secret: Secret(file.token_secret),
            machine: file.machine,
        });
    }
    Ok(clients)
}
