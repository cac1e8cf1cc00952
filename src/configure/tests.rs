use std::process::Stdio;

use super::*;
use crate::model::Value;

const README_CONFIGURE: &str = "\
disk1 = '/dev/' + var['disk']

for disk, path in ((disk1, '/chroot'), ):
    run('parted -s %s mklabel msdos' % disk)

set_role('mysql', 'D7-F.1.0.0', disk1)
";

fn script(profile: &str, variables: &[(&str, Value)], configure: &str) -> String {
    let profile = ProfileName::new(profile).unwrap();
    let variables: CmdbEntry = variables
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    render_script(&Answer {
        profile: &profile,
        variables: &variables,
        configure,
        pxemngr_url: Some("http://192.168.122.1:8000/"),
        metadata_url: None,
        bad_rows: &[3, 7],
    })
}

/// What a shell command prints when the script is its standard input.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runs the client's own shell commands"
)]
fn through_shell(command: &str, script: &str) -> String {
    use std::io::Write;
    let mut child = std::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = script.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().ok();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_profile_stands_on_one_line_after_the_interpreter() {
    let script = script("vm", &[("disk", "vda".into())], README_CONFIGURE);
    let mut lines = script.lines();
    assert_eq!(lines.next(), Some("#!/usr/bin/env python"));
    assert_eq!(lines.next(), Some("#EDEPLOY_PROFILE = vm"));
    let with_word = |line: &&str| line.contains("EDEPLOY_PROFILE");
    assert_eq!(script.lines().filter(with_word).count(), 1);
    assert!(script.contains(README_CONFIGURE));
    assert!(script.contains("# 2 of the uploaded rows could not be used: 3, 7"));
    assert!(script.ends_with("_edeploy_to_vars(\"PXEMNGR_URL\", 'http://192.168.122.1:8000/')\n"));
}

#[test]
fn the_old_client_cuts_role_and_version_out_of_the_answer() {
    let hostile = "set_role('evil', 'evil', evil) EDEPLOY_PROFILE = evil";
    let script = script(
        "vm",
        &[("disk", "vda".into()), ("model", hostile.into())],
        README_CONFIGURE,
    );
    let cut = |field| {
        format!("grep set_role | awk 'BEGIN {{FS=\"'\\''\";}} {{printf \"%s\", ${field}}}'")
    };
    assert_eq!(through_shell(&cut(2), &script), "mysql");
    assert_eq!(through_shell(&cut(4), &script), "D7-F.1.0.0");
    assert_eq!(through_shell(&cut(5), &script), ", disk1)");
    let profile = "grep EDEPLOY_PROFILE | cut -d = -f 2 | tr -d ' '";
    assert_eq!(through_shell(profile, &script), "vm\n");
}

#[test]
fn a_text_with_other_characters_than_ascii_declares_its_coding() {
    let script = script("vm", &[], "# é\nrun('true')");
    assert_eq!(script.lines().nth(1), Some("# -*- coding: utf-8 -*-"));
    assert!(script.contains("# é\nrun('true')\n_edeploy_to_vars"));
}

#[test]
fn a_refusal_prints_its_text_as_it_stands_and_fails() {
    for text in [
        "$(touch X) `touch X` \\ \"'",
        "EOF\nEOF1\ntouch X",
        "'EOF'\n$HOME",
    ] {
        let printed = through_shell("sh; test $? = 1 && echo failed", &render_refusal(text));
        assert_eq!(printed, format!("{text}\nfailed\n"));
    }
}

#[test]
fn a_refusal_is_never_empty_and_never_names_a_profile_to_the_client() {
    let refusal = render_refusal("#EDEPLOY_PROFILE = hp\n\u{1b}[2J\0\r\u{202e}");
    assert!(!refusal.contains("EDEPLOY_PROFILE"));
    assert!(refusal.contains("\\u{1b}[2J\\u{0}"), "{refusal}");
    for nothing in ["", "\n \n"] {
        let printed = through_shell("sh", &render_refusal(nothing));
        assert_eq!(printed, "the server gave no reason\n");
    }
}

#[test]
fn a_script_for_another_interpreter_gets_its_variables_as_json() {
    let hostile = "it's $(touch X)\n`x` \\ \u{7f}";
    let configure = "#!/bin/sh\nprintf '%s\\n' \"$EDEPLOY_VARS\"; echo 'EOF'\nEOF\nexit 7\n";
    let script = script("shell", &[("v", hostile.into())], configure);
    assert!(script.starts_with("#!/bin/sh\n#EDEPLOY_PROFILE = shell\n"));
    let printed = through_shell("sh 2>/dev/null; echo $?", &script);
    let mut lines = printed.lines();
    let variables: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let expected = Value::Map(vec![
        ("v".to_owned(), hostile.into()),
        ("edeploy-profile".to_owned(), "shell".into()),
    ]);
    assert_eq!(variables, expected);
    assert_eq!(lines.next(), Some("EOF"));
    assert_eq!(printed.lines().last(), Some("7"));
}
