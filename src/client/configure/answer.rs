//! What the server answered: which script, with which variables, and the hash of its plan.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{CmdbEntry, ProfileName};
use crate::reporters::Reporter;

/// The answer to `POST /api/v1/machines`, as far as it is needed here. The server may say more.
#[derive(Debug, Deserialize)]
pub(in crate::client) struct Answer {
    /// The name that the machine goes by there.
    pub machine: Option<String>,
    /// The profile that the machine was given.
    pub profile: ProfileName,
    /// `var` in the script.
    pub variables: CmdbEntry,
    /// The text of the configure script.
    pub configure: String,
    /// The hash of the plan that the server made.
    pub plan_hash: Option<String>,
    /// Why it could not make one.
    pub plan_error: Option<String>,
    /// Where the installed machine asks pxemngr for a local boot.
    pub pxemngr_url: Option<String>,
    /// Where cloud-init finds its metadata.
    pub metadata_url: Option<String>,
    /// What the machine shows the server with its reports.
    pub token: Option<String>,
    /// Whom the machine tells of its installation besides: tables by their names.
    #[serde(default)]
    reporting: BTreeMap<String, serde_json::Value>,
}

impl Answer {
    /// Reads an answer from a file; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Answer, AnswerError> {
        let mut text = String::new();
        let read = if path == Path::new("-") {
            std::io::stdin()
                .lock()
                .read_to_string(&mut text)
                .map(|_| ())
        } else {
            std::fs::read_to_string(path).map(|read| text = read)
        };
        read.map_err(|source| AnswerError::Read {
            path: path.to_owned(),
            source,
        })?;
        Answer::parse(&text).map_err(|source| AnswerError::Form {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads the text of an answer.
    ///
    /// # Errors
    /// It is not what `POST /api/v1/machines` gives.
    pub(in crate::client) fn parse(text: &str) -> serde_json::Result<Answer> {
        serde_json::from_str(text)
    }

    /// Whom the machine tells of its installation besides the server; what is wrong with one is no reason
    /// not to install.
    pub(in crate::client) fn reporters(&self) -> Vec<Result<Reporter, Box<dyn Error>>> {
        let read = |(name, table): (&String, &serde_json::Value)| {
            let table = serde_json::from_value(table.clone())?;
            Ok(Reporter::new(name, table)?)
        };
        self.reporting.iter().map(read).collect()
    }

    /// `var` with the profile's name, as JSON.
    pub(super) fn variables_json(&self) -> String {
        let all = crate::configure::with_profile(&self.variables, &self.profile);
        serde_json::to_string(&all).expect("texts, numbers and lists are always JSON")
    }
}

/// Why there is no answer to run.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum AnswerError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is not what the server answers.
    #[error(
        "`{path}` is no answer of the server: save what `POST /api/v1/machines` gives, and run that"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_numbers_and_whatever_else_it_says() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = r#"{"machine": "m", "profile": "vm", "repeated": false, "later": 1,
            "variables": {"n": 3, "f": 1.5}, "configure": "run('true')", "plan_hash": "ab"}"#;
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let answer = Answer::read(file.path()).unwrap();
        assert_eq!(answer.profile.as_str(), "vm");
        assert_eq!(
            answer.variables.get("f"),
            Some(&crate::model::Value::Float(1.5))
        );
        assert_eq!(answer.plan_hash.as_deref(), Some("ab"));
    }

    #[test]
    fn what_is_no_answer_is_told_with_its_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"{\"error\": \"no profile\"}").unwrap();
        let error = Answer::read(file.path()).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
}
