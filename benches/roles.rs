//! Roles on a machine, beside plain rsync on the same tree: what changed since the installation.
//!
//! The tree has 30,000 files and 350 MB, always the same ones; the daemon is a real one on this computer; the
//! programs are timed from start to end, in turns, since the computer may have other work. It prints a line for
//! each way; it is no Criterion bench, since the ways have to take turns.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench writes its own files, runs programs itself, stops at the first surprise and prints what it found"
)]

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const FILES: usize = 30_000;
const FILES_IN_DIRECTORY: usize = 10;
const VERSION: &str = "D12-1.0";
const ROUNDS: usize = 15;

/// What a role leaves to its machines, as the original's lists have it.
const EXCLUDE: &str = "/dev/*\n/proc/*\n/run/*\n/sys/*\n/tmp/*\n/var/tmp/*\n/var/log/*\n/var/cache/*\n/var/lib/edeploy\n\
    /boot/grub/*\n/etc/fstab\n/etc/hostname\n/etc/hosts\n/etc/machine-id\n/etc/network/*\n/etc/resolv.conf\n\
    /etc/ssh/ssh_host_*\n/root/*\n*.pyc\nlost+found/\n";

/// Numbers that are always the same ones (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// As long as files of a system are: most of them small, a kernel or two.
    fn length(&mut self) -> u64 {
        match self.within(0, 1_000) {
            0 => self.within(2 << 20, 4 << 20),
            1..100 => self.within(16 << 10, 64 << 10),
            100..400 => self.within(4 << 10, 16 << 10),
            _ => self.within(0, 4 << 10),
        }
    }
}

/// Makes the role's tree; gives its size in bytes.
fn make_tree(tree: &Path) -> u64 {
    let mut numbers = Numbers(6);
    let mut sum = 0;
    for at in 0..FILES {
        let package = at / FILES_IN_DIRECTORY;
        let directory = tree.join(format!(
            "usr/share/group-{}/package-{package}",
            package / 50
        ));
        let name = directory.join(format!("file-{at}.conf"));
        if at % FILES_IN_DIRECTORY == 0 {
            fs::create_dir_all(&directory).unwrap();
            std::os::unix::fs::symlink(&name, directory.join("latest")).unwrap();
        }
        let length = numbers.length();
        let mut file = File::create(&name).unwrap();
        let words = (0..length.div_ceil(8)).map(|_| numbers.next().to_le_bytes());
        let bytes: Vec<u8> = words.flatten().collect();
        let length = usize::try_from(length).unwrap();
        file.write_all(&bytes[..length]).unwrap();
        let written = 1_700_000_000 + u64::try_from(at).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
            .unwrap();
        sum += u64::try_from(length).unwrap();
    }
    let lists = tree.join(format!("var/lib/edeploy/{VERSION}"));
    fs::create_dir_all(&lists).unwrap();
    fs::write(lists.join("exclude"), EXCLUDE).unwrap();
    sum
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let done = done.unwrap();
    assert!(done.success(), "{command:?}: {done}");
}

/// A role, who serves it, and a machine that has it.
struct Lab {
    daemon: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

impl Lab {
    fn start() -> Lab {
        // Below the build directory, so that it is the disk and not a memory file system that is measured.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let tree = directory.path().join("install").join(VERSION).join("base");
        let size = make_tree(&tree);
        println!("{FILES} files, {} MB", size / 1_000_000);
        run(Command::new(env!("CARGO_BIN_EXE_edeployctl"))
            .args(["role", "manifest"])
            .arg(&tree));
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let daemon = serve(directory.path(), port);
        Lab {
            daemon,
            port,
            directory,
        }
    }

    fn machine(&self) -> PathBuf {
        self.directory.path().join("machine")
    }

    /// Where the machine has its role from.
    fn from(&self) -> String {
        format!("rsync://127.0.0.1:{}/install/{VERSION}/base/", self.port)
    }

    /// Installs the machine, as far as files go.
    fn install(&self) {
        let machine = self.machine();
        run(Command::new("rsync")
            .arg("-aHX")
            .arg(self.from())
            .arg(&machine));
        let of_edeploy = machine.join("var/lib/edeploy");
        let conf = format!(
            "VERS={VERSION}\nROLE=base\nRSERV=127.0.0.1\nRSERV_PORT={}\nRPATH=install\n",
            self.port
        );
        fs::write(of_edeploy.join("conf"), conf).unwrap();
        let manifest = self.directory.path().join("install").join(VERSION);
        let manifest = manifest.join("base.manifest");
        fs::copy(manifest, of_edeploy.join(VERSION).join("manifest")).unwrap();
    }

