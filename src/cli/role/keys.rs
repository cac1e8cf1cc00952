//! `edeployctl role keygen` and `role sign`: who vouches for a role.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::roles::{self, Identity, Keys};
use crate::system::{Ownership, put_file};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::super::input;
use super::tree;

/// Make a pair of keys to sign manifests with
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role keygen roles

writes roles.key, which signs and has no password, and roles.pub, which machines check with. They are keys of minisign:
`minisign -G` makes them too, and `minisign -S` signs with one that has a password.")]
pub(super) struct Keygen {
    /// What the two files are called, without .key and .pub
    name: PathBuf,
}

/// Sign a manifest
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role sign install/D12-1.0/base.manifest --key roles.key

writes install/D12-1.0/base.manifest.minisig. Role and version are said in the manifest and signed with it.")]
pub(super) struct Sign {
    /// The manifest, ROLE.manifest
    manifest: PathBuf,
    /// The secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Keygen {
    /// Makes both files; neither may be there.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let [secret, public] = ["key", "pub"].map(|ending| tree::beside(&self.name, ending));
        for path in [&secret, &public] {
            if path.exists() {
                let sentence = format!("`{}` is there already", path.display());
                return Err(Failure::new(Exit::Input, sentence));
            }
        }
        let keys = Keys::generate().map_err(|error| {
            Failure::new(Exit::Environment, "there are no keys").because(&error)
        })?;
        // A key is its maker's alone.
        let owner = Ownership {
            mode: 0o600,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        put_file(&secret, keys.secret.as_bytes(), false, owner)
            .map_err(|error| Failure::io("write", &input::name_of(&secret), &error))?;
        tree::write(&public, &keys.public)?;
        let line = keys.public.lines().nth(1).unwrap_or_default();
        let files = json!({"secret": secret, "public": public, "key": line});
        let mut answer = Answer::new(Exit::Done, &files)?;
        let (secret, public) = (secret.display(), public.display());
        let text = format!(
            "{secret} signs: keep it where nobody else can read it\n{public} checks: {line}"
        );
        answer.say(Style::Plain, &text);
        Ok(answer)
    }
}

impl Sign {
    /// Writes the signature beside the manifest.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let text = input::read_text(&self.manifest)?;
        let secret = input::read_text(&self.key)?;
        let signature = roles::sign(&text, &secret).map_err(|error| {
            let sentence = format!("cannot sign `{}`", self.manifest.display());
            Failure::new(Exit::Input, sentence).because(&error)
        })?;
        let path = tree::beside(&self.manifest, "minisig");
        tree::write(&path, &signature)?;
        let identity = Identity::of(&text);
        let mut answer = Answer::new(
            Exit::Done,
            &json!({"signature": path, "identity": identity}),
        )?;
        let path = path.display();
        answer.say(Style::Plain, &format!("{path}\n  identity {identity}"));
        Ok(answer)
    }
}
