use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use super::*;
use crate::model::{RoleName, RoleVersion};
use crate::roles::{Depth, Filter, Identity, Manifest, TreePath, hash_files, verify, walk};
use crate::system::Real;

const WRITER: Writer = Writer {
    is_rehearsal: false,
};

/// Two directories: what is staged, and the role.
fn trees() -> [tempfile::TempDir; 2] {
    [(); 2].map(|()| tempfile::tempdir().unwrap())
}

fn put(tree: &tempfile::TempDir, name: &str, text: &str) {
    WRITER.put(&tree.path().join(name), text, false).unwrap();
}

fn set_mode(tree: &tempfile::TempDir, name: &str, mode: u32) {
    std::fs::set_permissions(tree.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
}

fn mode(tree: &tempfile::TempDir, name: &str) -> u32 {
    tree.path().join(name).metadata().unwrap().mode() & 0o7777
}

fn apply([staged, role]: &[tempfile::TempDir; 2]) -> Result<(), OverlayError> {
    put_over(&Real, WRITER, staged.path(), role.path(), false)
}

/// What `edeploy verify` would say of a tree with this manifest.
fn differences(manifest: &Manifest, tree: &Path) -> Vec<String> {
    let filter = Filter::parse(&std::fs::read(tree.join(LIST)).unwrap()).unwrap();
    let identity = Identity::of("");
    let found = verify(manifest, identity, tree, filter, Depth::Full, None);
    let found = found.unwrap().0.differences.into_iter();
    found
        .map(|one| format!("{} {}", one.aspect.name(), one.path))
        .collect()
}

fn manifest(tree: &Path) -> Manifest {
    let mut entries = walk(tree, |_| true).unwrap();
    hash_files(tree, &mut entries, |_| true).unwrap();
    let (role, version) = (RoleName::new("base"), RoleVersion::new("1.0"));
    Manifest::new(role.unwrap(), version.unwrap(), entries).unwrap()
}

#[test]
fn directories_of_the_role_stay_as_they_are_and_new_ones_come_as_staged() {
    let trees = trees();
    let [staged, role] = &trees;
    put(role, "root/.profile", "");
    put(role, "var/lib/app/data", "");
    set_mode(role, "root", 0o700);
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(role.path().join("var/lib/app"), Some(7), Some(8)).unwrap();
    }
    set_mode(role, "", 0o751);
    let manifest = manifest(role.path());
    put(staged, "root/.ssh/authorized_keys", "key\n");
    put(staged, "root/.ssh/[1]/*", "");
    put(staged, "var/lib/app/settings", "");
    put(staged, "etc/facter/facts.d/edeploy.yaml", "");
    set_mode(staged, "root/.ssh", 0o750);
    set_mode(staged, "root/.ssh/authorized_keys", 0o600);
    apply(&trees).unwrap();
    assert_eq!((mode(role, ""), mode(role, "root")), (0o751, 0o700));
    let app = role.path().join("var/lib/app").metadata().unwrap();
    assert!(!is_root || (app.uid(), app.gid()) == (7, 8));
    assert_eq!(mode(role, "root/.ssh"), 0o750);
    assert_eq!(mode(role, "root/.ssh/authorized_keys"), 0o600);
    let none: [&str; 0] = [];
    assert_eq!(differences(&manifest, role.path()), none);
    // Nothing else is hidden.
    put(role, "root/.ssh/rc", "");
    put(role, "etc/facter/facts.d/[1]/x", "");
    set_mode(role, "root", 0o755);
    let told = [
        "extra ./etc/facter/facts.d/[1]",
        "extra ./etc/facter/facts.d/[1]/x",
        "mode ./root",
        "extra ./root/.ssh/rc",
    ];
    assert_eq!(differences(&manifest, role.path()), told);
}

