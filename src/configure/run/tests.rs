//! Scripts run on a machine that keeps what it is asked.

use std::sync::{Arc, Mutex};

use super::*;
use crate::configure::plan::CommandText;
use crate::model::Value;

/// What a machine was asked: the line, how the action stands to the plan, the action.
type Asked = Arc<Mutex<Vec<(u32, Standing, What)>>>;

/// A machine that answers outputs with `says` and fails commands that hold `fails`.
struct Fake {
    asked: Asked,
    says: &'static str,
    fails: &'static str,
}

impl Machine for Fake {
    fn perform(&mut self, turn: &Turn<'_>) -> Result<Reply, Failure> {
        let what = turn.action.what.clone();
        let mut asked = self.asked.lock().unwrap();
        asked.push((turn.action.line, turn.standing, what.clone()));
        let failure = |said: &str| Failure {
            said: said.to_owned(),
            report: format!("{said}: and why"),
        };
        match what {
            What::Run {
                command: CommandText::Shell(text),
            } if !self.fails.is_empty() && text.contains(self.fails) => {
                Err(failure(&format!("`{text}` failed")))
            }
            What::WriteFile { path, .. } if path == "/full" => Err(failure("disk full")),
            What::Output { .. } => Ok(Reply::Text(self.says.to_owned())),
            What::Hpacucli { call, .. } if call == "ctrl_create_ld" => {
                Ok(Reply::Value(Value::from("/dev/sdc")))
            }
            _ => Ok(Reply::Nothing),
        }
    }

    fn print(&mut self, _: &str) {}
}

/// Runs a script with its own hash, and gives what the machine was asked besides.
fn ran(text: &str, says: &'static str, fails: &'static str) -> (Result<Ran, ScriptError>, Asked) {
    let name = "vm.configure";
    let script = Script { name, text };
    let profile = ProfileName::new("vm").unwrap();
    let variables = CmdbEntry::from_iter([("disk".to_owned(), Value::from("vda"))]);
    let limits = Limits::default();
    let plan = plan::of_configure(&script, &profile, &variables, &limits).unwrap();
    let agreement = Agreement {
        script,
        profile: &profile,
        variables: &variables,
        plan_hash: &plan.hash(),
    };
    let asked = Asked::default();
    let machine = Box::new(Fake {
        asked: asked.clone(),
        says,
        fails,
    });
    (run_configure(&agreement, &limits, machine), asked)
}

fn commands(asked: &Asked) -> Vec<String> {
    let shown = |(_, _, what): &(u32, Standing, What)| match what {
        What::Run {
            command: CommandText::Shell(text),
        } => text.clone(),
        other => format!("{other:?}"),
    };
    asked.lock().unwrap().iter().map(shown).collect()
}

#[test]
fn a_script_does_on_the_machine_what_its_plan_says_and_in_its_order() {
    let text = "run('mkfs.ext4 /dev/%s' % var['disk'])\nopen('/x', 'w').write('1')\nrun('end')";
    let (ran, asked) = ran(text, "", "");
    assert_eq!(
        ran.unwrap(),
        Ran {
            performed: 3,
            unplanned: 0,
            left_out: vec![]
        }
    );
    let asked = asked.lock().unwrap();
    let places: Vec<_> = asked.iter().map(|(line, at, _)| (*line, *at)).collect();
    let planned = |number| Standing::Planned { number };
    assert_eq!(places, [(1, planned(1)), (2, planned(2)), (3, planned(3))]);
}

