//! `edeploy report`: a script on the machine tells the server how far it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::assignments;
use super::install::{CaError, for_reports};
use super::installed::known_of_server;

/// How long the server may take. A script waits no longer for its report.
const DEADLINE: Duration = Duration::from_secs(10);

/// Tell the server how far this machine is, from a script
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeploy report install/database start
  edeploy report install/database progress --percent 40
  edeploy report install/database finish --message 'loaded 3 tables'
  edeploy report install/database failed --message 'no space left'

The server is that of --server, $EDEPLOY_SERVER, SERV and HTTP_PORT in the file that says what is installed, or
those of the kernel's command line, in this order; so are TOKEN and CA, the file of an HTTPS server's certificate.
The installation leaves the machine's own TOKEN in the file `token` beside the former, for root alone.
The outermost step, as `install`, is the whole.")]
pub(super) struct Report {
    /// The step, with those that it is in: install/database
    step: String,
    /// What of it
    #[arg(value_enum)]
    what: What,
    /// In words
    #[arg(long, value_name = "WORDS", default_value = "")]
    message: String,
    /// How far it has come
    #[arg(long, value_name = "0-100", value_parser = percent)]
    percent: Option<f32>,
    #[command(flatten)]
    receiver: Receiver,
}

/// Who is told, and of which machine.
#[derive(Debug, Clone, Args)]
pub(super) struct Receiver {
    /// The machine's name; else the one that the server gave it when it was installed, its hostname, or its uuid
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// The server: http://HOST:PORT
    #[arg(long, value_name = "URL", env = "EDEPLOY_SERVER", hide_env = true)]
    server: Option<String>,
    /// The machine's token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "EDEPLOY_TOKEN",
        hide_env = true,
        hide_env_values = true
    )]
    token: Option<String>,
    /// The kernel's command line
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/proc/cmdline",
        hide = true
    )]
    cmdline: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// It begins
    Start,
    /// It goes on: how far it has come, or something to know
    Progress,
    /// It ended well
    Finish,
    /// It did not
    Failed,
}

/// Why nothing was reported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    /// Nobody said where the server is.
    #[error("no server is known: give --server, or set EDEPLOY_SERVER")]
    NoServer,
    /// The certificates that it is to be known by are of no use.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// It cannot be reached.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the network said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It did not take the report.
    #[error("{url} answered {status}: {text}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it said.
        text: String,
    },
}

impl ReportError {
    /// The exit code: 3 the server refuses, 5 it cannot be reached.
    pub(super) fn code(&self) -> u8 {
        match self {
            ReportError::Refused {
                status: 400..500, ..
            } => 3,
            _ => 5,
        }
    }
}

