//! Upgrades that are cut in the middle.

use std::path::Path;

use super::{World, own, stderr, world};
use crate::roles::has;
use crate::support::{command, write};

/// System calls that change what is on the disk.
const CHANGING: &str =
    "rename,renameat,renameat2,linkat,link,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat";

/// What of `edeploy upgrade` is killed: itself, at the call of this number. Each system call has its own.
fn killed_at(calls: &str, number: usize) -> String {
    format!("inject={calls}:signal=SIGKILL:when={number}")
}

fn copy(from: &Path, to: &Path) {
    let [from, to] = [from, to].map(|path| format!("{}/", path.display()));
    let done = command("rsync")
        .args(["-aHX", "--delete", &from, &to])
        .status();
    assert!(done.unwrap().success());
}

/// Goes back with what was kept alone: the server does not have the former version any more.
fn go_back(world: &World, case: &str) {
    let tree = world.install().join("1.0/base");
    let hidden = tree.with_extension("hidden");
    std::fs::rename(&tree, &hidden).unwrap();
    let back = world.edeploy(&["rollback"]);
    std::fs::rename(&hidden, &tree).unwrap();
    assert!(
        matches!(back.status.code(), Some(0 | 100)),
        "{case}: {}",
        stderr(&back)
    );
    assert_eq!(world.differences("1.0"), own(), "{case}");
}

#[test]
fn a_finish_that_a_power_cut_brings_back_leaves_the_way_back_open() {
    let Some(world) = world() else { return };
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(100));
    let journal = world.machine.path(".edeploy/journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    let before = text.replace(r#""phase":"started""#, r#""phase":"finish""#);
    assert_ne!(text, before);
    write(&journal, before);
    let again = world.edeploy(&["upgrade", "--resume"]);
    assert_eq!(again.status.code(), Some(100), "{}", stderr(&again));
    go_back(&world, "again");
}

#[test]
fn killed_at_any_rename_of_its_end_it_still_finds_the_way_back() {
    let Some(world) = world() else { return };
    if !has("strace") {
        return;
    }
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(way.join("post"), "#!/bin/sh\n[ -e /var/spool/mended ]\n");
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(5));
    write(world.machine.path("var/spool/mended"), "");
    let image = tempfile::tempdir().unwrap();
    let root = world.machine.path("");
    copy(&root, image.path());
    let mut cuts = 0;
    for call in ["rename", "renameat", "renameat2", "mkdir"] {
        for number in 1.. {
            copy(image.path(), &root);
            let kill = killed_at(call, number);
            let tool = ["strace", "-o", "/dev/null", "-e", &kill];
            let cut = world.edeploy_under(&tool, &["upgrade", "--resume"]);
            if cut.status.code() == Some(0) {
                break;
            }
            cuts += 1;
            let case = format!("{call} {number}");
            let late = world.edeploy(&["upgrade", "--resume"]);
            assert_eq!(late.status.code(), Some(0), "{case}: {}", stderr(&late));
            assert_eq!(world.differences("1.1"), own(), "{case}");
            go_back(&world, &case);
        }
    }
    assert!(cuts > 5, "{cuts}");
}

#[test]
fn killed_at_any_change_it_is_the_one_version_or_becomes_the_other() {
    let Some(world) = world() else { return };
    if !has("strace") {
        return;
    }
    let image = tempfile::tempdir().unwrap();
    let root = world.machine.path("");
    copy(&root, image.path());
    let mut outcomes = [0; 2];
    let mut number = 1;
    loop {
        // Closer where the change is made.
        number += if outcomes[1] > 0 { 1 } else { 4 };
        copy(image.path(), &root);
        let kill = killed_at(CHANGING, number);
        let cut = world.edeploy_under(
            &["strace", "-o", "/dev/null", "-e", &kill],
            &["upgrade", "1.1"],
        );
        if cut.status.code() == Some(100) {
            break;
        }
        let has_begun = world.machine.path(".edeploy/journal").exists();
        outcomes[usize::from(has_begun)] += 1;
        if has_begun {
            let early = world.edeploy(&["upgrade", "--resume", "--only-files"]);
            assert_eq!(early.status.code(), Some(0), "{number}: {}", stderr(&early));
            let late = world.edeploy(&["upgrade", "--resume"]);
            assert!(
                matches!(late.status.code(), Some(0 | 100)),
                "{number}: {}",
                stderr(&late)
            );
            assert_eq!(world.differences("1.1"), own(), "{number}");
            assert!(
                world.read("boot/grub/grub.cfg").contains("6.2.0"),
                "{number}"
            );
        } else if world.read("var/lib/edeploy/conf").contains("VERS=1.0\n") {
            let mut found = world.differences("1.0");
            found.retain(|(_, path)| !path.starts_with("./etc/systemd/system/"));
            assert_eq!(found, own(), "{number}");
        } else {
            assert_eq!(world.differences("1.1").len(), 2, "{number}");
        }
    }
    println!("{outcomes:?}");
    assert!(outcomes.iter().all(|count| *count > 3), "{outcomes:?}");
}
