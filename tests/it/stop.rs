//! A stop answers everything that was accepted.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::http::{self, Response, connect, form, read_all, request};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{wait_for, write};

fn upload(serial: &str) -> Vec<u8> {
    let facts = machine(serial, "QEMU");
    let body = form(&[("file", Some("hw.json"), facts.as_bytes())]);
    request("POST", "/upload.py", http::FORM, &body)
}

#[test]
fn a_request_that_is_half_sent_when_the_stop_comes_is_answered() {
    for signal in ["-TERM", "-INT"] {
        let mut server = TestServer::start(|dir| simple_profile(dir, ""));
        let whole = upload("CZ1");
        let mut stream = connect(server.address);
        stream.write_all(&whole[..whole.len() - 20]).unwrap();
        // Answered after the half request was read, as both come in order over one thread or another.
        server.get("/healthz");
        server.signal(signal);
        wait_for("the stop", || server.log().contains("no new connections"));
        stream.write_all(&whole[whole.len() - 20..]).unwrap();
        let answer = Response::parse(&read_all(&mut stream)).unwrap();
        assert!(answer.text().contains("#EDEPLOY_PROFILE = vm"));
        assert!(server.wait().success());
    }
}

#[test]
fn an_idle_connection_does_not_hold_a_stop_up() {
    let mut server = TestServer::start(|dir| simple_profile(dir, ""));
    let mut idle = connect(server.address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut answer = [0; 15];
    std::io::Read::read_exact(&mut idle, &mut answer).unwrap();
    let started = std::time::Instant::now();
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(started.elapsed() < std::time::Duration::from_secs(4));
}

#[test]
fn every_machine_that_was_accepted_before_the_stop_is_answered_and_on_disk() {
    let mut server = TestServer::start(|dir| {
        write(dir.join("state"), "[('vm', 1000)]\n");
        write(
            dir.join("vm.specs"),
            "[('disk', '$disk', 'size', 'gt(4)')]\n",
        );
        write(dir.join("vm.configure"), "");
        let entries: Vec<String> = (0..1000).map(|n| format!("{{'ip': '{n}'}}")).collect();
        write(dir.join("vm.cmdb"), format!("[{}]", entries.join(",\n")));
    });
    let address = server.address;
    let sent = AtomicUsize::new(0);
    let answered = std::thread::scope(|scope| {
        let machines: Vec<_> = (0..120)
            .map(|number| {
                let sent = &sent;
                scope.spawn(move || {
                    let mut stream = std::net::TcpStream::connect(address).ok()?;
                    stream
                        .set_read_timeout(Some(crate::support::DEADLINE))
                        .unwrap();
                    stream.write_all(&upload(&format!("CZ{number}"))).ok()?;
                    sent.fetch_add(1, Ordering::SeqCst);
                    let mut answer = Vec::new();
                    std::io::Read::read_to_end(&mut stream, &mut answer).ok()?;
                    let answer = Response::parse(&answer)?;
                    assert!(answer.text().contains("#EDEPLOY_PROFILE = vm"));
                    Some(())
                })
            })
            .collect();
        wait_for("some uploads", || sent.load(Ordering::SeqCst) > 40);
        server.signal("-TERM");
        assert!(server.wait().success());
        machines
            .into_iter()
            .filter_map(|machine| machine.join().unwrap())
            .count()
    });
    assert!(answered >= 40, "{answered}");
    let state = std::fs::read_to_string(server.path("config/state")).unwrap();
    let cmdb = std::fs::read_to_string(server.path("config/vm.cmdb")).unwrap();
    let used = cmdb.matches("'used': 1").count();
    assert_eq!(state, format!("[('vm', {})]\n", 1000 - used));
    assert_eq!(
        used, answered,
        "what is on disk was answered, and the other way round"
    );
}

#[test]
fn the_next_server_knows_what_the_last_one_did() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = machine("CZ1", "QEMU");
    assert_eq!(
        server.post_machine(facts.as_bytes()).json()["repeated"],
        false
    );
    let server = TestServer::in_dir(server.stop(), &[]);
    assert_eq!(
        server.post_machine(facts.as_bytes()).json()["repeated"],
        true
    );
}
