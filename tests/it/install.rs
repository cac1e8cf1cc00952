//! A whole installation by the real client: a real server, a real rsync daemon, a real disk.
//!
//! It runs in a root of its own; the machine is never restarted, since every command line here says
//! what to do at the end: leave the console.

use std::path::Path;
use std::process::{Child, Output, Stdio};

use serde_json::{Value, json};

use crate::support::disk::Disk;
use crate::support::python::Root;
use crate::support::server::TestServer;
use crate::support::{command, wait_for, write};

/// What leaves this machine running.
const STAY: &str = "ONSUCCESS=console ONFAILURE=console";

/// An rsync daemon with the tree of one role; it ends with the value.
pub(crate) struct Roles {
    child: Child,
    pub(crate) port: u16,
    pub(crate) dir: tempfile::TempDir,
}

impl Roles {
    pub(crate) fn start() -> Roles {
        Roles::as_user("root")
    }

    /// A daemon that reads files as this user.
    pub(crate) fn as_user(user: &str) -> Roles {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("install/D12-F.1.0.0/base");
        for (name, text) in [
            ("boot/vmlinuz-6.1.0", "kernel"),
            ("boot/initrd.img-6.1.0", "ramdisk"),
            ("etc/hostname", "role\n"),
            ("var/lib/edeploy/conf", "VERS=D12-F.1.0.0\nROLE=base\n"),
        ] {
            write(tree.join(name), text);
        }
        std::fs::hard_link(tree.join("etc/hostname"), tree.join("etc/same")).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        write(
            dir.path().join("rsyncd.conf"),
            shipped_conf(user, dir.path()),
        );
        let config = format!("--config={}", dir.path().join("rsyncd.conf").display());
        let child = command("rsync")
            .args([
                "--daemon",
                "--no-detach",
                "--address=127.0.0.1",
                &config,
                &format!("--port={port}"),
            ])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("rsyncd", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Roles { child, port, dir }
    }
}

/// The configuration that we ship, for another user and other directories.
fn shipped_conf(user: &str, dir: &Path) -> String {
    let shipped = include_str!("../../packaging/rsyncd.conf");
    let roles = dir.display().to_string();
    let mut changes = vec![
        ("uid = root", format!("uid = {user}")),
        ("/var/lib/edeploy/roles", roles),
    ];
    // Only root can.
    if !rustix::process::geteuid().is_root() {
        changes.push(("use chroot = yes", "use chroot = no".to_owned()));
    }
    changes
        .into_iter()
        .fold(shipped.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replace(old, &new)
        })
}

