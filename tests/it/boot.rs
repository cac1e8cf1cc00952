//! `/boot.ipxe`, `/pxelinux.cfg/` and `/boot/`: what a machine that boots from the network is to do, over its life.

mod answers;
mod loaders;

use std::path::Path;

use serde_json::Value;

use crate::support::http::Response;
use crate::support::server::TestServer;
use crate::support::{command, wait_for, write};

const UUID: &str = "11111111-2222-3333-4444-555555555555";
const MAC: &str = "52:54:00:12:34:56";
const SERIAL: &str = "CZ3323FDVK";

/// The query of the machine that qemu makes for the captures.
fn query() -> String {
    format!("/boot.ipxe?uuid={UUID}&serial={SERIAL}&mac=52%3A54%3A00%3A12%3A34%3A56")
}

fn facts(size: u32) -> String {
    serde_json::json!([
        ["disk", "vda", "size", size],
        ["system", "product", "name", "ProLiant"],
        ["system", "product", "serial", SERIAL],
        ["system", "product", "uuid", UUID],
        ["network", "eth0", "serial", MAC],
    ])
    .to_string()
}

fn profile(dir: &Path) {
    write(dir.join("state"), "[('vm', 1)]\n");
    write(
        dir.join("vm.specs"),
        "[('disk', '$disk', 'size', 'gt(4)')]\n",
    );
    write(dir.join("vm.configure"), "# nothing\n");
}

fn fill_boot_dir(dir: &Path) {
    write(dir.join("state/boot/vmlinuz"), "the kernel");
    write(dir.join("state/boot/ramdisk"), "the ramdisk");
}

/// A server with something to boot.
fn server() -> TestServer {
    let server = TestServer::start(profile);
    fill_boot_dir(server.dir.path());
    server
}

#[derive(Debug, PartialEq, Eq)]
enum Does {
    Install,
    LocalBoot,
    Hold,
}

fn does(answer: &Response) -> Does {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    assert!(text.starts_with("#!ipxe\n") && text.is_ascii(), "{text}");
    match () {
        () if text.contains("\nboot ||") => Does::Install,
        () if text.ends_with("\nexit\n") => Does::LocalBoot,
        () if text.contains("\nsleep 60\n") => Does::Hold,
        () => panic!("{text}"),
    }
}

fn asks(server: &TestServer) -> Does {
    does(&server.get(&query()))
}

fn screen(server: &TestServer) -> String {
    server.get(&query()).text()
}

fn post(server: &TestServer, path: &str) -> Response {
    server.send("POST", path, "application/json", b"")
}

