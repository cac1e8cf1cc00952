//! Roles as the admin and the machine see them: real trees, a real rsync daemon, the real programs.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use edeploy::roles::{Filter, Manifest, TreePath, walk};
use serde_json::Value;

use crate::role_verify::Machine;
use crate::support::{command, write};

pub(crate) fn shell(text: &str, argument: &Path) -> String {
    let done = command("sh")
        .args(["-ec", text, "sh"])
        .arg(argument)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(crate) fn has(program: &str) -> bool {
    let found = command("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    let found = found.is_ok_and(|found| found.status.success());
    if !found {
        println!("skipped: {program} is missing");
    }
    found
}

pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only root can make such a tree");
    }
    is_root
}

/// `edeployctl role …`, expected to end well.
pub(crate) fn ctl(words: &[&str]) -> String {
    let output = command(env!("CARGO_BIN_EXE_edeployctl"))
        .arg("role")
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn refused(words: &[&str]) -> (Option<i32>, String) {
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

pub(crate) fn text(path: &Path) -> &str {
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
        let with_ours = "cd \"$1\"; minisign -Sm 1.0/base.manifest -W -s ours.key; minisign -Vm 1.0/base.manifest -p ours.pub";
        shell(with_ours, dir.path());
        assert_eq!(machine.verify(&words).status.code(), Some(3));
    }
    // What changed is signed by nobody.
    write(dir.path().join("1.0/base/etc/hosts"), "b");
    ctl(&["manifest", text(&dir.path().join("1.0/base"))]);
    assert!(!signature.exists());
    write(dir.path().join("text"), "no manifest\n");
    let (code, said) = refused(&["sign", text(&dir.path().join("text")), "--key", text(&key)]);
    assert_eq!(code, Some(1), "{said}");
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
