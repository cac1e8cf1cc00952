use super::*;
use crate::events::fold::fold;
use crate::events::report::Report;
use crate::model::{Event, EventKind, StepResult};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + 60 * minute).unwrap()
}

const FAIL: EventKind = EventKind::Finish(StepResult::Fail);
const SUCCESS: EventKind = EventKind::Finish(StepResult::Success);

/// A machine of which this was reported, each with its minute.
fn machine(reports: &[(i64, &str, &str, EventKind)]) -> Machine {
    let mut machine = Machine::new("node1", at(0));
    let mut next = 1;
    for (minute, origin, name, kind) in reports {
        let event = Event::new(origin, name, *kind)
            .saying("said")
            .at(at(*minute));
        fold(
            &mut machine,
            &Report::new("node1", event, at(*minute)),
            &mut next,
        );
    }
    machine
}

fn found(machine: &Machine, minute: i64) -> Option<(Finding, String)> {
    let diagnosis = diagnose(machine, &Usual::default(), Patience::default(), at(minute));
    diagnosis.map(|it| (it.finding, it.what))
}

#[test]
fn silence_for_a_quarter_of_an_hour_is_stuck_at_its_step() {
    let machine = machine(&[
        (0, "edeploy", "install", EventKind::Start),
        (1, "edeploy", "install/sync", EventKind::Start),
    ]);
    assert_eq!(found(&machine, 15), None);
    let (finding, what) = found(&machine, 17).unwrap();
    assert_eq!(finding, Finding::Stuck);
    assert_eq!(what, "silent for 16 min at install/sync");
}

#[test]
fn a_step_is_stuck_earlier_where_it_usually_is_short() {
    let mut usual = Usual::default();
    let done = machine(&[
        (0, "edeploy", "install", EventKind::Start),
        (1, "edeploy", "install/sync", EventKind::Start),
        (2, "edeploy", "install/sync", SUCCESS),
    ]);
    usual.learn(&done.deployment.unwrap().stages);
    let slow = machine(&[
        (0, "edeploy", "install", EventKind::Start),
        (1, "edeploy", "install/sync", EventKind::Start),
    ]);
    assert_eq!(diagnose(&slow, &usual, Patience::default(), at(5)), None);
    let diagnosis = diagnose(&slow, &usual, Patience::default(), at(6)).unwrap();
    assert_eq!(
        diagnosis.what,
        "silent for 5 min at install/sync; that step usually takes 60 s"
    );
}

#[test]
fn a_machine_that_never_loads_the_ramdisk_is_stuck_too() {
    let machine = machine(&[(0, "server", "boot/install", EventKind::Note)]);
    let (finding, what) = found(&machine, 16).unwrap();
    assert_eq!(
        (finding, what.as_str()),
        (
            Finding::Stuck,
            "silent for 16 min since it was sent to install"
        )
    );
}

#[test]
fn a_machine_that_posted_its_hardware_and_no_more_is_stuck_there() {
    let machine = machine(&[
        (0, "server", "boot/install", EventKind::Note),
        (1, "server", "upload", SUCCESS),
    ]);
    assert_eq!(
        found(&machine, 17).unwrap().1,
        "silent for 16 min since it posted its hardware"
    );
}

#[test]
fn three_starts_at_one_step_are_a_loop() {
    let round = |minute| {
        [
            (minute, "edeploy", "install", EventKind::Start),
            (minute + 1, "edeploy", "install/sync", EventKind::Start),
        ]
    };
    let twice: Vec<_> = [round(0), round(5)].concat();
    assert_eq!(found(&machine(&twice), 7), None);
    let thrice: Vec<_> = [round(0), round(5), round(10)].concat();
    let (finding, what) = found(&machine(&thrice), 12).unwrap();
    assert_eq!(finding, Finding::Looping);
    assert_eq!(
        what,
        "began again 2 times within 10 min, each time after install/sync"
    );
    let held = [thrice, vec![(15, "server", "boot/hold", EventKind::Note)]].concat();
    let held = machine(&held);
    let diagnosis = diagnose(&held, &Usual::default(), Patience::default(), at(16)).unwrap();
    assert_eq!(diagnosis.finding, Finding::Looping);
    assert!(
        diagnosis.next.starts_with("it is held; ")
            && diagnosis.next.ends_with("`edeployctl reinstall node1`"),
        "{diagnosis:?}"
    );
}

#[test]
fn a_failure_is_told_with_its_step_and_its_words() {
    let machine = machine(&[
        (0, "edeploy", "install", EventKind::Start),
        (1, "edeploy", "install/configure", FAIL),
        (1, "edeploy", "install", FAIL),
    ]);
    let (finding, what) = found(&machine, 1).unwrap();
    assert_eq!(
        (finding, what.as_str()),
        (Finding::Failed, "failed at install/configure: said")
    );
}

#[test]
fn what_a_failed_upgrade_needs_is_told_on_its_machine() {
    let installed = [(0, "edeploy", "install", SUCCESS)];
    let failed = [
        (1, "edeploy", "upgrade", EventKind::Start),
        (2, "edeploy", "upgrade/post", FAIL),
        (2, "edeploy", "upgrade", FAIL),
    ];
    let machine = machine(&[&installed[..], &failed].concat());
    let diagnosis = diagnose(&machine, &Usual::default(), Patience::default(), at(3)).unwrap();
    assert_eq!(diagnosis.what, "failed at upgrade/post: said");
    assert!(diagnosis.next.contains("edeploy rollback"), "{diagnosis:?}");
}

#[test]
fn who_asks_for_boot_scripts_is_missed_after_an_installation() {
    let mut reports = vec![
        (0, "server", "boot/install", EventKind::Note),
        (1, "edeploy", "install", EventKind::Start),
        (9, "edeploy", "install", SUCCESS),
    ];
    assert_eq!(found(&machine(&reports), 20), None);
    assert_eq!(
        found(&machine(&reports), 25).unwrap().0,
        Finding::NeverCameBack
    );
    assert_eq!(found(&machine(&reports[1..]), 25), None);
    reports.push((10, "server", "boot/local", EventKind::Note));
    assert_eq!(found(&machine(&reports), 60), None);
}
