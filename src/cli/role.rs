//! `edeployctl role`: what a role's tree holds, how two differ, who vouches for it.

mod bootstrap;
mod build;
mod devices;
mod diff;
mod dnf;
mod host_keys;
mod image;
mod keys;
mod manifest;
mod metadata;
mod namespace;
mod pkgmngr;
mod tree;

use clap::{Args, Subcommand};

use super::answer::{Answer, Failure};

use build::Build;
use diff::Diff;
use keys::{Keygen, Sign};
use manifest::MakeManifest;
use metadata::MakeMetadata;

/// Build a role, write its manifest, compare two versions of a role, sign what is served
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl role build roles/base.toml --vers D12-1.0 --out install --add-ids
  edeployctl role manifest install/D12-1.0/base
  edeployctl role diff install/D12-1.0/base install/D12-1.1/base
  edeployctl role keygen roles
  edeployctl role sign install/D12-1.0/base.manifest --key roles.key
  edeployctl role metadata install/D12-1.0/base install/D12-1.1/base --out metadata --key roles.key")]
pub(super) struct Role {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Build(Build),
    Manifest(MakeManifest),
    Diff(Diff),
    Keygen(Keygen),
    Sign(Sign),
    Metadata(MakeMetadata),
}

impl Role {
    /// Does what is asked for.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        match &self.verb {
            Verb::Build(verb) => verb.answer(),
            Verb::Manifest(verb) => verb.answer(),
            Verb::Diff(verb) => verb.answer(),
            Verb::Keygen(verb) => verb.answer(),
            Verb::Sign(verb) => verb.answer(),
            Verb::Metadata(verb) => verb.answer(),
        }
    }
}
