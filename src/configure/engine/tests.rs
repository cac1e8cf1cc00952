use serde_json::json;

use super::*;
use crate::configure::plan::{CommandText, What};
use crate::model::Value;

/// The seed README's script, as it stands.
const README: &str = include_str!("../../../config-examples/edeploy/vm.configure");

pub(super) fn entry(pairs: &[(&str, &str)]) -> CmdbEntry {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect()
}

fn vm() -> CmdbEntry {
    entry(&[
        ("disk", "vda"),
        ("eth", "eth0"),
        ("mac", "52:54:00:12:34:56"),
        ("ip", "192.168.122.3"),
        ("hostname", "host03"),
        ("netmask", "255.255.255.0"),
        ("gateway", "192.168.122.1"),
    ])
}

pub(super) fn planned(text: &str, variables: &CmdbEntry) -> Result<Planned, ScriptError> {
    let script = Script {
        name: "x.configure",
        text,
    };
    plan_with_output(&script, "vm", variables, &Limits::default())
}

fn plan(text: &str) -> Plan {
    planned(text, &vm()).unwrap().plan
}

fn actions(text: &str) -> Vec<What> {
    let actions = plan(text).actions;
    actions.into_iter().map(|action| action.what).collect()
}

fn shell(text: &str) -> What {
    What::Run {
        command: CommandText::Shell(text.to_owned()),
    }
}

