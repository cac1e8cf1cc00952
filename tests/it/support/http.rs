//! Requests as bytes, and the answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// An answer, read to the end of its connection.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Response> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = bytes[end + 4..].to_vec();
        // An interim answer to `Expect: 100-continue` comes before the real one.
        if status == 100 {
            return Response::parse(&body);
        }
        Some(Response { status, head, body })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

pub(crate) fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Takes up again what a signal interrupts.
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
    }
}

/// Sends bytes and reads until the connection ends.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> Response {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    let answer = read_all(&mut stream);
    Response::parse(&answer)
        .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&answer)))
}

/// A whole request with its length.
pub(crate) fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A field of a form: its name, the name of its file, its content.
pub(crate) type Field<'a> = (&'a str, Option<&'a str>, &'a [u8]);

pub(crate) const FORM: &str =
    "multipart/form-data; boundary=------------------------4ccb7cb0ee07537e";

/// A form as curl sends it.
pub(crate) fn form(fields: &[Field<'_>]) -> Vec<u8> {
    let boundary = "--------------------------4ccb7cb0ee07537e";
    let mut body = Vec::new();
    for (name, file, content) in fields {
        let file = match file {
            Some(file) => {
                format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream")
            }
            None => String::new(),
        };
        let head =
            format!("{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("{boundary}--\r\n").as_bytes());
    body
}
