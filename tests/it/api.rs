//! `/api/v1/machines`: JSON in, JSON out.

use serde_json::json;

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::write;

fn server() -> TestServer {
    TestServer::start(|dir| {
        write(dir.join("state"), "[('vm', 1)]\n");
        write(
            dir.join("vm.specs"),
            "[('disk', '$disk', 'size', 'gt(4)')]\n",
        );
        write(
            dir.join("vm.cmdb"),
            "[{'ip': '10.0.0.1', 'hostname': 'host1'}]\n",
        );
        write(dir.join("vm.configure"), "# é\n");
    })
}

#[test]
fn a_machine_is_given_its_profile_and_gets_the_same_again() {
    let server = server();
    let facts = machine("CZ1", "QEMU");
    let first = server.post_machine(facts.as_bytes());
    assert_eq!(first.status, 200);
    let hash = first.json()["plan_hash"].clone();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("QEMU-CZ1-."), "{token}");
    let expected = json!({
        "token": token,
        "plan_hash": hash,
        "machine": "QEMU-CZ1-",
        "profile": "vm",
        "repeated": false,
        "variables": {"ip": "10.0.0.1", "hostname": "host1", "disk": "vda", "used": 1},
        "configure": "# é\n",
    });
    assert_eq!(first.json(), expected);
    let again =
        server.post_machine(format!(r#" {{"section": "SERVER", "facts": {facts}}}"#).as_bytes());
    assert_eq!(again.json()["repeated"], true);
    assert_eq!(again.json()["variables"], expected["variables"]);
    assert_eq!(again.json()["machine"], expected["machine"]);
}

#[test]
fn refusals_say_why_for_each_profile() {
    let server = server();
    assert_eq!(
        server
            .post_machine(machine("CZ1", "QEMU").as_bytes())
            .status,
        200
    );
    let exhausted = server.post_machine(machine("CZ2", "QEMU").as_bytes());
    assert_eq!(exhausted.status, 409);
    assert_eq!(exhausted.json()["details"]["reasons"][0]["profile"], "vm");
    let unknown = server.post_machine(br#"[["disk", "vda", "size", "2"]]"#);
    assert_eq!(unknown.status, 404);
    let body = unknown.json();
    assert_eq!(body["details"]["kind"], "no_match");
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .starts_with("no profile matches"),
        "{body}"
    );
    assert!(!body["request_id"].as_str().unwrap().is_empty());
}

#[test]
fn bad_input_is_told_with_its_place() {
    let server = server();
    let post = |body: &[u8]| {
        let answer = server.post_machine(body);
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.json()
    };
    let rows = post(br#"[["disk", "vda", "size", "8"], ["a"], 3]"#);
    assert_eq!(rows["details"]["bad_rows"][0]["index"], 1);
    assert_eq!(rows["details"]["bad_rows"][1]["index"], 2);
    post(b"");
    post(b"[[\"disk\"");
    post(b"{\"facts\": 7}");
    post(b"{\"section\": \"SERVER\"}");
    post(b"{\"facts\": [], \"facts\": []}");
    post(b"{\"facts\": [], \"color\": 1}");
    post(b"\xff\xfe");
    let section = server.post_machine(br#"{"section": "rack", "facts": []}"#);
    assert_eq!(section.status, 404);
    assert_eq!(section.json()["details"]["sections"], json!(["SERVER"]));
}

#[test]
fn allocations_can_be_listed_shown_and_released() {
    let server = server();
    assert_eq!(server.get("/api/v1/machines").json(), json!([]));
    server.register(&machine("CZ1", "QEMU"));
    let listed = server.get("/api/v1/machines").json();
    assert_eq!(listed[0]["machine"], "QEMU-CZ1-");
    assert_eq!(listed[0]["section"], "SERVER");
    for name in ["QEMU-CZ1-", "host1", "CZ1", "%51EMU-CZ1-"] {
        let shown = server.get(&format!("/api/v1/machines/{name}"));
        assert_eq!(shown.status, 200, "{shown:?}");
        assert_eq!(shown.json(), listed[0]);
    }
    assert_eq!(server.get("/api/v1/machines/nobody").status, 404);
    assert_eq!(server.get("/api/v1/machines/a%2Fb%00%FF").status, 404);
    let delete = |name: &str| {
        server.send(
            "DELETE",
            &format!("/api/v1/machines/{name}"),
            "text/plain",
            b"",
        )
    };
    assert_eq!(delete("QEMU-CZ1-").status, 200);
    assert_eq!(delete("QEMU-CZ1-").status, 404);
    assert_eq!(server.get("/api/v1/machines").json(), json!([]));
    let state = std::fs::read_to_string(server.path("config/state")).unwrap();
    assert_eq!(state, "[('vm', 1)]\n");
    server.register(&machine("CZ1", "QEMU"));
    let released = server.send("POST", "/api/v1/machines/CZ1/release", "text/plain", b"");
    assert_eq!(released.status, 200);
}

#[test]
fn what_is_not_there_is_json_too() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    for path in ["/nix", "/api/v1", "/api/v2/machines", "/x%5C%1B%01", "/%ff"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.json()["error"]
                .as_str()
                .unwrap()
                .starts_with("there is nothing at")
        );
    }
    for (method, path, allowed) in [
        ("PUT", "/api/v1/machines", "GET, POST"),
        ("POST", "/api/v1/machines/x", "GET, DELETE"),
        ("GET", "/api/v1/machines/x/release", "POST"),
        ("POST", "/healthz", "GET"),
    ] {
        let answer = server.send(method, path, "text/plain", b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allowed));
        answer.json();
    }
}
