//! Roles as the admin and the machine see them: real trees, a real rsync daemon, the real programs.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use edeploy::roles::{Filter, Manifest, TreePath, walk};
use serde_json::Value;

use crate::install::Roles;
use crate::support::{command, write};

fn shell(text: &str, argument: &Path) -> String {
    let done = command("sh")
        .args(["-ec", text, "sh"])
        .arg(argument)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn has(program: &str) -> bool {
    let found = command("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    let found = found.is_ok_and(|found| found.status.success());
    if !found {
        println!("skipped: {program} is missing");
    }
    found
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only root can make such a tree");
    }
    is_root
}

/// `edeployctl role …`, expected to end well.
fn ctl(words: &[&str]) -> String {
    let output = command(env!("CARGO_BIN_EXE_edeployctl"))
        .arg("role")
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(words: &[&str]) -> (Option<i32>, String) {
    let output = command(env!("CARGO_BIN_EXE_edeployctl"))
        .arg("role")
        .args(words)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All kinds of things, under all kinds of names.
const ODD_TREE: &str = r#"cd "$1"; umask 022; mkdir -p etc dev 'a b' "$(printf 'n\nl')"
    echo one >etc/one; ln etc/one etc/two; ln -s ../../../etc/shadow etc/link
    printf x >"$(printf 'a b/\377\\#=')"; mkfifo etc/pipe; mknod dev/null c 1 3; mknod dev/disk b 259 70000
    chown 1234:4321 etc/one; chmod 4755 etc/one; setfattr -n user.k=k -v 0x0a3d20ff etc/one 2>/dev/null || true
    touch -d @1700000000 etc/one"#;

#[test]
fn a_manifest_says_all_of_a_tree_and_the_same_tree_gives_the_same_one() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("1.0/base");
    std::fs::create_dir_all(&tree).unwrap();
    shell(ODD_TREE, &tree);
    let said = ctl(&["manifest", text(&tree)]);
    let manifest = dir.path().join("1.0/base.manifest");
    let first = std::fs::read_to_string(&manifest).unwrap();
    let sum = shell("sha256sum <\"$1\"", &manifest);
    assert!(
        said.contains(&format!("identity {}", sum.split(' ').next().unwrap())),
        "{said}"
    );
    let one = shell("sha256sum <\"$1\"/etc/one", &tree);
    let one = format!(
        "./etc/one type=file mode=4755 uid=1234 gid=4321 size=4 time=1700000000 sha256={}",
        one.split(' ').next().unwrap()
    );
    for line in [
        one.as_str(),
        &one.replace("./etc/one", "./etc/two"),
        "./etc/link type=link mode=0777 uid=0 gid=0 link=../../../etc/shadow",
        "./dev/disk type=block mode=0644 uid=0 gid=0 device=259,70000",
        "./etc/pipe type=fifo mode=0644 uid=0 gid=0",
        r"./a\040b/\377\134\043\075 type=file",
        r"./n\012l type=dir mode=0755",
    ] {
        assert!(
            first.lines().any(|found| found.starts_with(line)),
            "{line}\n{first}"
        );
    }
    assert!(first.contains(" hardlink=./etc/one"));
    assert_eq!(Manifest::parse(&first).unwrap().render(), first);
    // A copy by what brings roles to machines is the same tree.
    let copy = dir.path().join("copy/1.0/base");
    std::fs::create_dir_all(&copy).unwrap();
    let text_of = r#"rsync -aHX --numeric-ids "$1/1.0/base/" "$1/copy/1.0/base/""#;
    shell(text_of, dir.path());
    ctl(&["manifest", text(&copy)]);
    let second = std::fs::read_to_string(dir.path().join("copy/1.0/base.manifest")).unwrap();
    assert_eq!(first, second);
}

const STATUS: &str =
    "Package: zsh\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.8\n";

#[test]
fn two_versions_are_compared_as_trees_and_as_manifests() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["1.0/base", "1.1/base"].map(|name| dir.path().join(name));
    for (tree, status, hosts) in [
        (&old, STATUS.to_owned(), "a"),
        (&new, STATUS.replace("5.8", "5.9"), "b"),
    ] {
        write(tree.join("var/lib/dpkg/status"), status);
        write(tree.join("etc/hosts"), hosts);
        write(tree.join("etc/same"), "same");
    }
    write(old.join("srv/gone/a"), "");
    write(new.join("etc/new"), "");
    std::fs::set_permissions(new.join("etc/same"), PermissionsExt::from_mode(0o600)).unwrap();
    let of_trees = ctl(&["diff", text(&old), text(&new)]);
    for line in [
        "~ package zsh:amd64 5.8 -> 5.9",
        "+ ./etc/new (file)",
        "~ ./etc/same mode: 0644 -> 0600",
        "- ./srv (dir) and 2 below it",
    ] {
        assert!(
            of_trees.lines().any(|found| found == line),
            "{line}\n{of_trees}"
        );
    }
    assert!(of_trees.contains("~ ./etc/hosts content: "), "{of_trees}");
    for tree in [&old, &new] {
        ctl(&["manifest", text(tree)]);
    }
    let [old_manifest, new_manifest] =
        ["1.0", "1.1"].map(|version| dir.path().join(version).join("base.manifest"));
    assert_eq!(
        ctl(&["diff", text(&old_manifest), text(&new_manifest)]),
        of_trees
    );
    assert_eq!(ctl(&["diff", text(&old), text(&new_manifest)]), of_trees);
    let json: Value =
        serde_json::from_str(&ctl(&["--json", "diff", text(&old), text(&new)])).unwrap();
    let paths = json["files"].as_array().unwrap().iter();
    let gone: Vec<_> = paths
        .filter(|one| one["aspect"] == "missing")
        .map(|one| &one["path"])
        .collect();
    assert_eq!(gone, ["./srv", "./srv/gone", "./srv/gone/a"]);
    assert_eq!(json["packages"][0]["new"], "5.9");
    let (code, said) = refused(&["diff", text(&old.join("etc/hosts")), text(&new)]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is no manifest: line 1"), "{said}");
}

#[test]
fn keys_and_signatures_are_those_of_minisign() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("1.0/base/etc/hosts"), "a");
    write(
        dir.path().join("1.0/base/var/lib/edeploy/conf"),
        "ROLE=base\n",
    );
    ctl(&["manifest", text(&dir.path().join("1.0/base"))]);
    let manifest = dir.path().join("1.0/base.manifest");
    let ours = dir.path().join("ours");
    ctl(&["keygen", text(&ours)]);
    let key = dir.path().join("ours.key");
    assert_eq!(key.metadata().unwrap().mode() & 0o7777, 0o600);
    assert_eq!(refused(&["keygen", text(&ours)]).0, Some(1));
    ctl(&["sign", text(&manifest), "--key", text(&key)]);
    let signature = dir.path().join("1.0/base.manifest.minisig");
    assert!(signature.exists());
    if has("minisign") {
        shell(
            r#"cd "$1"; minisign -Vm 1.0/base.manifest -p ours.pub"#,
            dir.path(),
        );
        shell(
            r#"cd "$1"; minisign -G -W -p theirs.pub -s theirs.key; minisign -Sm 1.0/base.manifest -W -s theirs.key"#,
            dir.path(),
        );
        let machine = Machine::of(dir.path(), "1.0", "base");
        let theirs = dir.path().join("theirs.pub");
        let words = ["--manifest", text(&manifest), "--key", text(&theirs)];
        assert_eq!(machine.verify(&words).status.code(), Some(0));
        ctl(&[
            "sign",
            text(&manifest),
            "--key",
            text(&dir.path().join("theirs.key")),
        ]);
        assert_eq!(machine.verify(&words).status.code(), Some(0));
    }
    // What changed is signed by nobody.
    write(dir.path().join("1.0/base/etc/hosts"), "b");
    ctl(&["manifest", text(&dir.path().join("1.0/base"))]);
    assert!(!signature.exists());
    write(dir.path().join("text"), "no manifest\n");
    let (code, said) = refused(&["sign", text(&dir.path().join("text")), "--key", text(&key)]);
    assert_eq!(code, Some(1), "{said}");
}

