//! `edeployctl status`, `watch`, `timeline`, `job`, `snippet` and `edeploy report` against real servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::happenings::{three_machines, told};
use crate::support::server::{TestServer, machine};
use crate::support::{command, wait_for, write};

fn ctl(server: &TestServer, words: &[&str]) -> Output {
    let url = format!("http://{}", server.address);
    let mut command = command(env!("CARGO_BIN_EXE_edeployctl"));
    command
        .env_clear()
        .env("EDEPLOY_SERVER", url)
        .stdin(Stdio::null());
    command.args(words).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn status_is_a_table_with_what_is_wrong_below_it() {
    let server = told(three_machines());
    let output = ctl(&server, &["status"]);
    assert_eq!(output.status.code(), Some(0));
    let text = text(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Machine  Action   Progress"), "{text}");
    assert!(lines[0].ends_with("Last update  Total duration"), "{text}");
    assert!(
        lines[1].starts_with("node1    install  [##########] 100%"),
        "{text}"
    );
    assert!(lines[2].contains("failed"), "{text}");
    assert!(
        text.contains(
            "\nnode2: failed at install/sync: rsync: no space left\n  next: read its log"
        ),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let one = ctl(&server, &["status", "-dc", "par1", "-m", "node1", "node2"]);
    assert_eq!(
        self::text(&one)
            .lines()
            .filter(|line| line.starts_with("node"))
            .count(),
        2
    );
    let json: Value =
        serde_json::from_slice(&ctl(&server, &["--json", "status", "-m", "node3"]).stdout).unwrap();
    assert_eq!(json[0]["machine"], "node3");
    let wrong = ctl(&server, &["status", "--standing", "happy"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("one of unknown, discovered"),
        "{wrong:?}"
    );
}

#[test]
fn timeline_reads_as_what_became_of_machines() {
    let server = told(three_machines());
    let text = text(&ctl(&server, &["timeline", "--limit", "2", "-m", "node2"]));
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1][1..6],
        ["node2", "install", "fail", "installing", "failed"]
    );
    assert_eq!(rows[2][1..5], ["node2", "install", "unknown", "installing"]);
    assert!(text.contains("older ones: --before"), "{text}");
}

#[test]
fn a_job_is_shown_and_its_log_told_by_number_word_or_machine() {
    let server = told(three_machines());
    let job = text(&ctl(&server, &["job", "get", "2"]));
    assert!(
        job.starts_with("job 2: install of node2, Errored\nprofile none, began "),
        "{job}"
    );
    assert!(
        job.contains("failed at install/sync: rsync: no space\nleft\n"),
        "{job}"
    );
    assert!(job.contains("  install/sync  60 s"), "{job}");
    for which in ["2", "last", "node2"] {
        let log = text(&ctl(&server, &["job", "log", which]));
        assert!(log.contains("==> core.gz (4 bytes) <=="), "{log}");
    }
    let followed = ctl(&server, &["job", "get", "--follow", "last"]);
    assert_eq!(followed.status.code(), Some(6));
    assert!(text(&followed).contains("==> core.gz"));
    let followed = ctl(&server, &["job", "log", "-f", "node1"]);
    assert_eq!(followed.status.code(), Some(0));
    let nobody = ctl(&server, &["job", "log", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    let json: Value =
        serde_json::from_slice(&ctl(&server, &["job", "get", "last", "--json"]).stdout).unwrap();
    assert_eq!(json["steps"][1]["name"], "install/sync");
}

/// Ends with the test.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn watch_tells_each_change_in_a_line_and_goes_on_after_a_restart() {
    let server = told(Vec::new());
    let url = format!("http://{}", server.address);
    let mut watch = command(env!("CARGO_BIN_EXE_edeployctl"));
    watch
        .env_clear()
        .args(["watch", "--server", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut watch = Watch(watch.spawn().unwrap());
    let lines = kept(watch.0.stdout.take().unwrap());
    let complaints = kept(watch.0.stderr.take().unwrap());
    let mut serial = 0;
    // The first changes may be before the watch has begun.
    wait_for("a change", || {
        serial += 1;
        server.register(&machine(&format!("CZ{serial}"), "QEMU"));
        lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("given the profile vm"))
    });
    assert!(
        !lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains('\u{1b}'))
    );
    let address = server.address.to_string();
    let again = TestServer::in_dir(server.stop(), &["--listen", &address]);
    wait_for("the complaint", || {
        complaints
            .lock()
            .unwrap()
            .iter()
            .any(|line| line == "the server is gone; asking again")
    });
    let before = lines.lock().unwrap().len();
    wait_for("a change after the restart", || {
        serial += 1;
        again.register(&machine(&format!("CZ{serial}"), "QEMU"));
        lines.lock().unwrap().len() > before
    });
}

/// The lines of a stream as they come.
fn kept(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line);
        }
    });
    lines
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for words in [
        &["status"][..],
        &["watch"],
        &["timeline"],
        &["job", "get", "last"],
    ] {
        let mut ctl = command(env!("CARGO_BIN_EXE_edeployctl"));
        let output = ctl
            .env_clear()
            .args(words)
            .args(["--server", &url])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(5), "{words:?} {output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("cannot reach"),
            "{output:?}"
        );
    }
}