#[test]
fn what_is_no_directory_comes_as_staged_and_nothing_is_written_behind_a_link() {
    let trees = trees();
    let [staged, role] = &trees;
    let outside = tempfile::tempdir().unwrap();
    put(&outside, "resolv.conf", "of the ramdisk\n");
    std::fs::create_dir(role.path().join("etc")).unwrap();
    let link = role.path().join("etc/resolv.conf");
    symlink(outside.path().join("resolv.conf"), &link).unwrap();
    // Of the same size and time as what is staged, and two paths of one file.
    put(role, "etc/hostname", "role\n");
    let [hostname, same] = ["etc/hostname", "etc/same"].map(|name| role.path().join(name));
    std::fs::hard_link(&hostname, same).unwrap();
    put(staged, "etc/hostname", "node\n");
    let time = hostname.metadata().unwrap().modified().unwrap();
    let file = std::fs::File::open(staged.path().join("etc/hostname")).unwrap();
    file.set_modified(time).unwrap();
    put(staged, "etc/resolv.conf", "staged\n");
    put(staged, "#new/a", "");
    let [a, b] = ["#new/a", "etc/b"].map(|name| staged.path().join(name));
    std::fs::hard_link(a, b).unwrap();
    symlink("nowhere", staged.path().join("etc/link")).unwrap();
    apply(&trees).unwrap();
    let read = |name: &str| std::fs::read_to_string(role.path().join(name)).unwrap();
    assert_eq!(read("etc/hostname"), "node\n");
    assert_eq!(read("etc/same"), "role\n");
    assert_eq!(read("etc/resolv.conf"), "staged\n");
    let kept = std::fs::read_to_string(outside.path().join("resolv.conf"));
    assert_eq!(kept.unwrap(), "of the ramdisk\n");
    let link = std::fs::read_link(role.path().join("etc/link"));
    assert_eq!(link.unwrap(), Path::new("nowhere"));
    let inode = |name: &str| role.path().join(name).metadata().unwrap().ino();
    assert_eq!(inode("#new/a"), inode("etc/b"));
}

#[test]
fn a_directory_is_replaced_by_nothing_else_and_replaces_nothing_else() {
    for (role_has, staged_has, told) in [
        (
            "etc/a/b",
            "etc/a",
            "`/etc/a` was staged as a file, and the role has a directory there: have the script stage another path",
        ),
        (
            "etc/a",
            "etc/a/b",
            "`/etc/a` was staged as a directory, and the role has a file there: have the script stage another path",
        ),
        (
            "x",
            "lib/b",
            "`/lib` was staged as a directory, and the role has a link to `usr/lib` there: have the script stage another path",
        ),
    ] {
        let trees = trees();
        let [staged, role] = &trees;
        symlink("usr/lib", role.path().join("lib")).unwrap();
        put(role, role_has, "role");
        put(staged, staged_has, "staged");
        assert_eq!(apply(&trees).unwrap_err().to_string(), told);
        assert!(role.path().join("lib").is_symlink());
        assert!(!role.path().join(LIST).exists());
    }
}

#[test]
fn each_rule_is_nothing_but_what_was_staged() {
    let [staged, role] = trees();
    for name in ["etc/fstab", "etc/a[1]\\", "etc/b\\"] {
        put(&staged, name, "");
    }
    put(&role, "etc/hostname", "");
    let found = look(staged.path(), role.path()).unwrap();
    let rules: String = found.iter().map(rule).collect();
    assert_eq!(rules, "/etc/a\\[1]\\\\\n/etc/b\\\n/etc/fstab\n");
    let filter = Filter::parse(rules.as_bytes()).unwrap();
    let excludes = |path: &[u8]| filter.excludes(&TreePath::new(path).unwrap(), false);
    assert!(excludes(b"etc/a[1]\\") && excludes(b"etc/b\\") && excludes(b"etc/fstab"));
    assert!(!excludes(b"etc/a1") && !excludes(b"srv/etc/fstab"));
}