fn percent(text: &str) -> Result<f32, String> {
    let number: Option<f32> = text.trim_end_matches('%').parse().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

impl Report {
    /// Reports it.
    ///
    /// # Errors
    /// The server is not known, cannot be reached, or refuses the report.
    pub(super) fn run(&self, conf: &Path) -> Result<(), ReportError> {
        let body = self.body(jiff::Timestamp::now());
        self.receiver.post(conf, "/api/v1/events", &body)
    }

    /// The event as the server takes it (wire-formats 2.2).
    fn body(&self, now: jiff::Timestamp) -> serde_json::Value {
        let (kind, result) = match self.what {
            What::Start => ("start", None),
            What::Progress => ("progress", None),
            What::Finish => ("finish", Some("SUCCESS")),
            What::Failed => ("finish", Some("FAIL")),
        };
        let mut body = json!({
            "origin": "script",
            "name": self.step,
            "event_type": kind,
            "description": self.message,
            "timestamp": now.to_string(),
        });
        if let Some(result) = result {
            body["result"] = result.into();
        }
        if let Some(percent) = self.percent {
            body["percent"] = percent.into();
        }
        body
    }
}

impl Receiver {
    /// Posts an object, with the machine's name in it.
    ///
    /// # Errors
    /// The server is not known, cannot be reached, or refuses it.
    pub(super) fn post(
        &self,
        conf: &Path,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(), ReportError> {
        let known = Known::read(conf, &self.cmdline);
        let server = self.server.clone().or_else(|| known.server());
        let server = server.ok_or(ReportError::NoServer)?;
        let url = format!("{}{path}", server.trim_end_matches('/'));
        let ca = known.value("CA").filter(|_| url.starts_with("https://"));
        let agent = for_reports(ca.as_deref().map(Path::new), DEADLINE)?;
        let mut request = agent.post(&url).header("Content-Type", "application/json");
        if let Some(token) = self.token.clone().or_else(|| known.value("TOKEN")) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut body = body.clone();
        let named = self.machine.clone().or_else(|| known.value("MACHINE"));
        if let Some(machine) = named.or_else(own_name) {
            body["machine"] = machine.into();
        }
        let answer = request.send(body.to_string());
        let mut answer = answer.map_err(|source| ReportError::Unreachable {
            url: url.clone(),
            source: Box::new(source),
        })?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let text = text.trim().chars().take(1_000).collect();
        Err(ReportError::Refused { url, status, text })
    }
}

/// What this machine calls itself. Without a name of its own the server knows it by where it calls from.
pub(super) fn own_name() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let hostname = read("/proc/sys/kernel/hostname").unwrap_or_default();
    match hostname.trim() {
        "" | "localhost" | "localhost.localdomain" | "(none)" => {
            let uuid = read("/sys/class/dmi/id/product_uuid")?;
            Some(uuid.trim().to_lowercase()).filter(|uuid| !uuid.is_empty())
        }
        hostname => Some(hostname.to_owned()),
    }
}

/// What the machine was told of its server.
struct Known {
    /// From the file first, then from the command line.
    assignments: [Vec<(String, String)>; 2],
}

impl Known {
    fn read(conf: &Path, cmdline: &Path) -> Known {
        // Neither need be there.
        let cmdline = std::fs::read_to_string(cmdline).unwrap_or_default();
        Known {
            assignments: [known_of_server(conf), of_cmdline(&cmdline)],
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let mut found = self
            .assignments
            .iter()
            .filter_map(|it| assignments::last(it, name));
        found.next().map(str::to_owned)
    }

    fn server(&self) -> Option<String> {
        let host = self.value("SERV")?;
        let (scheme, port) = match self.value("CA") {
            Some(_) => ("https", "443"),
            None => ("http", "80"),
        };
        let port = self.value("HTTP_PORT").unwrap_or_else(|| port.to_owned());
        Some(format!("{scheme}://{host}:{port}"))
    }
}

/// The words `NAME=VALUE` of a kernel's command line; what stands between bars is for the installed system.
fn of_cmdline(line: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = line.splitn(3, '|').collect();
    let outside = match parts.as_slice() {
        [before, _, after] => format!("{before} {after}"),
        _ => line.to_owned(),
    };
    let words = outside
        .split_whitespace()
        .filter_map(|word| word.split_once('='));
    words
        .map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(conf: &str, cmdline: &str) -> Known {
        Known {
            assignments: [assignments::parse(conf), of_cmdline(cmdline)],
        }
    }

    #[test]
    fn the_file_of_the_installed_system_counts_before_the_command_line() {
        let cmdline = "quiet SERV=10.0.0.1 HTTP_PORT=8080 |SERV=no| TOKEN=a.b";
        let found = known("", cmdline);
        assert_eq!(found.server().as_deref(), Some("http://10.0.0.1:8080"));
        assert_eq!(found.value("TOKEN").as_deref(), Some("a.b"));
        let found = known("SERV='10.0.0.2'\nHTTP_PORT=81\n", cmdline);
        assert_eq!(found.server().as_deref(), Some("http://10.0.0.2:81"));
        let found = known("SERV=h\nHTTP_PORT=443\nCA=/ca.pem", "");
        assert_eq!(found.server().as_deref(), Some("https://h:443"));
        assert_eq!(known("ROLE=x", "quiet").server(), None);
        let found = known("SERV=h\nCA=/var/lib/edeploy/ca.pem\n", "quiet");
        assert_eq!(found.server().as_deref(), Some("https://h:443"));
    }
}
