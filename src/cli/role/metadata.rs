//! `edeployctl role metadata`: what goes with an upgrade from one version of a role to another.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::model::{RoleName, RoleVersion};
use crate::roles::{Entry, Filter, Identity, Manifest, Metadata, Release, sign};
use crate::system::{Ownership, put_file};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::super::input;
use super::{manifest, tree};

/// What vouches for the others, and is not among them.
const MANIFEST: &str = "manifest";
const SIGNATURE: &str = "manifest.minisig";

/// Write what goes with an upgrade: what it leaves alone, the scripts before and after it
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role metadata install/D12-1.0/base install/D12-1.1/base --out metadata --key roles.key

writes metadata/D12-1.0/base/D12-1.1/: exclude (the new tree's var/lib/edeploy/D12-1.1/exclude and what every machine owns),
add_only, pre (users and groups that are new, with their numbers), post (daemon-reload, depmod, and `exit 100` where a
kernel, libc, systemd or dbus changed), and a manifest of these four, of version D12-1.0..D12-1.1. Read the scripts, and
add what only you know: a file that is there is kept and its manifest made again, unless --replace.")]
pub(super) struct MakeMetadata {
    /// The tree that machines have, VERSION/ROLE
    from: PathBuf,
    /// The tree that they get, VERSION/ROLE
    to: PathBuf,
    /// The directory of all metadata, which rsync serves
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take this script for pre, as it is
    #[arg(long, value_name = "FILE")]
    pre: Option<PathBuf>,
    /// Take this script for post, as it is
    #[arg(long, value_name = "FILE")]
    post: Option<PathBuf>,
    /// Start every machine anew
    #[arg(long)]
    reboot: bool,
    /// Sign the manifest with this secret key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write files that are there anew
    #[arg(long)]
    replace: bool,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    directory: PathBuf,
    identity: Identity,
    written: Vec<&'static str>,
    kept: Vec<&'static str>,
    /// Why machines are started anew, as far as the trees say it.
    reboot: Vec<String>,
    is_signed: bool,
}

impl MakeMetadata {
    /// Compares the trees and writes the directory.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (from, old, role) = tree::named(&self.from, None)?;
        let (to, new, other) = tree::named(&self.to, None)?;
        if role != other || old == new {
            let sentence =
                format!("`{old}/{role}` and `{new}/{other}` are not two versions of one role");
            return Err(Failure::new(Exit::Input, sentence));
        }
        let title = format!("{role} from {old} to {new}");
        let metadata = self.metadata(&title, &from, &to, &new)?;
        let directory = self
            .out
            .join(old.as_str())
            .join(role.as_str())
            .join(new.as_str());
        let (mut written, mut kept) = (Vec::new(), Vec::new());
        for (name, text, mode) in [
            ("exclude", &metadata.exclude, 0o644),
            ("add_only", &metadata.add_only, 0o644),
            ("pre", &metadata.pre, 0o755),
            ("post", &metadata.post, 0o755),
        ] {
            let path = directory.join(name);
            if path.exists() && !self.replace {
                kept.push(name);
                continue;
            }
            put(&path, text.as_bytes(), mode)?;
            written.push(name);
        }
        let version = RoleVersion::new(&format!("{old}..{new}")).map_err(|error| {
            Failure::new(Exit::Input, "the two versions have no name together").because(&error)
        })?;
        let identity = self.vouch(&directory, role, version)?;
        let result = Written {
            directory,
            identity,
            written,
            kept,
            reboot: metadata.reboot,
            is_signed: self.key.is_some(),
        };
        let mut answer = Answer::new(Exit::Done, &result)?;
        result.tell(&mut answer);
        Ok(answer)
    }

    fn metadata(
        &self,
        title: &str,
        from: &Path,
        to: &Path,
        new: &RoleVersion,
    ) -> Result<Metadata, Failure> {
        let exclude = text_if_there(&to.join(format!("var/lib/edeploy/{new}/exclude")))?;
        Filter::parse(exclude.as_bytes()).map_err(|error| {
            let sentence = "the new tree's `exclude` has a rule that is none";
            Failure::new(Exit::Input, sentence).because(&error)
        })?;
        let sides = [Side::read(from)?, Side::read(to)?];
        let [old, new] = [&sides[0], &sides[1]].map(Side::release);
        let mut metadata = Metadata::between(title, old, new, &exclude, self.reboot);
        for (given, text) in [
            (&self.pre, &mut metadata.pre),
            (&self.post, &mut metadata.post),
        ] {
            if let Some(path) = given {
                *text = input::read_text(path)?;
            }
        }
        Ok(metadata)
    }

    /// Writes the manifest of the directory, and the signature.
    fn vouch(
        &self,
        directory: &Path,
        role: RoleName,
        version: RoleVersion,
    ) -> Result<Identity, Failure> {
        let mut entries = tree::read(directory)?;
        entries.retain(|entry| {
            ![MANIFEST, SIGNATURE]
                .map(str::as_bytes)
                .contains(&entry.path.as_bytes())
        });
        let text = Manifest::new(role, version, entries)
            .map_err(|error| {
                let sentence = format!("`{}` is no directory of an upgrade", directory.display());
                Failure::new(Exit::Environment, sentence).because(&error)
            })?
            .render();
        let path = directory.join(MANIFEST);
        manifest::forget_signature(&path, &text)?;
        tree::write(&path, &text)?;
        if let Some(key) = &self.key {
            let signature = sign(&text, &input::read_text(key)?).map_err(|error| {
                let sentence = format!("cannot sign `{}`", path.display());
                Failure::new(Exit::Input, sentence).because(&error)
            })?;
            tree::write(&directory.join(SIGNATURE), &signature)?;
        }
        Ok(Identity::of(&text))
    }
}

impl Written {
    fn tell(&self, answer: &mut Answer) {
        let directory = self.directory.display();
        let names = |names: &[&str]| names.join(", ");
        let mut text = format!("{directory}\n  identity {}", self.identity);
        if !self.written.is_empty() {
            text.push_str(&format!("\n  written: {}", names(&self.written)));
        }
        if !self.kept.is_empty() {
            text.push_str(&format!("\n  kept as they were: {}", names(&self.kept)));
        }
        if !self.reboot.is_empty() {
            text.push_str(&format!(
                "\n  machines start anew: {}",
                self.reboot.join(", ")
            ));
        }
        if !self.is_signed {
            text.push_str(&format!(
                "\n  not signed: `edeployctl role sign {directory}/{MANIFEST} --key FILE`"
            ));
        }
        answer.say(Style::Plain, &text);
    }
}

/// One of the two trees.
struct Side {
    entries: Vec<Entry>,
    passwd: String,
    group: String,
}

impl Side {
    fn read(path: &Path) -> Result<Side, Failure> {
        Ok(Side {
            entries: tree::read(path)?,
            passwd: text_if_there(&path.join("etc/passwd"))?,
            group: text_if_there(&path.join("etc/group"))?,
        })
    }

    fn release(&self) -> Release<'_> {
        Release {
            entries: &self.entries,
            passwd: &self.passwd,
            group: &self.group,
        }
    }
}

fn text_if_there(path: &Path) -> Result<String, Failure> {
    match path.exists() {
        true => input::read_text(path),
        false => Ok(String::new()),
    }
}

/// The owner is whoever writes it.
fn put(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let owner = Ownership {
        mode,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    };
    put_file(path, content, false, owner)
        .map_err(|error| Failure::io("write", &input::name_of(path), &error))
}
