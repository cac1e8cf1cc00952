//! What the verbs about one machine share: which one, and who is to do it, the files' lock or a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value as Json;

use crate::allocation::{AllocateError, Section, SectionOptions};
use crate::model::{
    Allocation, CmdbEntry, Deployments, Identity, MachineId, Place, ProfileName, SectionName,
};

use super::answer::{Exit, Failure};
use super::input;

/// How long a server may take to answer.
const SERVER_DEADLINE: Duration = Duration::from_secs(60);

/// One machine, and who is asked about it.
#[derive(Debug, Args)]
pub(super) struct OneMachine {
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

/// How a server is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// `DELETE` of the machine.
    Delete,
    /// `POST` below the machine.
    Post(&'static str),
}

/// What a machine holds, as the server's API shows it.
#[derive(Serialize)]
struct Shown<'a> {
    section: &'a SectionName,
    machine: &'a MachineId,
    profile: &'a ProfileName,
    place: Place,
    deployments: Deployments,
    identity: &'a Identity,
    variables: CmdbEntry,
}

impl OneMachine {
    /// Does it in the directory itself, or has a server do it; gives what the API shows.
    pub(super) fn ask(
        &self,
        in_directory: fn(&Section, &str) -> Result<Allocation, AllocateError>,
        of_server: Ask,
    ) -> Result<Json, Failure> {
        match (&self.server, &self.config) {
            (Some(url), _) => self.through_server(url, of_server),
            (None, Some(directory)) => self.in_directory(directory, in_directory),
            (None, None) => Err(Failure::new(Exit::Usage, "--config or --server is missing")),
        }
    }

    fn in_directory(
        &self,
        directory: &Path,
        act: fn(&Section, &str) -> Result<Allocation, AllocateError>,
    ) -> Result<Json, Failure> {
        input::expect_directory(directory)?;
        let options = SectionOptions {
            lock_deadline: Duration::from_secs(self.wait),
        };
        let held = Section::open(self.section.clone(), directory, options)
            .and_then(|section| act(&section, &self.machine))
            .map_err(|error| Failure::allocate(&error))?;
        let shown = Shown {
            section: &self.section,
            machine: &held.machine,
            profile: &held.profile,
            place: held.place,
            deployments: held.deployments,
            identity: &held.identity,
            variables: held.variables(),
        };
        serde_json::to_value(shown).map_err(|error| {
            Failure::new(Exit::Environment, "the answer cannot be written as JSON").because(&error)
        })
    }

    fn through_server(&self, url: &str, ask: Ask) -> Result<Json, Failure> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let below = match ask {
            Ask::Delete => String::new(),
            Ask::Post(what) => format!("/{what}"),
        };
        let address = format!(
            "{}/api/v1/machines/{}{below}?section={}",
            url.trim_end_matches('/'),
            encoded(&self.machine),
            encoded(self.section.as_str())
        );
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(SERVER_DEADLINE))
            .http_status_as_error(false)
            .build()
            .into();
        let unreachable = |error: &ureq::Error| {
            Failure::new(Exit::Environment, format!("cannot reach `{url}`")).because(error)
        };
        let answered = match ask {
            Ask::Delete => agent.delete(&address).call(),
            Ask::Post(_) => agent.post(&address).send_empty(),
        };
        let mut response = answered.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .read_to_string()
            .map_err(|error| unreachable(&error))?;
        let json: Json = serde_json::from_str(&body).unwrap_or_default();
        match status {
            200 => Ok(json),
            status => Err(refused(url, status, &json)),
        }
    }
}

/// What a status says of who must act (house rule: 4xx input, 503 busy, else the server).
fn refused(url: &str, status: u16, json: &Json) -> Failure {
    let exit = match status {
        503 => Exit::Busy,
        400..=499 => Exit::Input,
        _ => Exit::Environment,
    };
    let error = match json["error"].as_str() {
        Some(error) => error.to_owned(),
        None => format!("`{url}` answered with status {status}: is this an edeploy-server?"),
    };
    let details = json["details"].as_str().filter(|details| *details != error);
    let details = details.map(str::to_owned);
    Failure {
        details,
        facts: json["details"].clone(),
        ..Failure::new(exit, error)
    }
}
