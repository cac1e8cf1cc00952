//! A server of images that breaks its connections, and a proxy that does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// No text that is asked for beside a role is as long.
const TEXT_BYTES: u64 = 1 << 20;

/// What a server of images has, and how badly it gives it.
#[derive(Default)]
pub(crate) struct Images {
    /// Paths and what is there.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Whether it gives the rest of a file that is asked for.
    pub(crate) takes_up: bool,
    /// After how many bytes each connection for an image breaks; further ones do not.
    pub(crate) cuts: Vec<usize>,
}

/// A running server; it listens until the test ends.
pub(crate) struct ImageServer {
    pub(crate) port: u16,
    /// The requests so far but for those of `HEAD`, in lower case.
    heads: Arc<Mutex<Vec<String>>>,
}

impl ImageServer {
    pub(crate) fn start(mut images: Images) -> ImageServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        images.cuts.reverse();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let head = head.join("\n");
                // The client may be gone.
                images.answer(&mut stream, &head).ok();
                if !head.starts_with("HEAD ") {
                    seen.lock().unwrap().push(head.to_lowercase());
                }
            }
        });
        ImageServer { port, heads }
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Images {
    fn answer(&mut self, stream: &mut TcpStream, head: &str) -> std::io::Result<()> {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let is_head = head.starts_with("HEAD ");
        let Some(file) = self.files.get(path) else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        };
        let range = head.lines().find_map(|line| {
            let range = line.to_lowercase();
            let range = range.strip_prefix("range: bytes=")?.strip_suffix('-')?;
            range.parse::<usize>().ok()
        });
        let from = range.filter(|_| self.takes_up).unwrap_or(0);
        let status = if from > 0 {
            let (last, total) = (file.len() - 1, file.len());
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}")
        } else {
            "200 OK".to_owned()
        };
        let rest = &file[from..];
        let length = rest.len();
        let head = format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        if is_head {
            return Ok(());
        }
        let cut = if path.ends_with(".edeploy") {
            self.cuts.pop()
        } else {
            None
        };
        stream.write_all(&rest[..cut.unwrap_or(length).min(length)])
    }
}

/// Carries connections to a port of this machine; the first one breaks after so many bytes.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// How many bytes came from that port over connections that did not break.
    carried: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) fn start(to: u16, cut: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let carried = Arc::new(AtomicU64::new(0));
        let counted = carried.clone();
        let cut = Arc::new(Mutex::new(Some(cut)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
                let mut up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    std::io::copy(&mut up.0, &mut up.1).ok();
                    up.1.shutdown(Shutdown::Write).ok();
                    // Closed with bytes unread, TCP throws away what the client has not read yet (RFC 9293, 3.6.1),
                    // and how much that is depends on the time.
                    std::io::copy(&mut up.0, &mut std::io::sink()).ok();
                });
                let (cut, counted) = (cut.clone(), counted.clone());
                std::thread::spawn(move || {
                    carry(&server, &client, &cut, &counted);
                    client.shutdown(Shutdown::Write).ok();
                    server.shutdown(Shutdown::Both).ok();
                });
            }
        });
        Proxy { port, carried }
    }

    pub(crate) fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

/// Carries bytes to the end, or to the cut, which is that of the first connection that brings more than a text.
fn carry(mut from: &TcpStream, mut to: &TcpStream, cut: &Mutex<Option<u64>>, counted: &AtomicU64) {
    let begun = std::io::copy(&mut from.take(TEXT_BYTES), &mut to).unwrap_or(0);
    let cut = match begun {
        TEXT_BYTES => cut.lock().unwrap().take(),
        _ => None,
    };
    match cut {
        Some(cut) => drop(std::io::copy(&mut from.take(cut - begun), &mut to)),
        None => {
            let rest = std::io::copy(&mut from, &mut to).unwrap_or(0);
            counted.fetch_add(begun + rest, Ordering::Relaxed);
        }
    }
}
