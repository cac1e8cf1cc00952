//! Events over HTTP: how many a second are kept, how soon they are answered, and what it costs to look at
//! 10,000 machines with 100 events each.
//!
//! The server is the real program, every answer is after the fsync of its commit; who posts shares this
//! computer. It prints a line for each figure; it is no Criterion bench, since each figure needs the state of
//! the one before.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise and prints what it found"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

const MACHINES: usize = 10_000;
const EVENTS_EACH: usize = 100;

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(10);

struct Server {
    process: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench starts the server itself"
)]
fn start() -> Server {
    // Below the build directory, so that it is the disk and not a memory file system that is measured.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_edeploy-server"))
        .arg("--state-dir")
        .arg(directory.path())
        .args(["--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "error")
        // As packaging/edeploy-server.service has it.
        .env("MALLOC_ARENA_MAX", "3")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .unwrap()
        .to_owned();
    Server {
        process,
        address,
        _directory: directory,
    }
}

impl Server {
    /// Memory of the server that is in use now, in MB.
    fn resident_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kb: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kb / 1024
    }
}

/// One event as our own client posts it: the whole, nine stages in it, four steps in each of those.
fn event(machine: usize, at: usize) -> String {
    const STAGE: usize = 11;
    let (stage, place) = (at.saturating_sub(1) / STAGE, at.saturating_sub(1) % STAGE);
    let (start, finish) = ("\"start\"", "\"finish\",\"result\":\"SUCCESS\"");
    let (name, kind) = match (at, place) {
        (0, _) => ("install".to_owned(), start),
        (_, 0) => (format!("install/stage-{stage}"), start),
        (_, 10) => (format!("install/stage-{stage}"), finish),
        (_, 9) => (
            format!("install/stage-{stage}"),
            "\"progress\",\"percent\":90",
        ),
        (_, odd) if odd % 2 == 1 => (format!("install/stage-{stage}/step-{odd}"), start),
        (_, even) => (format!("install/stage-{stage}/step-{}", even - 1), finish),
    };
    format!(
        "{{\"machine\":\"node{machine}\",\"datacenter\":\"par{}\",\"origin\":\"bench\",\"name\":\"{name}\",\
         \"event_type\":{kind},\"description\":\"what is said of it is about as long as this\",\"timestamp\":{}}}\n",
        machine % 4,
        1_795_000_000 + at
    )
}

fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection that is kept, as an agent's is.
struct Connection(TcpStream);

impl Connection {
    async fn open(address: &str) -> Connection {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(stream)
    }

    /// Sends a request and reads the whole answer; gives its length.
    async fn ask(&mut self, request: &[u8]) -> usize {
        self.0.write_all(request).await.unwrap();
        let mut answer = Vec::with_capacity(4096);
        let (mut head, mut length) = (None, 0);
        loop {
            if head.is_none() {
                head = answer
                    .windows(4)
                    .position(|end| end == b"\r\n\r\n")
                    .map(|at| at + 4);
                if let Some(end) = head {
                    let text = String::from_utf8_lossy(&answer[..end]).to_lowercase();
                    assert!(text.starts_with("http/1.1 200"), "{text}");
                    let line = text
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: "));
                    length = line.unwrap().parse().unwrap();
                }
            }
            if head.is_some_and(|end| answer.len() >= end + length) {
                return length;
            }
            assert!(self.0.read_buf(&mut answer).await.unwrap() > 0);
        }
    }
}

/// Posts as fast as answers come, over so many connections, so many events a post. Gives events a second.
async fn flood(address: &str, connections: usize, events: usize, first: usize) -> f64 {
    let began = Instant::now();
    let tasks = (0..connections).map(|number| {
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            let mut kept = 0;
            let mut round = 0;
            while began.elapsed() < SPAN {
                let machine = first + number;
                let body = (0..events).map(|at| event(machine, round * events + at));
                connection.ask(&post(&body.collect::<String>())).await;
                kept += events;
                round += 1;
            }
            kept
        })
    });
    let mut kept = 0;
    for task in tasks.collect::<Vec<_>>() {
        kept += task.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "well below 2^52")]
    let kept = kept as f64;
    kept / began.elapsed().as_secs_f64()
}

