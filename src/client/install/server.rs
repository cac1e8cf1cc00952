//! The server, over HTTP: hardware up, the answer down; a failure and the log reported.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::BootId;

use super::agent;
use super::retry::Transient;
use super::settings::Settings;

/// The longest answer that is read: a script of 256 KB with its variables fits many times.
const LONGEST_ANSWER: u64 = 16 << 20;

/// The mark between the parts of a form. Longer and stranger than any line of a log.
const BOUNDARY: &str = "----------edeploy7f6b1c0d5e2a4938b6c7d8e9f0a1b2c3";

/// Why the server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    /// It cannot be reached, or did not answer in time.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the network said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It is busy or in trouble: to be asked again.
    #[error("{url} answered {status}: {text}")]
    Busy {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it said.
        text: String,
    },
    /// It has nothing for this machine, and says why.
    #[error("the server refuses this machine ({status}): {text}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        text: String,
    },
}

impl Transient for ServerError {
    fn may_pass(&self) -> bool {
        !matches!(self, ServerError::Refused { .. })
    }
}

/// What an upload counts as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt {
    /// No attempt to install.
    Rehearsal,
    /// An attempt, once in this start of the machine.
    InBoot(Option<BootId>),
}

/// The server of an installation.
#[derive(Debug, Clone)]
pub(super) struct Server {
    agent: ureq::Agent,
    base: String,
    upload: String,
    section: String,
}

impl Server {
    /// The server that the command line names.
    pub(super) fn of(settings: &Settings) -> Server {
        let scheme = match settings.ca {
            Some(_) => "https",
            None => "http",
        };
        let base = format!("{scheme}://{}:{}", settings.serv, settings.http_port);
        let path = settings.http_path.trim_matches('/');
        let upload = match path {
            "" => format!("{base}/upload.py"),
            path => format!("{base}/{path}/upload.py"),
        };
        Server {
            agent: agent::for_requests(settings),
            base,
            upload,
            section: settings.section.clone(),
        }
    }

    /// Posts the facts, a JSON list of rows, and gives the answer's text: JSON too.
    pub(super) fn register(&self, facts: &str, attempt: Attempt) -> Result<String, ServerError> {
        let url = format!("{}/api/v1/machines", self.base);
        let section = serde_json::Value::from(self.section.as_str());
        let attempt = match attempt {
            Attempt::Rehearsal => "\"rehearsal\":true,".to_owned(),
            Attempt::InBoot(Some(boot_id)) => format!("\"boot_id\":\"{boot_id}\","),
            Attempt::InBoot(None) => String::new(),
        };
        let body = format!("{{\"section\":{section},{attempt}\"facts\":{facts}}}");
        self.post(&url, "application/json", body.as_bytes())
    }

    /// Says that the machine of this name is installed, so that it boots from its disk from now on.
    pub(super) fn report_installed(&self, machine: &str) -> Result<(), ServerError> {
        self.post(&self.installed_url(machine), "application/json", b"")
            .map(|_| ())
    }

    /// Hands on rows of the journal, each a JSON object.
    pub(super) fn report_events(&self, machine: &str, rows: &[String]) -> Result<(), ServerError> {
        let machine = utf8_percent_encode(machine, NON_ALPHANUMERIC);
        let url = format!("{}/api/v1/events/{machine}", self.base);
        let body = rows.join("\n");
        self.post(&url, "application/x-ndjson", body.as_bytes())
            .map(|_| ())
    }

    /// Where it is said that a machine is installed.
    pub(super) fn installed_url(&self, machine: &str) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!(
            "{}/api/v1/machines/{}/installed?section={}",
            self.base,
            encoded(machine),
            encoded(&self.section)
        )
    }

    /// Says that the installation of this machine failed, so that its place is given back.
    pub(super) fn report_failure(&self, profile: &str, facts: &str) -> Result<(), ServerError> {
        let fields = [("section", self.section.as_str()), ("failure", profile)];
        let form = form(&fields, "hw.json", facts.as_bytes());
        self.post(&self.upload, &form_type(), &form).map(|_| ())
    }

    /// Hands in a compressed log under its name.
    pub(super) fn upload_log(&self, name: &str, log: &[u8]) -> Result<(), ServerError> {
        let form = form(&[("section", &self.section)], name, log);
        self.post(&self.upload, &form_type(), &form).map(|_| ())
    }

    fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<String, ServerError> {
        let request = self.agent.post(url).header("Content-Type", kind);
        self.text(url, request.send(body))
    }

    fn text(
        &self,
        url: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<String, ServerError> {
        let unreachable = |source| ServerError::Unreachable {
            url: url.to_owned(),
            source: Box::new(source),
        };
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
        let text = body
            .lossy_utf8(true)
            .read_to_string()
            .map_err(unreachable)?;
        match status {
            200..300 => Ok(text),
            429 | 500.. => Err(ServerError::Busy {
                url: url.to_owned(),
                status,
                text: said(&text),
            }),
            _ => Err(ServerError::Refused {
                status,
                text: said(&text),
            }),
        }
    }
}

/// What an error answer says: the `error` of our own, or its beginning.
fn said(text: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let error = json.as_ref().and_then(|json| json["error"].as_str());
    let details = json.as_ref().map(|json| json["details"].to_string());
    match (error, details) {
        (Some(error), Some(details)) if details != "null" => format!("{error} {details}"),
        (Some(error), _) => error.to_owned(),
        (None, _) => text.trim().chars().take(2_000).collect(),
    }
}

fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A form as the original's ramdisk sends it (wire format of `curl -F`, RFC 7578).
fn form(fields: &[(&str, &str)], file_name: &str, content: &[u8]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        form.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    form.extend_from_slice(head.as_bytes());
    form.extend_from_slice(content);
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_upload_has_no_doubled_slash() {
        let upload = |line: &str| Server::of(&Settings::parse(line).unwrap()).upload;
        assert_eq!(upload("SERV=a"), "http://a:80/cgi-bin/upload.py");
        assert_eq!(upload("SERV=a HTTP_PATH=/"), "http://a:80/upload.py");
        assert_eq!(
            upload("SERV=a HTTP_PATH=/x/y/ HTTP_PORT=8080"),
            "http://a:8080/x/y/upload.py"
        );
    }

    #[test]
    fn an_error_of_the_server_is_shown_in_its_own_words() {
        let text = r#"{"error": "no profile matches", "details": {"vm": "no disk"}}"#;
        assert_eq!(said(text), r#"no profile matches {"vm":"no disk"}"#);
        assert_eq!(said("<html>proxy</html>\n"), "<html>proxy</html>");
    }

    #[test]
    fn a_server_that_is_not_there_may_come_back() {
        // A port that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let line = format!("SERV=127.0.0.1 HTTP_PORT={port}");
        let server = Server::of(&Settings::parse(&line).unwrap());
        let error = server.register("[]", Attempt::InBoot(None)).unwrap_err();
        assert!(error.may_pass(), "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("http://127.0.0.1:{port}/api")),
            "{error}"
        );
    }
}
