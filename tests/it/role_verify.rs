//! `edeploy verify` on a machine: a real rsync daemon, a real tree, the real client.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::install::Roles;
use crate::roles::{ctl, shell, text};
use crate::support::{command, wait_for, write};

/// The root of a machine that has a role, as an installation leaves it.
pub(crate) struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn of(install: &Path, version: &str, role: &str) -> Machine {
        Machine::served(install, version, role, 0)
    }

    pub(crate) fn served(install: &Path, version: &str, role: &str, port: u16) -> Machine {
        let root = tempfile::tempdir().unwrap();
        let from = format!("{}/", install.join(version).join(role).display());
        let to = format!("{}/", root.path().display());
        let copied = command("rsync")
            .args(["-aHX", &from, &to])
            .status()
            .unwrap();
        assert!(copied.success());
        let conf = format!(
            "VERS={version}\nROLE={role}\nRSERV=127.0.0.1\nRSERV_PORT={port}\nRPATH=install\n"
        );
        write(root.path().join("var/lib/edeploy/conf"), conf);
        Machine { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn verify(&self, words: &[&str]) -> Output {
        self.verify_under(&[], words)
    }

    /// The same, run by another program.
    pub(crate) fn verify_under(&self, tool: &[&str], words: &[&str]) -> Output {
        let own = [env!("CARGO_BIN_EXE_edeploy"), "verify", "--root"];
        let own = [&own[..], &[text(self.root.path())]].concat();
        let line = [tool, &own, words].concat();
        let output = command(line[0]).args(&line[1..]).output().unwrap();
        println!("{output:?}");
        output
    }

    /// What differs: pairs of aspect and path.
    pub(crate) fn differences(&self, words: &[&str]) -> Vec<(String, String)> {
        self.differences_under(&[], words)
    }

    pub(crate) fn differences_under(&self, tool: &[&str], words: &[&str]) -> Vec<(String, String)> {
        let words = [&["--json"], words].concat();
        let output = self.verify_under(tool, &words);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found: Vec<_> = json["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["aspect"].as_str().unwrap().to_owned(),
                    one["path"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(
            output.status.code(),
            Some(if found.is_empty() { 0 } else { 6 })
        );
        found
    }
}

pub(crate) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(aspect, path)| ((*aspect).to_owned(), (*path).to_owned()))
        .collect()
}

/// A role that a daemon serves, with its manifest.
pub(crate) fn served() -> Roles {
    let roles = Roles::start();
    let tree = roles.dir.path().join("install/D12-F.1.0.0/base");
    for name in [
        "etc/hosts",
        "usr/bin/tool",
        "usr/share/doc/a",
        "usr/share/doc/b",
        "srv/readme",
    ] {
        write(tree.join(name), format!("{name}\n"));
    }
    write(
        tree.join("var/lib/edeploy/D12-F.1.0.0/exclude"),
        "# of the role\n/srv/\n*.pyc\n",
    );
    ctl(&["manifest", text(&tree)]);
    roles
}

pub(crate) fn machine(roles: &Roles) -> Machine {
    Machine::served(
        &roles.dir.path().join("install"),
        "D12-F.1.0.0",
        "base",
        roles.port,
    )
}

#[test]
fn a_machine_is_clean_after_its_installation() {
    let roles = served();
    let machine = machine(&roles);
    // What the machine was given, what it makes itself, what the role says is its own.
    write(machine.path("etc/fstab"), "staged");
    write(machine.path("etc/hostname"), "node7\n");
    write(
        machine.path("var/lib/edeploy/exclude"),
        "/etc/fstab\n/etc/hostname\n/etc/same\n",
    );
    for name in [
        "var/log/syslog",
        "boot/grub/grub.cfg",
        "srv/data",
        "usr/bin/x.pyc",
        "proc/1/stat",
    ] {
        write(machine.path(name), "");
    }
    assert_eq!(machine.differences(&[]), []);
    let said = machine.verify(&[]);
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("nothing changed"),
        "{said:?}"
    );
}