/// Posts at a fixed rate whatever the answers do; gives the times of the answers, sorted.
async fn paced(address: &str, a_second: u32, first: usize) -> Vec<Duration> {
    const CONNECTIONS: u32 = 100;
    let pause = Duration::from_secs(1) * CONNECTIONS / a_second;
    let began = tokio::time::Instant::now();
    let tasks = (0..CONNECTIONS).map(|number| {
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            let mut took = Vec::new();
            let mut due = began + pause * number / CONNECTIONS;
            let mut at = 0;
            while due < began + SPAN {
                sleep_until(due).await;
                let machine = first + usize::try_from(number).unwrap();
                connection.ask(&post(&event(machine, at))).await;
                // From when it was due: a post that had to wait for the one before it waited too.
                took.push(due.elapsed());
                due += pause;
                at += 1;
            }
            took
        })
    });
    let mut all = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        all.extend(task.await.unwrap());
    }
    all.sort();
    all
}

async fn fill(address: &str) {
    let tasks = (0..20).map(|part| {
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            for machine in (part..MACHINES).step_by(20) {
                let body = (0..EVENTS_EACH).map(|at| event(machine, at));
                connection.ask(&post(&body.collect::<String>())).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// The median time of a question.
async fn look(address: &str, path: &str) -> (Duration, usize) {
    let mut connection = Connection::open(address).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut took = Vec::new();
    let mut length = 0;
    for _ in 0..15 {
        let began = Instant::now();
        length = connection.ask(request.as_bytes()).await;
        took.push(began.elapsed());
    }
    took.sort();
    (took[took.len() / 2], length)
}

/// Reads until this was said.
async fn hear(stream: &mut TcpStream, words: &str) {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(words) {
        assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
    }
}

/// How long after a post begins a page that is open is told of it, half of the times and at most.
async fn seen(address: &str) -> (Duration, Duration) {
    let mut page = TcpStream::connect(address).await.unwrap();
    let request = b"GET /api/v1/stream HTTP/1.1\r\nHost: h\r\n\r\n";
    page.write_all(request).await.unwrap();
    // Its first word says that it hears of what comes from now on.
    hear(&mut page, "event: tick").await;
    let mut connection = Connection::open(address).await;
    let mut took = Vec::new();
    for round in 0..100 {
        let machine = MACHINES / 2 + round;
        let began = Instant::now();
        connection.ask(&post(&event(machine, EVENTS_EACH))).await;
        hear(&mut page, &format!("\"node{machine}\"")).await;
        took.push(began.elapsed());
    }
    took.sort();
    (took[took.len() / 2], took[took.len() - 1])
}

async fn measure() {
    let server = start();
    let address = server.address.clone();
    for (connections, events) in [(64, 1), (512, 1), (64, 10), (16, 100)] {
        let rate = flood(
            &address,
            connections,
            events,
            1_000_000 * events + 10_000 * connections,
        )
        .await;
        println!("{rate:>8.0} events/s kept: {connections} connections, {events} events a post");
    }
    for a_second in [500, 2_000] {
        let took = paced(
            &address,
            a_second,
            90_000_000 + usize::try_from(a_second).unwrap(),
        )
        .await;
        let at = |percent: usize| took[took.len() * percent / 100];
        println!(
            "{a_second} posts/s: answered after {:.1?}, 99 % within {:.1?}",
            at(50),
            at(99)
        );
    }
    drop(server);
    let server = start();
    let address = server.address.clone();
    let began = Instant::now();
    fill(&address).await;
    println!(
        "{MACHINES} machines with {EVENTS_EACH} events each were told in {:.1?}; the server holds {} MB",
        began.elapsed(),
        server.resident_mb()
    );
    for path in [
        "/api/v1/status",
        "/api/v1/status?standing=installing&datacenter=par1",
        "/api/v1/status/node5000",
        "/api/v1/timeline",
        "/api/v1/timeline?machine=node5000",
        "/api/v1/jobs",
        "/api/v1/events?machine=node5000",
        "/metrics",
        "/",
        "/?standing=installing",
        "/machines/node5000",
        "/timeline",
    ] {
        let (took, bytes) = look(&address, path).await;
        println!("{took:>10.1?} for {path} ({bytes} bytes)");
    }
    let (half, most) = seen(&address).await;
    println!("an open page is told of an event after {half:.1?}, at most {most:.1?}");
    println!("after that the server holds {} MB", server.resident_mb());
}

fn main() {
    // `cargo test --benches` runs it too: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}
