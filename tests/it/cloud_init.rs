//! cloud-init of installed systems: its seed, its reports, its host keys.

use edeploy::events::Standing;
use serde_json::json;

use crate::producers::{HERE, server};
use crate::support::capture::recorded;
use crate::support::http::exchange;
use crate::support::server::{TestServer, machine};
use crate::support::told::Told;
use crate::support::{wait_for, write};

fn with_cmdb() -> TestServer {
    TestServer::start(|dir| {
        crate::support::server::simple_profile(dir, "");
        write(
            dir.join("vm.cmdb"),
            "[{'ip': '10.0.0.1', 'hostname': 'srv1'}]\n",
        );
    })
}

/// A machine that has posted its hardware from here; nobody waits for the server to note its address.
fn register(server: &TestServer) {
    server.register(&machine("CZ1", "QEMU"));
    wait_until_known(server);
}

fn wait_until_known(server: &TestServer) {
    wait_for("the machine's address to be known", || {
        get(server, "/seed/meta-data").contains("QEMU-CZ1-")
    });
}

fn get(server: &TestServer, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.text()
}

#[test]
fn a_recorded_boot_finds_its_seed_and_its_reports_are_a_boot() {
    let server = server();
    let Some(requests) = recorded("cloud-init") else {
        return;
    };
    for request in requests {
        let answer = request.send(&server);
        assert_eq!(answer.status / 100, 2, "{}: {answer:?}", request.line);
    }
    let keys = server.get("/api/v1/host-keys?machine=iid-node-1").json();
    let told = Told::to(server);
    assert_eq!(told.machine("iid-node-1").name, HERE);
    let deployment = told.machine(HERE).deployment.clone().unwrap();
    assert_eq!(
        (deployment.action.as_str(), deployment.ended.is_some()),
        ("boot", true)
    );
    let algorithms: Vec<&str> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["algorithm"].as_str().unwrap())
        .collect();
    assert!(algorithms.contains(&"ssh-ed25519"), "{keys}");
    let phoned = told.events(HERE);
    let mut said = phoned.iter().map(|row| &row.description);
    assert!(said.any(|said| said.contains("ssh-ed25519 AAAA")));
}

#[test]
fn a_machine_is_seeded_with_its_own_name_and_the_way_to_report() {
    let server = with_cmdb();
    let token = server
        .post_machine(machine("CZ1", "QEMU").as_bytes())
        .json()["token"]
        .clone();
    wait_until_known(&server);
    let (name, secret) = token.as_str().unwrap().rsplit_once('.').unwrap();
    for base in ["/seed/", "/seed/CZ1/", "/seed/srv1/", "//seed//QEMU-CZ1-/"] {
        let meta = get(&server, &format!("{base}meta-data"));
        assert_eq!(
            meta, "instance-id: \"QEMU-CZ1-\"\nlocal-hostname: \"srv1\"\n",
            "{base}"
        );
        for absent in ["vendor-data", "network-config"] {
            assert_eq!(get(&server, &format!("{base}{absent}")), "");
        }
        let user = get(&server, &format!("{base}user-data"));
        assert!(user.starts_with("#cloud-config\n"), "{user}");
        assert!(
            user.contains("endpoint: \"http://h/events/QEMU-CZ1-\""),
            "{user}"
        );
        assert!(user.contains(secret) && user.contains(name), "{user}");
    }
    assert_eq!(server.get("/seed/").status, 404);
    assert_eq!(server.get("/seed/x").status, 404);
}

#[test]
fn the_secret_of_a_machine_is_for_itself() {
    let server = with_cmdb();
    register(&server);
    // Another machine calls from here since.
    let event = crate::producers::event("a", "info", json!({}));
    server.send(
        "POST",
        "/events/other",
        "text/plain",
        event.to_string().as_bytes(),
    );
    let user = get(&server, "/seed/QEMU-CZ1-/user-data");
    assert!(
        user.contains("/events/QEMU-CZ1-") && !user.contains("token"),
        "{user}"
    );
}

#[test]
fn a_stranger_gets_a_seed_that_makes_it_report() {
    let server = server();
    assert_eq!(
        get(&server, "/seed/meta-data"),
        "instance-id: \"127.0.0.1\"\n"
    );
    let hostile = "/seed/a%22%0Aruncmd:%20[reboot]/meta-data";
    assert_eq!(
        get(&server, hostile),
        "instance-id: \"a\\\"\\nruncmd: [reboot]\"\n"
    );
    assert!(get(&server, "/seed/user-data").contains("/events/127.0.0.1"));
    assert!(Told::to(server).machines().is_empty());
}

#[test]
fn the_admins_own_files_come_first() {
    let server = with_cmdb();
    register(&server);
    write(server.path("config/vm.user-data"), "#!/bin/sh\n");
    write(server.path("config/vm.network-config"), "version: 2\n");
    assert_eq!(get(&server, "/seed/user-data"), "#!/bin/sh\n");
    assert_eq!(get(&server, "/seed/network-config"), "version: 2\n");
    // Reporting is what the admin's user-data does not say.
    assert!(get(&server, "/seed/vendor-data").contains("reporting:"));
    write(server.path("config/vm.vendor-data"), "#cloud-config\n{}\n");
    assert_eq!(get(&server, "/seed/vendor-data"), "#cloud-config\n{}\n");
}

#[test]
fn edeploys_user_data_is_a_quick_404_without_a_file() {
    let server = server();
    assert_eq!(server.get("/2009-04-04/user-data").status, 404);
    write(server.path("config/user-data"), "EDEPLOYMAGIC=1\n");
    assert_eq!(get(&server, "/2009-04-04/user-data"), "EDEPLOYMAGIC=1\n");
}

#[test]
fn an_installed_machine_that_phones_home_is_back_with_its_keys() {
    let server = with_cmdb();
    register(&server);
    assert_eq!(server.get("/localboot/").status, 200);
    let form =
        "pub_key_ed25519=ssh-ed25519+AAAC+root%40x%0A&pub_key_rsa=N%2FA&hostname=srv1&fqdn=srv1.x";
    let phone = |form: &str| {
        let kind = "application/x-www-form-urlencoded";
        server.send("POST", "/phone/QEMU-CZ1-/", kind, form.as_bytes())
    };
    assert_eq!(phone(form).status, 204);
    assert_eq!(phone(&form.replace("AAAC", "AAAD")).status, 204);
    let keys = server.get("/api/v1/host-keys").json();
    assert_eq!(keys[0]["key"], "AAAD");
    assert_eq!(keys.as_array().unwrap().len(), 1);
    let lines = "GET /api/v1/host-keys HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\nConnection: close\r\n\r\n";
    let lines = exchange(server.address, lines.as_bytes()).text();
    assert_eq!(lines, "QEMU-CZ1- ssh-ed25519 AAAD\n");
    let told = Told::to(server);
    let back = told.machine("srv1");
    assert_eq!(back.standing, Standing::Installed);
    assert!(back.returned.is_some());
}
