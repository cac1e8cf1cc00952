//! What `edeploy verify` cannot look at, has not looked at, or does not believe.

use serde_json::json;

use crate::drift::server;
use crate::role_verify::{IN_SECRET, Machine, know_all, known, machine, pairs, served};
use crate::roles::{ctl, shell, text};
use crate::support::{wait_for, write};

/// Makes directories in each other until no program can name them by their path.
const DEEP: &str = r#"
import os, sys
os.chdir(sys.argv[1])
for _ in range(20):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
"#;

#[test]
fn a_path_that_is_too_long_is_told_and_the_others_are_looked_at() {
    let roles = served();
    let machine = machine(&roles);
    let server = server();
    let url = format!("http://{}", server.address);
    std::fs::create_dir(machine.path("home")).unwrap();
    let deep = format!("python3 -c '{DEEP}' \"$1\"");
    shell(&deep, &machine.path("home"));
    write(machine.path("etc/hosts"), "changed by hand\n");
    let told = machine.differences(&[]);
    let is = |aspect: &str| told.iter().filter(|one| one.0 == aspect).count();
    assert_eq!((is("unread"), is("content")), (1, 1), "{told:?}");
    assert_eq!(is("extra") + 2, told.len());
    // The server hears of it too.
    let words = ["--report", "--server", &url, "--machine", "node7"];
    assert_eq!(machine.verify(&words).status.code(), Some(6));
    let told = server.get("/api/v1/drift/node7").json();
    assert_eq!(told["counts"]["unread"], json!(1));
    // What is excluded need not be readable.
    write(machine.path("var/lib/edeploy/exclude"), "/home/d*\n");
    assert_eq!(
        machine.differences(&[]),
        pairs(&[("content", "./etc/hosts"), ("extra", "./home")])
    );
}

#[test]
fn an_excluded_file_is_read_once_it_is_not_excluded_any_more() {
    let roles = served();
    let machine = machine(&roles);
    know_all(&machine);
    let own = machine.path("var/lib/edeploy/exclude");
    write(&own, "/etc/hosts\n");
    shell(IN_SECRET, &machine.path("etc/hosts"));
    // Until it is not too young to be known.
    let untouched = machine.path("usr/share/doc/a");
    shell("chmod 600 \"$1\"; chmod 644 \"$1\"", &untouched);
    for words in [&[][..], &["--full"]] {
        know_untouched(&machine, words);
        std::fs::remove_file(&own).unwrap();
        let found = pairs(&[("content", "./etc/hosts")]);
        assert_eq!(machine.differences(&[]), found);
        write(&own, "/etc/hosts\n");
    }
}

/// Verifies until all paths are known but the excluded one.
fn know_untouched(machine: &Machine, words: &[&str]) {
    wait_for("what is not too young", || {
        assert_eq!(machine.differences(words), []);
        known(machine) >= 15
    });
}

#[test]
fn with_a_key_an_exclude_list_that_was_changed_by_hand_is_told_and_not_believed() {
    let roles = served();
    let machine = machine(&roles);
    let dir = roles.dir.path();
    ctl(&["keygen", text(&dir.join("a"))]);
    let [key, public] = ["a.key", "a.pub"].map(|name| dir.join(name));
    let manifest = dir.join("install/D12-F.1.0.0/base.manifest");
    ctl(&["sign", text(&manifest), "--key", text(&key)]);
    let signed = ["--key", text(&public)];
    write(machine.path("srv/data"), "");
    assert_eq!(machine.differences(&signed), []);
    let list = "var/lib/edeploy/D12-F.1.0.0/exclude";
    write(machine.path(list), "/srv/\n/etc/\n");
    write(machine.path("etc/hosts"), "changed by hand\n");
    let told = pairs(&[
        ("content", "./etc/hosts"),
        ("extra", "./srv/data"),
        ("content", &format!("./{list}")),
    ]);
    assert_eq!(machine.differences(&signed), told);
    assert_eq!(machine.differences(&[]), [], "nobody asked who wrote it");
    // The machine's own list is no role's.
    write(machine.path("var/lib/edeploy/exclude"), "/etc/\n/srv/\n");
    assert_eq!(machine.differences(&signed), told[2..]);
    // An upgrade has believed what it left.
    let brought = r#"cd "$1"; sha256sum exclude >exclude.sha256"#;
    shell(brought, machine.path(list).parent().unwrap());
    assert_eq!(machine.differences(&signed), []);
}

#[test]
fn a_label_that_the_system_gives_is_its_own() {
    let roles = served();
    let machine = machine(&roles);
    let label = r#"
import os, sys
try:
    os.setxattr(sys.argv[1], "security.selinux", b"system_u:object_r:etc_t:s0")
except OSError as error:
    print("skipped:", error)
"#;
    let said = shell(
        &format!("python3 -c '{label}' \"$1\""),
        &machine.path("etc/hosts"),
    );
    println!("{said}");
    assert_eq!(machine.differences(&[]), []);
    assert_eq!(machine.differences(&["--full"]), []);
}
