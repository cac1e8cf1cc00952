use std::path::Path;

use super::*;
use crate::model::{Bindings, Fact, Place, ProfileName};

fn allocation(serial: &str) -> Allocation {
    let facts = [Fact::new("system", "product", "serial", serial)];
    let identity = Identity::of(&facts);
    Allocation {
        machine: MachineId::of(&facts, &identity),
        identity,
        profile: ProfileName::new("vm").unwrap(),
        bindings: Bindings::new(),
        entry: None,
        place: Place::Counted,
        deployments: Deployments::default(),
    }
}

fn commit(number: u64, serial: &str) -> Commit {
    let changes = vec![Change::Holds(Box::new(allocation(serial)))];
    Commit {
        number,
        changes,
        ..Commit::default()
    }
}

fn record_with(dir: &Path, serials: &[&str]) -> Record {
    let mut record = Record::new(dir.join("allocations.jsonl"));
    for (number, serial) in serials.iter().enumerate() {
        record.append(&commit(number as u64 + 1, serial)).unwrap();
    }
    record
}

#[test]
fn what_was_appended_is_read_back_by_another_reader() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = record_with(dir.path(), &["A1"]);
    let mut reader = Record::new(writer.path.clone());
    reader.refresh().unwrap();
    writer.append(&commit(2, "B2")).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.allocations().len(), 2);
    assert_eq!(reader.last_number(), 2);
    assert!(reader.find(&allocation("B2").identity).is_some());
}

#[test]
fn how_deployments_stand_costs_a_short_line_and_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = record_with(dir.path(), &["A1", "B2"]);
    let machine = allocation("A1").machine;
    let before = std::fs::metadata(&writer.path).unwrap().len();
    let begun = Deployments::default().with_another_begun(None);
    let number = 3;
    let changes = vec![Change::Stands(machine, begun)];
    let commit = Commit {
        number,
        changes,
        ..Commit::default()
    };
    writer.append(&commit).unwrap();
    let line = std::fs::metadata(&writer.path).unwrap().len() - before;
    assert!(line < 120, "{line} bytes");
    let mut reader = Record::new(writer.path.clone());
    reader.refresh().unwrap();
    let stands = |serial: &str| {
        reader
            .find(&allocation(serial).identity)
            .unwrap()
            .deployments
    };
    assert_eq!(stands("A1"), begun);
    assert!(stands("B2").is_none());
    assert_eq!(reader.allocations()[0].machine, allocation("A1").machine);
}

#[test]
fn a_line_of_an_earlier_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("allocations.jsonl");
    let line = r#"{"number":1,"changes":[{"holds":{"machine":"A1-","identity":{"serial":"A1"},"profile":"vm","bindings":{},"place":"counted"}}]}"#;
    store::write_new(&path, format!("{line}\n").as_bytes(), None).unwrap();
    let mut record = Record::new(path);
    record.refresh().unwrap();
    assert!(record.allocations()[0].deployments.is_none());
}

#[test]
fn a_last_line_that_is_not_whole_was_never_committed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = record_with(dir.path(), &["A1", "B2"]);
    let whole = std::fs::read(&writer.path).unwrap();
    for cut in (whole.len() / 2 + 5)..whole.len() - 1 {
        store::write_new(&writer.path, &whole[..cut], None).unwrap();
        let mut reader = Record::new(writer.path.clone());
        reader.refresh().unwrap();
        assert_eq!(reader.allocations().len(), 1, "cut at {cut}");
    }
    writer.refresh().unwrap();
    writer.append(&commit(2, "C3")).unwrap();
    let mut reader = Record::new(writer.path.clone());
    reader.refresh().unwrap();
    assert!(reader.find(&allocation("C3").identity).is_some());
}

#[test]
fn damage_before_the_end_is_an_error_that_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let writer = record_with(dir.path(), &["A1", "B2"]);
    let text = std::fs::read_to_string(&writer.path).unwrap();
    store::write_new(&writer.path, text.replacen('{', "[", 1).as_bytes(), None).unwrap();
    let error = Record::new(writer.path.clone()).refresh().unwrap_err();
    assert!(error.to_string().starts_with("line 1 of"), "{error}");
}

#[test]
fn a_machine_that_posts_with_more_evidence_finds_its_own_allocation() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = record_with(dir.path(), &["A1", "B2"]);
    record
        .append(&Commit {
            number: 3,
            changes: vec![Change::Released(allocation("A1").machine)],
            ..Commit::default()
        })
        .unwrap();
    assert!(record.find(&allocation("A1").identity).is_none());
    assert!(record.find(&allocation("B2").identity).is_some());
}
