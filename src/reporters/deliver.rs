//! The edge: lines are written, JSON is posted.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::handed::Handed;
use super::table::Reporter;
use crate::model::Level;

/// How long an endpoint may take. curtin waits for ever; a thread of its own waits here.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a reporter did not get what it was to be handed.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Standard output is closed.
    #[error("standard output cannot be written")]
    Output(#[from] std::io::Error),
    /// The endpoint cannot be reached, or did not answer in time.
    #[error("no answer from the endpoint")]
    NoAnswer(#[source] Box<ureq::Error>),
    /// It did not take it.
    #[error("the endpoint answered with status {0}")]
    Status(u16),
}

/// What posts for reporters: no proxy, no redirects, since credentials are for one address only.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(DEADLINE))
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

impl Handed {
    /// Delivers it, with the reporter's credentials and tries; `log` writes a line into the log.
    ///
    /// # Errors
    /// Those of the last try. It is lost then.
    pub fn deliver(
        &self,
        reporter: &Reporter,
        agent: &ureq::Agent,
        log: impl FnOnce(Level, &str),
    ) -> Result<(), Undelivered> {
        match self {
            Handed::Print(line) => Ok(writeln!(std::io::stdout(), "{line}")?),
            Handed::Log(level, line) => {
                log(*level, line);
                Ok(())
            }
            Handed::Post { url, body } => {
                let endpoint = reporter.endpoint.as_ref();
                let retries = endpoint.map(|it| it.retries.as_slice()).unwrap_or_default();
                let mut done = post(reporter, agent, url, body);
                for pause in retries {
                    if done.is_ok() {
                        break;
                    }
                    std::thread::sleep(*pause);
                    done = post(reporter, agent, url, body);
                }
                done
            }
        }
    }
}

fn post(
    reporter: &Reporter,
    agent: &ureq::Agent,
    url: &str,
    body: &str,
) -> Result<(), Undelivered> {
    let mut request = agent
        .post(url)
        .header("Content-Type", "application/json")
        .header("Accept-Encoding", "identity")
        .header("User-Agent", concat!("edeploy/", env!("CARGO_PKG_VERSION")));
    if let Some(oauth) = reporter.endpoint.as_ref().and_then(|it| it.oauth.as_ref()) {
        // The standard library's keys of hash maps are random.
        let nonce = RandomState::new().build_hasher().finish();
        let header = oauth.header(nonce, Timestamp::now().as_second());
        request = request.header("Authorization", header);
    }
    let answer = request.send(body);
    let status = answer.map_err(|error| Undelivered::NoAnswer(Box::new(error)))?;
    match status.status().as_u16() {
        200..300 => Ok(()),
        status => Err(Undelivered::Status(status)),
    }
}
