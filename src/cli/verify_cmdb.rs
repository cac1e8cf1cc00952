//! `edeployctl verify-cmdb`: whether an entry was handed out (eDeploy `verify-cmdb.py`).

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::model::{CmdbEntry, USED, Value};

use super::answer::{Answer, Exit, Failure, Style};
use super::generate;
use super::input;

/// Check that a CMDB has an entry with a value and that it is used
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl verify-cmdb hostname host03 vm.cmdb

Ends with 0 if some entry of some file has KEY equal to VALUE and is used, and with 1 if none has.")]
pub(super) struct VerifyCmdb {
    /// The key, such as hostname
    key: String,
    /// Its value
    value: String,
    /// The CMDBs to look in, .cmdb or .cmdb.ron
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Verified<'a> {
    verified: bool,
    file: Option<String>,
    entry: Option<&'a CmdbEntry>,
}

impl VerifyCmdb {
    /// Looks through the files in order.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let wanted = Value::Text(self.value.clone());
        let mut has_value = false;
        for file in &self.files {
            let document = generate::parse(file)?;
            let mut entries = document.entries().iter().filter(|entry| {
                let own = entry.get(&self.key);
                own.is_some_and(|own| own.same(&wanted))
            });
            if let Some(entry) = entries.clone().find(|entry| is_used_once(entry)) {
                let file = input::name_of(file);
                let mut answer = Answer::new(
                    Exit::Done,
                    &Verified {
                        verified: true,
                        file: Some(file.clone()),
                        entry: Some(entry),
                    },
                )?;
                answer.say(Style::Good, &format!("{} is used in {file}", self.pair()));
                return Ok(answer);
            }
            has_value |= entries.next().is_some();
        }
        self.not_used(has_value)
    }

    fn not_used(&self, has_value: bool) -> Result<Answer, Failure> {
        let json = Verified {
            verified: false,
            file: None,
            entry: None,
        };
        let mut answer = Answer::new(Exit::Input, &json)?;
        let sentence = match has_value {
            true => format!("{} is there, but not used", self.pair()),
            false => format!("no entry has {}", self.pair()),
        };
        answer.say(Style::Bad, &sentence);
        Ok(answer)
    }

    fn pair(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

/// `used` equal to 1: the original asks for that value, though any value keeps an entry from being given.
fn is_used_once(entry: &CmdbEntry) -> bool {
    entry.get(USED) == Some(&Value::Int(1))
}
