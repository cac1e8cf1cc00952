//! Installers of others report: each as its real client sends it, and what that comes to.

use edeploy::events::{Standing, Status};
use edeploy::model::{Level, StepResult};
use serde_json::{Value, json};

use crate::support::capture::recorded;
use crate::support::http::{Response, exchange, form};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::told::Told;
use crate::support::{http, names, wait_for, write};

pub(crate) const HERE: &str = "127.0.0.1";

pub(crate) fn server() -> TestServer {
    TestServer::start(|dir| simple_profile(dir, ""))
}

fn post(server: &TestServer, path: &str, body: &Value) -> Response {
    server.send(
        "POST",
        path,
        "application/json",
        body.to_string().as_bytes(),
    )
}

pub(crate) fn event(name: &str, kind: &str, also: Value) -> Value {
    let mut event =
        json!({"name": name, "event_type": kind, "origin": "curtin", "description": ""});
    if let Value::Object(also) = also {
        event.as_object_mut().unwrap().extend(also);
    }
    event
}

/// Sends all requests of a capture; those in `others` are not for this server.
fn replay(name: &str, server: &TestServer, status: u16, others: &[(&str, u16)]) -> bool {
    let Some(requests) = recorded(name) else {
        return false;
    };
    for request in requests {
        let answer = request.send(server);
        let other = others
            .iter()
            .find(|(part, _)| request.target().contains(part));
        let expected = other.map_or(status, |(_, status)| *status);
        assert_eq!(answer.status, expected, "{}: {answer:?}", request.line);
        assert!(answer.header("date").is_some());
        if expected == 204 {
            assert!(answer.body.is_empty());
        }
    }
    true
}

#[test]
fn a_recorded_installation_by_curtin_is_complete_with_its_log() {
    let server = server();
    if !replay("curtin-ok", &server, 204, &[("/images/", 404)]) {
        return;
    }
    // A retry that curtin is told to make sends the same again.
    replay("curtin-ok", &server, 204, &[("/images/", 404)]);
    let told = Told::to(server);
    assert_eq!(told.machines(), [HERE]);
    let events = told.events(HERE);
    assert_eq!(events.len(), 34);
    let deployments = told.deployments(HERE);
    assert_eq!(deployments.len(), 1, "{deployments:?}");
    assert_eq!(deployments[0].status, Status::Complete);
    let machine = told.machine(HERE);
    assert_eq!(machine.standing, Standing::Installed);
    assert!(!machine.is_known);
    let stages = &machine.deployment.as_ref().unwrap().stages;
    assert_eq!(stages.len(), 7, "{stages:?}");
    let files = told.files(HERE);
    let names: Vec<&str> = files.iter().map(|file| file.0.as_str()).collect();
    // A third one was not there, and came without content.
    assert_eq!(
        names,
        [
            "/tmp/curtin-install/install.log",
            "/tmp/curtin-install/syslog"
        ]
    );
    assert!(files[0].1.starts_with(b"curtin: Installation started"));
}

#[test]
fn a_recorded_failure_of_curtin_is_told_with_its_step() {
    let server = server();
    if !replay("curtin-events", &server, 204, &[]) {
        return;
    }
    let told = Told::to(server);
    let deployments = told.deployments(HERE);
    assert_eq!(deployments[0].status, Status::Errored);
    let step = deployments[0].failed_step.as_deref();
    assert_eq!(step, Some("cmd-install/stage-late"));
    let warned = &told.events(HERE)[3];
    assert_eq!(warned.description, "it half worked: café ☃");
    assert_eq!(warned.level, Level::Warning);
    assert_eq!(
        told.files(HERE)[0].1,
        b"log line 1
"
    );
}

#[test]
fn the_recorded_curl_of_foremans_thread_goes_to_its_end() {
    let server = server();
    if !replay("foreman", &server, 204, &[]) {
        return;
    }
    let told = Told::to(server);
    assert_eq!(told.machines(), ["node1"]);
    let machine = told.machine("node1");
    assert_eq!(machine.standing, Standing::Installed);
    assert_eq!(machine.datacenter.as_deref(), Some("par1"));
    assert_eq!(machine.last_message, "Installed");
    let percents: Vec<Option<f32>> = told.events("node1").iter().map(|row| row.percent).collect();
    assert_eq!(percents, [5.0, 10.0, 30.0, 60.0, 90.0, 100.0].map(Some));
}

