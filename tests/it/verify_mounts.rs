//! `edeploy verify` where other file systems are mounted, in a name space of their own.

use std::os::unix::fs::PermissionsExt;

use crate::role_verify::{Machine, machine, pairs, served};
use crate::roles::{ctl, shell, text};
use crate::support::python::can_mount;
use crate::support::{command, write};

/// Mounts an empty file system with a file in it, as its users have it.
const TMPFS: &str = r#"
root=$1; shift
for name in $MOUNTS; do
    mount -t tmpfs none "$root/$name"
    echo own >"$root/$name/file"
    chmod 750 "$root/$name"; chown 7:7 "$root/$name"
done
exec "$@""#;

/// Mounts a file system of user 1000 that nobody else may look at. Nobody answers for it either.
const FUSE: &str = r#"
import ctypes, os, sys
root, command = sys.argv[1], sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)
for name in os.environ["MOUNTS"].split():
    device = os.open("/dev/fuse", os.O_RDWR)
    os.set_inheritable(device, True)
    words = f"fd={device},rootmode=40000,user_id=1000,group_id=1000".encode()
    if libc.mount(b"x", os.path.join(root, name).encode(), b"fuse", 6, words):
        raise OSError(ctypes.get_errno(), "mount")
os.execvp(command[0], command)
"#;

/// What differs while file systems are mounted on these directories, which are there by then.
fn differences(machine: &Machine, program: &[&str], mounts: &[&str]) -> Vec<(String, String)> {
    let root = machine.path("");
    let mounts = format!("MOUNTS={}", mounts.join(" "));
    let tool = [&["unshare", "-m", "env", &mounts], program, &[text(&root)]].concat();
    let quick = machine.differences_under(&tool, &[]);
    assert_eq!(machine.differences_under(&tool, &["--full"]), quick);
    assert_eq!(machine.differences_under(&tool, &[]), quick);
    quick
}

const BY_SHELL: [&str; 4] = ["sh", "-ec", TMPFS, "sh"];
pub(crate) const BY_PYTHON: [&str; 3] = ["python3", "-c", FUSE];

pub(crate) fn can_mount_for_users() -> bool {
    let device = std::fs::File::open("/dev/fuse");
    if device.is_err() {
        println!("skipped: there is no FUSE");
    }
    device.is_ok() && can_mount()
}

/// A machine whose role has an empty directory, and that has mount points of its own.
fn machine_with_mount_points() -> (crate::install::Roles, Machine) {
    let roles = served();
    let tree = roles.dir.path().join("install/D12-F.1.0.0/base");
    std::fs::create_dir(tree.join("opt")).unwrap();
    ctl(&["manifest", text(&tree)]);
    let machine = machine(&roles);
    for name in ["data/disk", "home/u/mount"] {
        std::fs::create_dir_all(machine.path(name)).unwrap();
    }
    (roles, machine)
}

#[test]
fn a_mount_point_is_the_machines_own_and_so_is_what_only_leads_to_it() {
    if !can_mount() {
        return;
    }
    let (_roles, machine) = machine_with_mount_points();
    let mounts = ["data/disk", "home/u/mount", "opt"];
    assert_eq!(differences(&machine, &BY_SHELL, &mounts), []);
    // What else is there is not, with its directories.
    write(machine.path("home/u/other"), "");
    std::fs::create_dir(machine.path("data/empty")).unwrap();
    let told = pairs(&[
        ("extra", "./data"),
        ("extra", "./data/empty"),
        ("extra", "./home"),
        ("extra", "./home/u"),
        ("extra", "./home/u/other"),
    ]);
    assert_eq!(differences(&machine, &BY_SHELL, &mounts), told);
    // Nothing is mounted.
    assert_eq!(machine.differences(&[]).len(), told.len() + 2);
}

#[test]
fn of_a_mount_point_of_the_role_only_the_type_is_compared() {
    if !can_mount() {
        return;
    }
    let (_roles, machine) = machine_with_mount_points();
    std::fs::remove_dir_all(machine.path("data")).unwrap();
    std::fs::remove_dir_all(machine.path("home")).unwrap();
    assert_eq!(differences(&machine, &BY_SHELL, &["opt"]), []);
    // A directory that the role fills is looked into.
    let told = differences(&machine, &BY_SHELL, &["usr/share/doc"]);
    let expected = [
        ("mode", "./usr/share/doc"),
        ("owner", "./usr/share/doc"),
        ("missing", "./usr/share/doc/a"),
        ("missing", "./usr/share/doc/b"),
        ("extra", "./usr/share/doc/file"),
    ];
    assert_eq!(told, pairs(&expected));
    let readme = machine.path("etc/hosts");
    std::fs::remove_file(&readme).unwrap();
    std::fs::create_dir(&readme).unwrap();
    let told = differences(&machine, &BY_SHELL, &["etc/hosts"]);
    assert_eq!(told, pairs(&[("type", "./etc/hosts")]));
}

#[test]
fn what_a_user_mounts_for_himself_does_not_end_a_verification() {
    if !can_mount_for_users() {
        return;
    }
    let (_roles, machine) = machine_with_mount_points();
    let own = ["data/disk", "home/u/mount", "opt", "srv"];
    assert_eq!(differences(&machine, &BY_PYTHON, &own), []);
    // Where the role has something it is told, and so is what else differs.
    write(machine.path("etc/hosts"), "changed by hand\n");
    let mounts = [&own[..], &["usr/share"]].concat();
    let told = pairs(&[("content", "./etc/hosts"), ("unread", "./usr/share")]);
    assert_eq!(differences(&machine, &BY_PYTHON, &mounts), told);
}

#[test]
fn a_tree_with_a_path_that_cannot_be_read_has_no_manifest() {
    if !can_mount_for_users() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("1.0/base");
    for number in 0..100 {
        write(tree.join(format!("home/{number}")), "");
    }
    std::fs::create_dir(tree.join("home/mount")).unwrap();
    let output = command("unshare")
        .args(["-m", "env", "MOUNTS=home/mount"])
        .args(BY_PYTHON)
        .args([text(&tree), env!("CARGO_BIN_EXE_edeployctl")])
        .args(["role", "manifest", text(&tree)])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    // Of a hundred names the one that is meant.
    let named = format!("cannot read `{}`", tree.join("home/mount").display());
    assert!(said.contains(&named), "{said}");
    assert!(!dir.path().join("1.0/base.manifest").exists());
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_name() {
    if !can_mount() {
        return;
    }
    let roles = served();
    let tree = roles.dir.path().join("install/D12-F.1.0.0/base");
    write(tree.join("etc/empty"), "");
    let mode = PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(tree.join("etc/empty"), mode).unwrap();
    ctl(&["manifest", text(&tree)]);
    let machine = machine(&roles);
    // What it was the memory of has ended.
    let mount = "mount --bind /proc/self/mem \"$1\"; shift; exec \"$@\"";
    let place = machine.path("etc/empty");
    let tool = ["unshare", "-m", "sh", "-ec", mount, "sh", text(&place)];
    let told = pairs(&[("unread", "./etc/empty")]);
    assert_eq!(machine.differences_under(&tool, &["--full"]), told);
    let output = machine.verify_under(&tool, &["--full"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("unread   ./etc/empty: No such process (os error 3)\n"),
        "{said}"
    );
    shell("test -f \"$1\"", &place);
    assert_eq!(machine.differences(&["--full"]), []);
}