#[test]
fn each_change_of_a_machine_is_told() {
    let roles = served();
    let machine = machine(&roles);
    write(machine.path("etc/hosts"), "changed by hand\n");
    std::fs::remove_dir_all(machine.path("usr/share/doc")).unwrap();
    std::fs::set_permissions(
        machine.path("usr/bin/tool"),
        PermissionsExt::from_mode(0o4755),
    )
    .unwrap();
    std::fs::remove_file(machine.path("boot/vmlinuz-6.1.0")).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", machine.path("boot/vmlinuz-6.1.0")).unwrap();
    write(machine.path("usr/bin/evil"), "");
    let told = pairs(&[
        ("type", "./boot/vmlinuz-6.1.0"),
        ("content", "./etc/hosts"),
        ("extra", "./usr/bin/evil"),
        ("mode", "./usr/bin/tool"),
        ("missing", "./usr/share/doc"),
        ("missing", "./usr/share/doc/a"),
        ("missing", "./usr/share/doc/b"),
    ]);
    assert_eq!(machine.differences(&[]), told);
    assert_eq!(machine.differences(&["--full"]), told);
    let output = machine.verify(&[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("missing  ./usr/share/doc and 2 below it\n"),
        "{said}"
    );
    assert!(
        said.contains("mode     ./usr/bin/tool: 4755, should be 0644\n"),
        "{said}"
    );
}

/// Changes a file in place, and puts its size and time back.
pub(crate) const IN_SECRET: &str =
    r#"touch -r "$1" "$1.time"; printf 'ETC/hosts\n' >"$1"; touch -r "$1.time" "$1"; rm "$1.time""#;

/// Where a verification keeps what it found to be as it should.
const CHECKED: &str = "var/lib/edeploy/D12-F.1.0.0/checked";

#[test]
fn the_first_look_believes_size_and_time_unless_it_is_a_full_one() {
    let roles = served();
    let machine = machine(&roles);
    let hosts = machine.path("etc/hosts");
    shell(IN_SECRET, &hosts);
    let first = |words: &[&str]| {
        std::fs::remove_file(machine.path(CHECKED)).ok();
        machine.differences(words)
    };
    assert_eq!(first(&[]), []);
    assert_eq!(first(&["--full"]), pairs(&[("content", "./etc/hosts")]));
    // With another time the content decides.
    shell(r#"touch -d @1 "$1""#, &hosts);
    assert_eq!(first(&[]), pairs(&[("content", "./etc/hosts")]));
    shell(r#"printf 'etc/hosts\n' >"$1"; touch -d @1 "$1""#, &hosts);
    assert_eq!(first(&[]), []);
}

#[test]
fn what_was_looked_at_and_was_not_touched_since_is_not_looked_at_closer() {
    let roles = served();
    let machine = machine(&roles);
    let hosts = machine.path("etc/hosts");
    shell(IN_SECRET, &hosts);
    // The first look believes its size and time.
    wait_for("a change that is not too young", || {
        let changed = std::fs::symlink_metadata(&hosts).unwrap().ctime();
        changed + 3 < jiff::Timestamp::now().as_second()
    });
    know_all(&machine);
    // Whoever read it would find the change.
    assert_eq!(machine.differences(&[]), []);
    // From then on a quick look knows what a full one found.
    let found = pairs(&[("content", "./etc/hosts")]);
    assert_eq!(machine.differences(&["--full"]), found);
    assert_eq!(machine.differences(&[]), found);
}

/// How many paths are known to be as they should.
pub(crate) fn known(machine: &Machine) -> usize {
    let bytes = std::fs::read(machine.path(CHECKED)).unwrap_or_default();
    let head = bytes.iter().position(|byte| *byte == b'\n');
    let stamps = bytes[head.map_or(0, |end| end + 1)..].chunks(28);
    stamps
        .filter(|stamp| stamp.iter().any(|byte| *byte != 0))
        .count()
}

/// Verifies until all paths are known: what changed in the last two seconds is not.
pub(crate) fn know_all(machine: &Machine) {
    let began = std::time::Instant::now();
    // All but `/srv` and `/var/lib/edeploy`, which are not looked into, what is below them, and what is not read.
    while known(machine) < 16 {
        assert_eq!(machine.differences(&[]), []);
        assert!(began.elapsed().as_secs() < 60, "{}", known(machine));
    }
}

#[test]
fn a_change_after_a_look_is_found_whatever_it_put_back() {
    let roles = served();
    let machine = machine(&roles);
    know_all(&machine);
    for (change, path, found) in [
        (IN_SECRET, "etc/hosts", &[("content", "./etc/hosts")][..]),
        (
            "chmod 600 \"$1\"",
            "usr/bin/tool",
            &[("mode", "./usr/bin/tool")],
        ),
        (
            "python3 -c 'import os, sys; os.setxattr(sys.argv[1], \"user.x\", b\"y\")' \"$1\"",
            "usr/share/doc/a",
            &[("xattrs", "./usr/share/doc/a")],
        ),
        ("chmod 700 \"$1\"", "usr/share", &[("mode", "./usr/share")]),
        (
            "mv \"$1\" \"$1.new\"",
            "usr/share/doc/b",
            &[
                ("missing", "./usr/share/doc/b"),
                ("extra", "./usr/share/doc/b.new"),
            ],
        ),
        (
            "ln -sfn elsewhere \"$1\"",
            "boot/vmlinuz-6.1.0",
            &[("type", "./boot/vmlinuz-6.1.0")],
        ),
    ] {
        shell(change, &machine.path(path));
        let mut expected = pairs(found);
        let mut told = machine.differences(&[]);
        told.retain(|one| expected.contains(one));
        expected.sort();
        told.sort();
        assert_eq!(told, expected, "{change}");
    }
    assert_eq!(machine.differences(&[]).len(), 7);
    assert_eq!(machine.differences(&["--full"]).len(), 7);
}

#[test]
fn a_file_with_the_same_content_in_anothers_place_is_no_change() {
    let roles = served();
    let machine = machine(&roles);
    know_all(&machine);
    let hosts = machine.path("etc/hosts");
    shell(r#"cp -p "$1" "$1.new"; mv "$1.new" "$1""#, &hosts);
    assert_eq!(machine.differences(&[]), []);
    shell(r#"chmod 600 "$1"; chmod 644 "$1""#, &hosts);
    assert_eq!(machine.differences(&[]), []);
}

#[test]
fn a_change_in_the_moment_of_a_look_is_found_by_the_next_one() {
    let roles = served();
    let machine = machine(&roles);
    // It has just been installed.
    assert_eq!(machine.differences(&[]), []);
    shell(IN_SECRET, &machine.path("etc/hosts"));
    assert_eq!(
        machine.differences(&[]),
        pairs(&[("content", "./etc/hosts")])
    );
}

#[test]
fn what_was_kept_of_a_look_is_believed_only_whole_and_of_this_manifest() {
    let roles = served();
    let machine = machine(&roles);
    know_all(&machine);
    let checked = machine.path(CHECKED);
    std::fs::remove_file(&checked).unwrap();
    assert_eq!(machine.differences(&[]), []);
    let good = std::fs::read(&checked).unwrap();
    let mut foreign = good.clone();
    foreign[20] ^= 1;
    for bad in [
        foreign,
        good[..good.len() - 1].to_vec(),
        b"garbage".to_vec(),
    ] {
        write(&checked, bad);
        assert_eq!(machine.differences(&[]), []);
        assert_eq!(
            std::fs::read(&checked).unwrap(),
            good,
            "it was written anew"
        );
    }
    // It is not for itself alone that it is there: nothing else is needed.
    std::fs::remove_file(&checked).unwrap();
    std::fs::create_dir(&checked).unwrap();
    assert_eq!(machine.differences(&[]), [], "it cannot be written");
}

#[test]
fn with_a_key_only_what_its_owner_signed_is_believed() {
    let roles = served();
    let machine = machine(&roles);
    let dir = roles.dir.path();
    let [key, public, other] = ["a.key", "a.pub", "b.pub"].map(|name| dir.join(name));
    ctl(&["keygen", text(&dir.join("a"))]);
    ctl(&["keygen", text(&dir.join("b"))]);
    let manifest = dir.join("install/D12-F.1.0.0/base.manifest");
    let verify = |key: &Path| machine.verify(&["--key", text(key)]).status.code();
    assert_eq!(verify(&public), Some(5), "there is no signature");
    ctl(&["sign", text(&manifest), "--key", text(&key)]);
    assert_eq!(verify(&public), Some(0));
    assert_eq!(verify(&other), Some(3));
    let whole = std::fs::read_to_string(&manifest).unwrap();
    write(&manifest, whole.replace("mode=0644", "mode=0666"));
    assert_eq!(verify(&public), Some(3));
    // A good signature of another version.
    write(
        &manifest,
        whole.replace("#version D12-F.1.0.0", "#version D12-F.0.9"),
    );
    ctl(&["sign", text(&manifest), "--key", text(&key)]);
    let output = machine.verify(&["--key", text(&public)]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("role base, version D12-F.0.9, and not the one asked for"),
        "{said}"
    );
    std::fs::remove_file(&manifest).unwrap();
    assert_eq!(machine.verify(&[]).status.code(), Some(5));
}

#[test]
fn the_manifest_and_the_key_of_the_machine_itself_come_first() {
    let mut roles = served();
    let machine = machine(&roles);
    let dir = roles.dir.path().to_owned();
    ctl(&["keygen", text(&dir.join("a"))]);
    ctl(&["keygen", text(&dir.join("b"))]);
    let manifest = dir.join("install/D12-F.1.0.0/base.manifest");
    let kept = machine.path("var/lib/edeploy/D12-F.1.0.0/manifest");
    let verify = |words: &[&str]| machine.verify(words).status.code();
    // A key on the machine: the server's manifest is not signed by it.
    std::fs::copy(dir.join("a.pub"), machine.path("var/lib/edeploy/roles.pub")).unwrap();
    assert_eq!(verify(&[]), Some(5), "there is no signature");
    let other = dir.join("b.key");
    ctl(&["sign", text(&manifest), "--key", text(&other)]);
    assert_eq!(verify(&[]), Some(3));
    assert_eq!(verify(&["--key", text(&dir.join("b.pub"))]), Some(0));
    // What the installation kept is not believed without a signature: the server is asked.
    std::fs::copy(&manifest, &kept).unwrap();
    assert_eq!(verify(&[]), Some(3));
    let own = dir.join("a.key");
    ctl(&["sign", text(&manifest), "--key", text(&own)]);
    std::fs::copy(
        dir.join("install/D12-F.1.0.0/base.manifest.minisig"),
        kept.with_file_name("manifest.minisig"),
    )
    .unwrap();
    roles.stop();
    assert_eq!(verify(&[]), Some(0), "nobody was asked");
    let whole = std::fs::read_to_string(&kept).unwrap();
    write(&kept, whole.replace("mode=0644", "mode=0666"));
    assert_eq!(verify(&[]), Some(3));
    // Without a key it is believed.
    std::fs::remove_file(machine.path("var/lib/edeploy/roles.pub")).unwrap();
    assert_eq!(verify(&[]), Some(6));
    write(
        &kept,
        whole.replace("#version D12-F.1.0.0", "#version D12-F.0.9"),
    );
    assert_eq!(verify(&[]), Some(3), "it is of another version");
}