#[test]
fn an_inspected_machine_is_discovered_and_its_hardware_kept() {
    let server = server();
    if !replay("ipa", &server, 200, &[]) {
        return;
    }
    let answer = recorded("ipa").unwrap()[0].send(&server).json();
    assert_eq!(answer["uuid"].as_str().unwrap().len(), 36);
    let name = answer["machine"].as_str().unwrap().to_owned();
    assert_eq!(names(server.path("state/hw")), [format!("{name}.hw")]);
    assert_eq!(server.get("/api/v1/machines").json(), json!([]));
    let told = Told::to(server);
    let machine = told.machine("02:fc:00:00:00:01");
    assert_eq!(
        (machine.name.as_str(), machine.standing),
        (name.as_str(), Standing::Discovered)
    );
}

#[test]
fn the_recorded_calls_of_the_ramdisk_are_all_answered() {
    let server = server();
    let others = [("/install/", 404), ("/2009-04-04/", 404)];
    if !replay("edeploy", &server, 200, &others) {
        return;
    }
    let told = Told::to(server);
    let known = told.machine("CZ3323FDVK");
    // Its localboot came after its upload, from the same address.
    assert_eq!(known.standing, Standing::Installed, "{known:?}");
    assert_eq!(
        told.machine("11111111-2222-3333-4444-555555555555").name,
        known.name
    );
}

#[test]
fn a_machine_is_named_by_path_query_body_or_address_in_this_order() {
    let server = server();
    server.register(&machine("CZ1", "QEMU"));
    let start = |also| event("cmd-install", "start", also);
    for (path, also, name) in [
        (
            "/curtin/p%61th?machine=query",
            json!({"machine": "body"}),
            "path",
        ),
        (
            "/curtin?machine=qu%65ry",
            json!({"machine": "body"}),
            "query",
        ),
        ("/curtin/", json!({"machine": "body"}), "body"),
        ("/curtin/CZ1", json!({}), "QEMU-CZ1-"),
        // Named machines call from here too: the last one that did so is meant.
        ("/curtin", json!({}), "QEMU-CZ1-"),
    ] {
        let answer = post(
            &server,
            &path.replace("/curtin", "/api/v1/events"),
            &start(also.clone()),
        );
        // The last slash is no name of the API's.
        if path != "/curtin/" {
            assert_eq!(answer.json()["machine"], name, "{path}");
        }
        assert_eq!(post(&server, path, &start(also)).status, 204, "{path}");
    }
    let told = Told::to(server);
    assert_eq!(told.machines(), ["QEMU-CZ1-", "body", "path", "query"]);
}

#[test]
fn each_event_of_a_list_or_of_lines_has_its_answer() {
    let server = server();
    let send = |text: &str| server.send("POST", "/api/v1/events/m", "text/plain", text.as_bytes());
    let one = event("install", "start", json!({"timestamp": 1_795_255_271.5})).to_string();
    let first = send(&one).json();
    assert_eq!(first["machine"], "m");
    assert_eq!(first["repeated"], false);
    let again = send(&one).json();
    assert_eq!(again["repeated"], true);
    let many = send(&format!("{one}\nnonsense\n{{\"name\": \"x\"}}\n{one}\n")).json();
    assert_eq!(many.as_array().unwrap().len(), 4);
    assert!(
        many[1]["error"].as_str().unwrap().contains("JSON"),
        "{many}"
    );
    let missing = "missing parameter(s) event_type, origin, description in status message";
    assert_eq!(many[2]["error"], missing);
    assert_eq!(many[3]["repeated"], true);
    let alone = send("{\"name\": \"x\"}");
    assert_eq!(
        (alone.status, &alone.json()["error"]),
        (400, &json!(missing))
    );
    assert_eq!(send("").status, 400);
    assert_eq!(send("[]").json(), json!([]));
}

#[test]
fn curtins_legacy_reporter_is_answered_ok_and_nothing_else() {
    let server = server();
    let fields: [http::Field<'_>; 3] = [
        ("status", None, b"OK"),
        ("error", None, b"Installation succeeded."),
        ("install.log", Some("install.log"), b"the log\xff"),
    ];
    let answer = server.send("POST", "/maas/node1", http::FORM, &form(&fields));
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"OK"[..]));
    let told = Told::to(server);
    assert_eq!(told.deployments("node1")[0].status, Status::Complete);
    assert_eq!(
        told.files("node1"),
        [("install.log".to_owned(), b"the log\xff".to_vec())]
    );
}

