//! `upload.py` as the ramdisk speaks it.

use base64_lines::decode;

use crate::support::http::{self, Field, connect, exchange, form, read_all, request};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{corpus, names, write};

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
    assert_eq!(names(server.path("state")), ["events", "hw", "token.key"]);
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
