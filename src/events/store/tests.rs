use super::*;
use crate::events::report::{About, LogFile};
use crate::events::standing::{Standing, Status};
use crate::model::{Event, EventKind, StepResult};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

const SUCCESS: EventKind = EventKind::Finish(StepResult::Success);

fn report(machine: &str, name: &str, kind: EventKind, second: i64) -> Report {
    let event = Event::new("edeploy", name, kind).at(at(second));
    Report::new(machine, event, at(second))
}

fn installation(machine: &str, second: i64) -> Vec<Report> {
    vec![
        report(machine, "install", EventKind::Start, second),
        report(machine, "install/sync", EventKind::Start, second + 1),
        report(machine, "install/sync", SUCCESS, second + 9),
        report(machine, "install", SUCCESS, second + 10),
    ]
}

fn store(dir: &Path) -> Store {
    Store::open(&dir.join("events.sqlite"), StoreOptions::default()).unwrap()
}

fn of(machine: &str) -> Filter {
    Filter {
        machines: vec![machine.to_owned()],
        ..Filter::default()
    }
}

#[test]
fn what_was_reported_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    first.record(installation("node1", 0)).unwrap();
    let before = first.board().machine("node1").unwrap().clone();
    drop(first);
    let second = store(dir.path());
    assert_eq!(**second.board().machine("node1").unwrap(), *before);
    let events = second
        .events(&of("node1"), Cursor::Before(None), 10)
        .unwrap();
    assert_eq!(events.len(), 4);
    assert_eq!(
        (events[0].name.as_str(), events[0].job),
        ("install", Some(1))
    );
    let jobs = second
        .deployments(&Filter::default(), Some(false), Cursor::Before(None), 10)
        .unwrap();
    assert_eq!((jobs[0].number, jobs[0].status), (1, Status::Complete));
    let receipt = second.record(installation("node2", 20)).unwrap();
    assert_eq!(receipt[0].job, Some(2));
}

#[test]
fn a_repeat_is_kept_once_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let twice = [installation("node1", 0), installation("node1", 0)].concat();
    let receipts = store.record(twice).unwrap();
    assert!(receipts[..4].iter().all(|receipt| receipt.event.is_some()));
    assert!(receipts[4..].iter().all(|receipt| receipt.event.is_none()));
    assert_eq!(
        store
            .timeline(&of("node1"), Cursor::Before(None), 10)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_timeline_reads_as_what_became_of_each_machine() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let fail = EventKind::Finish(StepResult::Fail);
    let released = Event::new("server", "released", EventKind::Note).at(at(30));
    let mut reports = vec![
        report("node2", "install", EventKind::Start, 0),
        report("node2", "install", fail, 5),
        Report::new("node2", released, at(30)),
    ];
    reports.extend(installation("node2", 40));
    store.record(reports).unwrap();
    let lines = store.timeline(&of("node2"), Cursor::After(0), 10).unwrap();
    let lines: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((line.action.as_str(), line.result?)))
        .collect();
    assert_eq!(
        lines,
        [
            ("install", StepResult::Fail),
            ("release", StepResult::Success),
            ("install", StepResult::Success)
        ]
    );
}

#[test]
fn what_a_stranger_reported_is_the_machines_once_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let mac = "52:54:00:00:00:01";
    let boot = Event::new("server", "boot/install", EventKind::Note).at(at(0));
    store.record(vec![Report::new(mac, boot, at(0))]).unwrap();
    assert!(!store.board().machine(mac).unwrap().is_known);
    let mut upload = Report::new("vm-1", Event::new("server", "upload", SUCCESS), at(9));
    upload.about = About {
        aliases: vec![mac.to_owned(), "SERIAL7".to_owned()],
        is_known: true,
        ..About::default()
    };
    store.record(vec![upload]).unwrap();
    let board = store.board();
    assert_eq!(board.len(), 1);
    assert_eq!(board.name_of("52-54-00-00-00-01"), Some("vm-1"));
    assert_eq!(board.name_of("serial7"), Some("vm-1"));
    assert_eq!(
        board
            .machine("vm-1")
            .unwrap()
            .deployment
            .as_ref()
            .unwrap()
            .number,
        1
    );
    drop(board);
    assert_eq!(
        store
            .events(&of("vm-1"), Cursor::Before(None), 10)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn files_come_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut last = report("node1", "install", SUCCESS, 3);
    for content in [content.clone(), Vec::new()] {
        last.files.push(LogFile {
            name: "/var/log/install.log".to_owned(),
            content,
        });
    }
    store.record(vec![last]).unwrap();
    let logs = store.logs(&of("node1"), 10).unwrap();
    assert_eq!(logs.len(), 2);
    assert_eq!(store.log_content(logs[1].id).unwrap().unwrap(), content);
    assert_eq!(store.log_content(logs[0].id).unwrap().unwrap(), b"");
    assert_eq!(store.log_content(999).unwrap(), None);
}

#[test]
fn a_damaged_database_is_set_aside_and_a_new_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let first = store(dir.path());
    first.record(installation("node1", 0)).unwrap();
    drop(first);
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &[0x5a; 4096]).unwrap();
    let second = store(dir.path());
    assert!(second.board().is_empty());
    second.record(installation("node2", 0)).unwrap();
    let names = std::fs::read_dir(dir.path()).unwrap();
    let aside = names
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().contains(".damaged-"))
        .count();
    assert!(aside >= 1);
}

#[test]
fn strangers_have_a_limit_and_known_machines_none() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        most_machines: 2,
        ..StoreOptions::default()
    };
    let store = Store::open(&dir.path().join("events.sqlite"), options).unwrap();
    for name in ["a", "b"] {
        store.record(installation(name, 0)).unwrap();
    }
    let refused = store.record(installation("c", 0)).unwrap_err();
    assert!(
        matches!(refused, StoreError::TooManyMachines(2)),
        "{refused}"
    );
    let mut known = report("d", "install", EventKind::Start, 0);
    known.about.is_known = true;
    store.record(vec![known]).unwrap();
}

#[test]
fn old_reports_are_dropped_and_what_they_came_to_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let first = store(dir.path());
    first.record(installation("node1", 0)).unwrap();
    drop(first);
    let mut opened = open::open(&path, at(0)).unwrap();
    let options = StoreOptions {
        keep_for: Duration::from_secs(100),
        ..StoreOptions::default()
    };
    let early = retention::tidy(&mut opened.connection, options, at(50)).unwrap();
    let later = retention::tidy(&mut opened.connection, options, at(300)).unwrap();
    assert_eq!((early, later), (0, 4));
    drop(opened);
    let second = store(dir.path());
    assert_eq!(
        second.board().machine("node1").unwrap().standing,
        Standing::Installed
    );
    assert_eq!(
        second
            .timeline(&of("node1"), Cursor::Before(None), 9)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn watchers_hear_of_each_commit_until_they_have_enough() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let (sender, heard) = mpsc::channel();
    store.watch(move |change| sender.send(change.clone()).is_ok());
    store.record(installation("node1", 0)).unwrap();
    let change = heard.recv().unwrap();
    assert!(change.machines.contains("node1"));
    assert_eq!(change.event, 4);
}
