//! What machines send to be kept: logs to `upload.py`, results to `upload-health.py`.

use std::time::{Duration, SystemTime};

use crate::support::http::{self, form};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{names, write};

#[test]
fn a_log_is_kept_as_it_came_and_an_older_one_renamed() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let big = vec![0x8b; 3_000_000];
    let upload = |name: &str, bytes: &[u8]| {
        let answer = server.upload(&[("section", None, b"SERVER"), ("file", Some(name), bytes)]);
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    };
    upload("HP-x.log.gz", &big);
    let logs = server.path("state/logs");
    let log = logs.join("HP-x.log.gz");
    assert_eq!(std::fs::read(&log).unwrap(), big);
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    std::fs::File::open(&log)
        .unwrap()
        .set_modified(written)
        .unwrap();
    upload("HP-x.log.gz", b"second");
    upload("../../HP-y.log.gz", b"third");
    assert_eq!(
        names(&logs),
        ["HP-x.20231114221320.log.gz", "HP-x.log.gz", "HP-y.log.gz"]
    );
    assert_eq!(std::fs::read(&log).unwrap(), b"second");
    // A report with a log as its file is a log: nothing else can be made of it.
    let answer = server.upload(&[("failure", None, b"vm"), ("file", Some("z.log.gz"), b"x")]);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(logs.join("z.log.gz").exists());
}

#[test]
fn many_logs_of_one_name_at_once_are_all_kept() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    std::thread::scope(|scope| {
        for number in 0..20 {
            let server = &server;
            scope.spawn(move || {
                let text = format!("log {number}");
                server.upload(&[("file", Some("--.log.gz"), text.as_bytes())]);
            });
        }
    });
    let logs = server.path("state/logs");
    let mut texts: Vec<String> = names(&logs)
        .iter()
        .map(|name| std::fs::read_to_string(logs.join(name)).unwrap())
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 20);
}

#[test]
fn health_results_are_kept_by_session_and_minute() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    let post = |session: &[u8]| {
        let body = form(&[
            ("session", None, session),
            ("file", Some("health.json"), facts.as_bytes()),
        ]);
        server.send("POST", "//cgi-bin//upload-health.py", http::FORM, &body)
    };
    for session in [&b"burn-in-1"[..], b"burn-in-1", b"../../../evil", b".."] {
        let answer = post(session);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    }
    let health = server.path("state/health");
    assert_eq!(names(&health), ["%2E.", "burn-in-1", "evil"]);
    let mut kept = Vec::new();
    for minute in names(health.join("burn-in-1")) {
        assert_eq!(
            minute.replace(|c: char| c.is_ascii_digit(), "0"),
            "0000_00_00-00h00"
        );
        kept.extend(names(health.join("burn-in-1").join(minute)));
    }
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.contains(&"QEMU-CZ1-.hw".to_owned()));
    let broken = form(&[("file", Some("health.json"), b"{")]);
    let answer = server.send("POST", "/upload-health.py", http::FORM, &broken);
    assert_eq!(answer.status, 400);
    assert_eq!(server.get("/upload-health.py").status, 400);
}

#[test]
fn a_log_that_is_too_long_is_not_kept_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("server.toml");
    write(&settings, "log_limit_bytes = 1000000");
    let fill = |dir: &std::path::Path| simple_profile(dir, "");
    let server = TestServer::with_args(fill, &["--settings", settings.to_str().unwrap()]);
    let answer = server.upload(&[("file", Some("x.log.gz"), &[0; 2_000_000])]);
    let text = answer.text();
    assert!(
        text.contains("the log is longer than 1000000 bytes"),
        "{text}"
    );
    assert_eq!(names(server.path("state")), ["events"]);
    let kept = server.upload(&[("file", Some("x.log.gz"), &[0; 1_000_000])]);
    assert_eq!(kept.text(), "");
    assert_eq!(names(server.path("state/logs")), ["x.log.gz"]);
}
