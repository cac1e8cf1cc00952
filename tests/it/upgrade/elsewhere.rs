//! Upgrades of machines with directories that are not where the root's file system has them.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::{World, own, stderr, text, world};
use crate::roles::{ctl, has, shell};
use crate::support::python::can_mount;
use crate::support::{command, write};
use crate::verify_mounts::{BY_PYTHON, can_mount_for_users};

/// A directory on another file system than the machine's; none where there is only one.
fn other_file_system(world: &World) -> Option<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    let here = std::fs::metadata(world.machine.path("")).unwrap().dev();
    let there = std::fs::metadata(memory).ok()?.dev();
    (here != there).then(|| tempfile::tempdir_in(memory).unwrap())
}

/// Moves a directory of the machine away, and puts a link to it into its place.
fn move_behind_link(world: &World, name: &str, to: &Path) {
    let place = world.machine.path(name);
    shell(&format!("cp -a {} \"$1\"; rm -r {0}", text(&place)), to);
    symlink(to.join(place.file_name().unwrap()), place).unwrap();
}

#[test]
fn a_link_that_makes_place_for_a_directory_takes_no_file_with_it() {
    let Some(world) = world() else { return };
    let Some(other) = other_file_system(&world) else {
        return;
    };
    move_behind_link(&world, "opt/app", other.path());
    let done = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    assert_eq!(world.differences("1.1"), own());
    assert_eq!(world.read("opt/app/data/file"), "second\n");
    let there = std::fs::read_to_string(other.path().join("app/data/file"));
    assert_eq!(there.unwrap(), "first\n");
    assert!(!other.path().join(".edeploy").exists());
}

#[test]
fn the_same_file_system_mounted_twice_is_upgraded_and_goes_back() {
    let Some(world) = world() else { return };
    let can_mount = || command("unshare").args(["-m", "true"]).status();
    if !(has("unshare") && can_mount().is_ok_and(|status| status.success())) {
        return;
    }
    let place = world.machine.path("opt");
    let mount = format!("mount --bind {0} {0} && exec \"$@\"", text(&place));
    let tool = ["unshare", "-m", "sh", "-c", &mount, "sh"];
    let done = world.edeploy_under(&tool, &["upgrade", "1.1"]);
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    assert_eq!(world.differences("1.1"), own());
    // What was replaced there is kept: the server is not needed.
    let tree = world.install().join("1.0/base");
    std::fs::rename(&tree, tree.with_extension("hidden")).unwrap();
    let back = world.edeploy_under(&tool, &["rollback"]);
    assert_eq!(back.status.code(), Some(100), "{}", stderr(&back));
    assert_eq!(world.differences("1.0"), own());
}

#[test]
fn what_cannot_be_looked_at_ends_an_upgrade_but_for_a_mount_point_of_the_machine() {
    let Some(world) = world() else { return };
    if !can_mount_for_users() {
        return;
    }
    let root = world.machine.path("");
    std::fs::create_dir_all(world.machine.path("home/u/mount")).unwrap();
    // The role has it, empty, and the other version has it with another mode.
    assert!(world.machine.path("etc/dir").is_dir());
    let upgrade = |mount: &str| {
        let tool = [
            &["unshare", "-m", "env", mount],
            &BY_PYTHON[..],
            &[text(&root)],
        ];
        world.edeploy_under(&tool.concat(), &["upgrade", "1.1"])
    };
    let failed = upgrade("MOUNTS=usr/bin");
    assert_eq!(failed.status.code(), Some(5));
    let said = stderr(&failed);
    assert!(said.contains("/usr/bin`: Permission denied"), "{said}");
    assert!(!world.machine.path(".edeploy/journal").exists());
    let done = upgrade("MOUNTS=home/u/mount etc/dir");
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    assert_eq!(world.edeploy(&["rollback"]).status.code(), Some(100));
    assert!(world.machine.path("etc/dir").is_dir());
}

/// Empty directories of the former version on which other file systems are mounted: one is gone in the next version,
/// one is a link there.
#[test]
fn a_mount_point_stays_where_a_version_drops_its_directory_and_no_link_takes_its_place() {
    let Some(world) = world() else { return };
    if !can_mount() {
        return;
    }
    let install = world.install();
    let drop = "cd \"$1\"; mkdir 1.0/base/disk 1.0/base/data; ln -s opt 1.1/base/data";
    shell(drop, &install);
    for version in ["1.0", "1.1"] {
        ctl(&["manifest", text(&install.join(version).join("base"))]);
    }
    world.keep_manifest("1.0");
    shell("mkdir \"$1/disk\" \"$1/data\"", &world.machine.path(""));
    let upgrade = |name: &str| {
        let place = world.machine.path(name);
        let mount = "mount -t tmpfs none \"$1\"; shift; exec \"$@\"";
        let tool = ["unshare", "-m", "sh", "-ec", mount, "sh", text(&place)];
        world.edeploy_under(&tool, &["upgrade", "1.1"])
    };
    let refused = upgrade("data");
    assert_eq!(refused.status.code(), Some(5));
    let said = stderr(&refused);
    assert!(
        said.contains("/data`, where the version has no directory"),
        "{said}"
    );
    assert!(!world.machine.path(".edeploy/journal").exists());
    let done = upgrade("disk");
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    assert!(world.machine.path("disk").is_dir() && world.machine.path("data").is_symlink());
}

#[test]
fn what_came_and_is_gone_before_it_took_its_place_is_told() {
    let Some(world) = world() else { return };
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(way.join("post"), "#!/bin/sh\nexit 1\n");
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(5));
    let journal = world.machine.path(".edeploy/journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    let begun = text.replace(r#""phase":"post""#, r#""phase":"apply""#);
    assert_ne!(text, begun);
    write(&journal, begun);
    std::fs::remove_file(world.machine.path("etc/fresh")).unwrap();
    let told = world.edeploy(&["upgrade", "--resume"]);
    assert_eq!(told.status.code(), Some(5));
    let said = stderr(&told);
    assert!(
        said.contains("etc/fresh` is not what the version says"),
        "{said}"
    );
}