fn uploads(server: &TestServer) -> Value {
    let answer = server.post_machine(facts(8).as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn killed_and_started(mut server: TestServer) -> TestServer {
    server.kill();
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap());
    TestServer::in_dir(dir, &[])
}

#[test]
fn a_machine_that_says_nothing_of_itself_is_told_to_ask_again_and_say_it() {
    let server = server();
    let text = server.get("/boot.ipxe?section=SERVER&product=x").text();
    let ask = "chain --replace http://h/boot.ipxe?section=SERVER&uuid=${uuid}&serial=${serial:uristring}&mac=${mac} ||";
    assert!(text.contains(ask), "{text}");
    let head = server.send("HEAD", "/boot.ipxe", "text/plain", b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(
        server.send("POST", "/boot.ipxe", "text/plain", b"").status,
        405
    );
}

#[test]
fn the_whole_life_of_a_machine_with_the_server_killed_in_between() {
    let mut server = server();
    assert_eq!(asks(&server), Does::Install);
    let kernel = "kernel http://h/boot/vmlinuz initrd=ramdisk BOOTIF=01-${mac:hexhyp} SERV=h HTTP_PORT=80 ||";
    assert!(screen(&server).contains(kernel), "{}", screen(&server));
    for begun in 1..=3 {
        assert_eq!(asks(&server), Does::Install, "before attempt {begun}");
        let machine = uploads(&server)["machine"].clone();
        server = killed_and_started(server);
        let listed = server.get("/api/v1/machines").json();
        assert_eq!(listed[0]["machine"], machine);
        let stands = serde_json::json!({"begun": begun, "latest": "begun"});
        assert_eq!(listed[0]["deployments"], stands);
    }
    assert_eq!(asks(&server), Does::Hold);
    let text = screen(&server);
    assert!(
        text.contains("\necho Its installation was begun 3 times"),
        "{text}"
    );

    let url = format!("http://{}", server.address);
    let output = command(env!("CARGO_BIN_EXE_edeployctl"))
        .args(["reinstall", SERIAL, "--server", &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::Install);

    uploads(&server);
    let installed = format!("/api/v1/machines/{SERIAL}/installed");
    let first = post(&server, &installed);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json()["deployments"]["latest"], "installed");
    assert_eq!(asks(&server), Does::LocalBoot);
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::LocalBoot);
    assert_eq!(post(&server, &installed).json(), first.json());

    let released = format!("/api/v1/machines/{SERIAL}/release");
    assert_eq!(post(&server, &released).status, 200);
    assert_eq!(asks(&server), Does::Install);
    assert_eq!(post(&server, &installed).status, 404);
    assert_eq!(server.get(&installed).status, 405);
}

#[test]
fn a_failure_ends_an_attempt_and_leaves_it_counted() {
    let server = server();
    for _ in 0..3 {
        server.register(&facts(8));
        let facts = facts(8);
        let report = [
            ("failure", None, b"vm".as_slice()),
            ("file", Some("hw.json"), facts.as_bytes()),
        ];
        server.upload(&report);
    }
    let listed = server.get("/api/v1/machines").json();
    assert_eq!(listed[0]["place"], "given_back");
    let stands = serde_json::json!({"begun": 3, "latest": "failed"});
    assert_eq!(listed[0]["deployments"], stands);
    assert_eq!(asks(&server), Does::Hold);
    assert!(screen(&server).contains("the last time it said"));
    assert_eq!(uploads(&server)["repeated"], true);
    assert_eq!(
        post(&server, &format!("/api/v1/machines/{SERIAL}/installed")).status,
        200
    );
    // A report that was long on its way takes nothing from a machine that is installed.
    let facts = facts(8);
    server.upload(&[
        ("failure", None, b"vm"),
        ("file", Some("hw.json"), facts.as_bytes()),
    ]);
    assert_eq!(asks(&server), Does::LocalBoot);
}

#[test]
fn a_rehearsal_counts_as_no_attempt() {
    let server = server();
    let body = format!(r#"{{"rehearsal": true, "facts": {}}}"#, facts(8));
    assert_eq!(server.post_machine(body.as_bytes()).status, 200);
    uploads(&server);
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    for _ in 0..4 {
        assert_eq!(server.post_machine(body.as_bytes()).status, 200);
    }
    assert_eq!(asks(&server), Does::LocalBoot);
}

#[test]
fn an_upload_made_again_in_the_same_start_is_one_attempt_and_one_job() {
    let server = server();
    let upload = |digit: u8| {
        let boot_id = format!("0b3c5f0e-6a1d-4f6e-9d0a-00e1c2d3a4b{digit}");
        let body = format!(r#"{{"boot_id": "{boot_id}", "facts": {}}}"#, facts(8));
        assert_eq!(server.post_machine(body.as_bytes()).status, 200);
        let stands = server.get("/api/v1/machines").json()[0]["deployments"].clone();
        let jobs = || {
            server.get("/api/v1/jobs").json()["jobs"]
                .as_array()
                .map(Vec::len)
        };
        // What the server itself reports is kept a moment after the answer.
        let known = usize::from(digit);
        wait_for("the job of this start", || jobs() == Some(known));
        stands["begun"].as_u64().unwrap()
    };
    assert_eq!([upload(1), upload(1), upload(2), upload(2)], [1, 1, 2, 2]);
    assert_eq!(asks(&server), Does::Install);
    let wrong = format!(r#"{{"boot_id": "today", "facts": {}}}"#, facts(8));
    assert_eq!(server.post_machine(wrong.as_bytes()).status, 400);
}

#[test]
fn a_refused_machine_is_held_with_the_reason_until_the_spec_is_mended() {
    let mut server = server();
    let refused = |server: &TestServer| {
        assert_eq!(server.post_machine(facts(2).as_bytes()).status, 404);
    };
    refused(&server);
    assert_eq!(asks(&server), Does::Hold);
    let text = screen(&server);
    assert!(text.contains("no profile matches this machine"), "{text}");
    assert!(text.contains("gt(4)"), "{text}");
    assert!(
        text.lines().count() < 25 && text.lines().all(|line| line.len() < 160),
        "{text}"
    );
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::Install, "and is refused again");
    refused(&server);
    assert_eq!(asks(&server), Does::Hold);

    write(
        server.path("config/vm.specs"),
        "[('disk', '$disk', 'size', 'gt(1)')]\n",
    );
    assert_eq!(asks(&server), Does::Install);
    assert_eq!(asks(&server), Does::Install, "asking takes no place");
    write(server.path("config/state"), "[('vm', 0)]\n");
    assert_eq!(asks(&server), Does::Hold);
    assert!(screen(&server).contains("its count in the state file is spent"));
    write(server.path("config/state"), "[('vm', 1)]\n");
    assert_eq!(server.post_machine(facts(2).as_bytes()).status, 200);
    assert_eq!(asks(&server), Does::Install);
    write(server.path("config/vm.specs"), "[(");
    assert_eq!(asks(&server), Does::Install, "it was given its profile");
}
