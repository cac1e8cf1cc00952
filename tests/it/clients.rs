//! The real clients, where they are set up: `../shared/clients` or `$EDEPLOY_CLIENTS`, after its `setup.sh`.

use std::path::PathBuf;
use std::process::Output;

use edeploy::events::{Standing, Status};

use crate::producers::HERE;
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::told::Told;
use crate::support::{command, write};

/// The folder of a client that is set up, or a note that the test is skipped. `made` is what setting it up
/// makes.
fn client(name: &str, made: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EDEPLOY_CLIENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/clients"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.join(made).exists() {
        return Some(folder);
    }
    let missing = folder.join(made);
    println!("skipped: there is no {}", missing.display());
    None
}

fn run(server: &TestServer, folder: &std::path::Path, arguments: &[&str]) -> Output {
    let output = command(folder.join("run.sh"))
        .arg(format!("http://{}", server.address))
        .args(arguments)
        .current_dir(server.dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{arguments:?}: {}\n{said}", output.status);
    output
}

fn server() -> TestServer {
    TestServer::start(|dir| simple_profile(dir, ""))
}

#[test]
fn foremans_curl_reports_an_installation() {
    let Some(folder) = client("foreman", "run.sh") else {
        return;
    };
    let server = server();
    assert!(run(&server, &folder, &["node7", "lon1"]).status.success());
    let told = Told::to(server);
    let machine = told.machine("node7");
    assert_eq!(machine.standing, Standing::Installed);
    assert_eq!(machine.datacenter.as_deref(), Some("lon1"));
}

#[test]
fn the_ramdisks_calls_work_as_its_shell_makes_them() {
    let Some(folder) = client("edeploy", "run.sh") else {
        return;
    };
    let server = server();
    let hardware = server.path("hw.json");
    let with_mac = machine("CZ1", "QEMU").replace(
        "]]",
        "], [\"network\", \"eth0\", \"serial\", \"52:54:12:34:00:03\"]]",
    );
    write(&hardware, &with_mac);
    let hardware = hardware.to_str().unwrap();
    for call in [
        &["register", hardware][..],
        &["discoverd", "/v1/continue", hardware],
        &["localboot", "52:54:12:34:00:03"],
        &["localboot"],
    ] {
        assert!(run(&server, &folder, call).status.success());
    }
    let told = Told::to(server);
    assert_eq!(
        told.machine("52:54:12:34:00:03").standing,
        Standing::Installed
    );
    assert_eq!(told.machines().len(), 1);
}

#[test]
fn ironic_python_agent_is_content_with_its_answer() {
    let Some(folder) = client("ipa", "venv/bin/ironic-collect-introspection-data") else {
        return;
    };
    for path in ["/v1/continue_inspection", "/v1/continue"] {
        let server = server();
        let output = run(&server, &folder, &["--path", path]);
        assert!(output.status.success(), "{output:?}");
        let told = Told::to(server);
        let names = told.machines();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(told.machine(&names[0]).standing, Standing::Discovered);
    }
}

#[test]
fn hardware_detects_rows_are_taken_by_discoverd() {
    let Some(folder) = client("hardware", "venv/bin/hardware-detect") else {
        return;
    };
    let server = server();
    let rows = server.path("rows.json");
    let detected = command(folder.join("run.sh"))
        .arg(&rows)
        .arg("CZ3323FDVK")
        .output();
    assert!(detected.unwrap().status.success());
    let rows = std::fs::read_to_string(rows).unwrap();
    let body = format!("{{\"data\": {rows}}}");
    let answer = server.send("POST", "/v1/continue", "application/json", body.as_bytes());
    assert_eq!(
        answer.json()["uuid"],
        "11111111-2222-3333-4444-555555555555"
    );
    let told = Told::to(server);
    assert_eq!(told.machine("CZ3323FDVK").standing, Standing::Discovered);
}

/// The seed alone makes it report: nothing else is set in the image.
#[test]
fn cloud_init_boots_from_the_seed_and_reports_with_its_token() {
    let Some(folder) = client("cloud-init", "deb/usr/bin/cloud-init") else {
        return;
    };
    if !crate::support::python::can_mount() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    write(
        dir.path().join("config/vm.cmdb"),
        "[{'hostname': 'srv1'}]\n",
    );
    write(dir.path().join("server.toml"), "events_need_token = true\n");
    let settings = dir.path().join("server.toml").to_str().unwrap().to_owned();
    let server = TestServer::in_dir(dir, &["--settings", &settings]);
    server.register(&machine("CZ1", "QEMU"));
    let output = run(&server, &folder, &[]);
    assert!(output.status.success(), "{output:?}");
    let keys = server.get("/api/v1/host-keys?machine=srv1").json();
    assert!(
        keys.as_array().is_some_and(|keys| !keys.is_empty()),
        "{keys}"
    );
    let told = Told::to(server);
    let names: Vec<String> = told
        .events("QEMU-CZ1-")
        .iter()
        .map(|row| row.name.clone())
        .collect();
    assert!(
        names.iter().any(|name| name == "boot/modules-final"),
        "{names:?}"
    );
}

/// Everything is said by the image's own configuration, and the machine is a stranger.
#[test]
fn cloud_init_of_a_stranger_is_a_boot_that_ends_well() {
    let Some(folder) = client("cloud-init", "deb/usr/bin/cloud-init") else {
        return;
    };
    if !crate::support::python::can_mount() {
        return;
    }
    let server = server();
    let options = ["--hook", "/events", "--phone", "/phone/$INSTANCE_ID/"];
    assert!(run(&server, &folder, &options).status.success());
    let told = Told::to(server);
    assert_eq!(told.machines(), [HERE]);
    assert_eq!(told.deployments(HERE)[0].status, Status::Complete);
}
