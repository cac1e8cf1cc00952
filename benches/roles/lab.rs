//! A role of always the same files, a daemon that serves it, a machine that has it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::tree::{FILES, make_tree};

pub(super) const VERSION: &str = "D12-1.0";

/// What a role leaves to its machines, as the original's lists have it.
const EXCLUDE: &str = "/dev/*\n/proc/*\n/run/*\n/sys/*\n/tmp/*\n/var/tmp/*\n/var/log/*\n/var/cache/*\n/var/lib/edeploy\n\
    /boot/grub/*\n/etc/fstab\n/etc/hostname\n/etc/hosts\n/etc/machine-id\n/etc/network/*\n/etc/resolv.conf\n\
    /etc/ssh/ssh_host_*\n/root/*\n*.pyc\nlost+found/\n";

pub(super) fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let done = done.unwrap();
    assert!(done.success(), "{command:?}: {done}");
}

/// A role, who serves it, and a machine that has it.
pub(super) struct Lab {
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
    /// Where everything is.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Of the daemon.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The number of the daemon's process.
    pub(super) fn daemon(&self) -> u32 {
        self.daemon.id()
    }

    pub(super) fn start() -> Lab {
        // Below the build directory, so that it is the disk and not a memory file system that is measured.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let tree = directory.path().join("install").join(VERSION).join("base");
        let size = make_tree(&tree);
        let lists = tree.join(format!("var/lib/edeploy/{VERSION}"));
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("exclude"), EXCLUDE).unwrap();
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

    pub(super) fn machine(&self) -> PathBuf {
        self.directory.path().join("machine")
    }

    /// Where the machine has its role from.
    fn from(&self) -> String {
        format!("rsync://127.0.0.1:{}/install/{VERSION}/base/", self.port)
    }

    /// Installs the machine, as far as files go.
    pub(super) fn install(&self) {
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
    pub(super) fn rsync(&self, words: &[&str]) -> Command {
        let mut command = Command::new("rsync");
        command.args(words).arg(self.from()).arg(".");
        command.current_dir(self.machine());
        command
    }

    pub(super) fn verify(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edeploy"));
        command.arg("verify").args(words).args(["--root", "."]);
        command.current_dir(self.machine());
        command
    }
}

fn serve(directory: &Path, port: u16) -> Child {
    let path = directory.join("install").display().to_string();
    let metadata = directory.join("metadata").display().to_string();
    let conf = directory.join("rsyncd.conf");
    let text = format!(
        "use chroot = no\naddress = 127.0.0.1\nuid = root\ngid = root\n[install]\npath = {path}\n\
         [metadata]\npath = {metadata}\n"
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
