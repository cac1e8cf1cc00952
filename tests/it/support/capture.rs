//! Recorded requests of real clients, sent again with their own bytes.

use base64::Engine;
use serde_json::Value;

use super::corpus;
use super::http::{Response, exchange};
use super::server::TestServer;

/// One recorded request.
pub(crate) struct Recorded {
    /// Such as `POST /curtin HTTP/1.1`.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The requests of a file of the corpus, or a note that the test is skipped.
pub(crate) fn recorded(name: &str) -> Option<Vec<Recorded>> {
    let text = std::fs::read_to_string(corpus::file(&format!("captures/{name}.jsonl"))?).unwrap();
    let requests = text.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = row["headers"].as_array().unwrap();
        let body = base64::engine::general_purpose::STANDARD.decode(text(&row["body"]));
        Recorded {
            line: text(&row["line"]),
            headers: headers
                .iter()
                .map(|pair| (text(&pair[0]), text(&pair[1])))
                .collect(),
            body: body.unwrap(),
        }
    });
    Some(requests.collect())
}

impl Recorded {
    /// The target of the request.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    /// Sends the request: all bytes are the client's, but for the connection's end.
    pub(crate) fn send(&self, server: &TestServer) -> Response {
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            if !["connection", "host"].contains(&name.to_ascii_lowercase().as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!(
            "Host: {}\r\nConnection: close\r\n\r\n",
            server.address
        ));
        exchange(server.address, &[head.as_bytes(), &self.body].concat())
    }
}
