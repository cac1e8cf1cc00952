use super::*;
use crate::model::Leaves;

/// A machine that was installed and asks this server what to boot.
fn installed() -> Life {
    let mut life = Life::new();
    life.server("boot/install").upload("b1").start("install");
    life.done("install").server("boot/local");
    life.moved.clear();
    life
}

impl Life {
    fn upgrade_ends(&mut self, result: StepResult, leaves: Option<Leaves>) -> &mut Life {
        let event = Event::new("edeploy", "upgrade", EventKind::Finish(result));
        let event = Event { leaves, ..event };
        self.tell(event.saying("the whole"), About::default())
    }
}

#[test]
fn an_upgrade_is_no_installation_and_its_machine_is_not_missed() {
    let mut life = installed();
    life.start("upgrade").start("upgrade/apply");
    assert_eq!(life.machine.standing, Standing::Upgrading);
    life.done("upgrade/apply")
        .upgrade_ends(StepResult::Success, None);
    let expected = [
        (Standing::Installed, Standing::Upgrading),
        (Standing::Upgrading, Standing::Installed),
    ];
    assert_eq!(life.moved, expected);
    assert!(life.machine.returned.is_some());
}

#[test]
fn an_upgraded_machine_that_restarts_is_to_be_heard_of_again() {
    let mut life = installed();
    life.start("upgrade")
        .upgrade_ends(StepResult::Success, Some(Leaves::Restarting));
    assert_eq!(life.machine.returned, None);
    life.server("boot/local");
    assert!(life.machine.returned.is_some());
}

#[test]
fn a_refused_upgrade_fails_and_leaves_the_machine_where_it_stood() {
    let mut life = installed();
    life.start("upgrade").start("upgrade/pre");
    life.fail("upgrade/pre", "not drained")
        .upgrade_ends(StepResult::Fail, Some(Leaves::Unchanged));
    assert_eq!(life.machine.standing, Standing::Installed);
    assert_eq!(life.deployment().status, Status::Errored);
    assert_eq!(life.deployment().error, "not drained");
}

#[test]
fn an_upgrade_goes_on_in_another_process_and_begins_again_after_a_restart() {
    let mut life = installed();
    let start = |name, boot_id: &str| {
        let about = About {
            boot_id: Some(boot_id.to_owned()),
            ..About::default()
        };
        (Event::new("edeploy", name, EventKind::Start), about)
    };
    for (name, boot_id) in [
        ("upgrade", "b2"),
        ("upgrade/apply", "b2"),
        ("upgrade", "b3"),
        ("upgrade/apply", "b3"),
        ("upgrade", "b3"),
        ("upgrade/post", "b3"),
    ] {
        let (event, about) = start(name, boot_id);
        life.tell(event, about);
    }
    life.upgrade_ends(StepResult::Success, None);
    let upgrades = &life.ended[1..];
    assert_eq!(upgrades, [(2, Status::Errored), (3, Status::Complete)]);
    assert_eq!(life.deployment().open, []);
}

#[test]
fn what_failed_before_has_still_failed_after_a_refused_upgrade() {
    let mut life = installed();
    life.start("upgrade").start("upgrade/post");
    life.upgrade_ends(StepResult::Fail, None);
    assert_eq!(life.machine.standing, Standing::Failed);
    life.start("upgrade")
        .upgrade_ends(StepResult::Fail, Some(Leaves::Unchanged));
    assert_eq!(life.machine.standing, Standing::Failed);
    // One that was cut came to no end.
    let mut life = installed();
    life.start("upgrade")
        .start("upgrade/apply")
        .start("upgrade");
    life.upgrade_ends(StepResult::Fail, Some(Leaves::Unchanged));
    assert_eq!(life.machine.standing, Standing::Failed);
}
