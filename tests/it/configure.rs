//! The client runs configure scripts: what it does, what it refuses, what it leaves behind.

use serde_json::{Value, json};

use crate::support::client::{answer, configure, journal};
use crate::support::python::Root;

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_script_runs_as_planned_and_leaves_a_journal() {
    let Some(root) = Root::new() else { return };
    root.stub("sbin/mkfs.ext4", "echo made");
    let text = "run('mkfs.ext4 /dev/%(disk)s' % var)\n\
                config('/etc/hostname', fmod=0o600).write('node7\\n')\n\
                grub_options('quiet')\nset_role('mysql', 'D7', '/dev/' + var['disk'])\n";
    let output = configure(&root, &answer(text, &json!({"disk": "vda"})), &[]);
    assert!(output.status.success());
    assert_eq!(output.stdout, b"4 actions performed\n");
    assert!(said(&output).starts_with("line 1 + mkfs.ext4 /dev/vda\nmade\nline 2 + write"));
    assert_eq!(root.read("calls"), "mkfs.ext4 /dev/vda\n");
    assert_eq!(root.read("post_rsync/etc/hostname"), "node7\n");
    assert_eq!(root.read("grub_options"), "quiet");
    assert_eq!(
        root.read("vars"),
        "ROLE=mysql\nVERS=D7\nDISK=/dev/vda\nPROFILE=vm\n"
    );
    let journal = journal(&root);
    let events: Vec<&str> = journal
        .iter()
        .map(|it| it["event"].as_str().unwrap())
        .collect();
    let pair = ["start", "end"];
    assert_eq!(
        events,
        [&["begin"][..], &pair, &pair, &pair, &pair, &["finish"]].concat()
    );
    assert_eq!(journal[1]["action"]["command"], "mkfs.ext4 /dev/vda");
    assert_eq!(journal[1]["standing"], "planned");
    assert_eq!(journal[9]["performed"], 4);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(root.path("configure.jsonl"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_script_edited_by_one_character_is_refused_with_the_old_hash() {
    let Some(root) = Root::new() else { return };
    root.stub("sbin/mkfs.ext4", "");
    let mut answer = answer("run('mkfs.ext4 /dev/vda')\n", &json!({}));
    answer["configure"] = "run('mkfs.ext4 /dev/vdb')\n".into();
    let output = configure(&root, &answer, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("nothing was done"));
    assert_eq!(root.read("calls"), "");
    assert_eq!(journal(&root)[1]["result"], "failed");
    // The same with other variables.
    let mut answer = self::answer(
        "run('mkfs.ext4 /dev/%(disk)s' % var)\n",
        &json!({"disk": "vda"}),
    );
    answer["variables"]["disk"] = "vdb".into();
    assert_eq!(configure(&root, &answer, &[]).status.code(), Some(3));
    answer.as_object_mut().unwrap().remove("plan_hash");
    assert_eq!(configure(&root, &answer, &[]).status.code(), Some(3));
    assert_eq!(root.read("calls"), "");
}

#[test]
fn the_first_failure_stops_with_the_command_its_code_its_last_output_and_the_line() {
    let Some(root) = Root::new() else { return };
    root.stub("sbin/mkfs.ext4", "echo no such disk >&2; exit 7");
    let text = "# comment\nrun(['mkfs.ext4', '/dev/vda'])\nrun('touch /after')\n";
    let output = configure(&root, &answer(text, &json!({})), &[]);
    assert_eq!(output.status.code(), Some(5));
    let said = said(&output);
    for part in [
        "error: vm.configure:2:1: `mkfs.ext4 /dev/vda` failed: exit code 7: no such disk\n",
        "2 | run(['mkfs.ext4', '/dev/vda'])\n  | ^^^",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!root.path("after").exists());
    let journal = journal(&root);
    assert_eq!(journal[2]["result"], "failed");
    assert_eq!(journal.len(), 4);
}

#[test]
fn no_value_hides_what_is_run_from_the_console() {
    let Some(root) = Root::new() else { return };
    let variables = json!({"model": "x\r\u{8}\u{1b}[2J"});
    let text = "run(['true', 'careful', var['model']])\n";
    let output = configure(&root, &answer(text, &variables), &[]);
    let said = said(&output);
    assert!(
        said.starts_with("line 1 + true careful 'x���[2J'\n"),
        "{said:?}"
    );
}

#[test]
fn a_command_ended_by_a_signal_is_told_so() {
    let Some(root) = Root::new() else { return };
    let output = configure(&root, &answer("run('kill -9 $$')\n", &json!({})), &[]);
    assert_eq!(output.status.code(), Some(5));
    assert!(said(&output).contains("signal 9"));
}

#[test]
fn a_dry_run_looks_but_changes_nothing() {
    let Some(root) = Root::new() else { return };
    root.stub("sbin/mkfs.ext4", "");
    root.stub("sbin/lsblk", "echo sda");
    let text = "disk = output('lsblk -dno NAME')\nrun('mkfs.ext4 /dev/' + disk)\n\
                open('/x', 'w').write('1')\nset_role('a', 'b', disk)\n";
    let output = configure(&root, &answer(text, &json!({})), &["--dry-run"]);
    assert!(output.status.success());
    assert!(said(&output).contains("line 2 + mkfs.ext4 /dev/sda\n"));
    assert_eq!(output.stdout, b"4 actions would be performed\n");
    assert_eq!(root.read("calls"), "lsblk -dno NAME\n");
    for name in ["x", "vars", "configure.jsonl"] {
        assert!(!root.path(name).exists(), "{name}");
    }
}

#[test]
fn a_script_in_another_language_gets_its_variables_and_the_helpers() {
    let Some(root) = Root::new() else { return };
    let text = "#!/bin/sh -e\necho \"$EDEPLOY_VARS\" >/given\n\
                edeploy helper set_role mysql D7 \"/dev/vda\"\n\
                echo node7 | edeploy helper config /etc/hostname --fmod 600\n\
                edeploy helper grub_options 'quiet splash'\nedeploy helper inject_facts\n";
    let output = configure(&root, &answer(text, &json!({"ip": "10.0.0.1"})), &[]);
    assert!(output.status.success());
    let given: Value = serde_json::from_str(&root.read("given")).unwrap();
    assert_eq!(given, json!({"ip": "10.0.0.1", "edeploy-profile": "vm"}));
    assert_eq!(
        root.read("vars"),
        "ROLE=mysql\nVERS=D7\nDISK=/dev/vda\nPROFILE=vm\n"
    );
    assert_eq!(root.read("post_rsync/etc/hostname"), "node7\n");
    assert_eq!(root.read("grub_options"), "quiet splash");
    let facts = root.read("post_rsync/etc/facter/facts.d/edeploy.yaml");
    assert!(facts.contains("hw_ip: \"10.0.0.1\"\n"), "{facts}");
}
