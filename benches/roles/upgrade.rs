//! An upgrade that changes 2 % of the files, beside plain rsync: bytes on the line, seconds, ten machines at once.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::lab::{Lab, VERSION, run};
use super::tree::{FILES, Numbers, content, file};

const NEXT: &str = "D12-1.1";
/// One of so many files is another one in the next version.
const ONE_OF: usize = 50;
const ROUNDS: usize = 6;
const MACHINES: usize = 10;

/// Makes the next version: links of the files that stay, the others written anew.
fn make_next(lab: &Lab) {
    let install = lab.directory().join("install");
    let [from, to] = [VERSION, NEXT].map(|version| install.join(version).join("base"));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    run(Command::new("cp").arg("-al").arg(&from).arg(&to));
    let mut numbers = Numbers(7);
    for at in (0..FILES).step_by(ONE_OF) {
        let name = file(&to, at);
        let length = fs::metadata(&name).unwrap().len();
        fs::remove_file(&name).unwrap();
        // A rebuilt file: longer by some bytes, other content.
        let mut rebuilt = File::create(&name).unwrap();
        rebuilt
            .write_all(&content(&mut numbers, length + 24))
            .unwrap();
    }
    let own = to.join("var/lib/edeploy");
    fs::rename(own.join(VERSION), own.join(NEXT)).unwrap();
    run(Command::new(env!("CARGO_BIN_EXE_edeployctl"))
        .args(["role", "manifest"])
        .arg(&to));
    for (from, to) in [(VERSION, NEXT), (NEXT, VERSION)] {
        let way = lab
            .directory()
            .join("metadata")
            .join(from)
            .join("base")
            .join(to);
        fs::create_dir_all(&way).unwrap();
        fs::write(way.join("exclude"), "/etc/hostname\n").unwrap();
    }
}

/// A way of going from one version to the other, up and down in turns.
struct Machine {
    root: PathBuf,
    next: &'static str,
}

impl Machine {
    /// Another machine that has the version; what stays shares its content with the first one.
    fn another(lab: &Lab, name: &str) -> Machine {
        let root = lab.directory().join(name);
        run(Command::new("cp").arg("-al").arg(lab.machine()).arg(&root));
        let conf = root.join("var/lib/edeploy/conf");
        let text = fs::read(&conf).unwrap();
        fs::remove_file(&conf).unwrap();
        fs::write(&conf, text).unwrap();
        Machine { root, next: NEXT }
    }

    fn turn(&mut self) -> &'static str {
        let to = self.next;
        self.next = if to == NEXT { VERSION } else { NEXT };
        to
    }

    fn by_rsync(&mut self, port: u16) -> Command {
        let from = format!("rsync://127.0.0.1:{port}/install/{}/base/", self.turn());
        let mut command = Command::new("rsync");
        command.args(["-aX", &from, "."]).current_dir(&self.root);
        command
    }

    fn by_edeploy(&mut self, port: u16) -> Command {
        let conf = self.root.join("var/lib/edeploy/conf");
        let text = fs::read_to_string(&conf).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("RSERV_PORT="));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        fs::write(&conf, format!("{text}RSERV_PORT={port}\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_edeploy"));
        let to = self.turn();
        command.args(["upgrade", to, "--root", ".", "--no-reboot"]);
        command.current_dir(&self.root).stderr(Stdio::null());
        command
    }
}

/// Stands between the machines and the daemon and counts what passes, both ways.
fn counted(port: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (
                client.unwrap(),
                TcpStream::connect(("127.0.0.1", port)).unwrap(),
            );
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let counter = counter.clone();
                std::thread::spawn(move || pass(from, to, &counter));
            }
        }
    });
    (own, count)
}

fn pass(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = [0; 64 << 10];
    let mut done = || -> io::Result<()> {
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            counter.fetch_add(u64::try_from(count).unwrap(), Ordering::Relaxed);
            to.write_all(&buffer[..count])?;
        }
    };
    // Either side may hang up first.
    done().ok();
    to.shutdown(Shutdown::Write).ok();
}

fn seconds(took: &mut [Duration]) -> (f64, f64) {
    took.sort();
    (took[0].as_secs_f64(), took[took.len() / 2].as_secs_f64())
}

/// The three comparisons.
pub(super) fn upgrades(lab: &Lab) {
    make_next(lab);
    let mut rsync = Machine::another(lab, "by-rsync");
    let mut edeploy = Machine::another(lab, "by-edeploy");
    bytes(lab, &mut rsync, &mut edeploy);
    one(lab, &mut rsync, &mut edeploy);
    ten(lab);
}

fn bytes(lab: &Lab, rsync: &mut Machine, edeploy: &mut Machine) {
    let (port, count) = counted(lab.port());
    let measure = |command: &mut Command| {
        let before = count.load(Ordering::Relaxed);
        run(command);
        count.load(Ordering::Relaxed) - before
    };
    let both = [
        measure(&mut rsync.by_rsync(port)),
        measure(&mut edeploy.by_edeploy(port)),
    ];
    let [plain, own] = both;
    println!(
        "{plain:>10} bytes by rsync -aX, {own} by edeploy upgrade: {:.2} of it",
        share(own, plain)
    );
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn one(lab: &Lab, rsync: &mut Machine, edeploy: &mut Machine) {
    let port = lab.port();
    let mut took: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let mut flushed = Command::new("sh");
        flushed.args(["-c", "sync"]);
        let began = Instant::now();
        run(&mut rsync.by_rsync(port));
        took[0].push(began.elapsed());
        run(&mut flushed);
        took[1].push(began.elapsed());
        let mut command = edeploy.by_edeploy(port);
        let began = Instant::now();
        run(&mut command);
        took[2].push(began.elapsed());
    }
    let names = [
        "rsync -aX",
        "rsync -aX, then sync",
        "edeploy upgrade, on the disk when it ends",
    ];
    for (took, name) in took.iter_mut().zip(names) {
        let (least, median) = seconds(took);
        println!("{least:>8.2} s at least, {median:.2} s median: {name}");
    }
}

fn ten(lab: &Lab) {
    let machines = |kind: &str| -> Vec<Machine> {
        (0..MACHINES)
            .map(|at| Machine::another(lab, &format!("{kind}-{at}")))
            .collect()
    };
    let (mut rsync, mut edeploy) = (machines("ten-rsync"), machines("ten-edeploy"));
    let port = lab.port();
    let by_rsync = all(rsync.iter_mut().map(|machine| machine.by_rsync(port)));
    let by_edeploy = all(edeploy.iter_mut().map(|machine| machine.by_edeploy(port)));
    println!(
        "{by_rsync:>8.2} s by rsync -aX, {by_edeploy:.2} s by edeploy upgrade: {MACHINES} machines at once"
    );
}

/// Seconds until the last of these programs has ended.
fn all(commands: impl Iterator<Item = Command>) -> f64 {
    let began = Instant::now();
    let started: Vec<_> = commands
        .map(|mut command| {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in started {
        assert!(child.wait().unwrap().success());
    }
    began.elapsed().as_secs_f64()
}
