//! Where the server's settings come from, and what it says about them.

use crate::support::http::{self, form};
use crate::support::server::{TestServer, machine, run, simple_profile};
use crate::support::{names, write};

#[test]
fn a_server_without_any_settings_serves_the_examples_once() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = run(&["--print-settings"], &[], dir.path());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("listen = \"127.0.0.1:8080\""), "{out}");
    assert!(out.contains("config_dir = \"state/config\""), "{out}");
    assert!(
        names(dir.path()).is_empty(),
        "printing settings changes nothing"
    );

    let state = dir.path().join("data");
    let start = || TestServer::from_command(&["--state-dir", state.to_str().unwrap()]);
    let server = start();
    assert_eq!(server.get("/readyz").status, 200);
    let config = state.join("config");
    assert!(names(&config).contains(&"state.ron".to_owned()));
    write(config.join("vm.configure"), "# mine\n");
    server.stop();
    start().stop();
    assert_eq!(
        std::fs::read_to_string(config.join("vm.configure")).unwrap(),
        "# mine\n"
    );
}

#[test]
fn wrong_settings_are_told_with_exit_code_1_and_a_wrong_command_line_with_2() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("server.toml"), "listne = '1'");
    let check = |args: &[&str]| run(args, &[], dir.path());
    let (code, out, err) = check(&["--settings", "server.toml", "--check-settings"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("server.toml") && err.contains("listne"),
        "{err}"
    );
    assert_eq!(check(&["--settings", "server.toml"]).0, 1);
    assert_eq!(check(&["--no-such-flag"]).0, 2);
    assert_eq!(check(&["--config-dir", "nowhere"]).0, 1);
    let (code, _, err) = check(&["--config-dir", "nowhere", "--check-settings"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("`nowhere` of section `SERVER` is not there"),
        "{err}"
    );
    let (code, out, _) = check(&["--check-settings"]);
    assert_eq!((code, out.as_str()), (0, "the settings are right\n"));
    let (code, _, err) = run(
        &["--check-settings"],
        &[("EDEPLOY_HARDWARE_LIMIT_BYTES", "x")],
        dir.path(),
    );
    assert_eq!(code, 1);
    assert!(err.contains("EDEPLOY_HARDWARE_LIMIT_BYTES"), "{err}");
}

#[test]
fn a_port_that_is_taken_is_told_with_exit_code_5() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = run(&["--listen", &listen], &[], dir.path());
    assert_eq!((code, out.as_str()), (5, ""));
    assert!(err.contains(&listen) && err.contains("in use"), "{err}");
}

#[test]
fn sections_are_deployments_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let rack = dir.path().join("rack");
    simple_profile(&rack, "# of the rack\n");
    let settings = dir.path().join("server.toml");
    write(
        &settings,
        format!("[sections.rack]\nconfig_dir = '{}'", rack.display()),
    );
    let fill = |dir: &std::path::Path| simple_profile(dir, "# of the default\n");
    let server = TestServer::with_args(fill, &["--settings", settings.to_str().unwrap()]);
    let facts = machine("CZ1", "QEMU");
    let answer = |section: &str| {
        server
            .upload(&[
                ("file", Some("hw.json"), facts.as_bytes()),
                ("section", None, section.as_bytes()),
            ])
            .text()
    };
    assert!(answer("rack").contains("# of the rack"));
    assert!(answer("SERVER").contains("# of the default"));
    assert!(answer("row").contains("only SERVER, rack"));
    assert_eq!(names(server.path("state/sections/rack/hw")).len(), 1);
    let log = form(&[("file", Some("a.log.gz"), b"x"), ("section", None, b"rack")]);
    server.send("POST", "/upload.py", http::FORM, &log);
    assert_eq!(names(server.path("state/sections/rack/logs")), ["a.log.gz"]);
    let listed = server.get("/api/v1/machines?section=rack").json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        server
            .get("/api/v1/machines")
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn two_sections_on_one_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("a"), "");
    std::os::unix::fs::symlink("a", dir.path().join("b")).unwrap();
    write(
        dir.path().join("server.toml"),
        "[sections.one]\nconfig_dir = 'a'\n[sections.two]\nconfig_dir = 'b'",
    );
    let (code, _, err) = run(&["--settings", "server.toml"], &[], dir.path());
    assert_eq!(code, 1);
    assert!(err.contains("`one` and `two` share the directory"), "{err}");
}

#[test]
fn the_systemd_unit_starts_the_server_with_flags_that_there_are() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/edeploy-server.service"
    );
    let text = std::fs::read_to_string(unit).unwrap();
    let start = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let mut words: Vec<&str> = start.split(' ').skip(1).collect();
    words.push("--print-settings");
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = run(&words, &[], dir.path());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("/var/lib/edeploy"), "{out}");
}

#[test]
fn log_lines_can_be_json() {
    let fill = |dir: &std::path::Path| simple_profile(dir, "");
    let server = TestServer::with_args(fill, &["--log-format", "json"]);
    let hostile = "x\n{\"level\":\"FAKE\"}\u{1b}[2J";
    server.register(&machine("CZ1", hostile));
    server.upload(&[("section", None, hostile.as_bytes()), ("file", None, b"[]")]);
    let log = server.log();
    assert!(log.lines().count() >= 2, "{log}");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_ne!(line["level"], "FAKE");
        assert!(line["timestamp"].is_string());
    }
}
