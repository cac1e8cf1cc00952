//! `edeployctl generate`: the entries that a CMDB stands for.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::format::{self, CmdbDocument, Form};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Show the entries that a CMDB or a generate(...) call stands for
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl generate vm.cmdb.ron

The form is that of the file's name: .ron is native, all else, standard input too, is eDeploy's.")]
pub(super) struct Generate {
    /// A CMDB, .cmdb or .cmdb.ron; - is standard input
    file: PathBuf,
}

impl Generate {
    /// Parses the file and expands what there is to expand.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let document = parse(&self.file)?;
        let form = Form::of_file_name(&input::name_of(&self.file));
        let mut answer = Answer::new(Exit::Done, &document.entries())?;
        answer.say(Style::Plain, &format::render_cmdb(document.entries(), form));
        Ok(answer.warn(document.notes().to_vec()))
    }
}

/// Reads the CMDB in a file.
pub(super) fn parse(path: &Path) -> Result<CmdbDocument, Failure> {
    let name = input::name_of(path);
    let text = input::read_text(path)?;
    CmdbDocument::parse(&name, &text, Form::of_file_name(&name))
        .map_err(|error| Failure::parse(&error))
}
