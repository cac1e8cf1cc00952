//! One entry of `reporting`: its table as it is written and handed on, and what it says once checked.

use std::fmt;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::oauth::Oauth;
use crate::model::Level;

/// What stands in an endpoint for the name of the machine.
const MACHINE: &str = "{machine}";

/// How a reporter tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReporterType {
    /// A line on standard output.
    Print,
    /// A line in the teller's log.
    Log,
    /// JSON, posted.
    Webhook,
}

/// Who tells a reporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Teller {
    /// The server, of its own events.
    Server,
    /// Each machine that installs itself, of its steps.
    Machines,
}

/// The table, with curtin's keys, as settings have it and as the server hands it to a machine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of `Reporter`")]
pub struct ReporterTable {
    #[serde(rename = "type")]
    pub kind: ReporterType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Teller>,
}

impl fmt::Debug for ReporterTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An endpoint may hold a password.
        f.debug_struct("ReporterTable")
            .field("kind", &self.kind)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reporter `{}`: {problem}", name.escape_debug())]
pub struct ReporterError {
    name: String,
    problem: String,
}

/// Where a webhook posts.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The address; `{machine}` stands for the machine's name.
    pub(super) url: String,
    pub(super) oauth: Option<Oauth>,
    /// The pauses before the second try and so on.
    pub(super) retries: Vec<Duration>,
}

/// A reporter that can be told.
#[derive(Clone, PartialEq, Eq)]
pub struct Reporter {
    name: String,
    table: ReporterTable,
    /// What is less is not told.
    pub(super) level: Level,
    pub(super) endpoint: Option<Endpoint>,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reporter").field(&self.name).finish()
    }
}

impl Reporter {
    /// Checks a table. The name is for messages only.
    ///
    /// # Errors
    /// A key is missing, too much, or has no value that it can have.
    pub fn new(name: &str, table: ReporterTable) -> Result<Reporter, ReporterError> {
        let wrong = |problem: &str| ReporterError {
            name: name.to_owned(),
            problem: problem.to_owned(),
        };
        let level = match &table.level {
            None => Level::Info,
            Some(word) => Level::of_word(word)
                .ok_or_else(|| wrong("its `level` is none of DEBUG, INFO, WARN, ERROR"))?,
        };
        let endpoint = match (table.kind, &table.endpoint) {
            (ReporterType::Webhook, Some(url)) => Some(endpoint(url, &table).map_err(wrong)?),
            (ReporterType::Webhook, None) => {
                return Err(wrong("a webhook needs an `endpoint`"));
            }
            (ReporterType::Print | ReporterType::Log, None) => None,
            (ReporterType::Print | ReporterType::Log, Some(_)) => {
                return Err(wrong("only a webhook has an `endpoint`"));
            }
        };
        Ok(Reporter {
            name: name.to_owned(),
            table,
            level,
            endpoint,
        })
    }

    /// Its name among the reporters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its table, as it was given.
    pub fn table(&self) -> &ReporterTable {
        &self.table
    }

    /// How it tells.
    pub(super) fn kind(&self) -> ReporterType {
        self.table.kind
    }

    /// Whether it is told by these; by both where nothing else is said.
    pub fn is_told_by(&self, teller: Teller) -> bool {
        self.table.by.is_none_or(|by| by == teller)
    }

    /// The table for one machine, which tells of nobody else.
    pub fn table_for(&self, machine: &str) -> ReporterTable {
        ReporterTable {
            endpoint: self.table.endpoint.as_ref().map(|url| named(url, machine)),
            by: None,
            ..self.table.clone()
        }
    }
}

/// The address for this machine.
pub(super) fn named(url: &str, machine: &str) -> String {
    let machine = utf8_percent_encode(machine, NON_ALPHANUMERIC).to_string();
    url.replace(MACHINE, &machine)
}

fn endpoint(url: &str, table: &ReporterTable) -> Result<Endpoint, &'static str> {
    let is_plain = url
        .strip_prefix("http://")
        .is_some_and(|rest| !rest.is_empty());
    if !is_plain || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        // Built without certificates of its own: a relay on this host takes it from there.
        return Err("its `endpoint` must begin with http:// and hold no blanks");
    }
    let oauth = match (&table.consumer_key, &table.token_key, &table.token_secret) {
        (None, None, None) if table.consumer_secret.is_none() => None,
        (Some(consumer_key), Some(token_key), Some(token_secret)) => Some(Oauth {
            consumer_key: consumer_key.clone(),
            consumer_secret: table.consumer_secret.clone().unwrap_or_default(),
            token_key: token_key.clone(),
            token_secret: token_secret.clone(),
        }),
        // As in curtin (wire-formats 2.1).
        _ => {
            return Err("OAuth needs all of `consumer_key`, `token_key` and `token_secret`");
        }
    };
    let retries = table.retries.iter().flatten().copied();
    Ok(Endpoint {
        url: url.to_owned(),
        oauth,
        retries: retries.map(Duration::from_secs).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter(text: &str) -> Result<Reporter, String> {
        let table = toml::from_str(text).map_err(|error| error.to_string())?;
        Reporter::new("maas", table).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_of_the_seed_is_a_webhook_with_oauth() {
        let text = "type = 'webhook'\nendpoint = 'http://example.com/endpoint/path'\nconsumer_key = 'ck_foo'\n\
                    consumer_secret = 'cs_foo'\ntoken_key = 'tk_foo'\ntoken_secret = 'tk_secret'\nlevel = 'INFO'";
        let reporter = reporter(text).unwrap();
        assert!(reporter.endpoint.as_ref().unwrap().oauth.is_some());
        assert!(reporter.is_told_by(Teller::Server) && reporter.is_told_by(Teller::Machines));
        assert!(!format!("{reporter:?}{:?}", reporter.table()).contains("secret"));
    }

    #[test]
    fn a_machine_is_handed_its_own_endpoint() {
        let text = "type = 'webhook'\nendpoint = 'http://maas/status/{machine}'\nby = 'machines'";
        let reporter = reporter(text).unwrap();
        assert!(!reporter.is_told_by(Teller::Server));
        let table = serde_json::to_value(reporter.table_for("m 1/é")).unwrap();
        let expected = serde_json::json!({
            "type": "webhook", "endpoint": "http://maas/status/m%201%2F%C3%A9"
        });
        assert_eq!(table, expected);
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_the_reporters_name() {
        for (text, why) in [
            ("type = 'webhook'", "needs an `endpoint`"),
            ("type = 'print'\nendpoint = 'http://h/'", "only a webhook"),
            ("type = 'webhook'\nendpoint = 'https://h/'", "http://"),
            (
                "type = 'webhook'\nendpoint = 'http://h/'\ntoken_key = 't'",
                "needs all of",
            ),
            ("type = 'log'\nlevel = 'loud'", "DEBUG, INFO"),
        ] {
            let error = reporter(text).unwrap_err();
            assert!(error.contains("`maas`") && error.contains(why), "{error}");
        }
        assert!(
            reporter("type = 'journald'")
                .unwrap_err()
                .contains("`webhook`")
        );
    }
}
