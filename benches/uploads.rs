//! A rack that posts all at once: from the first byte sent to the last script received, by 1,000
//! machines, to a server whose CMDB has 10,000 and 100,000 entries. Every answer is on disk before it is
//! sent. Then the same as our own client posts, which is told the hash of its plan too.
//!
//! The server is the real program; machines and server share this computer.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench starts the server itself and stops at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MACHINES: usize = 1_000;

fn write_section(directory: &Path, entries: usize) {
    let entry = |at: usize| {
        let (a, b, c) = (at / 62_500, at / 250 % 250, at % 250);
        format!(" {{'ip': '10.{a}.{b}.{c}', 'hostname': 'host{at}', 'netmask': '255.0.0.0'}},\n")
    };
    let cmdb: String = (0..entries).map(entry).collect();
    let specs = "[('disk', '$disk', 'size', 'gt(4)'), ('network', '$eth', 'serial', '$mac')]\n";
    for (name, text) in [
        ("state", "[('hp', 5000), ('vm', '*')]\n"),
        ("hp.specs", specs),
        ("hp.cmdb", &format!("[\n{cmdb}]\n")),
        ("hp.configure", "run('true')\n"),
        ("vm.specs", specs),
        ("vm.configure", "run('true')\n"),
    ] {
        std::fs::write(directory.join(name), text).unwrap();
    }
}

/// One machine's facts: about 550 rows, as many as a recorded blade has.
fn rows(round: u64, at: usize) -> String {
    let mac = format!(
        "52:54:00:{:02x}:{:02x}:{:02x}",
        round % 256,
        at / 256,
        at % 256
    );
    let mut rows = format!(
        r#"["system","product","serial","SN{round}-{at}"],["disk","sda","size","300"],["network","eth0","serial","{mac}"]"#
    );
    for row in 0..550 {
        rows.push_str(&format!(
            r#",["cpu","logical_{}","bandwidth_{row}","{}"]"#,
            row % 32,
            row * 977
        ));
    }
    format!("[{rows}]")
}

/// Who posts, and what the right answer holds.
struct Client {
    upload: fn(u64, usize) -> Vec<u8>,
    answered: &'static str,
}

const RAMDISK: Client = Client {
    upload,
    answered: "#EDEPLOY_PROFILE = hp\n",
};
const OURS: Client = Client {
    upload: post_to_api,
    answered: "\"plan_hash\":\"",
};

/// The upload as the ramdisk sends it.
fn upload(round: u64, at: usize) -> Vec<u8> {
    let rows = rows(round, at);
    let boundary = "------------------------4ccb7cb0ee07537e";
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"hw.json\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{rows}\r\n--{boundary}--\r\n"
    );
    let content = format!("multipart/form-data; boundary={boundary}");
    request("/cgi-bin/upload.py", &content, body)
}

/// The upload as our own client sends it.
fn post_to_api(round: u64, at: usize) -> Vec<u8> {
    request("/api/v1/machines", "application/json", rows(round, at))
}

fn request(path: &str, content: &str, body: String) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: {content}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

struct Server {
    process: Child,
    address: String,
    directory: tempfile::TempDir,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench starts the server itself"
)]
fn start(entries: usize) -> Server {
    // Below the build directory, so that it is the disk and not a memory file system that is measured.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    write_section(directory.path(), entries);
    let mut process = Command::new(env!("CARGO_BIN_EXE_edeploy-server"))
        .arg("--config-dir")
        .arg(directory.path())
        .arg("--state-dir")
        .arg(directory.path().join("kept"))
        .args(["--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .unwrap()
        .to_owned();
    Server {
        process,
        address,
        directory,
    }
}

impl Server {
    /// Ends the server. Its directory is to be kept: a file system that has just lost thousands of files
    /// makes the next ones slowly.
    fn stop(mut self) -> tempfile::TempDir {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.directory
    }
}

async fn post(address: String, request: Vec<u8>, answered: &str) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains(answered), "{answer}");
}

fn post_all(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    client: &Client,
    round: u64,
) -> Duration {
    let requests = (0..MACHINES).map(|at| (client.upload)(round, at));
    let requests: Vec<Vec<u8>> = requests.collect();
    runtime.block_on(async {
        let started = Instant::now();
        let posts = requests
            .into_iter()
            .map(|request| tokio::spawn(post(server.address.clone(), request, client.answered)));
        for posted in posts.collect::<Vec<_>>() {
            posted.await.unwrap();
        }
        started.elapsed()
    })
}

fn a_rack_posts_at_once(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("1000 machines post at once");
    group.sample_size(10).warm_up_time(Duration::from_millis(1));
    let mut kept = Vec::new();
    for (client, entries, name) in [
        (RAMDISK, 10_000, "10000 CMDB entries"),
        (RAMDISK, 100_000, "100000 CMDB entries"),
        (OURS, 10_000, "10000 CMDB entries, our own client"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut took = Duration::ZERO;
                for round in 0..rounds {
                    let server = start(entries);
                    took += post_all(&runtime, &server, &client, round);
                    kept.push(server.stop());
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, a_rack_posts_at_once);
criterion_main!(benches);