fn file(path: &str, content: &str, append: bool) -> What {
    What::WriteFile {
        path: path.to_owned(),
        content: content.to_owned(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        append,
    }
}

#[test]
fn the_script_of_edeploys_readme_plans_as_it_stands() {
    let interfaces = "\nauto lo\niface lo inet loopback\n\nauto eth0\nallow-hotplug eth0\n\
        iface eth0 inet static\n     address 192.168.122.3\n     netmask 255.255.255.0\n     \
        gateway 192.168.122.1\n     hwaddress 52:54:00:12:34:56\n";
    let plan = plan(README);
    assert_eq!(
        serde_json::to_value(&plan).unwrap(),
        json!({
            "profile": "vm",
            "actions": [
                {"line": 4, "action": "run", "command": "parted -s /dev/vda mklabel msdos"},
                {"line": 5, "action": "run", "command": "parted -s /dev/vda mkpart primary ext2 0% 100%"},
                {"line": 6, "action": "run", "command": "mkfs.ext4 /dev/vda1"},
                {"line": 7, "action": "run", "command": "mkdir -p /chroot; mount /dev/vda1 /chroot"},
                {"line": 9, "action": "write_file", "path": "/interfaces", "content": interfaces,
                 "mode": 420, "uid": 0, "gid": 0, "append": false},
                {"line": 22, "action": "set_role", "role": "mysql", "version": "D7-F.1.0.0",
                 "disk": "/dev/vda", "profile": "vm"},
            ],
            "placeholders": [],
        })
    );
    assert!(!plan.is_partial());
}

#[test]
fn the_same_script_and_variables_give_the_same_plan() {
    assert_eq!(plan(README).hash(), plan(README).hash());
}

#[test]
fn a_missing_variable_is_named_with_those_that_are_there() {
    for text in [
        "x = 1\nrun('echo ' + var['dsk'])\n",
        "x = 1\nrun('echo %(dsk)s' % var)\n",
    ] {
        let error = planned(text, &vm()).unwrap_err();
        let ScriptError::MissingVariable { key, known, place } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(key, "dsk");
        assert_eq!(known.len(), 8, "{known:?}");
        assert_eq!(place.as_ref().map(|place| place.line), Some(2));
        let shown = error.with_caret().to_string();
        assert!(shown.contains("did you mean `disk`?"), "{shown}");
        assert!(shown.contains("\n2 | run('echo "), "{shown}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_found_before_anything_runs() {
    let error = planned("fail('ran')\nfor x in []:\n    runn('true')\n", &vm()).unwrap_err();
    assert_eq!(
        error.with_caret().to_string(),
        "x.configure:3:5: variable `runn` not found\n3 |     runn('true')\n  |     ^^^^\nhint: did you mean `run`?"
    );
}

#[test]
fn statements_that_are_python_only_are_told_what_to_write() {
    for (text, hint) in [
        ("import os\n", "nothing is imported"),
        ("try:\n    pass\nexcept:\n    pass\n", "attempt("),
        ("while True:\n    pass\n", "range("),
        ("print 'x'\n", "parentheses"),
        ("load('x', 'y')\n", "nothing is imported"),
    ] {
        let error = planned(text, &vm()).unwrap_err();
        assert!(matches!(error, ScriptError::Script { .. }), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn var_holds_values_of_every_kind_and_takes_more() {
    let mut variables = vm();
    variables.set("n", Value::Int(3));
    variables.set("f", Value::Float(0.5));
    variables.set("none", Value::Null);
    variables.set("yes", Value::Bool(true));
    variables.set("big", Value::Int(i128::from(u64::MAX)));
    variables.set("list", Value::List(vec!["a".into(), Value::Int(1)]));
    variables.set("map", Value::Map(vec![("k".to_owned(), "v".into())]));
    let text = "var['own'] = var['n'] + 1\n\
        print('%(own)d %(f)s %(none)s %(yes)s %(big)d %(list)s %(map)s %(edeploy-profile)s' % var)\n\
        print(f'{disk}' if False else var['list'][0], var['map']['k'])\n";
    let text = format!("disk = 'x'\n{text}");
    let printed = planned(&text, &variables).unwrap().printed;
    assert_eq!(
        printed,
        [
            "4 0.5 None True 18446744073709551615 ['a', 1] {'k': 'v'} vm",
            "a v"
        ]
    );
}

#[test]
fn a_value_that_a_shell_would_read_as_code_is_refused() {
    let variables = entry(&[("model", "x; reboot"), ("disk", "vda")]);
    for text in [
        "run('echo ' + var['model'])",
        "run('echo \"%(model)s\"' % var)",
        "output('echo %s' % var['model'])",
        "attempt(run, 'echo ' + var['model'])",
    ] {
        let error = planned(text, &variables).unwrap_err();
        assert!(matches!(error, ScriptError::Refused { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("quote()"), "{error:?}");
    }
    let text = "run(['echo', var['model']])\nrun('echo ' + quote(var['model']))\n";
    assert_eq!(planned(text, &variables).unwrap().plan.actions.len(), 2);
}

#[test]
fn files_are_on_the_disk_before_the_next_action() {
    let text = "a = config('/etc/x', fmod=0o600, uid=5)\na.write('1')\nb = open('/y', 'a')\n\
        b.write('2')\nrun('true')\na.write('3')\na.close()\nb.close()\n";
    let first = What::WriteFile {
        path: "/post_rsync/etc/x".to_owned(),
        content: "1".to_owned(),
        mode: 0o600,
        uid: 5,
        gid: 0,
        append: false,
    };
    let What::WriteFile { path, .. } = &first else {
        unreachable!("it is a file");
    };
    let later = What::WriteFile {
        path: path.clone(),
        content: "3".to_owned(),
        mode: 0o600,
        uid: 5,
        gid: 0,
        append: true,
    };
    assert_eq!(
        actions(text),
        [first, file("/y", "2", true), shell("true"), later]
    );
}

#[test]
fn files_outside_their_place_or_for_reading_are_refused() {
    for text in [
        "config('../etc/shadow')",
        "open('/etc/passwd')",
        "open('/a/../b', 'w')",
        "open('x', 'w')",
        "f = open('/x', 'w')\nf.close()\nf.write('y')",
    ] {
        let error = planned(text, &vm()).unwrap_err();
        assert!(
            matches!(error, ScriptError::Refused { .. }),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn facts_boot_arguments_and_pauses_are_recorded() {
    let text = "inject_facts({'a': 1})\ngrub_options('console=ttyS0')\nsleep(2)\nsleep(0.5)\n";
    assert_eq!(
        actions(text),
        [
            file(
                "/post_rsync/etc/facter/facts.d/edeploy.yaml",
                "---\nhw_a: 1\n",
                false
            ),
            What::GrubOptions {
                options: "console=ttyS0".to_owned()
            },
            What::Sleep { seconds: 2.0 },
            What::Sleep { seconds: 0.5 },
        ]
    );
}

#[test]
fn what_only_the_machine_knows_is_a_placeholder() {
    let text = "cli = hpacucli.Cli(debug=True)\n\
        if not cli.launch():\n    fail('no controller')\n\
        for slot, name, serial in cli.ctrl_all_show():\n    \
        cli.ctrl_delete('slot=%d' % slot)\n    \
        disks = [d[0] for array in cli.ctrl_pd_all_show('slot=%d' % slot) for d in array[1]]\n    \
        disk = cli.ctrl_create_ld('slot=%d' % slot, disks, '1+0')\n    \
        run('mkfs.ext4 %s1' % disk)\n\
        uuid = output('blkid')\nrun(['echo', uuid])\nprint(output('x', plan='y'))\n";
    let planned = planned(text, &vm()).unwrap();
    assert!(planned.plan.is_partial());
    assert_eq!(planned.printed, ["y"]);
    let names: Vec<&str> = planned
        .plan
        .placeholders
        .iter()
        .map(|placeholder| placeholder.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "slot-1",
            "controller-1",
            "serial-1",
            "array-1",
            "drive-1",
            "disk-1",
            "output-1"
        ]
    );
    let whats: Vec<&What> = planned.plan.actions.iter().map(|a| &a.what).collect();
    assert_eq!(
        whats[4],
        &What::Hpacucli {
            call: "ctrl_create_ld".to_owned(),
            arguments: vec![
                "slot=⟨slot-1⟩".to_owned(),
                "⟨drive-1⟩".to_owned(),
                "1+0".to_owned()
            ],
            gives: Some("disk-1".to_owned()),
        }
    );
    assert_eq!(whats[5], &shell("mkfs.ext4 ⟨disk-1⟩1"));
    assert_eq!(planned.plan.actions[5].line, 8);
}

#[test]
fn an_answer_that_a_plan_cannot_make_up_is_asked_for() {
    let error = planned("hpacucli.Cli().ctrl_show('slot=1')", &vm()).unwrap_err();
    assert!(error.hint().unwrap().contains("plan="), "{error:?}");
    let text = "print(hpacucli.Cli().ctrl_show('slot=1', plan={'a': 'b'})['a'])";
    assert_eq!(planned(text, &vm()).unwrap().printed, ["b"]);
}

#[test]
fn the_management_board_is_set_up() {
    let text = "ipmi.setup_user(1, 'root', 'x')\n\
        ipmi.setup_network(1, '10.0.0.2', '255.0.0.0', '10.0.0.1', vlan_id=7)\nipmi.restart_bmc()\n";
    let call = |call: &str, arguments: &[&str]| What::Ipmi {
        call: call.to_owned(),
        arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
    };
    assert_eq!(
        actions(text),
        [
            call("setup_user", &["1", "root", "x"]),
            call(
                "setup_network",
                &["1", "10.0.0.2", "255.0.0.0", "10.0.0.1", "7"]
            ),
            call("restart_bmc", &[]),
        ]
    );
}

#[test]
fn attempt_gives_the_result_and_the_error() {
    let text = "def bad(n):\n    fail('no', n)\n\
        print(attempt(bad, 3))\nprint(attempt(quote, text='a b'))\nprint(attempt(int, 'x')[1] != None)\n";
    assert_eq!(
        planned(text, &vm()).unwrap().printed,
        ["(None, \"no 3\")", "(\"'a b'\", None)", "True"]
    );
}

#[test]
fn fail_ends_the_script_with_its_text() {
    let error = planned("x = 1\nfail('No controller', 7)", &vm()).unwrap_err();
    assert_eq!(error.to_string(), "x.configure:2:1: No controller 7");
}

#[test]
fn an_action_within_a_function_has_the_line_of_the_function() {
    let plan = plan("def f():\n    run('a')\n\nattempt(f)\n[run(x) for x in ['b']]\n");
    let lines: Vec<u32> = plan.actions.iter().map(|action| action.line).collect();
    assert_eq!(lines, [2, 5]);
}

#[test]
fn a_plan_reads_back_from_its_json() {
    let plan = plan("sleep(0.5)\nopen('/x', 'w').write('y')\nx = output(['z'])\n");
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}