#[test]
fn foremans_callbacks_end_an_installation() {
    let server = server();
    for (method, path, body, status) in [
        ("GET", "/unattended/built?machine=a", "", 201),
        ("POST", "/unattended/built?machine=b", "some log", 201),
        (
            "POST",
            "/unattended/failed?machine=c",
            "line\nno such disk\n",
            201,
        ),
        ("GET", "/unattended/failed?machine=c", "", 405),
        ("GET", "/unattended/built?mac=52:54:00:AB:00:01", "", 201),
        ("GET", "/unattended/built?token=x.y", "", 401),
    ] {
        let answer = server.send(method, path, "text/plain", body.as_bytes());
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let anaconda = "GET /unattended/built HTTP/1.0\r\nX-RHN-Provisioning-Mac-0: eth0 52:54:00:12:34:56\r\n\r\n";
    assert_eq!(exchange(server.address, anaconda.as_bytes()).status, 201);
    let told = Told::to(server);
    let names = ["52:54:00:12:34:56", "52:54:00:ab:00:01", "a", "b", "c"];
    assert_eq!(told.machines(), names);
    let failed = &told.deployments("c")[0];
    assert_eq!(
        (failed.status, failed.error.as_str()),
        (Status::Errored, "line\nno such disk")
    );
    assert_eq!(told.files("b")[0].1, b"some log");
    assert_eq!(told.machine("a").standing, Standing::Installed);
}

#[test]
fn a_machine_that_is_built_is_not_installed_again() {
    for path in [
        "/unattended/built?machine=CZ1",
        "/pxe/localboot/52-54-00-12-34-56/",
    ] {
        let server = server();
        for file in ["vmlinuz", "ramdisk"] {
            write(server.path("state/boot").join(file), "x");
        }
        let facts = machine("CZ1", "QEMU").replace(
            "]]",
            "], [\"network\", \"eth0\", \"serial\", \"52:54:00:12:34:56\"]]",
        );
        server.register(&facts);
        wait_for("the machine's names", || {
            server.get("/api/v1/status/52:54:00:12:34:56").status == 200
        });
        for file in ["vmlinuz", "ramdisk"] {
            write(server.path("state/boot").join(file), "");
        }
        let asks = |server: &TestServer| {
            server
                .get("/boot.ipxe?mac=52:54:00:12:34:56&serial=CZ1")
                .text()
        };
        assert!(asks(&server).contains("initrd"), "{}", asks(&server));
        assert_eq!(server.get(path).status / 100, 2, "{path}");
        assert!(!asks(&server).contains("initrd"), "{}", asks(&server));
    }
}

#[test]
fn localboot_of_a_stranger_makes_nobody() {
    let server = server();
    assert_eq!(server.get("/pxe/localboot/").status, 200);
    assert_eq!(server.get("/localboot/52:54:12:34:00:03/").status, 200);
    assert!(Told::to(server).machines().is_empty());
}

#[test]
fn a_profile_with_a_list_of_steps_takes_no_others_and_knows_how_far_it_is() {
    let server = server();
    let step = |label: &str, status: &str| {
        let step = json!({"name": "A step", "label": label, "status": status});
        post(&server, "/api/update?machine=CZ1", &step)
    };
    server.register(&machine("CZ1", "QEMU"));
    let list = server.path("config/vm.steps");
    write(&list, "['get_ks', 'packages', 'bootloader', 'done']\n");
    assert_eq!(step("get_ks", "init").status, 204);
    assert_eq!(step("get_ks", "done").status, 204);
    let refused = step("get-ks", "done");
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["error"],
        "`get-ks` is no step of the profile `vm`: there is get_ks, packages, bootloader, done"
    );
    let status = server.get("/api/v1/status/CZ1").json();
    assert_eq!(status["progress"]["percent"], 25.0, "{status}");
    // Of a machine that has no profile any step is taken; so it is without a list, and with one that is wrong.
    let other = json!({"name": "A step", "label": "x"});
    assert_eq!(
        post(&server, "/api/update?machine=other", &other).status,
        204
    );
    write(&list, "['get_ks'");
    assert_eq!(step("x", "init").status, 204);
    std::fs::remove_file(&list).unwrap();
    assert_eq!(step("y", "init").status, 204);
    assert!(server.log().contains("the list of steps is of no use"));
}

#[test]
fn the_rfcs_steps_show_where_it_failed() {
    let server = server();
    for step in [
        json!({"name": "Kickstart download", "label": "get_ks", "priority": 0, "status": "init"}),
        json!({"name": "Kickstart download", "label": "get_ks", "priority": 0, "status": "done"}),
        json!({"name": "Packages", "label": "packages", "priority": 1}),
        json!({"name": "Packages", "label": "packages", "status": "failed", "logs": "a\nno mirror"}),
    ] {
        assert_eq!(
            post(&server, "/api/update?machine=node1", &step).status,
            204
        );
    }
    let told = Told::to(server);
    let deployment = &told.deployments("node1")[0];
    assert_eq!(deployment.status, Status::Errored);
    assert_eq!(deployment.failed_step.as_deref(), Some("install/packages"));
    assert_eq!(deployment.error, "Packages: a\nno mirror");
    assert_eq!(told.files("node1")[0].0, "packages.log");
}

