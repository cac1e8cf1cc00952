//! What happened can be asked: status, jobs and their logs, the timeline, events, the stream, contiv.

use std::io::{BufRead, BufReader, Write};

use edeploy::events::{LogFile, Report, Store, StoreOptions};
use edeploy::model::{Event, EventKind, StepResult};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::corpus;
use crate::support::http::{connect, request};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{command, wait_for};

const FAIL: EventKind = EventKind::Finish(StepResult::Fail);
const SUCCESS: EventKind = EventKind::Finish(StepResult::Success);

/// Minutes ago.
fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

fn report(machine: &str, name: &str, kind: EventKind, minutes: i64, said: &str) -> Report {
    let event = Event::new("edeploy", name, kind)
        .at(ago(minutes))
        .saying(said);
    Report::new(machine, event, ago(minutes))
}

/// A server that was told this before it was started.
pub(crate) fn told(reports: Vec<Report>) -> TestServer {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    let events = dir.path().join("state/events");
    std::fs::create_dir_all(&events).unwrap();
    let store = Store::open(&events.join("events.sqlite"), StoreOptions::default()).unwrap();
    store.record(reports).unwrap();
    drop(store);
    TestServer::in_dir(dir, &[])
}

/// Three machines: one that is installed, one that failed with a log, one that is being installed.
pub(crate) fn three_machines() -> Vec<Report> {
    let mut reports = Vec::new();
    for (machine, start) in [("node1", 50), ("node2", 40), ("node3", 5)] {
        reports.push(report(machine, "install", EventKind::Start, start, ""));
        reports.push(report(
            machine,
            "install/sync",
            EventKind::Start,
            start - 1,
            "copying",
        ));
    }
    reports.push(report("node1", "install/sync", SUCCESS, 45, "copied"));
    reports.push(report("node1", "install", SUCCESS, 44, "done"));
    reports.push(report(
        "node2",
        "install/sync",
        FAIL,
        38,
        "rsync: no space\nleft",
    ));
    let mut last = report("node2", "install", FAIL, 37, "");
    last.files = vec![
        LogFile {
            name: "/var/log/install.log".to_owned(),
            content: b"hello \x1b[31mlog\n".to_vec(),
        },
        LogFile {
            name: "core.gz".to_owned(),
            content: vec![0x1f, 0x8b, 0, 255],
        },
    ];
    last.about.datacenter = Some("par1".to_owned());
    reports.push(last);
    reports
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| row[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn status_lists_machines_and_filters_them() {
    let server = told(three_machines());
    let status = |query: &str| server.get(&format!("/api/v1/status{query}")).json();
    assert_eq!(names(&status(""), "machine"), ["node1", "node2", "node3"]);
    assert_eq!(
        names(
            &status("?machine=node3&machine=node1&machine=nobody"),
            "machine"
        ),
        ["node1", "node3"]
    );
    assert_eq!(names(&status("?standing=installing"), "machine"), ["node3"]);
    assert_eq!(
        names(&status("?finding=failed&finding=stuck"), "machine"),
        ["node2"]
    );
    assert_eq!(names(&status("?datacenter=par1"), "machine"), ["node2"]);
    assert_eq!(status("?profile=vm"), json!([]));
    let one = server.get("/api/v1/status/node2").json();
    assert_eq!(one["standing"], "failed");
    assert_eq!(one["diagnosis"]["step"], "install/sync");
    assert_eq!(one["job"], 2);
    assert_eq!(server.get("/api/v1/status/nobody").status, 404);
    let token = server.get("/api/v1/machines/node2/token").json();
    assert!(
        token["token"].as_str().unwrap().starts_with("node2."),
        "{token}"
    );
    assert_eq!(server.get("/api/v1/machines/nobody/token").status, 404);
    for query in ["?standing=happy", "?standin=failed", "?all=perhaps"] {
        let refused = server.get(&format!("/api/v1/status{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.json()["error"].is_string());
    }
}

#[test]
fn what_was_quiet_for_long_is_listed_only_if_all_is_wanted() {
    let mut reports = Vec::new();
    let old = 3 * 24 * 60;
    reports.push(report("old", "install", EventKind::Start, old, ""));
    reports.push(report("old", "install", SUCCESS, old - 1, ""));
    reports.push(report("broken", "install", EventKind::Start, old, ""));
    reports.push(report("broken", "install", FAIL, old - 1, "no disk"));
    let server = told(reports);
    let status = |query: &str| {
        names(
            &server.get(&format!("/api/v1/status{query}")).json(),
            "machine",
        )
    };
    assert_eq!(status(""), ["broken"]);
    assert_eq!(status("?all=1"), ["broken", "old"]);
    assert_eq!(status("?machine=old"), ["old"]);
}

#[test]
fn jobs_are_paged_and_shown_with_their_steps() {
    let server = told(three_machines());
    let first = server.get("/api/v1/jobs?limit=2").json();
    assert_eq!(first["jobs"][0]["number"], 3);
    assert_eq!(first["next"], 2);
    let rest = server.get("/api/v1/jobs?limit=2&before=2").json();
    assert_eq!(
        (rest["jobs"][0]["number"].clone(), rest["next"].clone()),
        (json!(1), json!(null))
    );
    assert_eq!(
        server.get("/api/v1/jobs?result=fail").json()["jobs"][0]["machine"],
        "node2"
    );
    assert_eq!(
        server.get("/api/v1/jobs?open=1").json()["jobs"][0]["number"],
        3
    );
    assert_eq!(server.get("/api/v1/jobs/active").json()["number"], 3);
    assert_eq!(server.get("/api/v1/jobs/last").json()["number"], 2);
    let job = server.get("/api/v1/jobs/2").json();
    assert_eq!(job["status"], "Errored");
    assert_eq!(job["error"], "rsync: no space\nleft");
    assert_eq!(job["seconds"], 180);
    assert_eq!(names(&job["steps"], "name"), ["install", "install/sync"]);
    assert_eq!(job["steps"][1]["result"], "fail");
    assert_eq!(
        names(&job["files"], "name"),
        ["/var/log/install.log", "core.gz"]
    );
    for path in [
        "/api/v1/jobs/99",
        "/api/v1/jobs/x",
        "/api/v1/jobs/99/log",
        "/api/v1/jobs/1/files/1",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get("/api/v1/jobs?limit=0").status, 400);
    assert_eq!(
        server
            .send("POST", "/api/v1/jobs", "text/plain", b"")
            .status,
        405
    );
}

#[test]
fn a_log_is_the_events_and_the_files_and_is_the_same_after_a_restart() {
    let server = told(three_machines());
    let log = server.get("/api/v1/jobs/2/log");
    assert_eq!(
        log.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let text = body(&log.text());
    assert!(
        text.contains(
            "install/sync                      finish fail     rsync: no space\n    | left\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("==> /var/log/install.log (15 bytes) <==\nhello \\u{1b}[31mlog\n"),
        "{text}"
    );
    assert!(
        text.contains("==> core.gz (4 bytes) <==\nnot text"),
        "{text}"
    );
    let path = text.rsplit(' ').next().unwrap().trim();
    let file = server.get(path);
    assert_eq!((file.status, file.body), (200, vec![0x1f, 0x8b, 0, 255]));
    let again = TestServer::in_dir(server.stop(), &[]);
    assert_eq!(body(&again.get("/api/v1/jobs/2/log?follow=1").text()), text);
}

/// The chunks of a body put together.
fn body(chunked: &str) -> String {
    let mut whole = String::new();
    let mut rest = chunked;
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("{chunked}"));
        whole.push_str(&more[..size]);
        rest = &more[size..][2..];
    }
    whole
}

#[test]
fn timeline_and_events_are_paged_both_ways() {
    let server = told(three_machines());
    let timeline = server.get("/api/v1/timeline?limit=3").json();
    let rows = timeline["timeline"].as_array().unwrap();
    assert_eq!(
        (rows[0]["machine"].as_str(), rows.len()),
        (Some("node2"), 3)
    );
    assert_eq!(
        (&rows[0]["standing"], &rows[0]["previous"]),
        (&json!("failed"), &json!("installing"))
    );
    let next = timeline["next"].as_i64().unwrap();
    let rest = server
        .get(&format!("/api/v1/timeline?before={next}&limit=3"))
        .json();
    assert_eq!(rest["timeline"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next"], json!(null));
    let failed = server
        .get("/api/v1/timeline?result=fail&machine=node2&since=1h")
        .json();
    assert_eq!(failed["timeline"].as_array().unwrap().len(), 1);
    let events = server
        .get("/api/v1/events?after=0&limit=4&machine=node1")
        .json();
    let ids: Vec<i64> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(server.get("/api/v1/events?until=yesterday").status, 400);
}

/// Opens a stream or a followed log and gives its lines as they come.
fn follow(server: &TestServer, path: &str) -> impl Iterator<Item = String> + use<> {
    let mut stream = connect(server.address);
    stream
        .write_all(&request("GET", path, "text/plain", b""))
        .unwrap();
    BufReader::new(stream).lines().map(Result::unwrap)
}

fn next_message(lines: &mut impl Iterator<Item = String>, event: &str) -> Value {
    let wanted = format!("event: {event}");
    lines
        .find(|line| *line == wanted)
        .expect("the stream goes on");
    let data = lines.next().unwrap();
    serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
}

#[test]
fn a_stream_tells_of_machines_as_they_change() {
    let server = told(three_machines());
    let mut lines = follow(&server, "/api/v1/stream");
    let tick = next_message(&mut lines, "tick");
    assert!(tick["event"].as_i64().unwrap() > 0);
    server.register(&machine("CZ1", "QEMU"));
    let told = next_message(&mut lines, "machine");
    assert_eq!(told["machine"], "QEMU-CZ1-");
    assert_eq!(told["standing"], "installing");
    // Who comes back is told what changed meanwhile, and only of whom it asks.
    let since = format!("/api/v1/stream?since={}", tick["event"]);
    let mut lines = follow(&server, &since);
    assert_eq!(next_message(&mut lines, "machine")["machine"], "QEMU-CZ1-");
    let mut lines = follow(&server, &format!("{since}&machine=node1&since=0"));
    assert_eq!(next_message(&mut lines, "machine")["machine"], "node1");
}

#[test]
fn a_followed_log_goes_on_until_the_job_ends() {
    let server = told(Vec::new());
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the job", || {
        server.get("/api/v1/jobs/active").status == 200
    });
    let mut lines = follow(&server, "/api/v1/jobs/1/log?follow=1");
    lines
        .find(|line| line.contains("given the profile vm"))
        .unwrap();
    // The machine begins again: its first job has come to no end and is over.
    server.register(&machine("CZ1", "QEMU"));
    assert_eq!(lines.last().as_deref(), Some(""));
    assert_eq!(server.get("/api/v1/jobs/1").json()["status"], "Errored");
}

#[test]
fn open_streams_do_not_hold_a_stop_up() {
    let mut server = told(Vec::new());
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the job", || {
        server.get("/api/v1/jobs/active").status == 200
    });
    let mut stream = follow(&server, "/api/v1/stream");
    let mut log = follow(&server, "/api/v1/jobs/1/log?follow=1");
    next_message(&mut stream, "tick");
    log.find(|line| line.contains("given the profile vm"))
        .unwrap();
    let started = std::time::Instant::now();
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(started.elapsed() < std::time::Duration::from_secs(4));
}

#[test]
fn clusterctl_is_answered_as_by_contiv() {
    let server = told(Vec::new());
    let refused = |path: &str, text: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.text(), format!("{text}\n"));
    };
    refused("/info/job/active", "info for \"active\" job doesn't exist");
    refused(
        "/api/v1/info/job/last",
        "info for \"last\" job doesn't exist",
    );
    refused(
        "/info/job/foo",
        "Invalid or empty job label specified: \"foo\"",
    );
    refused("/info/logs/active", "info for \"active\" job doesn't exist");
    assert_eq!(server.get("/info/globals").text(), r#"{"extra_vars":{}}"#);
    let server = told(three_machines());
    let last = server.get("/info/job/last").text();
    assert!(last.starts_with(r#"{"desc":"install: nodes:[node2] profile:none job:2","task":"install","status":"Errored","error":"rsync: no space\nleft","logs":[""#), "{last}");
    assert!(last.ends_with(r#",""]}"#), "{last}");
    assert_eq!(server.get("/info/logs/last").text(), "job is not Running\n");
    let node = server.get("/info/node/node2").json();
    assert_eq!(node["inventory_state"]["status"], "Cancelled");
    assert_eq!(node["inventory_state"]["prev_status"], "Provisioning");
    assert_eq!(server.get("/info/nodes").json()["node2"], node);
    assert_eq!(
        server.get("/info/node/x").text(),
        "node with name \"x\" doesn't exist\n"
    );
}

#[test]
fn to_decommission_a_node_is_to_release_it() {
    let server = told(Vec::new());
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the report", || {
        server.get("/api/v1/status/CZ1").status == 200
    });
    let order = br#"{"nodes":["CZ1"],"monitor_event":{"name":"","nodes":null}}"#;
    let plain = server.send("POST", "/decommission/nodes", "text/plain", order);
    assert_eq!(plain.status, 404);
    let json = "application/json";
    let done = server.send("POST", "/decommission/nodes", json, order);
    assert_eq!((done.status, done.text().as_str()), (200, ""));
    assert_eq!(server.get("/api/v1/machines").json(), json!([]));
    wait_for("the release", || {
        server.get("/info/node/CZ1").json()["inventory_state"]["status"] == "Decommissioned"
    });
    assert_eq!(
        server
            .send("POST", "/decommission/nodes", json, order)
            .status,
        500
    );
    let vars = server.send("POST", "/globals", json, br#"{"extra_vars":"{"}"#);
    assert!(
        vars.text()
            .starts_with("\"extra_vars\" should be a valid json. Error: ")
    );
    let event = server.send("POST", "/monitor/event", json, br#"{"name":"foo"}"#);
    assert_eq!(
        event.text(),
        "Invalid or empty event name specified: \"foo\"\n"
    );
}

#[test]
fn a_release_and_an_installation_stand_in_the_timeline() {
    let server = told(Vec::new());
    server.register(&machine("CZ1", "QEMU"));
    for what in ["installed", "reinstall", "release"] {
        let path = format!("/api/v1/machines/CZ1/{what}");
        assert_eq!(
            server.send("POST", &path, "text/plain", b"").status,
            200,
            "{what}"
        );
    }
    let timeline = server.get("/api/v1/timeline?machine=CZ1").json();
    let actions = names(&timeline["timeline"], "action");
    assert_eq!(actions, ["release", "reinstall", "install", "install"]);
}

#[test]
fn what_clusterctl_sent_is_answered_and_nothing_breaks() {
    // The log of a job that goes on would end with the job.
    let mut ended = three_machines();
    ended.retain(|report| report.machine != "node3");
    let server = told(ended);
    for capture in ["captures/clusterctl.jsonl", "captures/clusterctl-job.jsonl"] {
        let Some(file) = corpus::file(capture) else {
            return;
        };
        let Some(replay) = crate::support::clients("replay.py") else {
            return;
        };
        let mut replayed = command("python3");
        replayed
            .arg(replay)
            .arg(format!("http://{}", server.address))
            .arg(file);
        let output = replayed.args(["--expect", "2,5"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
