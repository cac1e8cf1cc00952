//! `upload.py` and `upload-health.py` as the ramdisk speaks them.

use std::time::{Duration, SystemTime};

use base64_lines::decode;

use crate::support::http::{self, Field, connect, exchange, form, read_all, request};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{corpus, names, wait_for, write};

/// Base64 as the corpus has it: one line, padded.
mod base64_lines {
    pub(super) fn decode(text: &str) -> Vec<u8> {
        let digit = |byte: u8| -> u32 {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let at = alphabet.iter().position(|known| *known == byte).unwrap();
            at.try_into().unwrap()
        };
        let mut bytes = Vec::new();
        for group in text.trim_end_matches('=').as_bytes().chunks(4) {
            let mut bits = group.iter().fold(0, |bits, byte| bits << 6 | digit(*byte));
            bits <<= 6 * (4 - group.len());
            bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
        }
        bytes
    }
}

fn limited(dir: &std::path::Path) {
    write(dir.join("state"), "[('vm', 1)]\n");
    write(
        dir.join("vm.specs"),
        "[('disk', '$disk', 'size', 'gt(4)')]\n",
    );
    write(
        dir.join("vm.cmdb"),
        "[{'ip': '10.0.0.1'}, {'ip': '10.0.0.2'}]\n",
    );
    write(
        dir.join("vm.configure"),
        "set_role('a', 'b', var['disk'])\n",
    );
}

const HARDWARE: Option<&str> = Some("hw.json");

#[test]
fn the_captured_requests_of_the_ramdisk_are_answered() {
    let Some(captures) = corpus::file("captures/edeploy.jsonl") else {
        return;
    };
    let server = TestServer::start(|dir| {
        write(dir.join("state"), "[('vm', '*')]");
        write(dir.join("vm.specs"), "[('disk', '$disk', 'size', '$size')]");
        write(
            dir.join("vm.configure"),
            "set_role('a', 'b', var['disk'])\n",
        );
    });
    for line in std::fs::read_to_string(captures).unwrap().lines() {
        let capture: serde_json::Value = serde_json::from_str(line).unwrap();
        let request_line = capture["line"].as_str().unwrap();
        if !request_line.contains("/upload") {
            continue;
        }
        let body = decode(capture["body"].as_str().unwrap());
        let mut head = format!("{request_line}\r\n");
        for header in capture["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Connection: close\r\n\r\n");
        let response = exchange(server.address, &[head.as_bytes(), &body].concat());
        assert_eq!(response.status, 200, "{request_line}");
        let is_hardware = request_line.contains("upload.py")
            && contains(&body, b"hw.json")
            && !contains(&body, b"\"failure\"");
        let text = response.text();
        assert_eq!(
            is_hardware,
            text.contains("#EDEPLOY_PROFILE = vm"),
            "{text}"
        );
        assert_eq!(is_hardware, !text.is_empty());
    }
    let logs = names(server.path("state/logs"));
    assert_eq!(
        logs,
        ["--.log.gz", "HP-ProLiant_DL360p_Gen8-CZ3323FDVK.log.gz"]
    );
    assert_eq!(names(server.path("state/hw")).len(), 1);
    let sessions = names(server.path("state/health"));
    assert!(
        sessions.contains(&"burn-in-1".to_owned()) && sessions.len() == 2,
        "{sessions:?}"
    );
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn fields_come_in_any_order_under_any_prefix_and_the_file_needs_no_name() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    let file: Field<'_> = ("file", HARDWARE, facts.as_bytes());
    let section: Field<'_> = ("section", None, b"SERVER");
    let plain: Field<'_> = ("file", None, facts.as_bytes());
    let strange: Field<'_> = ("color", Some("x.bin"), &[0xff; 10_000]);
    for fields in [
        vec![section, file],
        vec![file, section],
        vec![strange, file],
        vec![file, strange, section],
        vec![plain],
    ] {
        for path in [
            "/upload.py",
            "//upload.py",
            "//cgi-bin//upload.py",
            "/a/b///c/upload.py",
            "/cgi-bin/upload.py?x=1",
        ] {
            let response = server.send("POST", path, http::FORM, &form(&fields));
            assert!(response.text().contains("#EDEPLOY_PROFILE = vm"), "{path}");
        }
    }
    assert!(server.log().contains("unknown field"));
    assert_eq!(
        server.send("POST", "/xupload.py", http::FORM, b"").status,
        404
    );
    assert_eq!(
        server.send("POST", "/upload.py/x", http::FORM, b"").status,
        404
    );
}

