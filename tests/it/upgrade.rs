//! `edeploy upgrade` and the way back: a real rsync daemon, real trees, the real client.

mod by_http;
mod elsewhere;
mod killed;
mod refused;
mod told;
mod unusual;

use std::path::PathBuf;
use std::process::Output;

use crate::install::Roles;
use crate::role_verify::Machine;
use crate::roles::{ctl, has, is_root, shell, text};
use crate::support::server::{TestServer, simple_profile};
use crate::support::{command, write};

/// A role in two versions, and a machine that has the first.
struct World {
    roles: Roles,
    machine: Machine,
}

/// What differs between the two versions, in each way that there is.
const CHANGES: &str = r#"cd "$1"
mkdir -p 1.1; cp -a 1.0/base 1.1/base; cd 1.1/base
echo new-tool >usr/bin/tool
chmod 600 usr/bin/mode
rm usr/bin/gone; rm -r usr/share/old usr/share/doc/left
mkdir -p usr/share/new/deep; echo deep >usr/share/new/deep/file
ln -sfn new usr/share/link; ln -sfn new opt/app/link; rm opt/gone
rm usr/share/was-file; mkdir usr/share/was-file; echo x >usr/share/was-file/x
rm -r usr/share/was-directory; echo y >usr/share/was-directory
echo second >etc/motd; rm etc/gone; echo fresh >etc/fresh; chown 7:8 etc/fresh; chmod 750 etc/dir
echo second >opt/app/data/file; mkdir opt/app/new; echo fresh >opt/app/new/file
mkdir var/spool; echo seed >var/spool/seed; echo other >var/db
mv boot/vmlinuz-6.1.0 boot/vmlinuz-6.2.0; mv boot/initrd.img-6.1.0 boot/initrd.img-6.2.0
mv usr/lib/modules/6.1.0 usr/lib/modules/6.2.0
rm -r var/lib/edeploy/1.0; mkdir var/lib/edeploy/1.1
printf '/etc/local\n/var/spool/\n' >var/lib/edeploy/1.1/exclude
printf 'VERS=1.1\nROLE=base\n' >var/lib/edeploy/conf
"#;

/// The first version. Its programs are busybox, so that scripts of the versions can run in its root.
const FIRST: &str = r#"cd "$1"
mkdir -p 1.0/base; cd 1.0/base
mkdir -p usr/bin usr/share/old usr/share/was-directory etc/dir etc/systemd/system var/log boot/grub usr/lib/modules/6.1.0 var/lib/edeploy/1.0
ln -s usr/bin bin
cp "$(command -v busybox)" usr/bin/busybox; for name in sh echo; do ln -s busybox usr/bin/$name; done
echo tool >usr/bin/tool; echo mode >usr/bin/mode; echo gone >usr/bin/gone; echo o >usr/share/old/o
ln usr/bin/tool usr/bin/same
ln -s old usr/share/link; echo f >usr/share/was-file; echo d >usr/share/was-directory/d
mkdir -p opt/app/data; echo first >opt/app/data/file; echo gone >opt/gone; ln -s data opt/app/link
echo first >etc/motd; echo gone >etc/gone; echo db >var/db
mkdir usr/share/doc; echo kept >usr/share/doc/kept; echo left >usr/share/doc/left
echo kernel >boot/vmlinuz-6.1.0; echo initrd >boot/initrd.img-6.1.0; echo module >usr/lib/modules/6.1.0/a.ko
printf '/etc/local\n/var/spool/\n' >var/lib/edeploy/1.0/exclude
printf 'VERS=1.0\nROLE=base\n' >var/lib/edeploy/conf
chmod -R a=rX,u+w .
"#;

/// As the installation writes it.
const MENU: &str = "set default=0\nset timeout=2\nsearch --no-floppy --fs-uuid --set=root r-1\n\
    menuentry 'base 1.0, vmlinuz-6.1.0' {\n    linux /boot/vmlinuz-6.1.0 root=UUID=r-1 ro quiet\n\
    \x20   initrd /boot/initrd.img-6.1.0\n}\n";

const POST: &str = "#!/bin/sh\necho \"$FROM to $TO\" >/var/log/post\nexit 100\n";

