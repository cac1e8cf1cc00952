//! `edeployctl snippet`: what it writes for each installer, run as that installer runs it, against a real server.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use edeploy::model::{Event, EventKind};
use edeploy::reporters::{Reporter, ReporterTable, Told, agent};
use serde_json::Value;

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{command, wait_for, write};

/// A server with one machine. Names of others are taken too, unless a token is needed.
fn server(needs_token: bool) -> TestServer {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    let file = dir.path().join("server.toml");
    write(&file, format!("events_need_token = {needs_token}\n"));
    let file = file.to_str().unwrap().to_owned();
    let server = TestServer::in_dir(dir, &["--settings", &file]);
    server.register(&machine("CZ1", "QEMU"));
    // It is known by its serial a moment after its answer.
    wait_for("the machine", || {
        server.get("/api/v1/status/CZ1").status == 200
    });
    server
}

fn snippet(server: &TestServer, shell: &str, machine: Option<&str>) -> String {
    let mut ctl = command(env!("CARGO_BIN_EXE_edeployctl"));
    ctl.env_clear()
        .args(["snippet", "--shell", shell, "--server"]);
    ctl.arg(format!("http://{}", server.address));
    ctl.args(machine.map(|machine| format!("--machine={machine}")));
    let output = ctl.output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a script as an installer does, which goes on only if it ends well. With `tools` first in its path.
fn run(shell: &[&str], tools: Option<&Path>, script: &str) {
    let path = tools.map_or_else(String::new, |tools| format!("{}:", tools.display()));
    let output = command(shell[0])
        .args(&shell[1..])
        .args(["-e", "-c", script])
        .env_clear()
        .env("PATH", format!("{path}/usr/bin:/bin"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}: {script}");
}

fn is_there(program: &str) -> bool {
    let look = format!("command -v {program}");
    let looked = command("sh").args(["-c", &look]).output().unwrap();
    let is_there = looked.status.success();
    if !is_there {
        println!("skipped: there is no {program}");
    }
    is_there
}

/// A directory with the wget of busybox, debian-installer's; none where it is not installed.
fn busybox() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    is_there("busybox").then(|| {
        let busybox = ["/usr/bin/busybox", "/bin/busybox"];
        let busybox = busybox.iter().find(|path| Path::new(path).exists());
        std::os::unix::fs::symlink(busybox.unwrap(), dir.path().join("wget")).unwrap();
        dir
    })
}

/// What was reported from elsewhere than the server itself: machine, origin, name, kind and words, the oldest first.
fn told(server: &TestServer) -> Vec<[String; 5]> {
    let events = server.get("/api/v1/events").json()["events"].clone();
    let events = events.as_array().unwrap().iter().rev();
    let fields = ["machine", "origin", "name", "kind", "description"];
    let rows = events
        .map(|event| fields.map(|field| event[field].as_str().unwrap_or_default().to_owned()));
    rows.filter(|row| row[1] != "server").collect()
}

/// Each way to say of which machine the lines are: with a token that is needed, by any name, by the hostname.
fn each_way(check: impl Fn(&TestServer, Option<&str>, &str)) {
    let allocated = server(true);
    let listed = allocated.get("/api/v1/machines").json();
    let name = listed[0]["machine"].as_str().unwrap();
    check(&allocated, Some("CZ1"), name);
    let odd = "it's \"one\" \\ é";
    check(&server(false), Some(odd), odd);
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    check(&server(false), None, hostname.trim());
}

fn expect(server: &TestServer, machine: &str, origin: &str, rows: &[[&str; 3]]) {
    let expected = rows
        .iter()
        .map(|[name, kind, words]| [machine, origin, name, kind, words].map(str::to_owned));
    assert_eq!(told(server), expected.collect::<Vec<_>>());
}

const USE: &str = "edeploy_report install/raid failed 'no \"space\" \\ left'\n";

const USED: &[[&str; 3]] = &[["install/raid", "finish", "no \"space\" \\ left"]];

#[test]
fn the_function_reports_with_curl_and_with_either_wget() {
    let busybox = busybox();
    for (shell, tool) in [("curl", "curl"), ("wget", "wget")] {
        if is_there(tool) {
            each_way(|server, machine, name| {
                let script = snippet(server, shell, machine);
                run(&["sh"], None, &format!("{script}\n{USE}"));
                expect(server, name, "script", USED);
            });
        }
    }
    if let Some(tools) = &busybox {
        each_way(|server, machine, name| {
            let script = snippet(server, "wget", machine);
            let script = format!("{script}\n{USE}");
            run(&["busybox", "sh"], Some(tools.path()), &script);
            expect(server, name, "script", USED);
        });
    }
}

#[test]
fn each_section_of_the_kickstart_is_a_script_that_reports() {
    each_way(|server, machine, name| {
        let text = snippet(server, "kickstart", machine);
        let mut sections = Vec::new();
        for section in text.split("%end") {
            let Some((kind, script)) = section.trim_start().split_once('\n') else {
                continue;
            };
            run(&["sh"], None, script);
            sections.push(kind.to_owned());
        }
        assert_eq!(sections, ["%pre", "%post", "%onerror"]);
        let rows = [
            ["install", "start", "Anaconda has started"],
            ["install", "finish", "Anaconda is done"],
            ["install", "finish", "Anaconda failed: see its console"],
        ];
        expect(server, name, "script", &rows);
    });
}

#[test]
fn the_commands_of_the_preseed_report_by_busybox() {
    let Some(tools) = busybox() else { return };
    each_way(|server, machine, name| {
        let text = snippet(server, "preseed", machine);
        for (line, question) in text.lines().zip(["early", "late"]) {
            let start = format!("d-i preseed/{question}_command string ");
            let value = line.strip_prefix(&start).unwrap();
            // debian-installer gives the value to `sh -c`.
            run(&["busybox", "sh"], Some(tools.path()), value);
        }
        let rows = [
            ["install", "start", "debian-installer has started"],
            ["install", "finish", "debian-installer is done"],
        ];
        expect(server, name, "preseed", &rows);
    });
}

/// What a YAML text says.
fn yaml(text: &str) -> Option<Value> {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let mut python = command("python3");
    python.args(["-c", script]).stdin(Stdio::piped());
    python.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = python.spawn().unwrap();
    // Without the module it has ended.
    child.stdin.take().unwrap().write_all(text.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        println!("skipped: Python has no module yaml");
        return None;
    }
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_autoinstall_is_yaml_by_which_a_reporter_reports() {
    for (server, machine) in [
        (server(true), Some("CZ1")),
        (server(false), Some("a/é \"b\"")),
    ] {
        let Some(read) = yaml(&snippet(&server, "autoinstall", machine)) else {
            return;
        };
        let table = read["autoinstall"]["reporting"]["edeploy"].clone();
        let table: ReporterTable = serde_json::from_value(table).unwrap();
        let reporter = Reporter::new("edeploy", table).unwrap();
        let event = Event::new("subiquity", "subiquity/Install", EventKind::Start);
        let handed = reporter.hand(&Told {
            event: &event.saying("installing"),
            at: jiff::Timestamp::now(),
            machine: None,
            files: &[],
        });
        let handed = handed.unwrap();
        handed.deliver(&reporter, &agent(), |_, _| {}).unwrap();
        let rows = told(&server);
        let [_, rest @ ..] = &rows[0];
        let expected = ["subiquity", "subiquity/Install", "start", "installing"];
        assert_eq!(*rest, expected.map(str::to_owned));
        assert_eq!(rows.len(), 1);
        assert!(rows[0][0].contains(machine.unwrap()), "{rows:?}");
    }
}
