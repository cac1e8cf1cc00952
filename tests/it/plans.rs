//! `/api/v1/machines/{machine}/plan`, and the hash of the plan in the answer to our client.

use std::path::Path;
use std::thread;

use edeploy::configure::plan::Plan;
use serde_json::json;

use crate::support::http::{Response, connect, read_all};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{wait_for, write};

const SCRIPT: &str = "run('mkfs.ext4 /dev/%(disk)s' % var)\nconfig('/etc/ip').write(var['ip'] + output('hostname'))\n";

/// Ends with no limit of the engine's own: two lists are compared for ever.
const ENDLESS: &str =
    "a, b = [1], [1]\nfor i in range(60):\n    a, b = [a, a], [b, b]\nx = a == b\n";

fn profile(dir: &Path, configure: impl AsRef<[u8]>) {
    simple_profile(dir, "");
    write(
        dir.join("vm.cmdb"),
        "[{'ip': '10.0.0.1'}, {'ip': '10.0.0.2'}]\n",
    );
    write(dir.join("vm.configure"), configure);
}

fn server(configure: &str) -> TestServer {
    TestServer::start(|dir| profile(dir, configure))
}

fn get_with(server: &TestServer, path: &str, accept: &str) -> Response {
    use std::io::Write;
    let mut stream = connect(server.address);
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    Response::parse(&read_all(&mut stream)).unwrap()
}

#[test]
fn the_plan_of_a_machine_is_the_one_whose_hash_the_machine_was_told() {
    let server = server(SCRIPT);
    let posted = server
        .post_machine(machine("CZ1", "QEMU").as_bytes())
        .json();
    let hash = posted["plan_hash"].as_str().unwrap();
    assert_eq!(posted["configure"], SCRIPT);
    assert_eq!(posted["plan_error"], json!(null));
    let answer = server.get("/api/v1/machines/CZ1/plan");
    assert_eq!(answer.status, 200, "{answer:?}");
    let report = answer.json();
    assert_eq!(report["hash"], hash);
    assert_eq!(report["partial"], true);
    assert_eq!(report["actions"][0]["command"], "mkfs.ext4 /dev/vda");
    assert_eq!(report["actions"][0]["class"], "destroys");
    let plan: Plan = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(plan.hash(), hash);
    // Another machine gets other settings, and so another plan.
    let other = server
        .post_machine(machine("CZ2", "QEMU").as_bytes())
        .json();
    assert_ne!(other["plan_hash"], hash);
}

#[test]
fn who_would_rather_have_text_gets_the_text_of_edeployctl() {
    let server = server(SCRIPT);
    server.register(&machine("CZ1", "QEMU"));
    let path = "/api/v1/machines/QEMU-CZ1-/plan?section=SERVER";
    let plan: Plan = serde_json::from_slice(&server.get(path).body).unwrap();
    for accept in ["text/plain", "text/plain, application/json;q=0.5"] {
        let text = get_with(&server, path, accept);
        assert_eq!(
            text.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(text.text(), plan.to_string());
    }
    for accept in [
        "*/*",
        "application/json",
        "application/json, text/plain;q=0.1",
        "nonsense;;",
    ] {
        let answer = get_with(&server, path, accept);
        assert_eq!(answer.json()["hash"], plan.hash(), "{accept}");
    }
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let server = server(SCRIPT);
    for (path, status) in [
        ("/api/v1/machines/nobody/plan", 404),
        ("/api/v1/machines/nobody/plan?section=rack", 404),
        ("/api/v1/machines/a%2Fb%00%FF/plan", 404),
        ("/api/v1/machines/nobody/plan?section=%ff", 404),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.json()["error"].is_string());
    }
    let put = server.send("PUT", "/api/v1/machines/x/plan", "text/plain", b"");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET")));
}

#[test]
fn a_script_that_is_wrong_is_shown_with_its_line_and_the_machine_is_answered_all_the_same() {
    let server = server("x = 1\nrun('mkfs.ext4 /dev/' + var['dsk'])\n");
    let posted = server.post_machine(machine("CZ1", "QEMU").as_bytes());
    assert_eq!(posted.status, 200);
    let posted = posted.json();
    assert_eq!(posted["variables"]["ip"], "10.0.0.1");
    assert_eq!(posted["plan_hash"], json!(null));
    let told = "vm.configure:2:25: there is no `dsk` in `var`\n\
                2 | run('mkfs.ext4 /dev/' + var['dsk'])\n  |                         ^^^^^^^^^^\n\
                hint: did you mean `disk`? there are: ip, disk, model, used, edeploy-profile";
    assert_eq!(posted["plan_error"], told);
    let answer = server.get("/api/v1/machines/CZ1/plan");
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["details"], told);
    assert_eq!(answer.json()["error"], told.lines().next().unwrap());
}

