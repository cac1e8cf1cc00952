use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;
use crate::client::install::RoleServer;
use crate::roles::TreePath;

/// Short pauses, for as long as no test lasts.
const QUICK: Patience = Patience {
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(10),
    deadline: Duration::from_secs(30),
};

/// A server that gives one connection after the other one of these texts and closes it; it keeps the heads of
/// requests.
fn serve(answers: &[&str]) -> (RoleServer, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (seen, answers) = (
        heads.clone(),
        answers
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<Vec<_>>(),
    );
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            seen.lock().unwrap().push(head.join("\n").to_lowercase());
            stream
                .write_all(format!("HTTP/1.1 {answer}").as_bytes())
                .unwrap();
        }
    });
    let words = format!("HSERV=127.0.0.1 HSERV_PORT={port} TOKEN=t0k");
    let server = RoleServer::named_by(&words, 1).unwrap().unwrap();
    (server, heads)
}

/// Brings a file of ten bytes, with a name that needs care.
fn bring_one(answers: &[&str]) -> (Result<String, FetchError>, Vec<String>) {
    let (server, heads) = serve(answers);
    let path = TreePath::new(b"a+\xff%.so").unwrap();
    let wanted = Wanted {
        path: &path,
        size_bytes: 10,
    };
    let into = tempfile::tempdir().unwrap();
    let done = bring_files(
        &server.agent,
        &format!("{}/1.0/base", server.url),
        &[wanted],
        into.path(),
        QUICK,
        &mut |line| assert_eq!(line, Line::Output("10 100%")),
    );
    let heads = heads.lock().unwrap().clone();
    let read = |()| std::fs::read_to_string(path.below(into.path())).unwrap();
    (done.map(read), heads)
}

const CUT: &str = "200 OK\r\nContent-Length: 10\r\n\r\n0123";

#[test]
fn a_file_is_taken_up_where_its_connection_broke() {
    let rest = "206 P\r\nContent-Length: 6\r\nContent-Range: bytes 4-9/10\r\n\r\n456789";
    let (text, heads) = bring_one(&[CUT, "503 Busy\r\nContent-Length: 0\r\n\r\n", rest]);
    assert_eq!(text.unwrap(), "0123456789");
    assert!(
        heads[0].starts_with("get /install/1.0/base/a%2b%ff%25.so http"),
        "{heads:?}"
    );
    assert!(heads[0].contains("authorization: bearer t0k"), "{heads:?}");
    assert!(heads[2].contains("range: bytes=4-"), "{heads:?}");
}

#[test]
fn a_server_that_knows_no_parts_gives_all_of_it_again() {
    let whole = "200 OK\r\nContent-Length: 10\r\n\r\nabcdefghij";
    assert_eq!(bring_one(&[CUT, whole]).0.unwrap(), "abcdefghij");
}

#[test]
fn no_more_is_read_than_the_manifest_says_and_one_byte() {
    let endless = format!("200 OK\r\n\r\n{}", "x".repeat(5_000));
    assert_eq!(bring_one(&[&endless]).0.unwrap().len(), 11);
}

#[test]
fn a_refusal_is_not_tried_again() {
    for (answer, told) in [
        ("404 N\r\nContent-Length: 0\r\n\r\n", "there is no http://"),
        ("401 U\r\nContent-Length: 0\r\n\r\n", "TOKEN"),
    ] {
        let error = bring_one(&[answer]).0.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_listing_names_nothing_outside_of_its_directory() {
    let list = r#"[{"name":"../evil","kind":"file"},{"name":"pre","kind":"file"},{"name":"d","kind":"dir"}]"#;
    let length = list.len();
    let list = format!("200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{list}");
    let pre = "200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    let (server, heads) = serve(&[&list, pre]);
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("way");
    let url = format!("{}/", server.url);
    bring(&server.agent, &[url], &into).unwrap();
    assert_eq!(std::fs::read(into.join("pre")).unwrap(), b"hi");
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 1);
    assert!(!dir.path().join("evil").exists());
    assert_eq!(heads.lock().unwrap().len(), 2);
    let (server, _) = serve(&["200 OK\r\nContent-Length: 6\r\n\r\n<html>"]);
    let error = names_in(&server.agent, &server.url).unwrap_err();
    assert!(error.to_string().contains("no list of a directory"));
}
