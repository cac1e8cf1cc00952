//! `edeployctl role metadata`: written from two real trees, its scripts run for real.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::roles::{ctl, has, refused, shell, text};
use crate::support::python::can_mount;
use crate::support::{command, names, write};

/// Two versions of a role: the newer one has a user in two groups, a unit, a kernel and another libc.
fn versions(dir: &Path) -> [PathBuf; 2] {
    let passwd = "root:x:0:0:root:/root:/bin/sh\n";
    let group = "root:x:0:\nadm:x:4:\n";
    let [old, new] = ["install/1.0/base", "install/1.1/base"].map(|name| dir.join(name));
    for tree in [&old, &new] {
        write(tree.join("etc/passwd"), passwd);
        write(tree.join("etc/group"), group);
        write(tree.join("usr/lib/libc.so.6"), "old");
    }
    let user = "chrony:x:1150:1151:it's time:/var/lib/chrony:/usr/sbin/nologin\n";
    write(new.join("etc/passwd"), format!("{passwd}{user}"));
    let group = "root:x:0:\nadm:x:4:chrony\nchrony:x:1151:\n";
    write(new.join("etc/group"), group);
    write(new.join("usr/lib/libc.so.6"), "new");
    write(new.join("usr/lib/systemd/system/chrony.service"), "");
    write(new.join("usr/lib/modules/6.1.0-9/modules.order"), "");
    write(new.join("var/lib/edeploy/1.1/exclude"), "/etc/chrony/\n");
    [old, new]
}

fn make(dir: &Path, more: &[&str]) -> String {
    let [old, new] = ["install/1.0/base", "install/1.1/base"].map(|name| dir.join(name));
    let out = dir.join("metadata");
    let words = ["metadata", text(&old), text(&new), "--out", text(&out)];
    ctl(&[&words, more].concat())
}

/// Runs a script on a machine with its own `/etc` and `/run`, where `systemctl` and `depmod` tell
/// that they were run.
fn on_machine(dir: &Path, script: &Path) -> Output {
    let enter = r#"cp -a /etc/alternatives "$1/etc/"; mount --bind "$1/etc" /etc; mount -t tmpfs none /run; mkdir -p /run/systemd/system
        PATH=$1/stubs:$PATH exec "$2""#;
    let output = command("unshare")
        .args(["--mount", "sh", "-ec", enter, "sh", text(dir), text(script)])
        .output()
        .unwrap();
    println!("{output:?}");
    output
}

fn machine(dir: &Path) -> PathBuf {
    let machine = dir.join("machine");
    for (name, content) in [
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
        ),
        ("etc/group", "root:x:0:\nadm:x:4:alice\nalice:x:1000:\n"),
        ("etc/shadow", "root:*:1::::::\nalice:*:1::::::\n"),
        ("etc/gshadow", "root:*::\nadm:*::alice\nalice:!::\n"),
        ("stubs/systemctl", "#!/bin/sh\necho systemctl \"$@\"\n"),
        ("stubs/depmod", "#!/bin/sh\necho depmod \"$@\"\n"),
    ] {
        write(machine.join(name), content);
    }
    for name in ["stubs/systemctl", "stubs/depmod"] {
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(machine.join(name), mode).unwrap();
    }
    machine
}

#[test]
fn the_scripts_do_on_a_machine_what_the_new_version_needs_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    versions(dir.path());
    let said = make(dir.path(), &[]);
    assert!(
        said.contains("machines start anew: libc changed, the kernel changed"),
        "{said}"
    );
    let directory = dir.path().join("metadata/1.0/base/1.1");
    let files = ["add_only", "exclude", "manifest", "post", "pre"];
    assert_eq!(names(&directory), files);
    let [pre, post] = ["pre", "post"].map(|name| directory.join(name));
    if has("shellcheck") {
        shell("cd \"$1\" && shellcheck pre post", &directory);
    }
    if !can_mount() || !has("useradd") {
        return;
    }
    let machine = machine(dir.path());
    let read = |name: &str| std::fs::read_to_string(machine.join(name)).unwrap();
    let mut before = String::new();
    for _ in 0..2 {
        assert_eq!(on_machine(&machine, &pre).status.code(), Some(0));
        let users = read("etc/passwd");
        assert!(
            users.contains("\nchrony:x:1150:1151:it's time:/var/lib/chrony:/usr/sbin/nologin\n"),
            "{users}"
        );
        assert!(users.contains("\nalice:"), "{users}");
        assert_eq!(
            read("etc/group"),
            "root:x:0:\nadm:x:4:alice,chrony\nalice:x:1000:\nchrony:x:1151:\n"
        );
        let after = users + &read("etc/shadow");
        assert!(before.is_empty() || before == after, "{after}");
        before = after;
    }
    let output = on_machine(&machine, &post);
    assert_eq!(output.status.code(), Some(100));
    assert_eq!(
        output.stdout,
        b"systemctl daemon-reload\ndepmod -- 6.1.0-9\n"
    );
    // Somebody has the name with another number: files would be somebody else's.
    write(machine.join("etc/group"), "root:x:0:\nchrony:x:77:\n");
    let output = on_machine(&machine, &pre);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("group chrony has number 77 here and 1151"),
        "{said}"
    );
}

#[test]
fn what_an_admin_wrote_is_kept_and_signed() {
    let dir = tempfile::tempdir().unwrap();
    versions(dir.path());
    let keys = dir.path().join("roles");
    ctl(&["keygen", text(&keys)]);
    let key = dir.path().join("roles.key");
    let own = dir.path().join("own");
    write(&own, "#!/bin/sh\nexit 0\n");
    let said = make(dir.path(), &["--post", text(&own), "--key", text(&key)]);
    assert!(!said.contains("not signed"), "{said}");
    let directory = dir.path().join("metadata/1.0/base/1.1");
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("post"), "#!/bin/sh\nexit 0\n");
    assert!(read("exclude").contains("\n/etc/chrony/\n"));
    assert_eq!(read("add_only"), "+ /var/\n+ /var/**\n- *\n");
    let manifest = read("manifest");
    assert!(
        manifest.starts_with("#edeploy-manifest 1\n#role base\n#version 1.0..1.1\n"),
        "{manifest}"
    );
    let paths: Vec<&str> = manifest
        .lines()
        .skip(3)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(paths, [".", "./add_only", "./exclude", "./post", "./pre"]);
    assert!(read("manifest.minisig").contains("role:base version:1.0..1.1"));

    // By hand, and made again: the text stays, the manifest follows, the old signature goes.
    write(directory.join("post"), "#!/bin/sh\nexit 100\n");
    let said = make(dir.path(), &[]);
    assert!(
        said.contains("kept as they were: exclude, add_only, pre, post"),
        "{said}"
    );
    assert_eq!(read("post"), "#!/bin/sh\nexit 100\n");
    assert_ne!(read("manifest"), manifest);
    assert!(!directory.join("manifest.minisig").exists());
    make(dir.path(), &["--replace", "--reboot"]);
    assert!(read("post").contains("daemon-reload"), "{}", read("post"));
}

#[test]
fn only_two_versions_of_one_role_have_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let [old, _] = versions(dir.path());
    let other = dir.path().join("install/1.1/mysql");
    write(other.join("etc/passwd"), "");
    for to in [&old, &other] {
        let out = dir.path().join("metadata");
        let (code, said) = refused(&["metadata", text(&old), text(to), "--out", text(&out)]);
        assert_eq!(code, Some(1));
        assert!(said.contains("are not two versions of one role"), "{said}");
        assert!(!out.exists());
    }
}
