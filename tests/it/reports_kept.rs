//! What was answered to a reporter is kept: when the server is killed, and when the disk is full.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use serde_json::{Value, json};

use crate::producers::event;
use crate::support::http::{Response, request};
use crate::support::python::can_mount;
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::told::Told;

const ROUNDS: usize = 20;
const REPORTERS: usize = 16;

/// Sends one event; none if the server is gone.
fn send(address: SocketAddr, machine: &str, event: &Value) -> Option<Response> {
    use std::io::{Read, Write};
    let path = format!("/events/{machine}");
    let bytes = request("POST", &path, "text/plain", event.to_string().as_bytes());
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.write_all(&bytes).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Response::parse(&answer)
}

/// Reports from many machines at once and kills the server when `enough` events were answered. Gives the
/// names of those that were.
fn report_and_kill(server: &mut TestServer, round: usize, enough: usize) -> BTreeSet<String> {
    let answered = Mutex::new(BTreeSet::new());
    let count = AtomicUsize::new(0);
    let address = server.address;
    std::thread::scope(|scope| {
        for reporter in 0..REPORTERS {
            let (answered, count) = (&answered, &count);
            scope.spawn(move || {
                let machine = format!("m{reporter}");
                for number in 0.. {
                    let name = format!("round{round}/{machine}/{number}");
                    let told = event(&name, "info", json!({"timestamp": number}));
                    match send(address, &machine, &told) {
                        Some(answer) => assert_eq!(answer.status, 204, "{answer:?}"),
                        None => return,
                    }
                    answered.lock().unwrap().insert(name);
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while count.load(Ordering::SeqCst) < enough {
            std::thread::yield_now();
        }
        server.kill();
    });
    answered.into_inner().unwrap()
}

#[test]
fn every_event_that_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    let mut dir = Some(dir);
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = TestServer::in_dir(dir.take().unwrap(), &[]);
        answered.extend(report_and_kill(&mut server, round, 20 + round * 7));
        let path = server.dir.path().join("state/events");
        let names = crate::support::names(&path);
        assert!(
            !names.iter().any(|name| name.contains("damaged")),
            "{names:?}"
        );
        dir = Some(std::mem::replace(
            &mut server.dir,
            tempfile::tempdir().unwrap(),
        ));
    }
    let told = Told::in_dir(dir.unwrap());
    let kept: BTreeSet<String> = (0..REPORTERS)
        .flat_map(|reporter| told.events(&format!("m{reporter}")))
        .map(|row| row.name)
        .collect();
    let lost: Vec<&String> = answered.difference(&kept).collect();
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:?}",
        lost.len(),
        answered.len()
    );
    println!("{} events in {ROUNDS} rounds", answered.len());
}

/// Bytes that no packer makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

#[test]
fn a_full_disk_is_said_to_reporters_and_machines_are_allocated_all_the_same() {
    if !can_mount() {
        return;
    }
    let mount = "mkdir -p \"$0/../state\"; mount -t tmpfs -o size=6m none \"$0/../state\"";
    let server = TestServer::after_shell(mount, |dir| simple_profile(dir, ""), &[]);
    let content = base64::engine::general_purpose::STANDARD.encode(noise(400_000));
    let log = |number: usize| {
        let files = json!({"files": [{"path": "x", "content": content}], "timestamp": number});
        send(server.address, "m", &event("x", "info", files)).unwrap()
    };
    let answers: Vec<Response> = (0..40).map(log).collect();
    let is_full = |answer: &&Response| answer.status == 507;
    let full = answers.iter().find(is_full).expect("the disk to be full");
    assert!(full.header("retry-after").is_some());
    assert!(
        full.json()["error"].as_str().unwrap().contains("full"),
        "{full:?}"
    );
    assert_eq!(answers[0].status, 204);
    assert!(
        answers
            .iter()
            .all(|answer| [204, 507].contains(&answer.status))
    );
    assert_eq!(server.get("/healthz").status, 200);
    let script = server.register(&machine("CZ1", "QEMU"));
    assert!(script.contains("#EDEPLOY_PROFILE = vm"), "{script}");
}
