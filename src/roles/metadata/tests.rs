use super::*;
use crate::roles::{Filter, TreePath, hash_files, walk};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:\n";

#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
fn entries(files: &[(&str, &str)]) -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut entries = walk(dir.path(), |_| true).unwrap();
    hash_files(dir.path(), &mut entries, |_| true).unwrap();
    entries
}

fn between(old: &[(&str, &str)], new: &[(&str, &str)], passwd: &str, group: &str) -> Metadata {
    let [old, new] = [old, new].map(entries);
    let release = |entries, passwd, group| Release {
        entries,
        passwd,
        group,
    };
    let (old, new) = (release(&old, PASSWD, GROUP), release(&new, passwd, group));
    Metadata::between("base from 1.0 to 1.1", old, new, "/etc/own\n", false)
}

#[test]
fn new_users_come_with_their_numbers_after_their_groups() {
    let passwd = format!("{PASSWD}ntp:x:150:151:it's NTP:/var/lib/ntp:/bin/false\n");
    let group = "root:x:0:\nsudo:x:27:ntp\nntp:x:151:\n";
    let pre = between(&[], &[], &passwd, group).pre;
    let calls: Vec<&str> = pre
        .lines()
        .filter(|line| line.starts_with("need_") && !line.ends_with('{'))
        .collect();
    assert_eq!(
        calls,
        [
            "need_group ntp 151",
            r"need_user ntp 150 151 'it'\''s NTP' /var/lib/ntp /bin/false",
            "need_member ntp sudo",
        ]
    );
    let nothing = between(&[], &[], PASSWD, GROUP);
    assert!(!nothing.pre.contains("need_"), "{}", nothing.pre);
    assert!(!nothing.post.contains("exit 100"), "{}", nothing.post);
}

#[test]
fn what_a_running_system_cannot_take_over_starts_it_anew() {
    for (path, reason) in [
        ("boot/vmlinuz-6.1", Some("the kernel changed")),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", Some("libc changed")),
        ("usr/lib/systemd/systemd", Some("systemd changed")),
        ("usr/bin/dbus-daemon", Some("dbus changed")),
        ("etc/init.d/systemd", None),
        ("usr/share/doc/libc6/changelog", None),
    ] {
        let found = between(&[(path, "old")], &[(path, "new")], PASSWD, GROUP);
        let reasons: Vec<&str> = found.reboot.iter().map(String::as_str).collect();
        assert_eq!(reasons, reason.into_iter().collect::<Vec<_>>(), "{path}");
        assert_eq!(found.post.contains("exit 100"), reason.is_some(), "{path}");
    }
}

#[test]
fn units_are_read_again_and_new_kernels_find_their_modules() {
    let new = [
        ("etc/systemd/system/a.service", ""),
        ("usr/lib/modules/6.1.0-9/kernel/a.ko", ""),
    ];
    let post = between(&[], &new, PASSWD, GROUP).post;
    assert!(post.contains("    systemctl daemon-reload\n"), "{post}");
    assert_eq!(post.matches("depmod -- 6.1.0-9\n").count(), 1, "{post}");
    let post = between(&new, &[], PASSWD, GROUP).post;
    assert!(!post.contains("depmod"), "{post}");
}

#[test]
fn the_rules_keep_what_the_machine_owns_and_bring_the_list_of_packages() {
    let exclude = between(&[], &[], PASSWD, GROUP).exclude;
    let filter = Filter::parse(exclude.as_bytes()).unwrap();
    for (path, is_left) in [
        ("etc/own", true),
        ("etc/shadow", true),
        ("etc/network/interfaces", true),
        ("var/lib/mysql/data", true),
        ("var/lib/dpkg/status", false),
        ("etc/motd", false),
        ("usr/bin/x", false),
    ] {
        let path = TreePath::new(path.as_bytes()).unwrap();
        assert_eq!(filter.excludes(&path, false), is_left, "{path}");
    }
    assert!(Filter::parse(ADD_ONLY.as_bytes()).is_ok());
}