impl Roles {
    /// The daemon is away from now on; what it served is still there.
    pub(crate) fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The script of a machine with one disk; `%(disk)s` is the test's own.
pub(crate) const CONFIGURE: &str = "disk = '/dev/' + var['disk']
run('parted -s %s mklabel msdos mkpart primary ext4 1MiB 100%%' % disk)
run('mkfs.ext4 -q %s1' % disk)
run('mkdir -p /chroot; mount %s1 /chroot' % disk)
config('/etc/hostname').write('node7\\n')
grub_options('quiet')
set_role('base', 'D12-F.1.0.0', disk)
";

pub(crate) fn server(configure: &str) -> TestServer {
    server_with(configure, &[])
}

pub(crate) fn server_with(configure: &str, args: &[&str]) -> TestServer {
    let fill = |dir: &Path| {
        write(dir.join("state"), "[('vm', 1)]\n");
        write(
            dir.join("vm.specs"),
            "[('disk', '$disk', 'size', 'gt(0)'), ('system', 'product', 'serial', '$serial')]\n",
        );
        write(dir.join("vm.configure"), configure);
    };
    TestServer::with_args(fill, args)
}

/// Installs in a root of its own.
pub(crate) fn install(root: &Root, disk: &str, line: &str) -> Output {
    let facts = json!([
        ["disk", disk, "size", "8"],
        ["system", "product", "serial", "CZ1"]
    ]);
    write(root.path("machine.json"), facts.to_string());
    std::fs::copy(env!("CARGO_BIN_EXE_edeploy"), root.path("edeploy")).unwrap();
    root.keep_programs();
    write(
        root.path("cmdline"),
        format!("{line} {STAY} |console=ttyS0|"),
    );
    let script =
        "/edeploy install --from-disk --hardware /machine.json --cmdline \"$(cat /cmdline)\"\n";
    let output = root.enter(Path::new("/bin/sh"), &["-c", script]);
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

pub(crate) fn line(server: &TestServer, roles: &Roles) -> String {
    format!(
        "SERV=127.0.0.1 HTTP_PORT={} RSERV_PORT={}",
        server.address.port(),
        roles.port
    )
}

pub(crate) fn results(root: &Root) -> Vec<(String, Value)> {
    let events = root.read("install.jsonl");
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    events
        .filter(|event: &Value| event["event_type"] == "finish" && event["name"] != "install")
        .map(|event| {
            assert!(event["duration"].as_f64().is_some(), "{event}");
            (
                event["name"].as_str().unwrap().to_owned(),
                event["result"].clone(),
            )
        })
        .collect()
}

pub(crate) fn can_run() -> bool {
    let missing: Vec<&str> = ["rsync", "grub-install", "parted"]
        .into_iter()
        .filter(|name| command(name).arg("--version").output().is_err())
        .collect();
    if !missing.is_empty() {
        println!("skipped: {} missing", missing.join(", "));
    }
    missing.is_empty()
}

#[test]
fn a_blank_disk_becomes_an_installed_system() {
    if !can_run() {
        return;
    }
    let (Some(root), Some(disk)) = (Root::new(), Disk::new(300)) else {
        return;
    };
    let (server, roles) = (server(CONFIGURE), Roles::start());
    let output = install(&root, &disk.name, &line(&server, &roles));
    assert!(output.status.success());
    let steps = [
        "network",
        "detect",
        "upload",
        "configure",
        "sync",
        "files",
        "bootloader",
        "finish",
    ];
    let expected = steps.map(|step| (format!("install/{step}"), json!("SUCCESS")));
    assert_eq!(results(&root), expected);
    disk.mounted(1, |target| {
        let read = |name: &str| std::fs::read_to_string(target.join(name)).unwrap();
        assert_eq!(read("boot/vmlinuz-6.1.0"), "kernel");
        assert_eq!(read("etc/hostname"), "node7\n");
        assert!(read("var/lib/edeploy/conf").contains("ROLE=base\nPROFILE=vm\nSERV=127.0.0.1\n"));
        assert!(!read("var/lib/edeploy/conf").contains("HSERV"));
        let grub = read("boot/grub/grub.cfg");
        assert!(grub.contains("rw console=ttyS0 quiet\n"), "{grub}");
        assert!(
            grub.contains(&format!("root=UUID={}", disk.blkid(1, "UUID"))),
            "{grub}"
        );
        assert!(target.join("boot/grub/i386-pc/normal.mod").exists());
    });
    // The first sector holds GRUB's boot code.
    assert!(
        disk.first_bytes(440)
            .windows(4)
            .any(|bytes| bytes == b"GRUB")
    );
    let listed = server.get("/api/v1/machines").json();
    let stands = json!({"begun": 0, "latest": "installed"});
    assert_eq!(listed[0]["deployments"], stands);
    wait_for("the log", || {
        server
            .path("state/logs")
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some())
    });
}

#[test]
fn a_failing_command_is_reported_and_the_place_is_given_back() {
    let (Some(root), Some(disk)) = (Root::new(), Disk::new(64)) else {
        return;
    };
    let roles = Roles::start();
    let server = server("run('echo no luck >&2; exit 4')\nset_role('base', 'D12-F.1.0.0', 'x')\n");
    let output = install(&root, &disk.name, &line(&server, &roles));
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("step configure failed"), "{said}");
    assert!(said.contains("exit code 4: no luck"), "{said}");
    let state = std::fs::read_to_string(server.path("config/state")).unwrap();
    assert_eq!(state, "[('vm', 1)]\n");
    let last = results(&root).pop().unwrap();
    assert_eq!(last, ("install/configure".to_owned(), json!("FAIL")));
}

#[test]
fn a_role_that_is_not_there_leaves_the_disk_plainly_not_bootable() {
    if !can_run() {
        return;
    }
    let (Some(root), Some(disk)) = (Root::new(), Disk::new(64)) else {
        return;
    };
    let (server, roles) = (server(CONFIGURE), Roles::start());
    std::fs::remove_dir_all(roles.dir.path().join("install/D12-F.1.0.0")).unwrap();
    disk.write_first(b"an older system's boot code");
    let output = install(&root, &disk.name, &line(&server, &roles));
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("step sync failed"), "{said}");
    assert_eq!(disk.first_bytes(440), [0; 440]);
}

#[test]
fn a_rehearsal_shows_all_steps_and_changes_nothing() {
    let Some(root) = Root::new() else { return };
    let (server, roles) = (server(CONFIGURE), Roles::start());
    let facts = json!([
        ["disk", "vda9", "size", "8"],
        ["system", "product", "serial", "CZ1"]
    ]);
    write(root.path("machine.json"), facts.to_string());
    let line = line(&server, &roles);
    let program = Path::new(env!("CARGO_BIN_EXE_edeploy"));
    let words = [
        "install",
        "--dry-run",
        "--hardware",
        "/machine.json",
        "--cmdline",
        &line,
    ];
    let output = root.enter(program, &words);
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success());
    for part in [
        "line 2 + parted -s /dev/vda9 mklabel msdos",
        "edeploy: + rsync -aHAX",
        "edeploy: + write /chroot/var/lib/edeploy/conf",
        "--target=i386-pc /dev/vda9",
        "edeploy: + umount -R /chroot",
    ] {
        assert!(said.contains(part), "{part}");
    }
    let listed = server.get("/api/v1/machines").json();
    assert_eq!(
        listed[0]["deployments"],
        json!({"begun": 0, "latest": "none"})
    );
    for name in [
        "vars",
        "hw.json",
        "install.jsonl",
        "configure.jsonl",
        "chroot/var",
        "post_rsync",
    ] {
        assert!(!root.path(name).exists(), "{name}");
    }
}

#[test]
fn a_system_that_runs_from_a_disk_is_not_installed_over() {
    let Some(root) = Root::new() else { return };
    let program = Path::new(env!("CARGO_BIN_EXE_edeploy"));
    let output = root.enter(program, &["install", "--cmdline", STAY]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--from-disk"));
}
