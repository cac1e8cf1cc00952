//! Upgrades that come by HTTP.

use super::{own, stderr, world};
use crate::roles::{ctl, shell, text};

#[test]
fn a_machine_that_was_installed_by_http_is_verified_and_upgraded_by_http() {
    let Some(mut world) = world() else { return };
    // A name of each kind that an address cannot hold as it is.
    shell(
        r#"cd "$1/1.1/base/usr/lib"; for name in 'lib++ 1%2B' "$(printf '\377?#')" empty; do echo "$name" >"$name"; done; : >empty"#,
        &world.install(),
    );
    ctl(&["manifest", text(&world.install().join("1.1/base"))]);
    let _server = world.over_http();
    world.forget_manifest("1.0");
    assert_eq!(world.machine.differences(&[]), own());
    assert_eq!(world.edeploy(&["list"]).stdout, b"1.1\n");
    assert_eq!(
        world.edeploy(&["test-upgrade", "1.1"]).status.code(),
        Some(0)
    );
    let done = world.edeploy(&["upgrade", "1.1", "--verbose"]);
    assert_eq!(done.status.code(), Some(100), "{}", stderr(&done));
    assert_eq!(world.differences("1.1"), own());
    assert_eq!(world.read("usr/lib/lib++ 1%2B"), "lib++ 1%2B\n");
    assert_eq!(world.read("var/log/post"), "1.0 to 1.1\n");
    std::fs::remove_file(world.machine.path("var/log/post")).unwrap();
    let back = world.edeploy(&["rollback"]);
    assert_eq!(back.status.code(), Some(100), "{}", stderr(&back));
    assert_eq!(world.differences("1.0"), own());
}

#[test]
fn what_a_server_of_http_has_not_is_told_by_its_address_with_nothing_touched() {
    let Some(mut world) = world() else { return };
    let mut server = world.over_http();
    let url = format!("http://{}/install", server.address);
    let fail = |words: &[&str], problems: &[&str]| {
        let output = world.edeploy(words);
        assert_eq!(output.status.code(), Some(5));
        for problem in problems {
            assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        }
        assert!(!world.machine.path(".edeploy/journal").exists());
        assert_eq!(world.differences("1.0"), own());
    };
    let keys = world.roles.dir.path().join("roles");
    ctl(&["keygen", text(&keys)]);
    let key = format!("{}.pub", text(&keys));
    let unsigned = format!("there is no {url}/1.0/base.manifest.minisig; ");
    fail(&["verify", "--key", &key], &[&unsigned, "role sign"]);
    std::fs::remove_file(world.install().join("1.1/base/etc/fresh")).unwrap();
    let missing = format!("there is no {url}/1.1/base/etc/fresh: ");
    fail(&["upgrade", "1.1"], &[&missing, "role manifest"]);
    server.kill();
    let away = format!("no answer from {url}/1.1/base.manifest: ");
    fail(
        &["upgrade", "1.1"],
        &[&away, "HSERV, HSERV_PORT, HPATH and TOKEN"],
    );
    fail(
        &["list"],
        &["no answer from http://", "/metadata/1.0/base/"],
    );
}
