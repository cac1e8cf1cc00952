//! `[[webhooks]]`: who is told what machines become.

use serde::{Deserialize, Serialize};

use crate::events::{Finding, Standing};

use super::{Secret, SettingsError};

/// How many there may be: each has a thread.
const MOST: usize = 32;

/// One address that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// The key of the signature; without one nothing is signed.
    pub secret: Option<Secret>,
    /// Of which standings it is told; none for all, unless `findings` are named.
    pub standings: Option<Vec<Standing>>,
    /// Of which findings it is told; none for all, unless `standings` are named.
    pub findings: Option<Vec<Finding>>,
}

impl Webhook {
    /// Whether it is told that a machine becomes this.
    pub fn wants_standing(&self, standing: Standing) -> bool {
        match &self.standings {
            Some(wanted) => wanted.contains(&standing),
            None => self.findings.is_none(),
        }
    }

    /// Whether it is told that this is wrong with a machine.
    pub fn wants_finding(&self, finding: Finding) -> bool {
        match &self.findings {
            Some(wanted) => wanted.contains(&finding),
            None => self.standings.is_none(),
        }
    }

    /// The address for logs: a query, and who asks, may be secret.
    pub fn shown(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}/{path}")
    }
}

/// One table `[[webhooks]]` in a file of settings.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the keys are those of `Webhook`, which tells them"
)]
pub struct WebhookFile {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standings: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<String>>,
}

impl std::fmt::Debug for WebhookFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookFile")
            .field("standings", &self.standings)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl From<&Webhook> for WebhookFile {
    fn from(hook: &Webhook) -> WebhookFile {
        let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
        let standings = hook.standings.as_ref();
        let findings = hook.findings.as_ref();
        WebhookFile {
            url: hook.url.clone(),
            secret: hook
                .secret
                .as_ref()
                .map(|secret| secret.expose().to_owned()),
            standings: standings.map(|it| words(it.iter().map(|one| one.word()).collect())),
            findings: findings.map(|it| words(it.iter().map(|one| one.word()).collect())),
        }
    }
}

/// Checks the tables.
pub(super) fn webhooks(files: Vec<WebhookFile>) -> Result<Vec<Webhook>, SettingsError> {
    if files.len() > MOST {
        return Err(SettingsError::Value(format!(
            "there are {} `webhooks`: {MOST} are the most",
            files.len()
        )));
    }
    let mut hooks: Vec<Webhook> = Vec::new();
    for file in files {
        let hook = webhook(file)?;
        if hooks.iter().any(|known| known.url == hook.url) {
            return Err(SettingsError::Value(format!(
                "`webhooks` has `{}` twice: keep one of them",
                hook.shown()
            )));
        }
        hooks.push(hook);
    }
    Ok(hooks)
}

fn webhook(file: WebhookFile) -> Result<Webhook, SettingsError> {
    let is_plain = file
        .url
        .strip_prefix("http://")
        .is_some_and(|rest| !rest.is_empty());
    if !is_plain
        || file
            .url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control())
    {
        // Built without TLS: a relay on this host takes it from there.
        return Err(SettingsError::Value(
            "the `url` of a webhook must begin with http:// and hold no blanks".to_owned(),
        ));
    }
    Ok(Webhook {
        standings: read(
            "standings",
            file.standings,
            &Standing::ALL.map(Standing::word),
            Standing::of_word,
        )?,
        findings: read(
            "findings",
            file.findings,
            &Finding::ALL.map(Finding::word),
            Finding::of_word,
        )?,
        secret: file
            .secret
            .filter(|secret| !secret.is_empty())
            .map(Secret::new),
        url: file.url,
    })
}

fn read<T>(
    key: &str,
    words: Option<Vec<String>>,
    known: &[&str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, SettingsError> {
    let Some(words) = words else { return Ok(None) };
    let read = words.iter().map(|word| {
        read(word).ok_or_else(|| {
            SettingsError::Value(format!(
                "`{key}` of a webhook has `{}`: there is {}",
                word.escape_debug(),
                known.join(", ")
            ))
        })
    });
    read.collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> WebhookFile {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn without_a_choice_everything_is_told_and_with_one_only_that() {
        let all = webhook(file("url = 'http://h/x'")).unwrap();
        assert!(all.wants_standing(Standing::Failed) && all.wants_finding(Finding::Stuck));
        let some = webhook(file("url = 'http://h/x'\nfindings = ['stuck']")).unwrap();
        assert!(some.wants_finding(Finding::Stuck) && !some.wants_finding(Finding::Failed));
        assert!(!some.wants_standing(Standing::Failed));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let wrong = |text: &str| webhook(file(text)).unwrap_err().to_string();
        assert!(wrong("url = 'ftp://h/x'").contains("http://"));
        assert!(
            wrong("url = 'http://h/x'\nstandings = ['happy']")
                .contains("`happy`: there is unknown,")
        );
        let twice = webhooks(vec![file("url = 'http://h/x'"), file("url = 'http://h/x'")]);
        assert!(twice.unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn logs_show_no_secret_of_an_address() {
        let hook = webhook(file("url = 'http://me:pw@h:1/x?key=1'\nsecret = 's'")).unwrap();
        assert_eq!(hook.shown(), "http://h:1/x");
        assert!(!format!("{hook:?}").contains("\"s\""));
    }
}
