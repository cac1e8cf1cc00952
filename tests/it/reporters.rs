//! Reporters: another system is told of an installation, by the machine and by the server, as curtin tells it.
//!
//! The other system is a server of our own, which takes curtin's events and wants their OAuth to be right.

use edeploy::events::EventRow;

use crate::install::{install, server_with};
use crate::support::python::Root;
use crate::support::server::{TestServer, machine};
use crate::support::told::Told;
use crate::support::{wait_for, write};

const SECRETS: &str = "consumer_key = 'ck_foo'\nconsumer_secret = 'c s'\ntoken_key = 'tk_foo'\n\
                       token_secret = 't+s/é'\n";

/// The other system: it takes nothing from who has no credentials.
fn other() -> TestServer {
    crate::oauth::server(&format!("events_need_token = true\n[[oauth]]\n{SECRETS}"))
}

/// The table of a webhook that tells it.
fn webhook(other: &TestServer) -> String {
    format!(
        "[reporting.maas]\ntype = 'webhook'\nendpoint = 'http://{}/curtin/{{machine}}'\nretries = [1]\n{SECRETS}",
        other.address
    )
}

fn names<'a>(events: &'a [EventRow], origin: &str) -> Vec<&'a str> {
    let of = events.iter().filter(|event| event.origin == origin);
    of.map(|event| event.name.as_str()).collect()
}

#[test]
fn the_server_tells_reporters_of_its_own_events() {
    let other = other();
    let server = crate::oauth::server(&format!(
        "{}[reporting.journal]\ntype = 'log'\n[reporting.out]\ntype = 'print'\n[reporting.machines]\n\
         type = 'webhook'\nendpoint = 'http://{}/nowhere'\nby = 'machines'\n",
        webhook(&other),
        other.address
    ));
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the line in the log", || {
        server
            .log()
            .contains(": finish: upload: SUCCESS: given the profile vm")
    });
    let known = || {
        other.get("/api/v1/events").json()["events"]
            .as_array()
            .map(Vec::len)
    };
    wait_for("what the other system is told", || known() == Some(1));
    let log = server.log();
    assert!(!log.contains("reporter=maas"), "{log}");
    let told = Told::to(other);
    let machine = &told.machines()[0];
    assert!(machine.contains("CZ1"), "{machine}");
    assert_eq!(names(&told.events(machine), "edeploy-server"), ["upload"]);
}

#[test]
fn a_reporter_that_does_not_answer_holds_nobody_up() {
    let away = other();
    let table = webhook(&away).replace("t+s/é", "another");
    let server = crate::oauth::server(&table);
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the warning", || {
        server
            .log()
            .contains("the endpoint answered with status 401")
    });
    server.register(&machine("CZ2", "QEMU"));
    assert!(!server.log().contains("another"));
}

#[test]
fn a_machine_tells_reporters_of_its_steps() {
    let Some(root) = Root::new() else { return };
    let other = other();
    let settings = tempfile::tempdir().unwrap();
    let file = settings.path().join("server.toml");
    let webhook = format!(
        "{}by = 'machines'\nlevel = 'DEBUG'\n[reporting.out]\ntype = 'print'\nlevel = 'ERROR'\n",
        webhook(&other)
    );
    // The server itself wants the token that it gave the machine.
    write(&file, format!("events_need_token = true\n{webhook}"));
    let server = server_with("run('false')\n", &["--settings", file.to_str().unwrap()]);
    write(root.path("log"), "all that was said\n");
    let line = format!("SERV=127.0.0.1 HTTP_PORT={}", server.address.port());
    let output = install(&root, "vdz", &line);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        printed.contains("finish: install/configure: FAIL: "),
        "{printed}"
    );
    let own = Told::to(server);
    let machine = &own.machines()[0];
    let (told, events) = (Told::to(other), own.events(machine));
    let expected = [
        "install",
        "install/network",
        "install/network",
        "install/detect",
    ];
    assert_eq!(names(&events, "edeploy")[..4], expected);
    let told_events = told.events(machine);
    assert_eq!(names(&told_events, "edeploy"), names(&events, "edeploy"));
    let files = told.files(machine);
    assert_eq!(
        files,
        [("/log".to_owned(), b"all that was said\n".to_vec())]
    );
}
