//! `edeployctl` where a session in `tests/cli` cannot show it: standard input, editors, locks, servers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use edeploy::allocation::{Outcome, Section, SectionOptions};
use edeploy::model::SectionName;
use fs2::FileExt;
use serde_json::Value as Json;

use crate::examples::{copy_of_examples, examples, hardware};
use crate::support::server::TestServer;
use crate::support::{self, write};

fn command(words: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_edeployctl"), words)
}

fn program(name: &str, words: &[&str]) -> Command {
    let mut command = support::command(name);
    command
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    command
}

fn ctl(words: &[&str]) -> Output {
    command(words).output().unwrap()
}

fn ctl_with_input(words: &[&str], input: &[u8]) -> Output {
    with_input(command(words), input)
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stdout));
    })
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn section(directory: &Path) -> Section {
    let name = SectionName::default_section();
    Section::open(name, directory, SectionOptions::default()).unwrap()
}

fn serve(directory: &Path, machine: &str) {
    let outcome = section(directory).allocate(hardware(machine)).unwrap();
    assert!(matches!(outcome, Outcome::Allocated(_)), "{outcome:?}");
}

/// A script that stands for the editor; it is given the copy as `$1`.
fn editor(directory: &Path, script: &str) -> String {
    let file = directory.join("editor.sh");
    write(&file, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    path(&file).to_owned()
}

#[test]
fn hardware_comes_from_standard_input_in_either_form() {
    let spec = examples().join("vm.specs.ron");
    let as_json = fs::read(examples().join("hardware/vm.json")).unwrap();
    let as_hw = edeploy::format::render_hw(&hardware("vm.json"));
    for input in [as_json.as_slice(), as_hw.as_bytes()] {
        let output = ctl_with_input(&["match", path(&spec), "-", "--json"], input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(json(&output)["bindings"]["disk"], "vda");
    }
}

#[test]
fn a_bound_value_keeps_the_type_of_its_fact() {
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("types.specs.ron");
    write(
        &spec,
        r#"[("cpu","a","n","$int"),("cpu","a","f","$float"),("cpu","a","t","$$text"),("cpu","a","b","$bool")]"#,
    );
    let facts =
        br#"[["cpu","a","n",8],["cpu","a","f",2.5],["cpu","a","t","8"],["cpu","a","b",true]]"#;
    let output = ctl_with_input(&["match", path(&spec), "-", "--json"], facts);
    assert_eq!(
        text(&output.stdout).trim_end(),
        r#"{"matched":true,"bindings":{"int":8,"float":2.5,"text":"8","bool":true},"key_bindings":{"text":"8"}}"#
    );
}

#[test]
fn hostile_hardware_cannot_steer_the_terminal() {
    let facts = "[[\"disk\",\"vda\\u001b[2J\\u202e\",\"size\",\"8\\n=> vm: given\"],[\"system\",\"product\",\"name\",\"\\u009b31m\"]]";
    let spec = examples().join("vm.specs.ron");
    let config = examples();
    for words in [
        vec!["match", path(&spec), "-"],
        vec!["match", path(&spec), "-", "--json"],
        vec!["explain", "-", "--config", path(&config)],
        vec!["explain", "-", "--config", path(&config), "--json"],
    ] {
        let output = ctl_with_input(&words, facts.as_bytes());
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let harmful = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
        assert_eq!(shown.chars().find(harmful), None, "{shown:?}");
        assert!(!shown.contains("\n=> vm: given"), "{shown}");
    }
}

#[test]
fn usage_errors_are_json_too_when_json_is_wanted() {
    let output = ctl(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let error = json(&output)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("<DIR>"), "{error}");
    assert!(output.stderr.is_empty());
}

#[test]
fn explain_changes_nothing() {
    let copy = copy_of_examples();
    let before: Vec<_> = fs::read_dir(copy.path()).unwrap().collect();
    let machine = examples().join("hardware/vm.json");
    let words = [
        "explain",
        path(&machine),
        "--config",
        path(copy.path()),
        "--json",
    ];
    let output = ctl(&words);
    assert_eq!(output.status.code(), Some(0));
    let explained = json(&output);
    let mut profiles = explained["profiles"].as_array().unwrap().iter();
    let vm = profiles.find(|profile| profile["profile"] == "vm").unwrap();
    assert_eq!(vm["chosen"], true);
    assert_eq!(fs::read_dir(copy.path()).unwrap().count(), before.len());
}

#[test]
fn release_frees_entry_and_place() {
    let copy = copy_of_examples();
    let before = fs::read_to_string(copy.path().join("state.ron")).unwrap();
    serve(copy.path(), "raid1-server.json");
    assert_ne!(
        fs::read_to_string(copy.path().join("state.ron")).unwrap(),
        before
    );
    let machine = examples().join("hardware/raid1-server.json");
    let output = ctl(&["explain", path(&machine), "--config", path(copy.path())]);
    assert!(text(&output.stdout).contains("holds profile raid1-server already"));

    let output = ctl(&["release", "srv11", "--config", path(copy.path()), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json(&output)["profile"], "raid1-server");
    assert_eq!(
        fs::read_to_string(copy.path().join("state.ron")).unwrap(),
        before
    );
    let output = ctl(&["release", "srv11", "--config", path(copy.path())]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn reinstall_keeps_entry_and_place_and_counts_anew() {
    let copy = copy_of_examples();
    serve(copy.path(), "raid1-server.json");
    let before = fs::read_to_string(copy.path().join("state.ron")).unwrap();
    let words = ["reinstall", "srv11", "--config", path(copy.path())];
    let output = ctl(&words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.starts_with("the next boot of "), "{said}");
    assert!(
        said.trim_end().ends_with(" installs raid1-server"),
        "{said}"
    );
    let json = json(&ctl(&[&words[..], &["--json"]].concat()));
    let none = serde_json::json!({"begun": 0, "latest": "none"});
    assert_eq!(json["deployments"], none);
    assert_eq!(json["variables"]["hostname"], "srv11");
    assert_eq!(
        fs::read_to_string(copy.path().join("state.ron")).unwrap(),
        before
    );
    let output = ctl(&["reinstall", "nobody", "--config", path(copy.path())]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = ctl(&["reinstall", "srv11"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn a_held_lock_is_busy_and_not_waited_for_longer_than_asked() {
    let copy = copy_of_examples();
    serve(copy.path(), "raid1-server.json");
    let lock = fs::OpenOptions::new()
        .write(true)
        .open(copy.path().join(".edeploy/lock"))
        .unwrap();
    FileExt::lock_exclusive(&lock).unwrap();
    let config = path(copy.path());
    let state = copy.path().join("state.ron");
    for words in [
        vec![
            "release", "srv11", "--config", config, "--wait", "0", "--json",
        ],
        vec![
            "reinstall",
            "srv11",
            "--config",
            config,
            "--wait",
            "0",
            "--json",
        ],
        vec!["edit", path(&state), "--wait", "0", "--json"],
    ] {
        let output = ctl(&words);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(json(&output)["error"].as_str().unwrap().contains("lock"));
    }
}

#[test]
fn an_edit_that_parses_is_installed() {
    let copy = copy_of_examples();
    let state = copy.path().join("state.ron");
    let script = editor(copy.path(), "sed -i 's/10/12/' \"$1\"");
    let output = command(&["edit", path(&state), "--json"])
        .env("EDITOR", &script)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json(&output)["changed"], true);
    assert!(fs::read_to_string(&state).unwrap().contains("12"));
}

#[test]
fn an_edit_that_does_not_parse_is_kept_beside_the_file() {
    let copy = copy_of_examples();
    let state = copy.path().join("state.ron");
    let before = fs::read_to_string(&state).unwrap();
    let script = editor(copy.path(), "echo '[(\"vm\", ' >\"$1\"");
    let output = command(&["edit", path(&state)])
        .env("VISUAL", &script)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = text(&output.stderr);
    let kept = copy.path().join("state.ron.rejected");
    assert!(
        shown.contains(path(&kept)) && shown.contains('^'),
        "{shown}"
    );
    assert_eq!(fs::read_to_string(&state).unwrap(), before);
    assert_eq!(fs::read_to_string(kept).unwrap(), "[(\"vm\", \n");
}

#[test]
fn at_a_terminal_a_refused_text_can_be_edited_again() {
    let copy = copy_of_examples();
    let state = copy.path().join("state.ron");
    // The first text is cut off, the second one is right.
    let script = editor(
        copy.path(),
        "[ -e \"$0.seen\" ] && echo '[(\"vm\", 7)]' >\"$1\" || { echo '[' >\"$1\"; : >\"$0.seen\"; }",
    );
    let session = format!(
        "EDITOR={script} {} edit {}",
        env!("CARGO_BIN_EXE_edeployctl"),
        path(&state)
    );
    // script(1) gives it a terminal of its own.
    let terminal = |session: &str| program("script", &["-qec", session, "/dev/null"]);
    if !terminal("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("skipped: script(1) cannot make a terminal here");
        return;
    }
    let output = with_input(terminal(&session), b"e\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("Edit again or discard?"));
    assert_eq!(fs::read_to_string(&state).unwrap(), "[(\"vm\", 7)]\n");
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let copy = copy_of_examples();
    let state = copy.path().join("state.ron");
    let before = fs::read_to_string(&state).unwrap();
    for editor in ["false", "no-such-editor"] {
        let output = command(&["edit", path(&state)])
            .env("EDITOR", editor)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert_eq!(fs::read_to_string(&state).unwrap(), before);
    }
}

#[test]
fn release_through_a_real_server_frees_the_machine() {
    let server = TestServer::start(|config| {
        fs::rename(copy_of_examples().keep(), config).unwrap();
    });
    let url = format!("http://{}", server.address);
    let facts = fs::read(examples().join("hardware/raid1-server.json")).unwrap();
    let posted = server.post_machine(&facts);
    assert_eq!(posted.status, 200, "{posted:?}");

    let words = ["release", "24:6e:96:5a:10:f0", "--server", &url, "--json"];
    let output = ctl(&words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json(&output)["variables"]["hostname"], "srv11");
    let output = ctl(&words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(json(&output)["error"].is_string());
    server.stop();
}

#[test]
fn release_through_a_server_names_the_machine_and_tells_its_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let body = r#"{"error":"the section is busy"}"#;
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 503 Busy\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    let output = ctl(&["release", "a b/c", "--server", &url, "--json"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(json(&output)["error"], "the section is busy");
    let request = server.join().unwrap();
    let start = "DELETE /api/v1/machines/a%20b%2Fc?section=SERVER ";
    assert!(request.starts_with(start), "{request}");

    let output = ctl(&["release", "x", "--server", &url]);
    assert_eq!(
        output.status.code(),
        Some(5),
        "nobody listens any more: {output:?}"
    );
}
