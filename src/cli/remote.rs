//! A server that is asked over HTTP: JSON as a whole, or lines as they come.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::answer::{Exit, Failure};

/// How long a server may take to answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// The longest answer that is read: 10,000 machines fit many times.
const LONGEST: u64 = 256 << 20;

/// Where to ask.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// The server, http://HOST:PORT; else $EDEPLOY_SERVER
    #[arg(
        long,
        value_name = "URL",
        env = "EDEPLOY_SERVER",
        hide_env = true,
        default_value = "http://127.0.0.1:8080"
    )]
    pub(super) server: String,
}

/// What a question is asked with: names and values.
pub(super) type Query<'a> = Vec<(&'a str, String)>;

/// A part of a path or a query, so that nothing in it means something.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A question that takes as long as the answer goes on has no deadline.
pub(super) fn agent(deadline: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(deadline)
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(DEADLINE))
        .http_status_as_error(false)
        .build()
        .into()
}

impl Remote {
    /// The address of a path with a query.
    fn address(&self, path: &str, query: &[(&str, String)]) -> String {
        let base = self.server.trim_end_matches('/');
        let query = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let query: Vec<String> = query.collect();
        match query.is_empty() {
            true => format!("{base}{path}"),
            false => format!("{base}{path}?{}", query.join("&")),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let failure = Failure::new(Exit::Environment, format!("cannot reach `{}`", self.server));
        failure.because(error)
    }

    fn open(
        &self,
        address: &str,
        deadline: Option<Duration>,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let answer = agent(deadline).get(address).call();
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(answer);
        }
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Err(refused(&self.server, status, &json))
    }

    /// Asks for JSON: as it came, and read.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<(Json, T), Failure> {
        let mut answer = self.open(&self.address(path, query), Some(DEADLINE))?;
        let body = answer.body_mut().with_config().limit(LONGEST);
        let text = body
            .read_to_string()
            .map_err(|error| self.unreachable(&error))?;
        let no_json = |error: serde_json::Error| {
            let text = format!(
                "`{}` does not answer as an edeploy-server does",
                self.server
            );
            Failure::new(Exit::Environment, text).because(&error)
        };
        let json: Json = serde_json::from_str(&text).map_err(no_json)?;
        let read = serde_json::from_value(json.clone()).map_err(no_json)?;
        Ok((json, read))
    }

    /// Asks for text and gives its lines as they come. Bytes that are no UTF-8 are replaced.
    pub(super) fn lines(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<impl Iterator<Item = io::Result<String>> + Send + use<>, Failure> {
        let answer = self.open(&self.address(path, query), None)?;
        let body = answer.into_body().into_with_config().limit(u64::MAX);
        let mut lines = BufReader::new(body.reader());
        Ok(std::iter::from_fn(move || next_line(&mut lines)))
    }
}

/// How long one line may be: what comes after it is the next one.
const LONGEST_LINE: u64 = 1 << 20;

fn next_line(lines: &mut impl BufRead) -> Option<io::Result<String>> {
    let mut line = Vec::new();
    match lines.take(LONGEST_LINE).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) => {
            let line = String::from_utf8_lossy(&line);
            Some(Ok(line.trim_end_matches(['\n', '\r']).to_owned()))
        }
        Err(error) => Some(Err(error)),
    }
}

/// What a status says of who must act (house rule: 4xx input, 503 busy, else the server).
pub(super) fn refused(url: &str, status: u16, json: &Json) -> Failure {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_becomes_part_of_the_address() {
        let remote = Remote {
            server: "http://h:1/".to_owned(),
        };
        let query = vec![("machine", "a&b=c d/é".to_owned())];
        assert_eq!(
            remote.address("/api/v1/status", &query),
            "http://h:1/api/v1/status?machine=a%26b%3Dc%20d%2F%C3%A9"
        );
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_wrong_bytes_are_replaced() {
        let text = [b"a\xff\r\n".as_slice(), &vec![b'x'; 2 << 20]].concat();
        let mut lines = text.as_slice();
        assert_eq!(next_line(&mut lines).unwrap().unwrap(), "a\u{fffd}");
        assert_eq!(next_line(&mut lines).unwrap().unwrap().len(), 1 << 20);
    }
}