#[test]
fn snippets_are_scripts_that_report_and_never_fail() {
    let server = told(Vec::new());
    let output = ctl(
        &server,
        &["snippet", "--shell", "curl", "--machine", "it's \"one\""],
    );
    let script = text(&output);
    assert!(script.contains("/api/v1/events"), "{script}");
    // What the lines send, caught by a stand-in for the server.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stand_in = format!("http://{}", listener.local_addr().unwrap());
    let script = script.replace(&format!("http://{}", server.address), &stand_in);
    for (tool, shell) in [("curl", "curl"), ("wget", "wget")] {
        if command(tool).arg("--version").output().is_err() {
            println!("skipped: there is no {tool}");
            continue;
        }
        let words = ["snippet", "--shell", shell, "-m", "it's \"one\""];
        let text =
            text(&ctl(&server, &words)).replace(&format!("http://{}", server.address), &stand_in);
        let text = format!(
            "set -e\n{text}\nedeploy_report install/x failed 'no \"space\" \\ left'\necho went on"
        );
        let child = command("sh")
            .args(["-c", &text])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (head, body) = answer_one(&listener, "500 Internal Server Error", "{}");
        assert!(head.starts_with("POST /api/v1/events HTTP/1.1"), "{head}");
        let expected = json!({
            "machine": "it's \"one\"", "origin": "script", "name": "install/x", "event_type": "finish",
            "result": "FAIL", "description": "no \"space\" \\ left",
        });
        assert_eq!(body, expected);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "went on\n",
            "{script}"
        );
    }
    for shell in ["kickstart", "preseed", "autoinstall"] {
        let text = text(&ctl(&server, &["snippet", "--shell", shell]));
        assert!(text.contains("/api/v1/events"), "{text}");
    }
}

/// Takes one request, answers it, and gives its head and its body.
fn answer_one(listener: &TcpListener, status: &str, answer: &str) -> (String, Value) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    let length = answer.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

/// Runs `edeploy report` on a machine with this command line of the kernel.
fn report(cmdline: &Path, words: &[&str]) -> Child {
    let mut edeploy = command(env!("CARGO_BIN_EXE_edeploy"));
    edeploy.env_clear().arg("report").args(words);
    edeploy.arg("--cmdline").arg(cmdline);
    edeploy.args(["--conf", "/not-there", "--machine", "node1"]);
    edeploy.stdout(Stdio::piped()).stderr(Stdio::piped());
    edeploy.spawn().unwrap()
}

#[test]
fn a_script_on_a_machine_reports_with_the_settings_of_the_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cmdline = &dir.path().join("cmdline");
    let (host, port) = (address.ip(), address.port());
    write(
        cmdline,
        format!("quiet SERV={host} HTTP_PORT={port} TOKEN=node1.0a"),
    );
    let child = report(cmdline, &["install/db", "failed", "--message", "no space"]);
    let (head, mut body) = answer_one(&listener, "202 Accepted", "");
    assert!(head.starts_with("POST /api/v1/events "), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer node1.0a"), "{head}");
    assert!(body["timestamp"].take().is_string());
    let expected = json!({
        "origin": "script", "name": "install/db", "event_type": "finish", "result": "FAIL",
        "description": "no space", "machine": "node1", "timestamp": null,
    });
    assert_eq!(body, expected);
    assert!(child.wait_with_output().unwrap().status.success());
    let child = report(cmdline, &["install/db", "progress", "--percent", "40"]);
    let (_, body) = answer_one(&listener, "403 Forbidden", "who are you");
    assert_eq!(
        (&body["event_type"], &body["percent"]),
        (&json!("progress"), &json!(40.0))
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("answered 403: who are you"), "{said}");
    let wrong = report(cmdline, &["install/db", "start", "--percent", "101"]);
    assert_eq!(wrong.wait_with_output().unwrap().status.code(), Some(2));
    drop(listener);
    let alone = report(cmdline, &["x", "start"]);
    assert_eq!(alone.wait_with_output().unwrap().status.code(), Some(5));
}
