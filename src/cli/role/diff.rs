//! `edeployctl role diff`: files and packages of two trees or manifests.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::roles::{Aspect, Difference, Entry, PackageChange, Packages, compare, outermost};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::super::input;
use super::tree;

/// Show what changes between two versions of a role: packages and files
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role diff install/D12-1.0/base install/D12-1.1/base
  edeployctl role diff install/D12-1.0/base.manifest install/D12-1.1/base

Each side is a tree or a manifest; the packages of a manifest are those of ROLE.packages beside it. What came or went with
its directory is counted there; --json has every path. Ends with 0 whether they differ or not.")]
pub(super) struct Diff {
    /// The tree or the manifest of one version
    old: PathBuf,
    /// The tree or the manifest of the other one
    new: PathBuf,
}

#[derive(Serialize)]
struct Changes {
    packages: Vec<PackageChange>,
    files: Vec<Difference>,
}

struct Side {
    entries: Vec<Entry>,
    packages: Packages,
}

impl Diff {
    /// Reads both sides and compares them.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (old, new) = (side(&self.old)?, side(&self.new)?);
        let changes = Changes {
            packages: old.packages.changes(&new.packages),
            files: compare(&old.entries, &new.entries),
        };
        let mut answer = Answer::new(Exit::Done, &changes)?;
        for change in &changes.packages {
            let (style, line) = package_line(change);
            answer.say(style, &line);
        }
        for one in outermost(&changes.files) {
            let (style, line) = file_line(one.difference, one.below);
            answer.say(style, &line);
        }
        let (packages, files) = (changes.packages.len(), changes.files.len());
        let sum = format!("{packages} packages and {files} paths differ");
        answer.say(Style::Weak, &sum);
        Ok(answer)
    }
}

fn side(path: &Path) -> Result<Side, Failure> {
    if path.is_dir() {
        return Ok(Side {
            entries: tree::read(path)?,
            packages: tree::packages(path)?,
        });
    }
    let manifest = tree::parse(&input::name_of(path), &input::read_text(path)?)?;
    Ok(Side {
        entries: manifest.entries().to_vec(),
        packages: tree::packages_beside(path)?,
    })
}

fn package_line(change: &PackageChange) -> (Style, String) {
    let package = &change.package;
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => (Style::Plain, format!("~ package {package} {old} -> {new}")),
        (Some(old), None) => (Style::Bad, format!("- package {package} {old}")),
        (None, new) => {
            let new = new.as_deref().unwrap_or_default();
            (Style::Good, format!("+ package {package} {new}"))
        }
    }
}

fn file_line(one: &Difference, below: usize) -> (Style, String) {
    let more = match below {
        0 => String::new(),
        below => format!(" and {below} below it"),
    };
    let path = &one.path;
    match one.aspect {
        Aspect::Missing => (Style::Bad, format!("- {path} ({}){more}", one.expected)),
        Aspect::Extra => (Style::Good, format!("+ {path} ({}){more}", one.found)),
        aspect => {
            let short = |text: &str| text.chars().take(24).collect::<String>();
            let (old, new) = (short(&one.expected), short(&one.found));
            let line = format!("~ {path} {}: {old} -> {new}", aspect.name());
            (Style::Plain, line)
        }
    }
}
