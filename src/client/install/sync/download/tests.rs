use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::digest::Kind;
use super::*;
use crate::client::install::agent;
use crate::client::install::settings::Settings;

/// How a server answers one request: what it says, and after how many bytes of the body it is gone.
#[derive(Clone)]
struct Answer {
    head: String,
    body: Vec<u8>,
    cut_at: usize,
}

impl Answer {
    fn whole(body: &[u8], more: &str) -> Answer {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{more}\r\n",
            body.len()
        );
        Answer {
            head,
            body: body.to_vec(),
            cut_at: usize::MAX,
        }
    }

    fn rest(body: &[u8], from: usize) -> Answer {
        let (last, total) = (body.len() - 1, body.len());
        let head = format!(
            "HTTP/1.1 206 Partial\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{last}/{total}\r\n\r\n",
            total - from
        );
        Answer {
            head,
            body: body[from..].to_vec(),
            cut_at: usize::MAX,
        }
    }

    fn status(line: &str) -> Answer {
        Answer {
            head: format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"),
            body: Vec::new(),
            cut_at: usize::MAX,
        }
    }

    fn cut(mut self, at: usize) -> Answer {
        self.cut_at = at;
        self
    }
}

/// A server that answers one connection after the other as it was told, then no more; it keeps the
/// heads of requests.
fn serve(answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.edeploy", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let head = request_head(&stream);
            seen.lock().unwrap().push(head.to_lowercase());
            stream.write_all(answer.head.as_bytes()).ok();
            let end = answer.cut_at.min(answer.body.len());
            stream.write_all(&answer.body[..end]).ok();
        }
    });
    (url, heads)
}

fn request_head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    head.join("\n")
}

/// Short pauses, for as long as no test lasts.
const QUICK: Patience = Patience {
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(10),
    deadline: Duration::from_secs(30),
};

fn body() -> Vec<u8> {
    (0..300_000_u32)
        .map(|number| (number % 251) as u8)
        .collect()
}

/// Reads all that a server gives, with what was said meanwhile.
fn read(url: &str, patience: Patience) -> (Result<Vec<u8>, DownloadError>, String) {
    let settings = Settings::parse("TOKEN=secret").unwrap();
    let agent = agent::for_images(&settings);
    let mut log = Log::new(crate::client::install::Whole::installation(), None, None).unwrap();
    let hasher = Hasher::new(Kind::Sha256);
    let mut all = Vec::new();
    let done = match Download::open(&agent, url, hasher, patience, &mut log) {
        Ok(mut download) => match download.read_to_end(&mut all) {
            Ok(_) => {
                let mut hasher = Hasher::new(Kind::Sha256);
                hasher.update(&all);
                assert_eq!(download.sum(), hasher.sum());
                Ok(all)
            }
            Err(error) => Err(error.downcast().unwrap()),
        },
        Err(error) => Err(error),
    };
    (done, log.said().to_owned())
}

const TAG: &str = "ETag: \"v1\"\r\n";

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let body = body();
    let (url, heads) = serve(vec![
        Answer::whole(&body, TAG).cut(100_000),
        Answer::rest(&body, 100_000).cut(50_000),
        Answer::status("503 Busy"),
        Answer::rest(&body, 150_000),
    ]);
    let (all, said) = read(&url, QUICK);
    assert!(all.unwrap() == body);
    assert!(
        said.contains("0.1 MB of 0.3 MB (33 %) of http://"),
        "{said}"
    );
    let heads = heads.lock().unwrap();
    assert!(
        heads
            .iter()
            .all(|head| head.contains("authorization: bearer secret"))
    );
    assert!(!heads[0].contains("range"));
    assert!(heads[1].contains("\nrange: bytes=100000-") && heads[1].contains("if-range: \"v1\""));
    assert!(heads[3].contains("\nrange: bytes=150000-"));
}

#[test]
fn a_server_that_takes_nothing_up_is_read_from_the_beginning_again() {
    let body = body();
    for (more, asks) in [(TAG, true), ("", false), ("ETag: W/\"v1\"\r\n", false)] {
        let (url, heads) = serve(vec![
            Answer::whole(&body, more).cut(100_000),
            Answer::whole(&body, more).cut(70_000),
            Answer::whole(&body, more),
        ]);
        assert!(read(&url, QUICK).0.unwrap() == body, "{more}");
        assert_eq!(
            heads.lock().unwrap()[1].contains("\nrange:"),
            asks,
            "{more}"
        );
    }
}

#[test]
fn an_image_that_changes_meanwhile_is_no_image() {
    let body = body();
    let mut other = body.clone();
    other[5] ^= 1;
    for second in [
        Answer::whole(&other, TAG),
        Answer::whole(&body, "ETag: \"v2\"\r\n"),
        Answer::whole(&body[1..], TAG),
        Answer::rest(&body, 99_999),
        Answer::rest(&[body.as_slice(), b"x"].concat(), 100_000),
        Answer::status("416 Range Not Satisfiable"),
    ] {
        let (url, _) = serve(vec![Answer::whole(&body, TAG).cut(100_000), second]);
        let error = read(&url, QUICK).0.unwrap_err();
        assert!(matches!(error, DownloadError::Changed { .. }), "{error}");
        assert!(!error.may_pass());
    }
}

#[test]
fn a_length_that_is_too_long_is_a_broken_connection() {
    let body = body();
    let long = Answer {
        body: body[..1000].to_vec(),
        ..Answer::whole(&body, "")
    };
    let (url, _) = serve(vec![long]);
    let error = read(&url, Patience::NONE).0.unwrap_err();
    assert!(matches!(error, DownloadError::Broken { .. }), "{error}");
    assert!(error.may_pass());
}

#[test]
fn what_the_server_has_not_is_told_and_what_it_has_not_yet_may_come() {
    for (line, may_pass) in [
        ("404 Not Found", false),
        ("403 No", false),
        ("502 Bad", true),
    ] {
        let (url, _) = serve(vec![Answer::status(line)]);
        let error = read(&url, QUICK).0.unwrap_err();
        assert_eq!(error.may_pass(), may_pass, "{line}");
        assert!(error.to_string().contains(&line[..3]), "{error}");
    }
    let agent = agent::for_images(&Settings::parse("").unwrap());
    let (url, _) = serve(vec![
        Answer::status("404 Not Found"),
        Answer::whole(b"sum", ""),
    ]);
    assert_eq!(text_file(&agent, &url, 1 << 20).unwrap(), None);
    assert_eq!(
        text_file(&agent, &url, 1 << 20).unwrap().as_deref(),
        Some("sum")
    );
}