#[test]
fn two_machines_of_one_name_in_two_places_are_two() {
    let server = server();
    let say = |place: &str, status: &str, percentage: &str| {
        let update = json!({"name": "node1", "datacenter_name": place, "action": "install",
                            "status": status, "percentage": percentage});
        assert_eq!(post(&server, "/api/update", &update).status, 204);
    };
    say("par1", "Packages", "60");
    say("lon2", "Anaconda pre started", "10");
    say("par1", "Installed", "100");
    let told = Told::to(server);
    assert_eq!(told.machines(), ["node1", "node1.lon2"]);
    assert_eq!(told.machine("node1").standing, Standing::Installed);
    assert_eq!(told.machine("node1.lon2").standing, Standing::Installing);
}

#[test]
fn events_in_any_order_from_any_year_with_anything_in_them_are_kept() {
    let server = server();
    let year = 31_536_000.0;
    let hostile = "<script>alert(1)</script>\u{1b}[31m\u{202e}\0\r\n\"';--";
    let success = || json!({"result": "SUCCESS", "timestamp": 1_795_255_280.0 - year});
    for (name, kind, also) in [
        ("cmd-install/stage-early", "finish", success()),
        (
            "cmd-install",
            "start",
            json!({"timestamp": 1_795_255_270.0 - year, "description": hostile}),
        ),
        (
            hostile,
            "info",
            json!({"timestamp": 1e300, "origin": hostile, "level": hostile}),
        ),
        ("cmd-install", "finish", success()),
        ("cmd-install/stage-late", "finish", success()),
    ] {
        let answer = post(&server, "/curtin/far", &event(name, kind, also));
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    let lone = br#"{"name": "a", "event_type": "start", "origin": "x", "description": "\udcff \ud83d\ude00 and "}"#;
    let odd = server.send("POST", "/curtin/odd", "text/plain", lone);
    assert_eq!(odd.status, 204, "{odd:?}");
    let log = server.log();
    let told = Told::to(server);
    assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'));
    let events = told.events("far");
    assert_eq!(events.len(), 5);
    assert_eq!(
        (events[1].description.as_str(), events[2].name.as_str()),
        (hostile, hostile)
    );
    assert_eq!(told.machine("far").standing, Standing::Installed);
    assert_eq!(told.events("odd")[0].description, "\u{fffd} 😀 and ");
}

#[test]
fn long_descriptions_and_logs_are_kept_whole_up_to_the_limit() {
    use base64::Engine;
    let server = server();
    let long = "é<b>".repeat(2_500_000);
    let told_long = event("a", "info", json!({"description": long}));
    assert_eq!(post(&server, "/curtin/m", &told_long).status, 204);
    let log: Vec<u8> = (0..30_000_000_u32).map(|at| (at % 251) as u8).collect();
    let content = base64::engine::general_purpose::STANDARD.encode(&log);
    let files = json!({"files": [{"path": "big.log", "content": content, "encoding": "base64"}]});
    assert_eq!(
        post(&server, "/curtin/m", &event("b", "info", files)).status,
        204
    );
    let too_long = vec![b' '; (64 << 20) + 1];
    let refused = server.send("POST", "/curtin/m", "application/json", &too_long);
    assert_eq!(refused.status, 413, "{}", refused.text());
    let told = Told::to(server);
    assert!(told.events("m")[0].description.len() < 20_000);
    let files = told.files("m");
    assert_eq!(files[0].1, long.as_bytes());
    assert!(files[1].1 == log, "the log is another one");
}

#[test]
fn the_servers_own_words_are_for_nobody_else() {
    let server = server();
    let facts = machine("CZ1", "QEMU");
    server.register(&facts);
    for origin in ["server", " SERVER "] {
        let forged = event("released", "note", json!({"origin": origin}));
        assert_eq!(post(&server, "/curtin/CZ1", &forged).status, 400);
    }
    let told = Told::to(server);
    assert_eq!(told.machine("CZ1").standing, Standing::Installing);
}

#[test]
fn an_event_without_a_result_ends_as_its_level_says() {
    let server = server();
    let ended = event(
        "install",
        "finish",
        json!({"level": "ERROR", "description": "no disk"}),
    );
    assert_eq!(post(&server, "/events/m", &ended).status, 204);
    let told = Told::to(server);
    assert_eq!(told.events("m")[0].result, Some(StepResult::Fail));
    assert_eq!(told.machine("m").standing, Standing::Failed);
}

#[test]
fn paths_of_reporters_answer_post_only() {
    let server = server();
    for path in [
        "/curtin",
        "/events/x",
        "/maas/",
        "/api/update",
        "/v1/continue",
        "/phone/x/",
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{path}"
        );
    }
}