/// The root of a machine that has a role, as an installation leaves it.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn of(install: &Path, version: &str, role: &str) -> Machine {
        Machine::served(install, version, role, 0)
    }

    fn served(install: &Path, version: &str, role: &str, port: u16) -> Machine {
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

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn verify(&self, words: &[&str]) -> Output {
        let root = ["verify", "--root", text(self.root.path())];
        let output = command(env!("CARGO_BIN_EXE_edeploy"))
            .args(root)
            .args(words)
            .output()
            .unwrap();
        println!("{output:?}");
        output
    }

    /// What differs: pairs of aspect and path.
    fn differences(&self, words: &[&str]) -> Vec<(String, String)> {
        let words = [&["--json"], words].concat();
        let output = self.verify(&words);
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

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(aspect, path)| ((*aspect).to_owned(), (*path).to_owned()))
        .collect()
}

/// A role that a daemon serves, with its manifest.
fn served() -> Roles {
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

fn machine(roles: &Roles) -> Machine {
    Machine::served(
        &roles.dir.path().join("install"),
        "D12-F.1.0.0",
        "base",
        roles.port,
    )
}

#[test]
fn a_machine_is_clean_after_its_installation_and_each_change_is_told() {
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
    // Extra directories are told; an image would have these.
    let ours = [
        ("extra", "./boot/grub"),
        ("extra", "./proc"),
        ("extra", "./var/log"),
    ];
    let found = machine.differences(&[]);
    assert_eq!(found, pairs(&ours[1..2]), "{found:?}");
    std::fs::remove_dir_all(machine.path("proc")).unwrap();
    assert_eq!(machine.differences(&[]), []);
    let said = machine.verify(&[]);
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("nothing changed"),
        "{said:?}"
    );

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

#[test]
fn only_a_full_look_sees_a_change_that_kept_size_and_time() {
    let roles = served();
    let machine = machine(&roles);
    let hosts = machine.path("etc/hosts");
    shell(
        r#"touch -r "$1" "$1.time"; printf 'ETC/hosts\n' >"$1"; touch -r "$1.time" "$1"; rm "$1.time""#,
        &hosts,
    );
    assert_eq!(machine.differences(&[]), []);
    assert_eq!(
        machine.differences(&["--full"]),
        pairs(&[("content", "./etc/hosts")])
    );
    // With another time the content decides.
    shell(r#"touch -d @1 "$1""#, &hosts);
    assert_eq!(
        machine.differences(&[]),
        pairs(&[("content", "./etc/hosts")])
    );
    shell(r#"printf 'etc/hosts\n' >"$1"; touch -d @1 "$1""#, &hosts);
    assert_eq!(machine.differences(&[]), []);
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

/// Whether rsync, with these rules, would send each of the tree's paths.
fn sent_by_rsync(tree: &Path, rules: &Path) -> Vec<String> {
    let from = format!("{}/", tree.display());
    let exclude = format!("--exclude-from={}", rules.display());
    let words = ["-r", "--list-only", "--out-format=%n", &exclude, &from];
    let output = command("rsync").args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let paths = said.lines().filter_map(|line| {
        line.splitn(5, char::is_whitespace)
            .last()?
            .split_whitespace()
            .last()
    });
    let mut paths: Vec<String> = paths
        .filter(|path| *path != ".")
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths
}

#[test]
fn rules_leave_out_what_rsync_leaves_out() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    for name in [
        "a",
        "b/a",
        "b/c/a",
        "b/c/d.log",
        "c/b/x[1]",
        "c/b/x1",
        "c/ab",
        "d/d/d/e",
        "etc/keep",
        "etc/z-9",
        "b.d/q",
    ] {
        write(tree.join(name), "");
    }
    let all: Vec<_> = walk(&tree, |_| true).unwrap();
    let rules = dir.path().join("rules");
    for text in [
        "a",
        "/a",
        "b/",
        "/b/c",
        "b/c",
        "c/*",
        "*/c",
        "/*/c",
        "**",
        "/**/a",
        "**/a",
        "b/**",
        "c/**/a",
        "b/***",
        "c/***",
        "/d/***",
        "d/d",
        "*.log",
        "?",
        "[ab]",
        "[!ab]",
        "x[1]",
        "x\\[1]",
        "[a-c]",
        "*[0-9]",
        "d**e",
        "/d**e",
        "b**d.log",
        "+ /etc/keep\n/etc/*",
        "+ */\n- *",
        "- a\n!\n- /b",
        "; x\n# a\n\n+ a\n- *a",
        "/etc/z[]-]9",
        "z[^-]9",
        "**b*",
        "*b/",
        "b/c/",
        "/b/c/d.log",
        "**d",
        "c/b",
        "*.*",
        "\\a",
        "b/*/",
        "/./a",
    ] {
        write(&rules, format!("{text}\n"));
        let filter = Filter::parse(&std::fs::read(&rules).unwrap()).unwrap();
        let ours = all.iter().filter(|entry| {
            !entry.path.is_root() && !filter.excludes(&entry.path, entry.is_directory())
        });
        let mut ours: Vec<String> = ours
            .map(|entry| String::from_utf8(entry.path.as_bytes().to_vec()).unwrap())
            .collect();
        ours.sort();
        assert_eq!(ours, sent_by_rsync(&tree, &rules), "{text}");
    }
    assert!(
        !Filter::parse(b"*")
            .unwrap()
            .excludes(&TreePath::root(), true)
    );
}