fn world() -> Option<World> {
    if !(is_root() && has("busybox") && has("rsync")) {
        return None;
    }
    let roles = Roles::start();
    let install = roles.dir.path().join("install");
    shell(FIRST, &install);
    shell(CHANGES, &install);
    for version in ["1.0", "1.1"] {
        ctl(&["manifest", text(&install.join(version).join("base"))]);
    }
    let metadata = roles.dir.path().join("metadata");
    for way in ["1.0/base/1.1", "1.1/base/1.0"] {
        write(
            metadata.join(way).join("exclude"),
            "/etc/local\n/var/db\n/var/spool/\n",
        );
        write(
            metadata.join(way).join("add_only"),
            "+ /var/\n+ /var/**\n- *\n",
        );
    }
    write(metadata.join("1.0/base/1.1/post"), POST);
    let conf = roles.dir.path().join("rsyncd.conf");
    let served = std::fs::read_to_string(&conf).unwrap();
    write(
        &conf,
        format!("{served}[metadata]\npath = {}\n", metadata.display()),
    );
    let machine = Machine::served(&install, "1.0", "base", roles.port);
    write(machine.path("boot/grub/grub.cfg"), MENU);
    write(machine.path("etc/local"), "mine");
    write(machine.path("usr/share/mine"), "mine");
    let world = World { roles, machine };
    world.keep_manifest("1.0");
    Some(world)
}

impl World {
    fn install(&self) -> PathBuf {
        self.roles.dir.path().join("install")
    }

    /// What an installation leaves.
    fn keep_manifest(&self, version: &str) {
        let from = self.install().join(version).join("base.manifest");
        let text = std::fs::read(from).unwrap();
        write(
            self.machine
                .path(&format!("var/lib/edeploy/{version}/manifest")),
            text,
        );
    }

    /// The same role by HTTP alone, as an installation by HTTP leaves the machine; rsync is away.
    fn over_http(&mut self) -> TestServer {
        let dir = self.roles.dir.path();
        let server =
            TestServer::with_args(|dir| simple_profile(dir, ""), &["--roles-dir", text(dir)]);
        self.roles.stop();
        let conf = self.read("var/lib/edeploy/conf");
        let port = server.address.port();
        let by_http = format!("{conf}HSERV=127.0.0.1\nHSERV_PORT={port}\nHPATH=install\n");
        write(self.machine.path("var/lib/edeploy/conf"), by_http);
        server
    }

    /// The manifest that the installation left is gone: the server is asked.
    fn forget_manifest(&self, version: &str) {
        let kept = format!("var/lib/edeploy/{version}/manifest");
        std::fs::remove_file(self.machine.path(&kept)).unwrap();
    }

    fn edeploy(&self, words: &[&str]) -> Output {
        self.edeploy_under(&[], words)
    }

    fn edeploy_under(&self, tool: &[&str], words: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_edeploy");
        let root = self.machine.path("");
        let (verb, rest) = words.split_first().unwrap();
        let own = [program, verb, "--root", text(&root)];
        let line: Vec<&str> = tool.iter().chain(&own).chain(rest).copied().collect();
        let output = command(line[0]).args(&line[1..]).output().unwrap();
        println!("{words:?}: {output:?}");
        output
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.machine.path(name)).unwrap()
    }

    /// What differs from a version, whatever the machine says that it is. What waits for the restart is the
    /// other version's kernel.
    fn differences(&self, version: &str) -> Vec<(String, String)> {
        let conf = self.read("var/lib/edeploy/conf");
        let other = conf.lines().map(|line| match line.starts_with("VERS=") {
            true => format!("VERS={version}\n"),
            false => format!("{line}\n"),
        });
        write(
            self.machine.path("var/lib/edeploy/conf"),
            other.collect::<String>(),
        );
        let manifest = self.install().join(version).join("base.manifest");
        let found = self
            .machine
            .differences(&["--full", "--manifest", text(&manifest)]);
        write(self.machine.path("var/lib/edeploy/conf"), conf);
        let is_kernel = |path: &str| path.contains("6.1.0") || path.contains("6.2.0");
        let mut found = found;
        found.retain(|(aspect, path)| !(aspect == "extra" && is_kernel(path)));
        found
    }
}

