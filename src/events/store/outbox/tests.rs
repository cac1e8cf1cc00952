use super::*;
use crate::events::{Report, Store, StoreOptions};
use crate::model::{Event, EventKind};

const URL: &str = "http://h/x";

fn store(dir: &tempfile::TempDir) -> (Store, Outbox) {
    let path = dir.path().join("events.sqlite");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    (store, Outbox::new(&path))
}

fn install(store: &Store, machine: &str) {
    let event = Event::new("edeploy", "install", EventKind::Start);
    store
        .record(vec![Report::new(machine, event, Timestamp::now())])
        .unwrap();
}

fn say(row: &Transition) -> Option<String> {
    Some(format!("{} {}", row.machine, row.standing))
}

#[test]
fn a_change_is_queued_once_and_what_was_before_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (store, outbox) = store(&dir);
    install(&store, "old");
    outbox.begin(URL).unwrap();
    install(&store, "node1");
    for _ in 0..2 {
        outbox.begin(URL).unwrap();
        outbox.collect(URL, say).unwrap();
    }
    let letter = outbox.next(URL).unwrap().unwrap();
    assert_eq!(letter.body, "node1 installing");
    outbox.delivered(letter.id).unwrap();
    assert_eq!(outbox.next(URL).unwrap(), None);
}

#[test]
fn what_fails_waits_and_is_kept_when_it_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, outbox) = store(&dir);
    outbox.begin(URL).unwrap();
    install(&store, "node1");
    outbox.collect(URL, say).unwrap();
    let first = outbox.next(URL).unwrap().unwrap();
    outbox
        .failed(first.id, "refused", Some(Duration::from_secs(60)))
        .unwrap();
    let again = outbox.next(URL).unwrap().unwrap();
    assert_eq!((again.id, again.attempts), (first.id, 1));
    assert!(again.due > Timestamp::now() + SignedDuration::from_secs(30));
    outbox.failed(first.id, "refused", None).unwrap();
    assert_eq!(outbox.next(URL).unwrap(), None);
    assert_eq!(outbox.dead_count().unwrap(), 1);
    let dead = outbox.dead(None, 10).unwrap();
    assert_eq!((dead[0].error.as_str(), dead[0].attempts), ("refused", 2));
}

#[test]
fn a_finding_is_told_when_it_comes_and_when_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, outbox) = store(&dir);
    let stuck = HashMap::from([("node1".to_owned(), Finding::Stuck)]);
    let say = |machine: &str, was: Option<Finding>, is: Option<Finding>| {
        Some(format!("{machine} {was:?} {is:?}"))
    };
    for _ in 0..2 {
        outbox.notice(URL, &stuck, say).unwrap();
    }
    outbox.notice(URL, &HashMap::new(), say).unwrap();
    for body in ["node1 None Some(Stuck)", "node1 Some(Stuck) None"] {
        let letter = outbox.next(URL).unwrap().unwrap();
        assert_eq!(letter.body, body);
        outbox.delivered(letter.id).unwrap();
    }
    assert_eq!(outbox.next(URL).unwrap(), None);
}