#[test]
fn a_script_that_is_no_utf_8_is_told_with_the_byte_and_what_to_do() {
    let server = TestServer::start(|dir| profile(dir, b"# ok\nrun('caf\xe9')\n"));
    let told = [
        "`vm.configure` line 2, column 9: the byte at offset 13, 0xe9, is no UTF-8 text",
        "save the file as UTF-8",
    ];
    let refused = server.post_machine(machine("CZ1", "QEMU").as_bytes());
    assert_eq!(refused.status, 404);
    let refused = refused.json()["details"].to_string();
    let script = server.register(&machine("CZ1", "QEMU"));
    for part in told {
        assert!(refused.contains(part), "{refused}");
        assert!(script.contains(part), "{script}");
    }
    // A machine that has the profile already asks for the plan of a script that was spoilt since.
    write(server.path("config/vm.configure"), SCRIPT);
    assert_eq!(
        server
            .post_machine(machine("CZ1", "QEMU").as_bytes())
            .status,
        200
    );
    write(
        server.path("config/vm.configure"),
        b"# ok\nrun('caf\xe9')\n",
    );
    let plan = server.get("/api/v1/machines/CZ1/plan");
    assert_eq!(plan.status, 422, "{plan:?}");
    let details = plan.json()["details"].to_string();
    assert!(told.iter().all(|part| details.contains(part)), "{details}");
}

/// The workers that a process has started and that are at work.
fn workers_of(server: u32) -> Vec<String> {
    let children = format!("/proc/{server}/task");
    let mut workers = Vec::new();
    for task in std::fs::read_dir(children).into_iter().flatten().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        workers.extend(children.split_whitespace().map(str::to_owned));
    }
    workers.retain(|id| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.ends_with(b"plan-worker\0")
    });
    workers
}

#[test]
fn scripts_without_an_end_leave_the_server_what_it_needs_for_machines() {
    let server = server(ENDLESS);
    server.register(&machine("CZ1", "QEMU"));
    let cores = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        let plans: Vec<_> = (0..cores)
            .map(|_| scope.spawn(|| server.get("/api/v1/machines/CZ1/plan")))
            .collect();
        wait_for("all workers to be busy", || {
            workers_of(server.id()).len() == cores
        });
        assert_eq!(server.get("/healthz").status, 200);
        assert_eq!(server.get("/readyz").status, 200);
        assert!(
            server
                .register(&machine("CZ2", "QEMU"))
                .contains("10.0.0.2")
        );
        assert_eq!(
            server
                .get("/api/v1/machines")
                .json()
                .as_array()
                .unwrap()
                .len(),
            2
        );
        // All that was at work, and nothing of it is through yet.
        assert_eq!(workers_of(server.id()).len(), cores);
        for plan in plans {
            let answer = plan.join().unwrap();
            assert_eq!(answer.status, 422);
            let error = "vm.configure: script exceeded its limits: it is not done after 10s";
            assert_eq!(answer.json()["error"], error);
        }
    });
    assert_eq!(workers_of(server.id()), [""; 0]);
}

#[test]
fn no_worker_outlives_its_server() {
    let mut server = server(ENDLESS);
    server.register(&machine("CZ1", "QEMU"));
    let mut stream = connect(server.address);
    std::io::Write::write_all(
        &mut stream,
        b"GET /api/v1/machines/CZ1/plan HTTP/1.0\r\n\r\n",
    )
    .unwrap();
    let mut workers = Vec::new();
    wait_for("the worker", || {
        workers = workers_of(server.id());
        !workers.is_empty()
    });
    server.kill();
    let is_gone = |id: &String| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        !line.ends_with(b"plan-worker\0")
    };
    wait_for("the end of the workers", || workers.iter().all(is_gone));
}

#[test]
fn the_script_of_an_old_client_is_not_planned() {
    let server = server(ENDLESS);
    let before = std::time::Instant::now();
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
    assert!(before.elapsed() < edeploy::planner::DEADLINE);
}

#[test]
fn machines_that_post_at_once_are_each_told_the_hash_of_their_own_plan() {
    const MACHINES: usize = 40;
    let server = TestServer::start(|dir| {
        profile(dir, SCRIPT);
        let entries: String = (0..MACHINES)
            .map(|at| format!("{{'ip': '10.0.0.{at}'}}, "))
            .collect();
        write(dir.join("vm.cmdb"), format!("[{entries}]\n"));
    });
    let post = &|at: usize| {
        let facts = machine(&format!("CZ{at}"), "QEMU");
        server.post_machine(facts.as_bytes()).json()["plan_hash"].clone()
    };
    let hashes: Vec<_> = thread::scope(|scope| {
        let posts: Vec<_> = (0..MACHINES)
            .map(|at| scope.spawn(move || post(at)))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    for (at, hash) in hashes.iter().enumerate() {
        let plan = server.get(&format!("/api/v1/machines/CZ{at}/plan")).json();
        assert_eq!(plan["hash"], *hash, "{at}");
    }
    let different: std::collections::BTreeSet<_> = hashes.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), MACHINES);
}
