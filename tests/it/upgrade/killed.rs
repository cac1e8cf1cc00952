//! Upgrades that are cut in the middle.

use std::path::Path;

use super::{own, stderr, world};
use crate::roles::has;
use crate::support::command;

/// System calls that change what is on the disk.
const CHANGING: &str =
    "rename,renameat,renameat2,linkat,link,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat";

/// What of `edeploy upgrade` is killed: itself, at the call of this number.
fn killed_at(number: usize) -> String {
    format!("inject={CHANGING}:signal=SIGKILL:when={number}")
}

#[test]
fn killed_at_any_change_it_is_the_one_version_or_becomes_the_other() {
    let Some(world) = world() else { return };
    if !has("strace") {
        return;
    }
    let image = tempfile::tempdir().unwrap();
    let root = world.machine.path("");
    let copy = |from: &Path, to: &Path| {
        let [from, to] = [from, to].map(|path| format!("{}/", path.display()));
        let done = command("rsync")
            .args(["-aHX", "--delete", &from, &to])
            .status();
        assert!(done.unwrap().success());
    };
    copy(&root, image.path());
    let mut outcomes = [0; 2];
    let mut number = 1;
    loop {
        // Closer where the change is made.
        number += if outcomes[1] > 0 { 1 } else { 4 };
        copy(image.path(), &root);
        let kill = killed_at(number);
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
