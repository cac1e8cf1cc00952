//! The law of allocation when servers are killed and when several serve one directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::rack::{PLACES, check, post, profile_of, write_section};
use crate::support::names;
use crate::support::server::TestServer;

const MACHINES: usize = 200;
const ROUNDS: u64 = 50;

/// A number that looks random, from a seed that a failure names.
fn scatter(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
}

fn serve(config: &Path) -> TestServer {
    let kept = config.with_file_name("kept");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    TestServer::from_command(&["--config-dir", &text(config), "--state-dir", &text(&kept)])
}

/// Posts all machines at once and kills the server: in every other round after some of the answers, in
/// the others while a commit is on its way to the disk.
fn post_and_kill(mut server: TestServer, config: &Path, round: u64) -> BTreeMap<usize, String> {
    let answered = Mutex::new(BTreeMap::new());
    let answers = AtomicUsize::new(0);
    let kill_after = usize::try_from(scatter(round) % (MACHINES as u64 * 4 / 5)).unwrap();
    let address = server.address;
    std::thread::scope(|scope| {
        for at in 0..MACHINES {
            let (answered, answers) = (&answered, &answers);
            scope.spawn(move || {
                if let Some(script) = post(address, at) {
                    answered.lock().unwrap().insert(at, script);
                }
                answers.fetch_add(1, Ordering::SeqCst);
            });
        }
        let is_time = |answers: usize| match round % 2 {
            0 => answers >= kill_after,
            _ => answers == MACHINES || commits(config),
        };
        while !is_time(answers.load(Ordering::SeqCst)) {
            std::thread::yield_now();
        }
        let moment = scatter(round + 1000)
            % if round.is_multiple_of(2) {
                20_000
            } else {
                4_000
            };
        std::thread::sleep(Duration::from_micros(moment));
        server.kill();
    });
    answered.into_inner().unwrap()
}

/// Whether new content is staged beside the admin's files at this moment.
fn commits(config: &Path) -> bool {
    let names = names(config);
    names.iter().any(|name| name.contains(".staged-"))
}

fn post_all(server: &TestServer) -> BTreeMap<usize, String> {
    std::thread::scope(|scope| {
        let posted = |at| scope.spawn(move || (at, post(server.address, at).expect("an answer")));
        let posts: Vec<_> = (0..MACHINES).map(posted).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    })
}

#[test]
fn a_server_killed_at_any_moment_loses_no_answer_and_gives_no_entry_twice() {
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        write_section(&config, 150);
        let answered = post_and_kill(serve(&config), &config, round);
        let before = check(&config, &answered);
        if round % 10 == 0 {
            let again = post_all(&serve(&config));
            let after = check(&config, &again);
            for (mac, mut held) in before {
                held.deployments = held.deployments.with_another_begun(None);
                assert_eq!(
                    after[&mac], held,
                    "round {round}: a machine got something else, or began another number of times"
                );
            }
            let with_hp = again
                .values()
                .filter(|script| profile_of(script) == "hp")
                .count();
            assert_eq!(
                with_hp as u64, PLACES,
                "round {round}: all places are given, none twice"
            );
        }
    }
}

#[test]
fn three_servers_on_one_directory_keep_the_law() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    write_section(&config, 500);
    let servers: Vec<TestServer> = (0..3).map(|_| serve(&config)).collect();
    let answered = post_twice_everywhere(&servers, 500);
    assert_eq!(answered.len(), 500);
    let held = check(&config, &answered);
    assert_eq!(held.len(), 500);
}

/// Every machine posts to two of the servers at the same time, as one that retries too early would.
fn post_twice_everywhere(servers: &[TestServer], machines: usize) -> BTreeMap<usize, String> {
    let answered = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::SeqCst);
                    let (at, server) = (turn / 2, &servers[(turn / 2 + turn % 2) % servers.len()]);
                    if at >= machines {
                        break;
                    }
                    let script = post(server.address, at).expect("an answer");
                    answered.lock().unwrap().insert(at, script);
                }
            });
        }
    });
    answered.into_inner().unwrap()
}