#[test]
fn a_request_without_hardware_is_told_so_as_in_the_readme() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let expected = "#!/bin/sh\n\ncat <<'EOF'\nNo file passed to the CGI\nEOF\n\nexit 1\n";
    let answers = [
        server.get("/cgi-bin/upload.py"),
        server.send("POST", "/cgi-bin/upload.py", "text/plain", b""),
        server.send("POST", "/upload.py", http::FORM, b""),
        server.send("POST", "/upload.py", "application/json", b"[]"),
        server.upload(&[("section", None, b"SERVER")]),
        server.upload(&[]),
    ];
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/x-python"));
        assert_eq!(answer.text(), expected);
    }
}

#[test]
fn an_unknown_section_is_refused_with_the_names_of_the_known_ones() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    for name in ["rack9", "../SERVER", "", "SERVER\0"] {
        let answer = server.upload(&[
            ("section", None, name.as_bytes()),
            ("file", HARDWARE, facts.as_bytes()),
        ]);
        assert!(answer.text().contains("only SERVER"), "{}", answer.text());
    }
    assert!(names(server.path("state/hw")).is_empty());
}

#[test]
fn a_failure_report_gives_the_place_back_once_and_never_allocates() {
    let server = TestServer::start(limited);
    let state = || std::fs::read_to_string(server.path("config/state")).unwrap();
    let report = |serial: &str, profile: &str| {
        let facts = machine(serial, "QEMU");
        let answer = server.upload(&[
            ("section", None, b"SERVER"),
            ("failure", None, profile.as_bytes()),
            ("file", HARDWARE, facts.as_bytes()),
        ]);
        assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    };
    report("CZ2", "vm");
    assert_eq!(state(), "[('vm', 1)]\n");
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
    assert_eq!(state(), "[('vm', 0)]\n");
    for profile in ["nonsense", "../vm", "", "$(touch /x)"] {
        report("CZ1", profile);
    }
    assert_eq!(state(), "[('vm', 0)]\n");
    report("CZ1", "vm");
    report("CZ1", "vm");
    assert_eq!(state(), "[('vm', 1)]\n");
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
    let refused = server.register(&machine("CZ3", "QEMU"));
    assert!(
        refused.contains("nothing of it is left") && refused.ends_with("exit 1\n"),
        "{refused}"
    );
}

#[test]
fn rows_that_are_none_are_told_by_number_and_the_others_are_used() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = r#"[["disk", "vda", "size", "8"], ["short", "raw text"], 7,
        ["system", "product", "name", "QEMU"], ["a", "b", "c", {"d": 1}]]"#;
    let script = server.register(facts);
    assert!(script.contains("#EDEPLOY_PROFILE = vm"));
    assert!(
        script.contains("# 3 of the uploaded rows could not be used: 1, 2, 4 (counted from 0)\n")
    );
    assert!(!script.contains("raw text"));
    assert!(server.log().contains("a row of the hardware was left out"));
}

#[test]
fn hardware_that_is_no_json_is_refused_with_its_place() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let refused = server.register("[[\"disk\", \"vda\"");
    assert!(
        refused.contains("Invalid hardware file: ") && refused.contains('^'),
        "{refused}"
    );
    let literal = "[('disk', 'vda', 'size', '8'), ('system', 'product', 'name', 'old')]";
    let answer = server.upload(&[("file", Some("x.hw"), literal.as_bytes())]);
    assert!(
        answer.text().contains("#EDEPLOY_PROFILE = vm"),
        "{}",
        answer.text()
    );
}

#[test]
fn the_hardware_of_each_machine_is_kept_under_a_safe_name() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = |mac: &str| {
        serde_json::json!([["network", "eth0", "serial", mac], ["é", "b", "c", 1.5]]).to_string()
    };
    server.register(&machine("CZ1", "QEMU"));
    for mac in [
        "../../../evil",
        "/tmp/evil",
        "..",
        "a\0b",
        ".hidden",
        "x\ny",
    ] {
        server.register(&facts(mac));
    }
    let kept = names(server.path("state/hw"));
    assert_eq!(kept.len(), 7, "{kept:?}");
    assert!(
        kept.iter()
            .all(|name| name.ends_with(".hw") && !name.starts_with('.'))
    );
    let top = names(server.dir.path());
    assert_eq!(top, ["config", "server.log", "state"]);
    assert_eq!(names(server.path("state")), ["hw"]);
    let hardware = std::fs::read_to_string(server.path("state/hw/QEMU-CZ1-.hw")).unwrap();
    let expected = "[('disk', 'vda', 'size', '8'),\n ('system', 'product', 'name', 'QEMU'),\n \
                    ('system', 'product', 'serial', 'CZ1')]\n";
    assert_eq!(hardware, expected);
}

