//! Webhooks: what machines become is told to other systems, signed, also after a restart.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{wait_for, write};

fn settings(dir: &Path, address: &str, more: &str) -> String {
    let file = dir.join("server.toml");
    write(
        &file,
        format!("[[webhooks]]\nurl = 'http://{address}/hook?key=1'\nsecret = 'Jefe'\n{more}\n"),
    );
    file.to_str().unwrap().to_owned()
}

fn server(address: &str, more: &str) -> TestServer {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    let settings = settings(dir.path(), address, more);
    TestServer::in_dir(dir, &["--settings", &settings])
}

/// One delivery: its head and its body; answered with this status.
fn receive(listener: &TcpListener, status: &str) -> (String, String) {
    let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn a_change_is_told_signed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(
        &listener.local_addr().unwrap().to_string(),
        "standings = ['installing']",
    );
    server.register(&machine("CZ1", "QEMU"));
    let (head, body) = receive(&listener, "204 No Content");
    assert!(head.starts_with("post /hook?key=1 http/1.1"), "{head}");
    let signature = head
        .lines()
        .find_map(|line| line.strip_prefix("x-edeploy-signature: sha256="));
    let openssl = crate::support::command("openssl")
        .args(["dgst", "-sha256", "-hmac", "Jefe", "-r"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    match openssl {
        Ok(mut openssl) => {
            openssl
                .stdin
                .take()
                .unwrap()
                .write_all(body.as_bytes())
                .unwrap();
            let output = openssl.wait_with_output().unwrap();
            let expected = String::from_utf8(output.stdout).unwrap();
            assert_eq!(signature, expected.split(' ').next());
        }
        Err(_) => println!("skipped: there is no openssl"),
    }
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (
            &told["event"],
            &told["machine"],
            &told["standing"],
            &told["previous"]
        ),
        (
            &json!("standing"),
            &json!("QEMU-CZ1-"),
            &json!("installing"),
            &json!("discovered")
        )
    );
    assert_eq!(told["now"]["profile"], "vm");
}

#[test]
fn what_was_not_delivered_is_delivered_after_a_restart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server(&address, "standings = ['installing']");
    server.register(&machine("CZ1", "QEMU"));
    let (_, first) = receive(&listener, "500 Internal Server Error");
    wait_for("the failure", || server.log().contains("was not delivered"));
    assert!(!server.log().contains("key=1"), "{}", server.log());
    let dir = server.stop();
    let settings = settings(dir.path(), &address, "standings = ['installing']");
    let again = TestServer::in_dir(dir, &["--settings", &settings]);
    let (_, second) = receive(&listener, "200 OK");
    assert_eq!(first, second);
    let dead = again.get("/api/v1/webhooks/dead").json();
    assert_eq!(dead, json!({"dead": [], "next": null, "count": 0}));
}
