//! `edeployctl convert`: a directory of profiles in the other form, and configure scripts of Python 2
//! as Starlark.
//!
//! Everything is converted before anything is written, and no file is ever overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::format::{self, Form};

use super::answer::{Answer, Exit, Failure, Style};
use super::convert_script::{self, Converted};
use super::input;

/// Write the files of a directory in the other form, and configure scripts as Starlark
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl convert /var/lib/edeploy/config --to ron --out converted
  edeployctl convert hp.configure

A configure script is the same in both forms. One that eDeploy ran as Python 2 is ported to Starlark, which
Python 2 and 3 read too: what is changed is shown, and what is left to do by hand. One that begins with
#! is left as it is. Nothing is overwritten, and without --out nothing is written.
Ends with 1 if a script could not be ported whole; it is written all the same.")]
pub(super) struct Convert {
    /// A directory of profiles, or one of their files
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The form to write: ron is the native one; without it each file keeps its form
    #[arg(long, value_name = "FORM")]
    to: Option<Target>,
    /// The directory to write to, made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    scripts: &'a [Converted],
}

/// All that came of the files.
#[derive(Default)]
struct Outcome {
    written: Vec<Written>,
    left: Vec<String>,
    scripts: Vec<Converted>,
}

/// What becomes of a file.
enum Role {
    Converted { stem: String, form: Form },
    Script,
    Left,
}

impl Convert {
    /// Converts all, then writes all.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let mut outcome = self.convert()?;
        match &self.out {
            Some(out) => write_all(out, &outcome.written)?,
            None => outcome.written.clear(),
        }
        let exit = if outcome.scripts.iter().all(Converted::is_whole) {
            Exit::Done
        } else {
            Exit::Input
        };
        let report = Report {
            written: &outcome.written,
            left: &outcome.left,
            scripts: &outcome.scripts,
        };
        let mut answer = Answer::new(exit, &report)?;
        for file in &outcome.written {
            answer.say(Style::Plain, &format!("{} -> {}", file.from, file.to));
        }
        for name in &outcome.left {
            let line = format!("{name} is no file of a profile: left out");
            answer.say(Style::Weak, &line);
        }
        for script in &outcome.scripts {
            let alone = self.path.is_file();
            script.say(&mut answer, alone);
        }
        if self.out.is_none() {
            answer.say(Style::Weak, "nothing is written: --out DIR writes it");
        }
        Ok(answer)
    }

    fn convert(&self) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        if self.path.is_dir() {
            if self.out.is_none() {
                let error = "give the directory to write to: --out DIR";
                return Err(Failure::new(Exit::Usage, error));
            }
            for name in file_names(&self.path)? {
                self.convert_one(&self.path.join(&name), name, &mut outcome)?;
            }
            return Ok(outcome);
        }
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        match role_of(&name) {
            Role::Left => Err(Failure::new(
                Exit::Input,
                format!("`{}` is no file of a profile", input::name_of(&self.path)),
            )),
            Role::Converted { .. } if self.out.is_none() => Err(Failure::new(
                Exit::Usage,
                "give the directory to write to: --out DIR",
            )),
            _ => self
                .convert_one(&self.path, name, &mut outcome)
                .map(|()| outcome),
        }
    }

    fn convert_one(&self, path: &Path, name: String, outcome: &mut Outcome) -> Result<(), Failure> {
        let (to, text) = match role_of(&name) {
            Role::Left => {
                outcome.left.push(name);
                return Ok(());
            }
            Role::Script => {
                let (script, bytes) = convert_script::convert(&name, input::read(path)?);
                outcome.scripts.push(script);
                (name.clone(), bytes)
            }
            Role::Converted { stem, form } => (
                self.target_name(&name, &stem),
                self.convert_file(path, form)?.into_bytes(),
            ),
        };
        if let Some(other) = outcome.written.iter().find(|other| other.to == to) {
            return Err(Failure::new(
                Exit::Input,
                format!(
                    "both `{}` and `{name}` would become `{to}`: keep one of the two forms",
                    other.from
                ),
            ));
        }
        outcome.written.push(Written {
            from: name,
            to,
            text,
        });
        Ok(())
    }

    fn convert_file(&self, path: &Path, from: Form) -> Result<String, Failure> {
        let text = input::read_text(path)?;
        let to = match self.to {
            Some(Target::Ron) => Form::Native,
            Some(Target::Edeploy) => Form::Edeploy,
            None => from,
        };
        if from == to {
            return Ok(text);
        }
        format::convert(&input::name_of(path), &text, from, to)
            .map_err(|error| Failure::parse(&error))
    }

    fn target_name(&self, name: &str, stem: &str) -> String {
        match self.to {
            Some(Target::Ron) => format!("{stem}.ron"),
            Some(Target::Edeploy) => stem.to_owned(),
            None => name.to_owned(),
        }
    }
}

/// Writes all files, or none where one of them is there already.
fn write_all(out: &Path, files: &[Written]) -> Result<(), Failure> {
    for file in files {
        expect_nothing_at(&out.join(&file.to))?;
    }
    fs::create_dir_all(out).map_err(|error| Failure::io("create", &input::name_of(out), &error))?;
    for file in files {
        write_new(&out.join(&file.to), &file.text)?;
    }
    Ok(())
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
        Role::Script
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
