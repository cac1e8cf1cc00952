//! How machines' files differ from their roles, from `edeploy verify --report` to whoever asks the server.

use serde_json::{Value, json};

use crate::role_verify::{machine, served};
use crate::support::server::{TestServer, simple_profile};
use crate::support::{command, wait_for, write};

pub(crate) fn server() -> TestServer {
    TestServer::start(|dir| simple_profile(dir, ""))
}

/// A report as a machine could make it, with these paths changed.
fn report(machine: &str, paths: &[&str]) -> Value {
    let differences = paths.iter().map(|path| {
        json!({"path": path, "aspect": "content", "expected": "1 bytes", "found": "2 bytes"})
    });
    let counts = match paths.len() {
        0 => json!({}),
        number => json!({"content": number}),
    };
    json!({
        "machine": machine, "role": "base", "version": "D12-1.0", "manifest": "0".repeat(64),
        "depth": "quick", "paths": 9, "counts": counts, "left_out": 0,
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn post(server: &TestServer, body: &Value) -> u16 {
    let body = body.to_string();
    let answer = server.send("POST", "/api/v1/drift", "application/json", body.as_bytes());
    answer.status
}

fn tell(server: &TestServer, machine: &str, name: &str) {
    let body = json!({"origin": "test", "name": name, "event_type": "start", "description": ""});
    let path = format!("/api/v1/events/{machine}");
    let answer = server.send(
        "POST",
        &path,
        "application/json",
        body.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200);
}

#[test]
fn what_a_machine_found_is_known_to_the_server() {
    let roles = served();
    let machine = machine(&roles);
    let server = server();
    let url = format!("http://{}", server.address);
    let words = ["--report", "--server", &url, "--machine", "node7"];
    write(machine.path("etc/hosts"), "changed by hand\n");
    std::fs::remove_dir_all(machine.path("usr/share/doc")).unwrap();
    let output = machine.verify(&words);
    assert_eq!(output.status.code(), Some(6));
    assert!(output.stderr.is_empty() && !output.stdout.is_empty());
    let told = server.get("/api/v1/drift/node7").json();
    assert_eq!(told["counts"], json!({"missing": 3, "content": 1}));
    assert_eq!(
        (&told["role"], &told["version"]),
        (&json!("base"), &json!("D12-F.1.0.0"))
    );
    assert_eq!(told["is_stale"], false);
    let paths: Vec<_> = told["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["path"], &one["below"]))
        .collect();
    assert_eq!(
        paths,
        [
            (&json!("./etc/hosts"), &json!(0)),
            (&json!("./usr/share/doc"), &json!(2))
        ]
    );
    let events = server.get("/api/v1/events?machine=node7").json();
    assert_eq!(
        events["events"][0]["description"],
        "verify: base D12-F.1.0.0: 3 missing, 1 content"
    );
    // What it tells later takes the place of that.
    write(machine.path("etc/hosts"), "etc/hosts\n");
    write(machine.path("usr/share/doc/a"), "usr/share/doc/a\n");
    write(machine.path("usr/share/doc/b"), "usr/share/doc/b\n");
    assert_eq!(machine.verify(&words).status.code(), Some(0));
    let told = server.get("/api/v1/drift/node7").json();
    assert_eq!(told["counts"], json!({}));
    assert_eq!(server.get("/api/v1/drift").json()["paths"], json!([]));
}

#[test]
fn that_nothing_can_be_said_takes_the_place_of_what_was_told_before() {
    let roles = served();
    let machine = machine(&roles);
    let server = server();
    let url = format!("http://{}", server.address);
    let words = ["--report", "--server", &url, "--machine", "node7"];
    assert_eq!(machine.verify(&words).status.code(), Some(0));
    let manifest = machine.path("var/lib/edeploy/D12-F.1.0.0/manifest");
    write(&manifest, "no manifest\n");
    assert_eq!(machine.verify(&words).status.code(), Some(1));
    let told = server.get("/api/v1/drift").json();
    assert_eq!(told["machines"][0]["state"], "changed");
    let told = server.get("/api/v1/drift/node7").json();
    assert_eq!(told["counts"], json!({"unread": 1}));
    let one = &told["differences"][0];
    assert_eq!(
        (&one["path"], &one["aspect"]),
        (&json!("."), &json!("unread"))
    );
    let why = one["found"].as_str().unwrap();
    assert!(
        why.contains("the manifest of version D12-F.1.0.0 is refused: "),
        "{why}"
    );
    std::fs::remove_file(&manifest).unwrap();
    assert_eq!(machine.verify(&words).status.code(), Some(0));
    let told = server.get("/api/v1/drift/node7").json();
    assert_eq!(told["counts"], json!({}));
}

/// The token of a machine that the server gets to know.
fn token(server: &TestServer) -> String {
    server.register(&crate::support::server::machine("CZ1", "QEMU"));
    let asked = || server.get("/api/v1/machines/QEMU-CZ1-/token");
    wait_for("the token", || asked().status == 200);
    let answer = asked().json();
    answer["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_that_is_away_or_refuses_takes_nothing_from_the_answer() {
    let roles = served();
    let machine = machine(&roles);
    let server = crate::oauth::server("events_need_token = true\n");
    let url = format!("http://{}", server.address);
    let asked = ["--report", "--server", &url, "--machine", "node7"];
    let output = machine.verify(&asked);
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("the server was not told") && said.contains("401"),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing changed"));
    let token = &token(&server);
    let with_token = |name: &'static str| {
        let words = [
            "--report",
            "--server",
            &url,
            "--machine",
            name,
            "--token",
            token,
        ];
        machine.verify(&words).status.code()
    };
    assert_eq!(with_token("QEMU-CZ1-"), Some(0));
    // The one that the installation left is found.
    let port = server.address.port();
    write(
        machine.path("var/lib/edeploy/token"),
        format!("TOKEN={token}\n"),
    );
    let conf = machine.path("var/lib/edeploy/conf");
    let role = std::fs::read_to_string(&conf).unwrap();
    write(
        &conf,
        format!("{role}SERV=127.0.0.1\nHTTP_PORT={port}\nMACHINE=QEMU-CZ1-\n"),
    );
    assert_eq!(machine.verify(&["--report"]).status.code(), Some(0));
    // The token says whose report it is, as with events.
    assert_eq!(with_token("node8"), Some(0));
    assert_eq!(server.get("/api/v1/drift/QEMU-CZ1-").status, 200);
    assert_eq!(server.get("/api/v1/drift/node8").status, 404);
    // The server of the installation, and nobody there.
    drop(server);
    let conf = std::fs::read_to_string(machine.path("var/lib/edeploy/conf")).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    write(
        machine.path("var/lib/edeploy/conf"),
        format!("{conf}SERV=127.0.0.1\nHTTP_PORT={port}\n"),
    );
    let output = machine.verify(&["--report", "--json"]);
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&format!("no answer from http://127.0.0.1:{port}/")),
        "{said}"
    );
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
}

#[test]
fn a_report_holds_so_much_and_says_how_much_more_there_is() {
    let roles = served();
    let machine = machine(&roles);
    for number in 0..600 {
        write(machine.path(&format!("opt {number}")), "");
    }
    write(machine.path(&format!("{}/x", "long/".repeat(300))), "");
    let server = server();
    let url = format!("http://{}", server.address);
    let words = ["--report", "--server", &url, "--machine", "n"];
    assert_eq!(machine.verify(&words).status.code(), Some(6));
    let told = server.get("/api/v1/drift/n").json();
    assert_eq!(told["differences"].as_array().unwrap().len(), 500);
    let extra = told["counts"]["extra"].as_u64().unwrap();
    assert_eq!(extra, 600 + 301);
    let below: u64 = told["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["below"].as_u64().unwrap())
        .sum();
    assert_eq!(told["left_out"].as_u64(), Some(extra - 500 - below));
}

#[test]
fn a_report_that_cannot_be_is_refused() {
    let server = server();
    let good = report("node1", &["./etc/hosts"]);
    assert_eq!(post(&server, &good), 200);
    for (name, value) in [
        ("role", json!("../x")),
        ("manifest", json!("abc")),
        ("counts", json!({"content": 7})),
        ("counts", json!({"happy": 1})),
        ("left_out", json!(-1)),
        ("depth", json!("deep")),
        (
            "differences",
            json!([{"path": "/etc/hosts", "aspect": "content", "expected": "", "found": ""}]),
        ),
    ] {
        let mut bad = good.clone();
        bad["machine"] = json!("node2");
        bad[name] = value;
        assert_eq!(post(&server, &bad), 400, "{name}");
    }
    let send = |body: &[u8]| {
        server
            .send("POST", "/api/v1/drift", "application/json", body)
            .status
    };
    assert_eq!(send(b"[]"), 400);
    assert_eq!(send(&vec![b' '; 3 << 20]), 413);
    assert_eq!(server.get("/api/v1/drift/node2").status, 404);
    assert_eq!(
        server
            .send("PUT", "/api/v1/drift", "application/json", b"")
            .status,
        405
    );
    assert_eq!(server.get("/api/v1/drift?machine=x").status, 400);
}

/// node1 and node2 changed, node3 clean, node4 was installed since, node5 never told.
fn fleet() -> TestServer {
    let server = server();
    for (name, paths) in [
        ("node1", ["./etc/hosts", "./etc/ssh/sshd_config"].as_slice()),
        ("node2", &["./etc/ssh/sshd_config"]),
        ("node3", &[]),
        ("node4", &["./etc/ssh/sshd_config"]),
    ] {
        assert_eq!(post(&server, &report(name, paths)), 200);
    }
    // A boot of the same system says nothing of its files.
    tell(&server, "node1", "boot");
    tell(&server, "node4", "install");
    tell(&server, "node5", "install");
    let body = json!({"origin": "test", "name": "install", "event_type": "finish", "result": "SUCCESS", "description": ""});
    server.send(
        "POST",
        "/api/v1/events/node5",
        "application/json",
        body.to_string().as_bytes(),
    );
    server
}

#[test]
fn the_same_path_on_many_machines_is_told_once() {
    let server = fleet();
    let told = server.get("/api/v1/drift").json();
    assert_eq!(
        told["versions"],
        json!([{"role": "base", "version": "D12-1.0", "clean": 1, "changed": 2, "stale": 1}])
    );
    assert_eq!(told["never_verified"], json!(["node5"]));
    let paths: Vec<_> = told["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["path"].as_str().unwrap(),
                one["machines"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(paths, [("./etc/ssh/sshd_config", 2), ("./etc/hosts", 1)]);
    let machines: Vec<_> = told["machines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["machine"].as_str().unwrap(),
                one["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        machines,
        [
            ("node1", "changed"),
            ("node2", "changed"),
            ("node4", "stale"),
            ("node3", "clean")
        ]
    );
    // What it tells after that is of what is installed now.
    assert_eq!(post(&server, &report("node4", &[])), 200);
    assert_eq!(server.get("/api/v1/drift/node4").json()["is_stale"], false);
}

#[test]
fn what_machines_told_is_there_after_a_restart() {
    let server = fleet();
    let dir = server.stop();
    let server = TestServer::in_dir(dir, &[]);
    let told = server.get("/api/v1/drift/node1").json();
    assert_eq!(told["differences"].as_array().unwrap().len(), 2);
}

#[test]
fn the_page_shows_the_fleet_and_leads_to_the_paths() {
    let server = fleet();
    let page = server.get("/drift").text();
    for part in [
        r#"<b class="changed">2</b>changed"#,
        r#"<b class="stale">1</b>stale"#,
        r#"<b class="never">1</b>never verified"#,
        "on 2 machines",
        "/etc/ssh/sshd_config",
        r#"<a href="/machines/node1#drift">node1</a>"#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = server.get("/drift?state=stale").text();
    assert!(
        page.contains("node4") && !page.contains(">node1<"),
        "{page}"
    );
    let page = server.get("/drift?state=never").text();
    assert!(
        page.contains(">node5<") && !page.contains(">node1<"),
        "{page}"
    );
    let page = server
        .get("/drift?path=.%2Fetc%2Fhosts&aspect=content")
        .text();
    assert!(
        page.contains(">node1<") && !page.contains(">node2<"),
        "{page}"
    );
    let page = server.get("/machines/node1").text();
    assert!(
        page.contains("/etc/ssh/sshd_config") && page.contains("2 bytes"),
        "{page}"
    );
    let page = server.get("/machines/node4").text();
    assert!(page.contains("installed or upgraded since"), "{page}");
    assert!(
        server
            .get("/")
            .text()
            .contains(r#"<a href="/drift">Drift</a>"#)
    );
    // What a machine says is text.
    let mut hostile = report("<b>", &["./<script>"]);
    hostile["differences"][0]["found"] = json!("<img src=x>");
    assert_eq!(post(&server, &hostile), 200);
    for path in ["/drift", "/machines/%3Cb%3E"] {
        let page = server.get(path).text();
        assert!(
            !page.contains("<script>") && !page.contains("<img"),
            "{page}"
        );
    }
}

#[test]
fn the_terminal_and_the_metrics_tell_it_too() {
    let server = fleet();
    let url = format!("http://{}", server.address);
    let ctl = |words: &[&str]| {
        let output = command(env!("CARGO_BIN_EXE_edeployctl"))
            .args(["drift", "--server", &url])
            .args(words)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = ctl(&[]);
    assert_eq!(code, Some(0));
    for part in [
        "D12-1.0",
        "/etc/ssh/sshd_config",
        "node4",
        "never verified: node5",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (_, said) = ctl(&["-m", "node1"]);
    assert!(
        said.contains("/etc/hosts") && said.contains("2 bytes"),
        "{said}"
    );
    let (code, _) = ctl(&["-m", "nobody"]);
    assert_eq!(code, Some(1));
    let (_, said) = ctl(&["--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["never_verified"], json!(["node5"]));
    let metrics = server.get("/metrics").text();
    for line in [
        r#"edeploy_machines_verified{state="changed"} 2"#,
        r#"edeploy_machines_verified{state="clean"} 1"#,
        r#"edeploy_machines_verified{state="stale"} 1"#,
        r#"edeploy_machines_verified{state="never"} 1"#,
    ] {
        assert!(
            metrics.lines().any(|known| known == line),
            "{line}\n{metrics}"
        );
    }
}
