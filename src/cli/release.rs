//! `edeployctl release`: a machine's entry and place are free again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value as Json;

use crate::allocation::{Section, SectionOptions};
use crate::model::{CmdbEntry, Identity, MachineId, Place, ProfileName, SectionName};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;
use super::remote::{DEADLINE, agent, encoded, refused};

/// Release what a machine holds: its CMDB entry and its place are free again
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl release srv11 --config /var/lib/edeploy/config

MACHINE is the machine's name, serial, uuid, one of its MACs, or the hostname it was given. With
--config the directory is changed under its lock, whether or not a server is running.")]
pub(super) struct Release {
    /// The machine
    machine: String,
    /// The directory of the state file and the profiles
    #[arg(long, value_name = "DIR", required_unless_present = "server")]
    config: Option<PathBuf>,
    /// Let this server do it: http://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "wait"])]
    server: Option<String>,
    /// The section that the machine belongs to
    #[arg(
        long,
        value_name = "NAME",
        requires = "server",
        default_value = "SERVER"
    )]
    section: SectionName,
    /// How long to wait for the lock
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

/// What was released, as the server's API shows it.
#[derive(Serialize)]
struct Released<'a> {
    section: &'a SectionName,
    machine: &'a MachineId,
    profile: &'a ProfileName,
    place: Place,
    identity: &'a Identity,
    variables: CmdbEntry,
}

impl Release {
    /// Releases in the directory itself or through a server.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        match (&self.server, &self.config) {
            (Some(url), _) => self.through_server(url),
            (None, Some(directory)) => self.in_directory(directory),
            (None, None) => Err(Failure::new(Exit::Usage, "--config or --server is missing")),
        }
    }

    fn in_directory(&self, directory: &Path) -> Result<Answer, Failure> {
        input::expect_directory(directory)?;
        let options = SectionOptions {
            lock_deadline: Duration::from_secs(self.wait),
        };
        let released = Section::open(self.section.clone(), directory, options)
            .and_then(|section| section.release(&self.machine))
            .map_err(|error| Failure::allocate(&error))?;
        let shown = Released {
            section: &self.section,
            machine: &released.machine,
            profile: &released.profile,
            place: released.place,
            identity: &released.identity,
            variables: released.variables(),
        };
        let mut answer = Answer::new(Exit::Done, &shown)?;
        answer.say(
            Style::Good,
            &format!("released {} from {}", released.machine, released.profile),
        );
        Ok(answer)
    }

    fn through_server(&self, url: &str) -> Result<Answer, Failure> {
        let address = format!(
            "{}/api/v1/machines/{}?section={}",
            url.trim_end_matches('/'),
            encoded(&self.machine),
            encoded(self.section.as_str())
        );
        let unreachable = |error: &ureq::Error| {
            Failure::new(Exit::Environment, format!("cannot reach `{url}`")).because(error)
        };
        let mut response = agent(Some(DEADLINE))
            .delete(&address)
            .call()
            .map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .read_to_string()
            .map_err(|error| unreachable(&error))?;
        let json: Json = serde_json::from_str(&body).unwrap_or_default();
        if status != 200 {
            return Err(refused(url, status, &json));
        }
        let mut answer = Answer::new(Exit::Done, &json)?;
        let field = |name: &str| json[name].as_str().unwrap_or("?").to_owned();
        answer.say(
            Style::Good,
            &format!("released {} from {}", field("machine"), field("profile")),
        );
        Ok(answer)
    }
}
