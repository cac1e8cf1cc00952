mod edited;
mod given_back;

use super::*;
use crate::allocation::{AllocateError, ErrorKind, FailureReport};
use crate::model::{LatestDeployment, Place, Value};

const SPECS: &str = "[('disk', '$disk', 'size', 'gt(4)'), ('network', '$eth', 'serial', '$mac')]\n";
const STATE: &str = "# the rack in room 3\n[('hp', 2), ('vm', '*')]\n";

/// A section with two profiles: `hp`, twice, with a generated CMDB; `vm`, for any number.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let cmdb = "generate({'ip': '10.0.0.1-9', 'hostname': 'host1-9'})\n";
    for (name, text) in [
        ("state", STATE),
        ("hp.specs", SPECS),
        ("hp.configure", "run('true')\n"),
        ("hp.cmdb", cmdb),
        ("vm.specs", SPECS),
        ("vm.configure", "run('false')\n"),
    ] {
        write(&dir, name, text);
    }
    dir
}

fn write(dir: &tempfile::TempDir, name: &str, text: &str) {
    store::write_new(&dir.path().join(name), text.as_bytes(), None).unwrap();
}

fn read(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

fn open(dir: &tempfile::TempDir) -> Section {
    open_waiting(dir, Duration::from_secs(30))
}

fn open_waiting(dir: &tempfile::TempDir, lock_deadline: Duration) -> Section {
    let options = SectionOptions { lock_deadline };
    Section::open(SectionName::default_section(), dir.path(), options).unwrap()
}

fn facts(serial: &str) -> Facts {
    vec![
        Fact::new("system", "product", "serial", serial),
        Fact::new("disk", "sda", "size", "100"),
        Fact::new(
            "network",
            "eth0",
            "serial",
            format!("52:54:00:00:{serial}").as_str(),
        ),
    ]
}

fn given(section: &Section, facts: Facts) -> Allocation {
    match section.allocate(facts).unwrap() {
        Outcome::Allocated(allocated) => allocated.allocation,
        Outcome::Refused(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn counts_entries_and_record_change_together_and_comments_stay() {
    let dir = directory();
    let section = open(&dir);
    let held = given(&section, facts("00:01"));
    assert_eq!(held.variables().get("ip"), Some(&"10.0.0.1".into()));
    assert_eq!(read(&dir, "state"), STATE.replace('2', "1"));
    let cmdb = read(&dir, "hp.cmdb");
    assert!(
        cmdb.contains("'mac': '52:54:00:00:00:01'") && cmdb.contains("'used': 1}"),
        "{cmdb}"
    );
    assert!(read(&dir, "hp.cmdb.orig").starts_with("generate("));
    assert_eq!(section.allocations().unwrap(), vec![held]);
}

/// What a machine holds, whatever became of its deployments.
fn without_deployments(held: Allocation) -> Allocation {
    let deployments = Deployments::default();
    Allocation {
        deployments,
        ..held
    }
}

#[test]
fn a_machine_that_posts_again_changes_no_byte_of_the_admins() {
    let dir = directory();
    let section = open(&dir);
    let first = given(&section, facts("00:01"));
    let names = ["state", "hp.cmdb"];
    let before = names.map(|name| read(&dir, name));
    let second = given(&section, facts("00:01"));
    drop(section);
    let third = given(&open(&dir), facts("00:01"));
    let begun = [&first, &second, &third].map(|held| held.deployments.begun);
    assert_eq!(begun, [1, 2, 3], "nor after a restart");
    let held = [first, second, third].map(without_deployments);
    assert!(held[0] == held[1] && held[1] == held[2]);
    assert_eq!(names.map(|name| read(&dir, name)), before);
    let record = read(&dir, ".edeploy/allocations.jsonl");
    let last = record.lines().last().unwrap();
    assert!(last.len() < 120, "{last}");
}

#[test]
fn deployments_count_until_one_succeeds_or_an_admin_says_so() {
    let dir = directory();
    let section = open(&dir);
    let stands = |section: &Section| section.allocations().unwrap()[0].deployments;
    let hp = ProfileName::new("hp").unwrap();
    for begun in 1..=2 {
        assert_eq!(given(&section, facts("00:01")).deployments.begun, begun);
        section.report_failure(&facts("00:01"), &hp).unwrap();
        assert_eq!(stands(&section).begun, begun);
        assert_eq!(stands(&section).latest, LatestDeployment::Failed);
    }
    assert!(section.reinstall("host1").unwrap().deployments.is_none());
    let held = given(&section, facts("00:01"));
    let installed = section.report_installed(held.machine.as_str()).unwrap();
    assert!(installed.deployments.is_installed());
    assert_eq!(installed.variables(), held.variables());
    let record = read(&dir, ".edeploy/allocations.jsonl");
    assert_eq!(section.report_installed("00:01").unwrap(), installed);
    let late = section.report_failure(&facts("00:01"), &hp).unwrap();
    assert!(matches!(late, FailureReport::Unchanged { .. }), "{late:?}");
    assert_eq!(read(&dir, ".edeploy/allocations.jsonl"), record);
    drop(section);
    assert!(stands(&open(&dir)).is_installed());
    let nobody = open(&dir).report_installed("nobody").unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Input);
}

#[test]
fn whether_a_machine_would_be_refused_is_told_without_effect() {
    let dir = directory();
    write(&dir, "state", "[('hp', 1)]\n");
    let section = open(&dir);
    let refusal = |serial: &str| section.refusal_of(facts(serial).into()).unwrap();
    let before = ["state", "hp.cmdb"].map(|name| read(&dir, name));
    for _ in 0..3 {
        assert!(refusal("00:01").is_none() && refusal("00:02").is_none());
    }
    assert_eq!(["state", "hp.cmdb"].map(|name| read(&dir, name)), before);
    given(&section, facts("00:01"));
    assert!(refusal("00:01").is_none(), "it holds its own");
    let text = refusal("00:02").unwrap().to_string();
    assert!(text.contains("count in the state file is spent"), "{text}");
    section.release("00:01").unwrap();
    assert!(refusal("00:02").is_none());
}

#[test]
fn many_machines_at_once_never_share_an_entry_and_the_count_is_exact() {
    let dir = directory();
    let section = std::sync::Arc::new(open(&dir));
    let profiles: Vec<String> = std::thread::scope(|scope| {
        let post = |at: usize| {
            let section = section.clone();
            scope.spawn(move || given(&section, facts(&format!("01:{at:02}"))))
        };
        let posts: Vec<_> = (0..20).map(post).collect();
        posts
            .into_iter()
            .map(|post| post.join().unwrap().profile.to_string())
            .collect()
    });
    assert_eq!(
        profiles.iter().filter(|profile| *profile == "hp").count(),
        2
    );
    assert!(read(&dir, "state").contains("('hp', 0)"));
    let allocations = section.allocations().unwrap();
    let ips: Vec<Option<Value>> = allocations
        .iter()
        .map(|held| held.variables().get("ip").cloned())
        .collect();
    assert_eq!(ips.iter().flatten().count(), 2);
    assert_eq!(allocations.len(), 20);
}

#[test]
fn a_busy_lock_is_answered_within_its_deadline() {
    let dir = directory();
    let section = open_waiting(&dir, Duration::from_millis(200));
    let held = super::super::lock::lock(&dir.path().join(".edeploy/lock"), Duration::ZERO).unwrap();
    let error = section.allocate(facts("00:01")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(held);
    given(&section, facts("00:01"));
}

#[test]
fn stopping_answers_what_was_accepted_and_refuses_what_comes_later() {
    let dir = directory();
    let section = open(&dir);
    given(&section, facts("00:01"));
    section.stop();
    assert!(matches!(
        section.allocate(facts("00:02")),
        Err(AllocateError::Stopping)
    ));
}

#[test]
fn explaining_changes_nothing_and_tells_what_would_be_given() {
    let dir = directory();
    let explained = explain::explain_dir(dir.path(), &facts("00:01")).unwrap();
    let chosen: Vec<&str> = explained
        .profiles
        .iter()
        .filter(|profile| profile.chosen)
        .map(|profile| profile.profile.as_str())
        .collect();
    assert_eq!(chosen, ["hp"]);
    assert_eq!(
        explained.profiles[0].variables.as_ref().unwrap().get("ip"),
        Some(&"10.0.0.1".into())
    );
    assert!(!dir.path().join(".edeploy").exists());
    assert!(
        explained.to_string().contains("=> hp (2 left): given"),
        "{explained}"
    );
}

#[test]
fn two_names_for_one_directory_meet_the_same_lock() {
    let dir = directory();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    let options = SectionOptions::default();
    let first = Section::open(SectionName::new("A").unwrap(), dir.path(), options).unwrap();
    let second = Section::open(SectionName::new("B").unwrap(), &link, options).unwrap();
    assert_eq!(
        given(&first, facts("00:01")).variables().get("ip"),
        Some(&"10.0.0.1".into())
    );
    assert_eq!(
        given(&second, facts("00:02")).variables().get("ip"),
        Some(&"10.0.0.2".into())
    );
    assert_eq!(given(&first, facts("00:03")).profile.as_str(), "vm");
}

#[test]
fn what_a_cmdb_holds_is_for_no_more_eyes_anywhere_else() {
    use std::os::unix::fs::PermissionsExt;
    let dir = directory();
    let only_me = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(dir.path().join("hp.cmdb"), only_me).unwrap();
    given(&open(&dir), facts("00:01"));
    for (name, mode) in [
        ("hp.cmdb", 0o600),
        ("hp.cmdb.orig", 0o600),
        (".edeploy/allocations.jsonl", 0o640),
    ] {
        let metadata = std::fs::metadata(dir.path().join(name)).unwrap();
        let open_to = metadata.permissions().mode() & 0o777;
        assert_eq!(open_to & !mode, 0, "{name}: {open_to:o}");
    }
}
