mod upgrades;

use super::*;
use crate::events::report::About;
use crate::events::standing::Status;
use crate::model::{Event, EventKind};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// A machine and what its reports came to.
struct Life {
    machine: Machine,
    next: i64,
    second: i64,
    moved: Vec<(Standing, Standing)>,
    ended: Vec<(i64, Status)>,
}

impl Life {
    fn new() -> Life {
        Life {
            machine: Machine::new("node1", at(0)),
            next: 1,
            second: 0,
            moved: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn tell(&mut self, event: Event, about: About) -> &mut Life {
        self.second += 1;
        let event = event.at(at(self.second));
        let report = Report {
            about,
            ..Report::new("node1", event, at(self.second))
        };
        let folded = fold(&mut self.machine, &report, &mut self.next);
        self.moved
            .extend(folded.moved.iter().map(|moved| (moved.from, moved.to)));
        let ended = folded.deployments.iter().filter(|it| it.ended.is_some());
        for one in ended {
            if !self.ended.contains(&(one.number, one.status)) {
                self.ended.push((one.number, one.status));
            }
        }
        self
    }

    fn event(&mut self, origin: &str, name: &str, kind: EventKind, text: &str) -> &mut Life {
        self.tell(
            Event::new(origin, name, kind).saying(text),
            About::default(),
        )
    }

    fn start(&mut self, name: &str) -> &mut Life {
        self.event("edeploy", name, EventKind::Start, "")
    }

    fn done(&mut self, name: &str) -> &mut Life {
        self.event("edeploy", name, EventKind::Finish(StepResult::Success), "")
    }

    fn fail(&mut self, name: &str, why: &str) -> &mut Life {
        self.event("edeploy", name, EventKind::Finish(StepResult::Fail), why)
    }

    fn server(&mut self, name: &str) -> &mut Life {
        self.event("server", name, EventKind::Note, "")
    }

    fn upload(&mut self, boot_id: &str) -> &mut Life {
        let about = About {
            profile: Some("vm".to_owned()),
            boot_id: Some(boot_id.to_owned()),
            is_known: true,
            ..About::default()
        };
        let event = Event::new("server", "upload", EventKind::Finish(StepResult::Success));
        self.tell(event, about)
    }

    fn deployment(&self) -> &Deployment {
        self.machine.deployment.as_ref().unwrap()
    }
}

#[test]
fn one_installation_is_one_deployment_from_its_boot_script_to_its_return() {
    let mut life = Life::new();
    life.server("boot/install");
    assert_eq!(life.deployment().status, Status::Queued);
    life.upload("b1").start("install").start("install/sync");
    assert_eq!(life.machine.standing, Standing::Installing);
    life.done("install/sync")
        .done("install")
        .server("installed");
    assert_eq!(life.ended, [(1, Status::Complete)]);
    assert_eq!(life.machine.returned, None);
    life.server("boot/local");
    assert!(life.machine.returned.is_some());
    assert_eq!(life.next, 2);
    assert_eq!(
        life.moved,
        [
            (Standing::Unknown, Standing::Installing),
            (Standing::Installing, Standing::Installed)
        ]
    );
}

#[test]
fn an_upload_made_twice_in_one_start_is_one_attempt() {
    let mut life = Life::new();
    life.upload("b1").upload("b1").start("install");
    assert_eq!(life.next, 2);
    life.upload("b2");
    assert_eq!(life.ended, [(1, Status::Errored)]);
}

#[test]
fn a_machine_that_begins_again_and_again_is_counted_at_its_step() {
    let mut life = Life::new();
    for _ in 0..4 {
        life.server("boot/install")
            .upload("")
            .start("install")
            .start("install/sync");
    }
    let restarts = life.machine.restarts.clone().unwrap();
    assert_eq!(
        (restarts.step.as_str(), restarts.count),
        ("install/sync", 3)
    );
    assert_eq!(life.deployment().number, 4);
    life.done("install");
    assert_eq!(life.machine.restarts, None);
}

#[test]
fn the_first_failure_inside_is_the_error_of_the_whole() {
    let mut life = Life::new();
    life.start("install").start("install/configure");
    life.fail("install/configure", "mkfs.ext4: no such option")
        .fail("install", "configure failed");
    assert_eq!(life.deployment().error, "mkfs.ext4: no such option");
    assert_eq!(
        life.deployment().failed_step.as_deref(),
        Some("install/configure")
    );
    assert_eq!(life.machine.standing, Standing::Failed);
}

#[test]
fn cloud_init_after_an_installation_is_its_first_boot_and_no_new_one() {
    let mut life = Life::new();
    life.event("curtin", "cmd-install", EventKind::Start, "")
        .event(
            "curtin",
            "cmd-install",
            EventKind::Finish(StepResult::Success),
            "",
        );
    let success = EventKind::Finish(StepResult::Success);
    life.event("cloudinit", "init-local", success, "")
        .event("cloudinit", "modules-final", EventKind::Start, "")
        .event(
            "cloudinit",
            "modules-final",
            EventKind::Finish(StepResult::Fail),
            "runcmd",
        );
    assert_eq!(life.next, 2);
    assert!(life.machine.returned.is_some());
    assert_eq!(life.machine.standing, Standing::Failed);
}

#[test]
fn messages_with_percentages_alone_make_a_deployment() {
    let mut life = Life::new();
    let update = |percent: f32, text: &str, kind| Event {
        percent: Some(percent),
        ..Event::new("foreman", "install", kind).saying(text)
    };
    for (percent, text) in [(5.0, "PXE boot"), (30.0, "Partitioning")] {
        life.tell(update(percent, text, EventKind::Progress), About::default());
    }
    assert_eq!(life.deployment().percent, Some(30.0));
    life.tell(
        update(5.0, "PXE boot", EventKind::Progress),
        About::default(),
    );
    assert_eq!(life.ended, [(1, Status::Errored)]);
    let end = update(100.0, "Installed", EventKind::Finish(StepResult::Success));
    life.tell(end, About::default());
    assert_eq!(life.machine.standing, Standing::Installed);
}

#[test]
fn a_finish_without_any_start_is_a_deployment_of_its_own() {
    let mut life = Life::new();
    life.event(
        "foreman",
        "install",
        EventKind::Finish(StepResult::Success),
        "built",
    );
    assert_eq!(life.ended, [(1, Status::Complete)]);
    life.event(
        "foreman",
        "install",
        EventKind::Finish(StepResult::Success),
        "built",
    );
    assert_eq!(life.next, 2);
}

#[test]
fn release_and_reinstall_end_what_was_going_on() {
    let mut life = Life::new();
    life.start("install").server("released");
    assert_eq!(life.ended, [(1, Status::Errored)]);
    assert_eq!(life.machine.standing, Standing::Released);
    life.server("boot/install");
    assert_eq!(life.machine.standing, Standing::Installing);
}

#[test]
fn what_the_word_that_it_is_installed_overtakes_begins_no_deployment() {
    let mut life = Life::new();
    life.server("boot/install").upload("b1").start("install");
    life.start("install/bootloader").server("installed");
    life.done("install/bootloader").start("install/finish");
    life.event("edeploy", "install/finish", EventKind::Progress, "99 %");
    life.done("install/finish").done("install");
    assert_eq!(life.deployment().number, 1);
    assert_eq!(life.ended, [(1, Status::Complete)]);
    assert_eq!(life.machine.standing, Standing::Installed);
    // Long after, a step is the sign of a deployment whose beginning was lost.
    life.second += 90;
    life.start("install/sync");
    assert_eq!(life.deployment().number, 2);
}
