//! Places that are given back: failures, releases.

use super::*;

#[test]
fn a_failure_report_gives_the_place_back_once_and_keeps_the_entry() {
    let dir = directory();
    let section = open(&dir);
    let hp = ProfileName::new("hp").unwrap();
    let first = given(&section, facts("00:01"));
    for expected in [true, false] {
        let report = section.report_failure(&facts("00:01"), &hp).unwrap();
        assert_eq!(
            matches!(report, FailureReport::PlaceGivenBack { .. }),
            expected
        );
        assert_eq!(read(&dir, "state"), STATE);
    }
    let retried = given(&section, facts("00:01"));
    assert_eq!(retried.variables(), first.variables());
    assert_eq!(retried.place, Place::Counted);
    assert_eq!(read(&dir, "state"), STATE.replace('2', "1"));
}

#[test]
fn a_failure_report_from_anybody_else_changes_nothing() {
    let dir = directory();
    let section = open(&dir);
    given(&section, facts("00:01"));
    let before = read(&dir, "state");
    for (serial, profile) in [("00:02", "hp"), ("00:01", "vm"), ("00:01", "nobody")] {
        let profile = ProfileName::new(profile).unwrap();
        let report = section.report_failure(&facts(serial), &profile).unwrap();
        assert!(
            matches!(report, FailureReport::Unchanged { .. }),
            "{report:?}"
        );
    }
    assert_eq!(read(&dir, "state"), before);
    assert_eq!(
        section.allocations().unwrap().len(),
        1,
        "and nothing is allocated"
    );
}

#[test]
fn a_release_frees_place_and_entry_by_any_name_of_the_machine() {
    for wanted in ["00:01", "52:54:00:00:00:01", "host1"] {
        let dir = directory();
        let section = open(&dir);
        given(&section, facts("00:01"));
        section.release(wanted).unwrap();
        assert_eq!(read(&dir, "state"), STATE);
        assert!(
            !read(&dir, "hp.cmdb").contains("used"),
            "{}",
            read(&dir, "hp.cmdb")
        );
        assert!(section.allocations().unwrap().is_empty());
        let error = section.release(wanted).unwrap_err();
        assert!(
            error.to_string().contains("no machine here is called"),
            "{error}"
        );
    }
}