/// What a machine of this test has besides its role.
fn own() -> Vec<(String, String)> {
    vec![("extra".to_owned(), "./usr/share/mine".to_owned())]
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_machine_gets_the_next_version_and_goes_back() {
    let Some(world) = world() else { return };
    assert_eq!(world.edeploy(&["list"]).stdout, b"1.1\n");
    assert_eq!(world.differences("1.0"), own());

    let tested = world.edeploy(&["test-upgrade", "1.1"]);
    let said = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert_eq!(tested.status.code(), Some(0));
    for line in [
        "put              ./etc/motd",
        "remove           ./usr/bin/gone",
        "(after the restart)",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(
        !world.machine.path(".edeploy").exists(),
        "nothing was touched"
    );

    let done = world.edeploy(&["upgrade", "1.1", "--verbose"]);
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    // What is excluded stays; what is missing there is added.
    assert_eq!(world.differences("1.1"), own());
    assert_eq!(world.read("var/db"), "db\n");
    assert_eq!(world.read("var/log/post"), "1.0 to 1.1\n");
    assert_eq!(world.read("var/spool/seed"), "seed\n");
    assert_eq!(world.read("etc/local"), "mine");
    assert!(world.read("var/lib/edeploy/conf").contains("VERS=1.1\n"));
    // The new kernel is first, the old one can still be started.
    let menu = world.read("boot/grub/grub.cfg");
    let kernels: Vec<&str> = menu
        .lines()
        .filter(|line| line.contains("linux "))
        .map(str::trim)
        .collect();
    assert_eq!(
        kernels,
        [
            "linux /boot/vmlinuz-6.2.0 root=UUID=r-1 ro quiet",
            "linux /boot/vmlinuz-6.1.0 root=UUID=r-1 ro quiet"
        ]
    );
    assert!(world.machine.path("usr/lib/modules/6.1.0/a.ko").exists());

    let mut hand = std::fs::OpenOptions::new();
    let mut hand = hand
        .append(true)
        .open(world.machine.path("usr/bin/busybox"))
        .unwrap();
    std::io::Write::write_all(&mut hand, b"changed by hand").unwrap();
    std::fs::remove_file(world.machine.path("var/log/post")).unwrap();
    let back = world.edeploy(&["rollback"]);
    assert_eq!(back.status.code(), Some(100), "{}", stderr(&back));
    assert_eq!(world.differences("1.0"), own());
    assert!(
        world.read("boot/grub/grub.cfg").find("6.1.0")
            < world.read("boot/grub/grub.cfg").find("6.2.0")
    );
    let forth = world.edeploy(&["rollback"]);
    assert_eq!(forth.status.code(), Some(100), "{}", stderr(&forth));
    assert_eq!(world.read("usr/bin/tool"), "new-tool\n");
    assert_eq!(world.read("var/db"), "db\n");
}

#[test]
fn the_installed_version_brings_back_what_was_changed_by_hand() {
    let Some(world) = world() else { return };
    let nothing = world.edeploy(&["upgrade", "1.0"]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(stderr(&nothing).contains("1.0 is what is installed"));
    write(world.machine.path("usr/bin/tool"), "by hand\n");
    std::fs::remove_file(world.machine.path("etc/gone")).unwrap();
    let repaired = world.edeploy(&["upgrade", "1.0"]);
    assert_eq!(repaired.status.code(), Some(0));
    assert!(stderr(&repaired).contains("warning: ./usr/bin/tool was changed"));
    assert_eq!(world.differences("1.0"), own());
    // The way back leads to what it was.
    assert_eq!(world.edeploy(&["rollback"]).status.code(), Some(0));
    assert_eq!(world.read("usr/bin/tool"), "by hand\n");
}

#[test]
fn after_a_failing_post_the_admin_mends_it_and_goes_on() {
    let Some(world) = world() else { return };
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(way.join("post"), "#!/bin/sh\n[ -e /var/mended ]\n");
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(world.read("var/lib/edeploy/conf").contains("VERS=1.0\n"));
    assert!(
        world
            .machine
            .path("etc/systemd/system/edeploy-upgrade.service")
            .exists()
    );
    write(world.machine.path("var/mended"), "");
    assert_eq!(
        world.edeploy(&["upgrade", "--resume"]).status.code(),
        Some(0)
    );
    assert!(world.read("var/lib/edeploy/conf").contains("VERS=1.1\n"));
    let refused = world.edeploy(&["upgrade", "1.0"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        stderr(&refused).contains("waits for a restart"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_failing_post_is_no_obstacle_on_the_way_back() {
    let Some(world) = world() else { return };
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(way.join("post"), "#!/bin/sh\nexit 1\n");
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(5));
    assert_eq!(world.edeploy(&["rollback"]).status.code(), Some(0));
    assert_eq!(world.read("usr/bin/tool"), "tool\n");
}
