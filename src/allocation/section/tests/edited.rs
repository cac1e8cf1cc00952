//! Files that an admin edits meanwhile, and commits that were cut short.

use super::*;

#[test]
fn a_broken_profile_does_not_hurt_another() {
    let dir = directory();
    write(
        &dir,
        "hp.specs",
        "[('disk', '$disk', 'size', 'gt(four)')]\n",
    );
    assert_eq!(given(&open(&dir), facts("00:01")).profile.as_str(), "vm");
    write(&dir, "vm.cmdb", "[{'ip': }]");
    let refused = open(&dir).allocate(facts("00:02")).unwrap();
    let Outcome::Refused(refusal) = refused else {
        panic!("nothing can be given")
    };
    let text = refusal.to_string();
    assert!(
        text.contains("gt(four)") && text.contains("vm.cmdb"),
        "{text}"
    );
}

#[test]
fn a_state_file_that_does_not_parse_is_an_error_with_a_caret_and_loses_nothing() {
    let dir = directory();
    write(&dir, "state", "[('hp', 2), ('vm'");
    let section = open(&dir);
    let error = section.allocate(facts("00:01")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.details().contains('^'), "{}", error.details());
    assert_eq!(read(&dir, "state"), "[('hp', 2), ('vm'");
    write(&dir, "state", STATE);
    given(&section, facts("00:01"));
}

#[test]
fn a_state_file_saved_half_way_is_read_again_when_it_is_whole() {
    let dir = directory();
    let section = open(&dir);
    write(&dir, "state", "[('hp', 2), (");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| given(&section, facts("00:01")));
        std::thread::sleep(Duration::from_millis(60));
        write(&dir, "state", STATE);
        assert_eq!(asked.join().unwrap().profile.as_str(), "hp");
    });
}

#[test]
fn an_admins_edit_between_two_uploads_is_kept() {
    let dir = directory();
    let section = open(&dir);
    given(&section, facts("00:01"));
    write(&dir, "state", "[('hp', 7), # seven more\n ('vm', '*')]\n");
    given(&section, facts("00:02"));
    assert_eq!(
        read(&dir, "state"),
        "[('hp', 6), # seven more\n ('vm', '*')]\n"
    );
}

#[test]
fn a_commit_that_was_cut_short_is_completed_when_the_section_is_opened() {
    let dir = directory();
    given(&open(&dir), facts("00:01"));
    let (state, cmdb) = (read(&dir, "state"), read(&dir, "hp.cmdb"));
    let line = read(&dir, ".edeploy/allocations.jsonl");
    let commit: serde_json::Value = serde_json::from_str(&line).unwrap();
    for replaced in commit["replaces"].as_array().unwrap() {
        let target = Path::new(replaced["target"].as_str().unwrap());
        std::fs::rename(target, replaced["staged"].as_str().unwrap()).unwrap();
        write(
            &dir,
            &target.file_name().unwrap().to_string_lossy(),
            "edited away",
        );
    }
    write(&dir, "state", STATE);
    write(&dir, "hp.cmdb", &read(&dir, "hp.cmdb.orig"));
    let section = open(&dir);
    assert_eq!((read(&dir, "state"), read(&dir, "hp.cmdb")), (state, cmdb));
    assert_eq!(given(&section, facts("00:01")).profile.as_str(), "hp");
    assert_eq!(
        read(&dir, "state"),
        STATE.replace('2', "1"),
        "and counted once"
    );
}

#[test]
fn a_commit_cut_short_is_worked_into_what_the_admin_made_of_the_file_since() {
    let dir = directory();
    given(&open(&dir), facts("00:01"));
    let line = read(&dir, ".edeploy/allocations.jsonl");
    let commit: serde_json::Value = serde_json::from_str(&line).unwrap();
    for replaced in commit["replaces"].as_array().unwrap() {
        let target = replaced["target"].as_str().unwrap();
        std::fs::rename(target, replaced["staged"].as_str().unwrap()).unwrap();
    }
    write(&dir, "state", "[('hp', 9), ('new', 1), ('vm', '*')]\n");
    write(
        &dir,
        "hp.cmdb",
        "[{'ip': '10.9.9.9'}, {'ip': '10.0.0.1', 'hostname': 'host1'}]\n",
    );
    drop(open(&dir));
    assert_eq!(
        read(&dir, "state"),
        "[('hp', 8), ('new', 1), ('vm', '*')]\n"
    );
    let cmdb = read(&dir, "hp.cmdb");
    assert!(
        cmdb.starts_with("[{'ip': '10.9.9.9'}, {'ip': '10.0.0.1'"),
        "{cmdb}"
    );
    assert!(cmdb.contains("'used': 1"), "{cmdb}");
}