#[test]
fn hardware_that_cannot_be_kept_is_no_reason_to_leave_a_machine_alone() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    write(
        server.path("state/hw"),
        "a file where a directory should be",
    );
    let script = server.register(&machine("CZ1", "QEMU"));
    assert!(script.contains("#EDEPLOY_PROFILE = vm"));
    assert!(server.log().contains("the hardware could not be kept"));
}

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
fn expect_100_continue_is_answered_before_the_body_is_sent() {
    use std::io::{Read, Write};
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    let whole = request(
        "POST",
        "/upload.py",
        http::FORM,
        &form(&[("file", HARDWARE, facts.as_bytes())]),
    );
    let end = whole
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let mut stream = connect(server.address);
    stream.write_all(&whole[..end]).unwrap();
    stream
        .write_all(b"\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&whole[end + 4..]).unwrap();
    let answer = http::Response::parse(&read_all(&mut stream)).unwrap();
    assert!(answer.text().contains("#EDEPLOY_PROFILE = vm"));
}

#[test]
fn an_http_1_0_client_is_answered_without_chunks() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    let body = form(&[("file", HARDWARE, facts.as_bytes())]);
    let head = format!(
        "POST //cgi-bin//upload.py HTTP/1.0\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        http::FORM,
        body.len()
    );
    let answer = exchange(server.address, &[head.as_bytes(), &body].concat());
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(answer.text().ends_with('\n') && answer.text().contains("#EDEPLOY_PROFILE = vm"));
}

/// A stand-in for pxemngr that writes its words to a file, one to a line.
fn pxemngr(dir: &std::path::Path, end: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let program = dir.join("pxemngr");
    let calls = dir.join("calls");
    write(
        &program,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" . >>{}\n{end}\n",
            calls.display()
        ),
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = dir.join("server.toml");
    let text = format!(
        "use_pxemngr = true\npxemngr_program = '{}'\npxemngr_url = 'http://10.0.0.1:8000'\n\
         metadata_url = 'http://10.0.0.1/md'",
        program.display()
    );
    write(&settings, text);
    settings.to_str().unwrap().to_owned()
}

#[test]
fn pxemngr_is_told_of_a_machine_without_a_shell() {
    for end in ["exit 0", "exit 3"] {
        let dir = tempfile::tempdir().unwrap();
        let settings = pxemngr(dir.path(), end);
        let fill = |dir: &std::path::Path| simple_profile(dir, "");
        let server = TestServer::with_args(fill, &["--settings", &settings]);
        let facts = serde_json::json!([
            ["disk", "vda", "size", "8"],
            ["system", "product", "name", "QEMU"],
            ["network", "eth0", "serial", "x;touch P"],
            ["network", "eth1", "serial", "52:54:00:88:17:3c"],
            [
                "network",
                "ib0",
                "serial",
                "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:2f:7d:11"
            ],
            ["network", "eth2", "serial", "52:54:00:88:17:3d"],
        ]);
        let script = server.register(&facts.to_string());
        assert!(script.ends_with(
            "_edeploy_to_vars(\"PXEMNGR_URL\", 'http://10.0.0.1:8000/')\n\
             _edeploy_to_vars(\"METADATA_URL\", 'http://10.0.0.1/md/')\n"
        ));
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
        let name = "QEMU-x%3Btouch%20P";
        assert_eq!(
            calls,
            format!("addsystem\n{name}\n52:54:00:88:17:3c\n52:54:00:88:17:3d\n.\n")
        );
        assert!(!dir.path().join("P").exists() && !server.path("P").exists());
        let told = if end == "exit 0" {
            "announced to pxemngr"
        } else {
            "exit code 3"
        };
        wait_for(told, || server.log().contains(told));
    }
}
