//! What hostile or broken clients send: a clear answer each, and the server goes on.

use std::io::Write;

use crate::support::http::{self, Response, connect, exchange, form, read_all, request};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{names, wait_for};

fn server() -> TestServer {
    TestServer::start(|dir| simple_profile(dir, ""))
}

/// The server still answers a machine.
fn assert_alive(server: &TestServer) {
    let script = server.register(&machine("alive", "QEMU"));
    assert!(script.contains("#EDEPLOY_PROFILE = vm"));
}

fn hardware(server: &TestServer, bytes: &[u8]) -> String {
    let answer = server.upload(&[("file", Some("hw.json"), bytes)]);
    assert_eq!(answer.status, 200);
    answer.text()
}

#[test]
fn broken_hardware_is_refused_with_a_reason() {
    let server = server();
    let deep = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
    for bytes in [
        &b"["[..],
        b"",
        b"{}",
        b"null",
        b"[[\"disk\", \"vda\", \"size\", \"8\"]",
        b"\0\0\0",
        b"[[\"\xff\xfe\", \"a\", \"b\", \"c\"]]",
        &deep,
        &deep[..1_000_000],
        b"{\"a\":{\"a\":{\"a\":",
    ] {
        let refused = hardware(&server, bytes);
        assert!(refused.contains("Invalid hardware file: "), "{refused}");
        assert!(refused.ends_with("\n\nexit 1\n"));
    }
    assert_alive(&server);
}

#[test]
fn a_body_of_100_megabytes_is_refused_and_the_connection_ends_well() {
    let server = server();
    let big = vec![b' '; 100_000_000];
    let refused = hardware(&server, &big);
    assert!(
        refused.contains("the hardware is longer than 16777216 bytes"),
        "{refused}"
    );
    let answer = server.post_machine(&big);
    assert_eq!(answer.status, 413);
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("16777216")
    );
    let refused = server.upload(&[("section", None, &big[..10_000])]).text();
    assert!(
        refused.contains("the section is longer than 4096 bytes"),
        "{refused}"
    );
    assert_alive(&server);
}

#[test]
fn a_form_field_that_stands_twice_is_refused() {
    let server = server();
    let facts = machine("CZ1", "QEMU");
    let file = ("file", Some("hw.json"), facts.as_bytes());
    let section: http::Field<'_> = ("section", None, b"SERVER");
    let twice = [
        server.upload(&[file, file]).text(),
        server.upload(&[section, section, file]).text(),
    ];
    for (answer, name) in twice.iter().zip(["file", "section"]) {
        assert!(
            answer.contains(&format!("two fields named `{name}`")),
            "{answer}"
        );
    }
    assert!(names(server.path("state/hw")).is_empty());
}

#[test]
fn broken_forms_are_refused_with_a_script() {
    let server = server();
    let whole = form(&[("file", Some("hw.json"), machine("CZ1", "QEMU").as_bytes())]);
    for body in [
        &whole[..whole.len() - 30],
        &whole[..100],
        b"nonsense",
        b"--------------------------4ccb7cb0ee07537e\r\n\r\n\r\n",
        b"--------------------------4ccb7cb0ee07537e\r\nContent-Disposition: form-data\r\n\r\nx\r\n",
    ] {
        let answer = server.send("POST", "/upload.py", http::FORM, body);
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("#!/bin/sh\n"), "{answer:?}");
        assert!(answer.text().ends_with("\nexit 1\n"), "{answer:?}");
    }
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "\u{7f}",
        "multipart/mixed; boundary=x",
    ] {
        let answer = server.send("POST", "/upload.py", kind, &whole);
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    }
    assert!(names(server.path("state/hw")).is_empty());
    assert_alive(&server);
}

#[test]
fn requests_that_are_no_http_end_without_harm() {
    let server = server();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /upload.py HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"POST /upload.py HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n",
    ] {
        let mut stream = connect(server.address);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = read_all(&mut stream);
        if let Some(answer) = Response::parse(&answer) {
            assert!(answer.status < 500, "{answer:?}");
        }
    }
    assert_alive(&server);
}

#[test]
fn a_chunked_upload_is_read_like_any_other() {
    let server = server();
    let body = form(&[("file", Some("hw.json"), machine("CZ1", "QEMU").as_bytes())]);
    let mut bytes = format!(
        "POST /upload.py HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        http::FORM
    )
    .into_bytes();
    for chunk in body.chunks(7) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let answer = exchange(server.address, &bytes);
    assert!(answer.text().contains("#EDEPLOY_PROFILE = vm"));
}

#[test]
fn a_client_that_pauses_in_its_upload_is_given_up_and_hinders_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("server.toml");
    crate::support::write(&settings, "upload_pause_seconds = 1");
    let fill = |dir: &std::path::Path| simple_profile(dir, "");
    let server = TestServer::with_args(fill, &["--settings", settings.to_str().unwrap()]);
    let whole = request(
        "POST",
        "/upload.py",
        http::FORM,
        &form(&[("file", Some("hw.json"), machine("CZ1", "QEMU").as_bytes())]),
    );
    let mut half: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = connect(server.address);
            stream.write_all(&whole[..whole.len() / 2]).unwrap();
            stream
        })
        .collect();
    assert_alive(&server);
    for stream in &mut half {
        let answer = Response::parse(&read_all(stream)).unwrap();
        assert!(answer.text().contains("paused too long"), "{answer:?}");
    }
    assert_eq!(names(server.path("state/hw")), ["QEMU-alive-.hw"]);
}

#[test]
fn a_client_that_goes_away_leaves_a_whole_allocation() {
    let server = server();
    let whole = request(
        "POST",
        "/upload.py",
        http::FORM,
        &form(&[("file", Some("hw.json"), machine("gone", "QEMU").as_bytes())]),
    );
    for cut in [whole.len() - 10, whole.len()] {
        let mut stream = connect(server.address);
        stream.write_all(&whole[..cut]).unwrap();
        drop(stream);
    }
    wait_for("the hardware of the machine", || {
        !names(server.path("state/hw")).is_empty()
    });
    let listed = server.get("/api/v1/machines").json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_alive(&server);
}