#[test]
fn a_script_with_another_plan_is_refused_before_anything_is_done() {
    let profile = ProfileName::new("vm").unwrap();
    let asked = Asked::default();
    let hash = "0".repeat(64);
    let agreement = Agreement {
        script: Script {
            name: "vm.configure",
            text: "run('mkfs.ext4 /dev/sda')",
        },
        profile: &profile,
        variables: &CmdbEntry::default(),
        plan_hash: &hash,
    };
    let machine = Box::new(Fake {
        asked: asked.clone(),
        says: "",
        fails: "",
    });
    let error = run_configure(&agreement, &Limits::default(), machine).unwrap_err();
    assert!(matches!(error, ScriptError::OtherPlan { .. }), "{error}");
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn the_first_failure_stops_the_script_at_its_line() {
    let (ran, asked) = ran("run('a')\nrun('bad')\nrun('after')\n", "", "bad");
    let error = ran.unwrap_err();
    let shown = error.with_caret().to_string();
    assert!(
        shown.starts_with("vm.configure:2:1: `bad` failed: and why\n2 | run('bad')\n"),
        "{shown}"
    );
    assert_eq!(commands(&asked), ["a", "bad"]);
}

#[test]
fn a_file_that_cannot_be_written_is_told_with_its_own_line() {
    let (ran, asked) = ran(
        "f = open('/full', 'w')\nf.write('x')\nrun('after')\n",
        "",
        "",
    );
    let shown = ran.unwrap_err().with_caret().to_string();
    assert!(shown.contains("vm.configure:1:1: disk full"), "{shown}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn attempt_gives_the_failure_to_the_script_and_lets_it_leave_the_plan() {
    let text = "_, error = attempt(run, 'bad')\nif error:\n    run(['because', error])\n";
    let (ran, asked) = ran(text, "", "bad");
    let ran = ran.unwrap();
    assert_eq!((ran.performed, ran.unplanned), (2, 1));
    let last = commands(&asked).remove(1);
    assert!(last.contains("`bad` failed"), "{last}");
}

#[test]
fn what_the_machine_answers_takes_the_place_of_its_placeholder() {
    let text = "d = output('which disk')\nrun('mkfs.ext4 /dev/%s' % d)\n";
    let (ran, asked) = ran(text, "sdb", "");
    assert_eq!(ran.unwrap().performed, 2);
    assert_eq!(commands(&asked)[1], "mkfs.ext4 /dev/sdb");
    assert_eq!(asked.lock().unwrap()[1].1, Standing::Filled { number: 2 });
}

#[test]
fn a_controller_gives_the_device_that_the_plan_could_not_name() {
    let text = "c = hpacucli.Cli()\nd = c.ctrl_create_ld('slot=1', ['1I:1:1'], '1')\nrun('mkfs.ext4 %s' % d)\n";
    let (ran, asked) = ran(text, "", "");
    assert_eq!(ran.unwrap().unplanned, 0);
    assert_eq!(commands(&asked)[1], "mkfs.ext4 /dev/sdc");
}

#[test]
fn an_answer_that_is_code_to_a_shell_is_refused_in_a_text_for_it() {
    for says in ["$(reboot)", "a;reboot", "sda\nreboot"] {
        let (ran, asked) = ran("run('echo %s' % output('x'))", says, "");
        let error = ran.unwrap_err();
        assert!(matches!(error, ScriptError::Refused { .. }), "{error}");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
    let (two_names, _) = ran("run('echo %s' % output('x'))", "sda sdb", "");
    two_names.unwrap();
}

#[test]
fn an_answer_that_leads_to_another_disk_destroys_nothing_there() {
    let text = "d = output('x', plan='sda')\nrun('wipefs -a /dev/%s' % d)\n";
    let (ran, asked) = ran(text, "sdb", "");
    let error = ran.unwrap_err().to_string();
    assert!(
        error.contains("not in the plan") && error.contains("/dev/sdb"),
        "{error}"
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn planned_actions_that_the_answers_leave_out_are_named() {
    let text = "if output('x', plan='yes') == 'yes':\n    run('a')\nrun('b')\n";
    let (ran, asked) = ran(text, "no", "");
    assert_eq!(ran.unwrap().left_out, [2]);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn a_script_for_another_interpreter_is_handed_over_whole() {
    let (ran, asked) = ran("#!/bin/sh\nexit 0\n", "", "");
    assert_eq!(ran.unwrap().performed, 1);
    let asked = asked.lock().unwrap();
    assert!(matches!(asked[0].2, What::Opaque { .. }));
}
