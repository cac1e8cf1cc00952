//! A server whose surroundings fail: a full disk, a read-only one, a lock that is held, few files.

use std::io::{Read, Write};

use crate::support::http::connect;
use crate::support::python::can_mount;
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{wait_for, write};

fn counted(dir: &std::path::Path) {
    simple_profile(dir, "");
    write(dir.join("state"), "[('vm', 5)]\n");
    write(
        dir.join("vm.cmdb"),
        "[{'ip': '10.0.0.1'},\n {'ip': '10.0.0.2'}]\n",
    );
}

/// The profile directory on a small file system of its own.
const SMALL_DISK: &str = r#"
cp -a "$0" "$0.copy"
mount -t tmpfs -o size=256k none "$0"
cp -a "$0.copy/." "$0"
"#;

#[test]
fn on_a_full_disk_a_machine_is_told_so_and_nothing_is_lost() {
    if !can_mount() {
        return;
    }
    let server = TestServer::after_shell(SMALL_DISK, counted, &[]);
    let file = |name: &str| std::fs::read_to_string(server.seen_by_server("config").join(name));
    server.shell("dd if=/dev/zero of=\"$0/filler\" bs=1k 2>/dev/null || true");
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(refused.ends_with("\nexit 1\n"), "{refused}");
    assert!(refused.contains("free some space"), "{refused}");
    assert_eq!(
        server
            .post_machine(machine("CZ1", "QEMU").as_bytes())
            .status,
        500
    );
    assert_eq!(file("state").unwrap(), "[('vm', 5)]\n");
    assert_eq!(
        file("vm.cmdb").unwrap(),
        "[{'ip': '10.0.0.1'},\n {'ip': '10.0.0.2'}]\n"
    );
    server.shell("rm \"$0/filler\"");
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
    assert_eq!(file("state").unwrap(), "[('vm', 4)]\n");
}

#[test]
fn on_a_read_only_disk_the_server_is_not_ready_and_says_why() {
    if !can_mount() {
        return;
    }
    let server = TestServer::after_shell(SMALL_DISK, counted, &[]);
    assert_eq!(server.get("/readyz").status, 200);
    server.shell("mount -o remount,ro \"$0\"");
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503);
    let why = ready.json()["sections"]["SERVER"].to_string();
    assert!(why.contains("Read-only file system"), "{why}");
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(
        refused.contains("Read-only") && refused.ends_with("\nexit 1\n"),
        "{refused}"
    );
    server.shell("mount -o remount,rw \"$0\"");
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn a_lock_that_is_held_makes_a_machine_wait_and_then_is_named() {
    let server = TestServer::with_args(counted, &["--lock-deadline-seconds", "1"]);
    let lock = std::fs::File::open(server.path("config/.edeploy/lock")).unwrap();
    lock.lock().unwrap();
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(
        refused.contains(".edeploy/lock") && refused.ends_with("\nexit 1\n"),
        "{refused}"
    );
    let busy = server.post_machine(machine("CZ1", "QEMU").as_bytes());
    assert_eq!(busy.status, 503);
    assert!(busy.header("retry-after").is_some());
    assert_eq!(server.get("/healthz").status, 200);
    drop(lock);
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    );
}

#[test]
fn more_machines_than_the_usual_limit_of_open_files_can_wait_at_once() {
    if !can_mount() {
        return;
    }
    let server = TestServer::after_shell("ulimit -S -n 64", counted, &[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = files.unwrap().split_whitespace().collect();
    assert_eq!(
        words[3], words[4],
        "the limit in force is the highest that is allowed"
    );
    let streams: Vec<_> = (0..200).map(|_| connect(server.address)).collect();
    for mut stream in streams {
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    }
}

#[test]
fn a_state_file_saved_half_way_hurts_only_until_it_is_whole() {
    let server = TestServer::start(counted);
    write(server.path("config/state"), "[('vm', ");
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(
        refused.contains("state") && refused.contains('^'),
        "{refused}"
    );
    write(server.path("config/state"), "[('vm', 5)]\n");
    wait_for("the machine to be served", || {
        server
            .register(&machine("CZ1", "QEMU"))
            .contains("10.0.0.1")
    });
}
