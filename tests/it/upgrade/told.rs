//! What the server is told of upgrades.

use serde_json::json;

use super::{World, world};
use crate::support::server::{TestServer, simple_profile};
use crate::support::write;

/// A server that the machine knows, by which it is called node7.
fn server_of(world: &World) -> TestServer {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let conf = world.read("var/lib/edeploy/conf");
    let told = format!(
        "{conf}SERV=127.0.0.1\nHTTP_PORT={}\nMACHINE=node7\n",
        server.address.port()
    );
    write(world.machine.path("var/lib/edeploy/conf"), told);
    server
}

#[test]
fn the_server_is_told_of_an_upgrade_as_of_an_installation() {
    let Some(world) = world() else { return };
    let server = server_of(&world);
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(100));
    let jobs = || server.get("/api/v1/jobs?machine=node7").json();
    let [job] = jobs()["jobs"]
        .as_array()
        .unwrap()
        .clone()
        .try_into()
        .unwrap();
    assert_eq!(
        (&job["action"], &job["status"]),
        (&json!("upgrade"), &json!("Complete"))
    );
    let job = server
        .get(&format!("/api/v1/jobs/{}", job["number"]))
        .json();
    let steps = job["steps"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|step| step["name"].as_str().unwrap()).collect();
    for step in [
        "check",
        "fetch",
        "commit",
        "apply",
        "bootloader",
        "post",
        "finish",
    ] {
        assert!(
            steps.contains(&format!("upgrade/{step}").as_str()),
            "{steps:?}"
        );
    }
}

#[test]
fn the_server_is_told_of_a_refused_upgrade_with_its_reason_and_the_machine_stays_installed() {
    let Some(world) = world() else { return };
    let server = server_of(&world);
    let installed = json!({
        "origin": "edeploy", "name": "install", "event_type": "finish", "description": "", "result": "SUCCESS",
    });
    let path = "/api/v1/events/node7";
    let told = server.send(
        "POST",
        path,
        "application/json",
        installed.to_string().as_bytes(),
    );
    assert_eq!(told.status, 200);
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(way.join("pre"), "#!/bin/sh\necho not drained >&2; exit 7\n");
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(3));
    let jobs = server.get("/api/v1/jobs?machine=node7").json();
    let failed = jobs["jobs"][0].clone();
    assert_eq!(
        (&failed["action"], &failed["status"]),
        (&json!("upgrade"), &json!("Errored"))
    );
    let status = server.get("/api/v1/status?machine=node7").json();
    let node = &status[0];
    assert_eq!(node["standing"], "installed");
    let diagnosis = &node["diagnosis"];
    let texts = ["what", "next"].map(|key| diagnosis[key].as_str().unwrap());
    assert!(
        texts[0].starts_with("was refused at upgrade/pre: ") && texts[0].contains("not drained"),
        "{diagnosis}"
    );
    assert_eq!(
        texts[1],
        "nothing of it was changed: mend the cause, and upgrade it again"
    );
}
