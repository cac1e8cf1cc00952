//! `edeploy detect`: prints what this machine, or a recorded one, is made of.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use percent_encoding::percent_decode_str;

use crate::hardware::{Sysroot, detect};
use crate::model::{Fact, Value};
use crate::system::{Output, Real, Recorded};

/// Where the answers of programs are in a recorded machine, each in a file with the name of the
/// command line, `/` and `%` in it as in an URL.
const ANSWERS: &str = "commands";

/// Print what this machine is made of
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeploy detect > hw.json
  curl -F file=@hw.json http://server/cgi-bin/upload.py

Each row is category, instance, key and value, as eDeploy's hardware-detect prints them. What could
not be found out is told on standard error and is no failure.

Below --root no program is run: what `ip -j addr` would say is read from the file
`commands/ip -j addr` there, if there is one.")]
pub(super) struct Detect {
    /// Print the rows as JSON, as the server takes them; this is the default
    #[arg(long, conflicts_with = "hw")]
    json: bool,
    /// Print the rows as Python tuples, as the server of eDeploy keeps them in its .hw files
    #[arg(long)]
    hw: bool,
    /// Look at a recorded machine, whose files are below this directory
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Why nothing was detected at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum DetectError {
    #[error("there is no `sys` and no `proc` in `{0}`: is that the root directory of a machine?")]
    NoMachine(PathBuf),
    #[error("cannot read the recorded answers in `{path}`")]
    Answers {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write to standard error")]
    Warn(#[source] std::io::Error),
}

impl Detect {
    /// The rows as text. Warnings go to standard error.
    pub(super) fn run(&self) -> Result<String, DetectError> {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        if !root.join("sys").is_dir() && !root.join("proc").is_dir() {
            return Err(DetectError::NoMachine(root.to_owned()));
        }
        let sysroot = Sysroot::new(root);
        let detected = match &self.root {
            None => detect(&sysroot, &Real),
            Some(root) => detect(&sysroot, &recorded(&root.join(ANSWERS))?),
        };
        for warning in &detected.warnings {
            writeln!(std::io::stderr(), "warning: {warning}").map_err(DetectError::Warn)?;
        }
        Ok(if self.hw {
            as_tuples(&detected.facts)
        } else {
            as_json(&detected.facts)
        })
    }
}

fn recorded(directory: &Path) -> Result<Recorded, DetectError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| DetectError::Answers { path, source }
    };
    let mut answers = Vec::new();
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Recorded::default());
        }
        Err(error) => return Err(failed(directory)(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed(directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let line = percent_decode_str(&name).decode_utf8_lossy().into_owned();
        let stdout = std::fs::read(&path).map_err(failed(&path))?;
        let output = Output {
            stdout,
            ..Output::default()
        };
        answers.push((line, output));
    }
    Ok(Recorded::new(answers))
}

/// One row a line, so that two machines can be compared line by line.
pub(super) fn as_json(facts: &[Fact]) -> String {
    let rows = facts.iter().map(|fact| {
        // Rows hold texts and finite numbers, which JSON can say.
        serde_json::to_string(fact).unwrap_or_default()
    });
    format!("[\n{}\n]", rows.collect::<Vec<_>>().join(",\n"))
}

/// A Python list of tuples, as `pprint` writes it.
fn as_tuples(facts: &[Fact]) -> String {
    let rows = facts.iter().map(|fact| {
        let fields = [&fact.category, &fact.instance, &fact.key].map(|text| quoted(text));
        let value = match &fact.value {
            Value::Text(text) => quoted(text),
            number => number.to_string(),
        };
        format!("({}, {value})", fields.join(", "))
    });
    format!("[{}]", rows.collect::<Vec<_>>().join(",\n "))
}

/// A Python string literal that both Python 2 and 3 read as this text.
fn quoted(text: &str) -> String {
    let mut literal = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            control if control.is_control() => {
                literal.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<Fact> {
        vec![
            Fact::new("disk", "sda", "model", "it's \\ é"),
            Fact::new("cpu", "physical", "number", Value::Int(2)),
            Fact::new("cpu", "physical_0", "max_Mhz", Value::Float(2100.0)),
        ]
    }

    #[test]
    fn rows_are_written_one_a_line() {
        let expected = "[\n[\"disk\",\"sda\",\"model\",\"it's \\\\ é\"],\n\
                        [\"cpu\",\"physical\",\"number\",2],\n[\"cpu\",\"physical_0\",\"max_Mhz\",2100.0]\n]";
        assert_eq!(as_json(&facts()), expected);
        assert!(serde_json::from_str::<serde_json::Value>(&as_json(&[])).is_ok());
    }

    #[test]
    fn tuples_are_python() {
        let expected = "[('disk', 'sda', 'model', 'it\\'s \\\\ é'),\n ('cpu', 'physical', 'number', 2),\n \
                        ('cpu', 'physical_0', 'max_Mhz', 2100.0)]";
        assert_eq!(as_tuples(&facts()), expected);
    }
}
