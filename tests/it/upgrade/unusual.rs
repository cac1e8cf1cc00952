//! Machines and servers that are not as one expects.

use super::{World, own, stderr, world};
use crate::roles::{ctl, shell, text};
use crate::support::write;

/// The manifests of both versions are made again, and the machine has that of the first.
fn describe_again(world: &World) {
    for version in ["1.0", "1.1"] {
        let tree = world.install().join(version).join("base");
        ctl(&["manifest", text(&tree)]);
    }
    world.keep_manifest("1.0");
}

#[test]
fn another_content_of_the_same_size_and_time_comes_and_goes_back() {
    let Some(world) = world() else { return };
    let script = r#"for one in 1.0 1.1; do echo "motd $one" >"$1/$one/base/etc/motd"; touch -d @0 "$1/$one/base/etc/motd"; done
        cp -p "$1/1.0/base/etc/motd" "$2""#;
    let done = crate::support::command("sh")
        .args(["-ec", script, "sh"])
        .args([world.install(), world.machine.path("etc/motd")])
        .status();
    assert!(done.unwrap().success());
    describe_again(&world);
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(100));
    assert_eq!(world.read("etc/motd"), "motd 1.1\n");
    assert_eq!(world.edeploy(&["rollback"]).status.code(), Some(100));
    assert_eq!(world.read("etc/motd"), "motd 1.0\n");
}

/// Signs both versions, what the machine has of them, and the way; gives the public key.
fn sign_all(world: &World) -> String {
    let keys = world.roles.dir.path().join("roles");
    ctl(&["keygen", text(&keys)]);
    let [key, public] = ["key", "pub"].map(|kind| format!("{}.{kind}", text(&keys)));
    let metadata = world.roles.dir.path().join("metadata");
    for version in ["1.0", "1.1"] {
        let manifest = world.install().join(version).join("base.manifest");
        ctl(&["sign", text(&manifest), "--key", &key]);
        let signature = std::fs::read(manifest.with_extension("manifest.minisig")).unwrap();
        let kept = format!("var/lib/edeploy/{version}/manifest.minisig");
        write(world.machine.path(&kept), signature);
    }
    let trees = ["1.0", "1.1"].map(|version| world.install().join(version).join("base"));
    let [old, new] = trees.each_ref().map(|tree| text(tree));
    ctl(&[
        "metadata",
        old,
        new,
        "--out",
        text(&metadata),
        "--key",
        &key,
    ]);
    public
}

#[test]
fn with_a_key_the_list_that_an_upgrade_or_the_way_back_left_is_believed() {
    let Some(world) = world() else { return };
    let public = sign_all(&world);
    let is_told = || {
        let found = world.edeploy(&["verify", "--key", &public]);
        assert_eq!(found.status.code(), Some(6));
        String::from_utf8_lossy(&found.stdout).contains("/exclude")
    };
    for words in [
        &["upgrade", "1.1", "--key", &public][..],
        &["rollback", "--key", &public],
        &["rollback", "--key", &public],
    ] {
        assert_eq!(world.edeploy(words).status.code(), Some(100));
        assert!(!is_told(), "{words:?}");
    }
    let list = world.machine.path("var/lib/edeploy/1.1/exclude");
    let own = std::fs::read_to_string(&list).unwrap();
    write(&list, format!("{own}/usr/\n"));
    assert!(is_told());
    // Nor is it when the way back has taken its lines over.
    assert_eq!(
        world.edeploy(&["rollback", "--key", &public]).status.code(),
        Some(100)
    );
    assert!(is_told());
}

#[test]
fn what_was_signed_and_is_kept_back_is_refused() {
    let Some(world) = world() else { return };
    let public = sign_all(&world);
    let metadata = world.roles.dir.path().join("metadata");
    let way = metadata.join("1.0/base/1.1");
    for name in ["post", "exclude"] {
        std::fs::rename(way.join(name), way.join("hidden")).unwrap();
        let output = world.edeploy(&["upgrade", "1.1", "--key", &public]);
        assert_eq!(output.status.code(), Some(3));
        let said = stderr(&output);
        assert!(
            said.contains(&format!("`{name}` of the way from 1.0 to 1.1")),
            "{said}"
        );
        std::fs::rename(way.join("hidden"), way.join(name)).unwrap();
    }
    let output = world.edeploy(&["upgrade", "1.1", "--key", &public]);
    assert_eq!(output.status.code(), Some(100));
}

#[test]
fn the_server_has_no_say_in_what_the_installed_version_leaves_alone() {
    let Some(world) = world() else { return };
    let way = world.roles.dir.path().join("metadata/1.0/base/1.0");
    write(way.join("exclude"), "+ /etc/local\n*\n");
    write(world.machine.path("usr/bin/tool"), "by hand\n");
    assert_eq!(world.edeploy(&["upgrade", "1.0"]).status.code(), Some(0));
    assert_eq!(world.read("usr/bin/tool"), "tool\n");
    assert_eq!(world.read("etc/local"), "mine");
    assert_eq!(world.differences("1.0"), own());
}

#[test]
fn nothing_is_added_behind_a_link_of_the_machine() {
    let Some(world) = world() else { return };
    std::os::unix::fs::symlink("../etc/dir", world.machine.path("var/spool")).unwrap();
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(100));
    let said = stderr(&output);
    assert!(
        said.contains("warning: ./var/spool/seed is new, and does not come"),
        "{said}"
    );
    assert!(world.machine.path("var/spool").is_symlink());
    assert!(!world.machine.path("etc/dir/seed").exists());
}

#[test]
fn a_directory_that_was_removed_by_hand_is_no_obstacle() {
    let Some(world) = world() else { return };
    std::fs::remove_dir_all(world.machine.path("usr/share/doc")).unwrap();
    assert_eq!(world.edeploy(&["upgrade", "1.1"]).status.code(), Some(100));
    assert_eq!(world.differences("1.1"), own());
    assert_eq!(world.edeploy(&["rollback"]).status.code(), Some(100));
    assert!(!world.machine.path("usr/share/doc").exists());
}

#[test]
fn a_directory_of_programs_that_is_to_become_a_link_is_refused() {
    let Some(world) = world() else { return };
    let script =
        r#"cd "$1"; mkdir 1.0/base/sbin; echo s >1.0/base/sbin/init; ln -s usr/bin 1.1/base/sbin"#;
    shell(script, &world.install());
    shell(
        r#"cd "$1"; mkdir sbin; echo s >sbin/init"#,
        &world.machine.path(""),
    );
    describe_again(&world);
    let output = world.edeploy(&["upgrade", "1.1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("install the version anew"));
    assert_eq!(world.read("sbin/init"), "s\n");
}