    /// From the machine's root, as on a machine: the kernel has no longer way to its files.
    fn rsync(&self, words: &[&str]) -> Command {
        let mut command = Command::new("rsync");
        command.args(words).arg(self.from()).arg(".");
        command.current_dir(self.machine());
        command
    }

    fn verify(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edeploy"));
        command.arg("verify").args(words).args(["--root", "."]);
        command.current_dir(self.machine());
        command
    }
}

fn serve(directory: &Path, port: u16) -> Child {
    let path = directory.join("install").display().to_string();
    let conf = directory.join("rsyncd.conf");
    let text = format!(
        "use chroot = no\naddress = 127.0.0.1\nuid = root\ngid = root\n[install]\npath = {path}\n"
    );
    fs::write(&conf, text).unwrap();
    let daemon = Command::new("rsync")
        .args(["--daemon", "--no-detach"])
        .arg(format!("--config={}", conf.display()))
        .arg(format!("--port={port}"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "no rsyncd");
    }
    daemon
}

/// Seconds of processor time, user and system, that the children of a process took that have ended.
fn processor_time(process: &str) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    // proc_pid_stat(5): cutime and cstime are the fields 16 and 17, the state behind the name is the third.
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / TICKS_A_SECOND
}

/// What one way of doing a thing took, of all rounds.
struct Way<'a> {
    name: &'a str,
    command: Command,
    /// A file that is removed before each round.
    forgotten: Option<PathBuf>,
    took: Vec<Duration>,
    processor: f64,
}

impl Way<'_> {
    fn new(name: &str, command: Command) -> Way<'_> {
        Way {
            name,
            command,
            forgotten: None,
            took: Vec::new(),
            processor: 0.0,
        }
    }

    fn least(&self) -> Duration {
        self.took.iter().min().copied().unwrap()
    }

    fn median(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort();
        took[took.len() / 2]
    }
}

/// Times all ways in turns.
fn compare(lab: &Lab, ways: &mut [Way<'_>]) {
    let daemon = lab.daemon.id().to_string();
    let processor = || processor_time("self") + processor_time(&daemon);
    for round in 0..=ROUNDS {
        for way in &mut *ways {
            if let Some(file) = &way.forgotten {
                // In the first round it is not there.
                fs::remove_file(file).ok();
            }
            let before = processor();
            let began = Instant::now();
            run(&mut way.command);
            let took = began.elapsed();
            // The first round fills the caches.
            if round > 0 {
                way.took.push(took);
                way.processor += processor() - before;
            }
        }
    }
    let first = &ways[0];
    for way in &*ways {
        #[expect(clippy::cast_precision_loss, reason = "a few rounds")]
        let rounds = ROUNDS as f64;
        println!(
            "{:>8.1?} at least, {:>8.1?} median, {:>4.0} ms of processor, {:.1} times as fast as the first: {}",
            way.least(),
            way.median(),
            way.processor / rounds * 1_000.0,
            first.median().as_secs_f64() / way.median().as_secs_f64(),
            way.name
        );
    }
}

/// What changed, asked of a machine where nothing did.
fn verify(lab: &Lab) {
    let exclude = format!(
        "--exclude-from={}/var/lib/edeploy/{VERSION}/exclude",
        lab.machine().display()
    );
    let checked = format!("var/lib/edeploy/{VERSION}/checked");
    let checked = lab.machine().join(checked);
    let original = ["--dry-run", "-aviX", "--delete-after", &exclude];
    compare(
        lab,
        &mut [
            Way::new(
                "rsync --dry-run -aviX --delete-after, as the original's verify",
                lab.rsync(&original),
            ),
            Way::new("rsync -n -aX", lab.rsync(&["-n", "-aX"])),
            Way {
                forgotten: Some(checked),
                ..Way::new("edeploy verify, the first time", lab.verify(&[]))
            },
            Way::new("edeploy verify, each further time", lab.verify(&[])),
            Way::new("edeploy verify --full", lab.verify(&["--full"])),
        ],
    );
}

fn main() {
    // `cargo test --benches` runs it too: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let lab = Lab::start();
    lab.install();
    verify(&lab);
}
