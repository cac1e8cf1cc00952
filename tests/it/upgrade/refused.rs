//! What is refused, with nothing touched.

use std::os::unix::fs::PermissionsExt;

use super::{own, stderr, world};
use crate::roles::{ctl, text};
use crate::support::write;

#[test]
fn what_is_not_signed_has_no_way_or_no_room_is_refused_with_nothing_touched() {
    let Some(world) = world() else { return };
    let keys = world.roles.dir.path().join("roles");
    ctl(&["keygen", text(&keys)]);
    let key = format!("{}.pub", text(&keys));
    let refuse = |words: &[&str], problem: &str| {
        let output = world.edeploy(words);
        assert_eq!(output.status.code(), Some(3), "{problem}");
        assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        assert!(
            !world.machine.path(".edeploy/incoming").exists(),
            "{problem}"
        );
        assert_eq!(world.differences("1.0"), own());
    };
    refuse(
        &["upgrade", "1.1", "--key", &key],
        "1.1/base.manifest.minisig; on the server `edeployctl role sign`",
    );
    refuse(&["upgrade", "2.0"], "no manifest of role base, version 2.0");
    let way = world.roles.dir.path().join("metadata/1.0");
    std::fs::rename(&way, way.with_extension("hidden")).unwrap();
    refuse(&["upgrade", "1.1"], "no way from 1.0 to 1.1");
    std::fs::rename(way.with_extension("hidden"), &way).unwrap();
    // The tree is not what its manifest says.
    write(world.install().join("1.1/base/usr/bin/tool"), "evil!!!\n");
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("`./usr/bin/same` is not"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.differences("1.0"), own());
    assert!(!world.machine.path(".edeploy/journal").exists());
    assert!(!world.machine.path(".edeploy/incoming").exists());
}

#[test]
fn a_script_that_says_no_before_the_change_ends_it() {
    let Some(world) = world() else { return };
    let way = world.roles.dir.path().join("metadata/1.0/base/1.1");
    write(
        way.join("pre"),
        "#!/bin/sh\necho the cluster is not drained >&2; exit 7\n",
    );
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("not drained"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.differences("1.0"), own());
    assert!(!world.machine.path(".edeploy/incoming").exists());
}

#[test]
fn a_file_of_the_machine_is_never_in_the_way_unseen() {
    let Some(world) = world() else { return };
    write(world.machine.path("usr/share/was-directory/mine"), "mine");
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("./usr/share/was-directory"),
        "{}",
        stderr(&output)
    );
    let mode = std::fs::metadata(world.machine.path("usr/bin/mode"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}
