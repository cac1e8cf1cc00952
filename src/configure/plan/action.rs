//! The plan as a value: what a configure script does, action by action (DESIGN section 5).
//!
//! Nothing here judges, shows or compares: `class`, `text` and `diff` do. The JSON of these types is
//! what `edeployctl plan --json` gives and what the hash is made of, so a change here is a change of
//! every hash.

use serde::{Deserialize, Deserializer, Serialize};

/// What a script does at one of its lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The line of the admin's text, from 1.
    pub line: u32,
    /// What is done there.
    #[serde(flatten)]
    pub what: What,
}

/// What one action does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum What {
    /// Runs a command; the script stops where it fails.
    Run {
        /// The command.
        command: CommandText,
    },
    /// Runs a command for what it prints.
    Output {
        /// The command.
        command: CommandText,
        /// The text that the script gives as `plan=`; without it only the machine knows.
        planned: Option<String>,
    },
    /// Writes a file.
    WriteFile {
        /// Where, with the base directory.
        path: String,
        /// What is written.
        content: String,
        /// The permission bits.
        mode: u32,
        /// The number of the owner.
        uid: u32,
        /// The number of the group.
        gid: u32,
        /// Whether the content is added to what is there.
        append: bool,
    },
    /// Chooses the tree that is installed, and the disk it is installed on.
    SetRole {
        /// The role.
        role: String,
        /// Its version.
        version: String,
        /// The disk, as the script names it.
        disk: String,
        /// The profile that the installed machine is told.
        profile: String,
    },
    /// Sets the boot arguments of the installed system.
    GrubOptions {
        /// The arguments, separated by blanks.
        options: String,
    },
    /// Talks to the management board.
    Ipmi {
        /// `setup_user`, `setup_network` or `restart_bmc`.
        call: String,
        /// Its arguments in the order of the call.
        arguments: Vec<String>,
    },
    /// Talks to a Smart Array controller.
    Hpacucli {
        /// `launch`, `ctrl_delete`, … as eDeploy's `hpacucli.py` names them.
        call: String,
        /// Its arguments in the order of the call.
        arguments: Vec<String>,
        /// The name of the placeholder for what the controller answers, where a script can use it.
        gives: Option<String>,
    },
    /// Waits.
    Sleep {
        /// How long, in seconds; a finite number.
        #[serde(deserialize_with = "number")]
        seconds: f64,
    },
    /// Hands the whole script to another interpreter; nothing is known of what it does.
    Opaque {
        /// The interpreter, as the first line names it.
        interpreter: String,
        /// The SHA-256 of the script in lower-case hexadecimal: another text is another plan.
        sha256: String,
    },
}

/// A command as the script gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandText {
    /// A text that a shell reads.
    Shell(String),
    /// A program and its arguments, without a shell.
    List(Vec<String>),
}

/// A value that only the machine can know. In the texts of actions it stands as `⟨name⟩`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placeholder {
    /// The name, such as `disk-1` or `output-2`.
    pub name: String,
    /// The line of the script that asks for the value, from 1.
    pub line: u32,
    /// The command or call that gives the value.
    pub from: String,
}

/// What a script does on one machine, in order. The same script and variables give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The profile that the machine was given.
    pub profile: String,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// What only the machine can know.
    pub placeholders: Vec<Placeholder>,
}

/// Reads a number as `serde_json` holds it: `starlark` turns its feature `arbitrary_precision` on, with
/// which the fields of a tagged enum hold numbers that only its own type can read.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let seconds = number.as_f64().filter(|seconds| seconds.is_finite());
    seconds.ok_or_else(|| serde::de::Error::custom("the number is too large"))
}

impl Plan {
    /// Whether something in the plan is only known on the machine: a value, or all of what another
    /// interpreter does.
    pub fn is_partial(&self) -> bool {
        let opaque = |action: &Action| matches!(action.what, What::Opaque { .. });
        !self.placeholders.is_empty() || self.actions.iter().any(opaque)
    }
}
