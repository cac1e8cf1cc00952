//! `edeployctl convert`: a directory of profiles in the other form.
//!
//! Everything is converted before anything is written, and no file is ever overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::format::{self, Form};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Write the state file and the profiles of a directory in the other form
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl convert /var/lib/edeploy/config --to ron --out converted

Configure scripts are the same in both forms and are copied. Nothing is overwritten.")]
pub(super) struct Convert {
    /// The directory to read
    dir: PathBuf,
    /// The form to write: ron is the native one
    #[arg(long, value_name = "FORM")]
    to: Target,
    /// The directory to write to, made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Ron,
    Edeploy,
}

/// One file to be written.
#[derive(Debug, Serialize)]
struct Written {
    from: String,
    to: String,
    #[serde(skip)]
    text: Vec<u8>,
}

#[derive(Serialize)]
struct Report<'a> {
    written: &'a [Written],
    left: &'a [String],
}

/// What becomes of a file.
enum Role {
    Converted { stem: String, form: Form },
    Copied,
    Left,
}

impl Convert {
    /// Converts all, then writes all.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (written, left) = self.convert()?;
        for file in &written {
            expect_nothing_at(&self.out.join(&file.to))?;
        }
        fs::create_dir_all(&self.out)
            .map_err(|error| Failure::io("create", &input::name_of(&self.out), &error))?;
        for file in &written {
            write_new(&self.out.join(&file.to), &file.text)?;
        }
        let report = Report {
            written: &written,
            left: &left,
        };
        let mut answer = Answer::new(Exit::Done, &report)?;
        for file in &written {
            answer.say(Style::Plain, &format!("{} -> {}", file.from, file.to));
        }
        for name in &left {
            answer.say(
                Style::Weak,
                &format!("{name} is no file of a profile: left out"),
            );
        }
        Ok(answer)
    }

    fn convert(&self) -> Result<(Vec<Written>, Vec<String>), Failure> {
        let (mut written, mut left): (Vec<Written>, Vec<String>) = (Vec::new(), Vec::new());
        for name in file_names(&self.dir)? {
            let path = self.dir.join(&name);
            let (to, text) = match role_of(&name) {
                Role::Left => {
                    left.push(name);
                    continue;
                }
                Role::Copied => (name.clone(), input::read(&path)?),
                Role::Converted { stem, form } => (
                    self.target_name(&stem),
                    self.convert_file(&path, form)?.into_bytes(),
                ),
            };
            if let Some(other) = written.iter().find(|other| other.to == to) {
                return Err(Failure::new(
                    Exit::Input,
                    format!(
                        "both `{}` and `{name}` would become `{to}`: keep one of the two forms",
                        other.from
                    ),
                ));
            }
            written.push(Written {
                from: name,
                to,
                text,
            });
        }
        Ok((written, left))
    }

    fn convert_file(&self, path: &Path, from: Form) -> Result<String, Failure> {
        let text = input::read_text(path)?;
        let to = match self.to {
            Target::Ron => Form::Native,
            Target::Edeploy => Form::Edeploy,
        };
        if from == to {
            return Ok(text);
        }
        format::convert(&input::name_of(path), &text, from, to)
            .map_err(|error| Failure::parse(&error))
    }

    fn target_name(&self, stem: &str) -> String {
        match self.to {
            Target::Ron => format!("{stem}.ron"),
            Target::Edeploy => stem.to_owned(),
        }
    }
}

/// The names of the files in a directory, sorted; hidden ones and directories are no admin's files.
fn file_names(dir: &Path) -> Result<Vec<String>, Failure> {
    let failure = |error: &std::io::Error| Failure::io("read", &input::name_of(dir), error);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failure(&error))? {
        let entry = entry.map_err(|error| failure(&error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn role_of(name: &str) -> Role {
    let stem = name.strip_suffix(".ron").unwrap_or(name);
    if stem == "state" || stem.ends_with(".specs") || stem.ends_with(".cmdb") {
        return Role::Converted {
            stem: stem.to_owned(),
            form: Form::of_file_name(name),
        };
    }
    if name.ends_with(".configure") {
        Role::Copied
    } else {
        Role::Left
    }
}

/// Refuses before anything is written, where writing would meet another file.
fn expect_nothing_at(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(is_there(path)),
        Err(_) => Ok(()),
    }
}

fn is_there(path: &Path) -> Failure {
    Failure::new(
        Exit::Input,
        format!(
            "`{}` is there already: give an empty directory",
            path.display()
        ),
    )
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::io("write", &input::name_of(path), &error),
    })
}
