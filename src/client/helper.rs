//! `edeploy helper`: the helpers of configure scripts, for scripts in other languages.
//!
//! Such a script finds the machine's variables as JSON in `$EDEPLOY_VARS` and calls this program for
//! what a Starlark script calls a function for. Names and arguments are the same.

use std::io::Read;
use std::path::Path;

use clap::{Args, Subcommand};

use super::configure::{Staged, StagedError, ipmi};
use crate::configure::engine::{facter_facts, staged_path};
use crate::model::{CmdbEntry, Value};
use crate::system::{Ownership, Real};

/// Where the files of the installed system are staged (eDeploy `upload.py`).
const BASE: &str = "/post_rsync";

/// Act for a configure script in another language, which finds its variables in $EDEPLOY_VARS
#[derive(Debug, Args)]
#[command(after_help = "\
Example, in NAME.configure:
  #!/bin/sh -e
  mkfs.ext4 -F /dev/vda1
  edeploy helper set_role mysql D7-F.1.0.0 /dev/vda
  echo node7 | edeploy helper config /etc/hostname")]
pub(super) struct Helper {
    #[command(subcommand)]
    call: Call,
}

#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
enum Call {
    /// Choose the role to install, its version, and the disk that it boots from
    SetRole {
        role: String,
        version: String,
        disk: String,
    },
    /// Set boot arguments of the installed system, in place of any set before
    GrubOptions { options: String },
    /// Stage standard input as a file of the installed system
    Config {
        /// Its path there
        name: String,
        /// Add to the staged file
        #[arg(long)]
        append: bool,
        /// Where it is staged
        #[arg(long, value_name = "DIR", default_value = BASE)]
        basedir: String,
        /// Its permissions
        #[arg(long, value_name = "OCTAL", default_value = "644", value_parser = octal)]
        fmod: u32,
        /// Its owner's number
        #[arg(long, default_value_t = 0)]
        uid: u32,
        /// Its group's number
        #[arg(long, default_value_t = 0)]
        gid: u32,
    },
    /// Give the variables to facter on the installed system
    InjectFacts {
        /// What stands before each name
        #[arg(long, default_value = "hw_")]
        prefix: String,
    },
    /// Talk to the management board: setup_user, setup_network or restart_bmc
    Ipmi {
        call: String,
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Why a helper did nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelperError {
    #[error(
        "$EDEPLOY_VARS does not hold this machine's variables: is this run by a configure script?"
    )]
    NoVariables,
    #[error("{0}")]
    Refused(String),
    #[error("cannot read standard input")]
    Input(#[source] std::io::Error),
    #[error(transparent)]
    Staged(#[from] StagedError),
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text.trim_start_matches("0o"), 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err("permissions are octal digits such as 644".to_owned()),
    }
}

fn variables() -> Result<CmdbEntry, HelperError> {
    let text = std::env::var("EDEPLOY_VARS").map_err(|_| HelperError::NoVariables)?;
    serde_json::from_str(&text).map_err(|_| HelperError::NoVariables)
}

impl Helper {
    /// Does what is asked for.
    pub(super) fn run(&self) -> Result<(), HelperError> {
        let staged = Staged::below(Path::new("/"));
        match &self.call {
            Call::SetRole {
                role,
                version,
                disk,
            } => {
                let variables = variables()?;
                let Some(Value::Text(profile)) = variables.get("edeploy-profile") else {
                    return Err(HelperError::NoVariables);
                };
                staged.set_role(role, version, disk, profile)?;
            }
            Call::GrubOptions { options } => staged.grub_options(options)?,
            Call::Config {
                name,
                append,
                basedir,
                fmod,
                uid,
                gid,
            } => {
                let path = staged_path(basedir, name).map_err(HelperError::Refused)?;
                let mut content = Vec::new();
                let read = std::io::stdin().lock().read_to_end(&mut content);
                read.map_err(HelperError::Input)?;
                let wanted = Ownership {
                    mode: *fmod,
                    uid: *uid,
                    gid: *gid,
                };
                staged.put(&path, &content, *append, wanted)?;
            }
            Call::InjectFacts { prefix } => inject_facts(&staged, prefix)?,
            Call::Ipmi { call, arguments } => {
                let problems = ipmi(&Real, call, arguments);
                if !problems.is_empty() {
                    return Err(HelperError::Refused(problems.join("\n")));
                }
            }
        }
        Ok(())
    }
}

fn inject_facts(staged: &Staged, prefix: &str) -> Result<(), HelperError> {
    let name = "/etc/facter/facts.d/edeploy.yaml";
    let path = staged_path(BASE, name).map_err(HelperError::Refused)?;
    let content = facter_facts(&variables()?, prefix);
    let wanted = Ownership {
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    Ok(staged.put(&path, content.as_bytes(), false, wanted)?)
}
