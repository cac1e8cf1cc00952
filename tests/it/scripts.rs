//! The scripts that machines are answered, run by real Pythons in a root of their own.

use std::path::Path;

use crate::support::command;
use crate::support::python::{Root, pythons};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::write;

/// The script for a machine of this model, from this configure script.
fn script(configure: &str, model: &str) -> String {
    let server = TestServer::start(|dir| simple_profile(dir, configure));
    server.register(&machine("CZ1", model))
}

/// Runs a script with each Python there is, each in a root of its own made ready by `prepare`.
fn each_python(
    script: &str,
    prepare: impl Fn(&Root),
    check: impl Fn(&Root, &std::process::Output),
) {
    for python in pythons() {
        let Some(root) = Root::new() else { return };
        prepare(&root);
        let output = root.run(&python, script);
        println!("{}: {output:?}", python.display());
        check(&root, &output);
    }
}

/// What the old client does before it runs the answer (wire-formats 1.2).
fn rewritten_by_client(script: &str, os: &str, version: &str) -> String {
    const REWRITE: &str = r#"
ROLE=$(grep set_role configure | awk 'BEGIN {FS="'\''";} {printf "%s", $2}')
VERS=$(grep set_role configure | awk 'BEGIN {FS="'\''";} {printf "%s", $4}')
REST=$(grep set_role configure | awk 'BEGIN {FS="'\''";} {printf "%s", $5}')
[ -z "$OS" ] || ROLE=$OS
[ -z "$OS_VER" ] || VERS=$OS_VER
if [ -n "$REST" ]; then
    sed -i '/^set_role(/d' configure
    echo "set_role('$ROLE', '$VERS' $REST" >>configure
fi
"#;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("configure"), script);
    let done = command("sh")
        .args(["-c", REWRITE])
        .env("OS", os)
        .env("OS_VER", version)
        .current_dir(dir.path())
        .status();
    assert!(done.unwrap().success());
    std::fs::read_to_string(dir.path().join("configure")).unwrap()
}

/// The example of the seed's README, with a shorter file.
const README_CONFIGURE: &str = "
disk1 = '/dev/' + var['disk']

for disk, path in ((disk1, '/chroot'), ):
    run('parted -s %s mklabel msdos' % disk)
    run('parted -s %s mkpart primary ext2 0%% 100%%' % disk)
    run('mkfs.ext4 %s1' % disk)
    run('mkdir -p %s; mount %s1 %s' % (path, disk, path))

open('/interfaces', 'w').write('''
auto lo
address %(disk)s
''' % var)

set_role('mysql', 'D7-F.1.0.0', disk1)
";

#[test]
fn the_readme_example_runs_as_it_stands_and_after_the_clients_rewriting() {
    let script = script(README_CONFIGURE, "QEMU");
    let prepare = |root: &Root| {
        for tool in ["parted", "mkfs.ext4", "mount"] {
            root.stub(tool, "");
        }
    };
    let calls = "parted -s /dev/vda mklabel msdos\n\
                 parted -s /dev/vda mkpart primary ext2 0% 100%\n\
                 mkfs.ext4 /dev/vda1\nmount /dev/vda1 /chroot\n";
    each_python(&script, prepare, |root, output| {
        assert!(output.status.success());
        assert_eq!(root.read("calls"), calls);
        assert_eq!(root.read("interfaces"), "\nauto lo\naddress vda\n");
        assert!(root.path("chroot").is_dir());
        let vars = "ROLE=mysql\nVERS=D7-F.1.0.0\nDISK=/dev/vda\nPROFILE=vm\n";
        assert_eq!(root.read("vars"), vars);
    });
    let rewritten = rewritten_by_client(&script, "", "D12");
    each_python(&rewritten, prepare, |root, output| {
        assert!(output.status.success());
        let vars = "ROLE=mysql\nVERS=D12\nDISK=/dev/vda\nPROFILE=vm\n";
        assert_eq!(root.read("vars"), vars);
    });
}

#[test]
fn a_command_that_fails_ends_the_script_with_its_exit_code() {
    let script = script(
        "run('true')\nrun('echo gone wrong; exit 7')\nrun('touch /after')",
        "x",
    );
    each_python(
        &script,
        |_| (),
        |root, output| {
            assert_eq!(output.status.code(), Some(7));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.contains("+ true\n") && said.contains("\ngone wrong\n"),
                "{said}"
            );
            assert!(said.contains("command failed with exit code 7: echo gone wrong; exit 7"));
            assert!(!root.path("after").exists());
        },
    );
}

#[test]
fn what_fails_in_an_attempt_is_told_and_the_script_goes_on() {
    let script = script(
        "_, error = attempt(run, 'exit 3')\n\
         config('/error').write(error + '\\n')\n\
         kernel, error = attempt(output, ['echo', \"it's Linux\"], plan='Linux')\n\
         config('/kernel').write(kernel + '|' + str(error) + '\\n')\n\
         def stop(why):\n    fail('no ' + why)\n\
         config('/why').write(str(attempt(stop, why='disk')) + '\\n')\n\
         config('/word').write(output('echo ' + quote(\"$(x) y'z\") + '; echo bad >&2'))\n\
         sleep(0)\nfail('enough')\nrun('touch /after')",
        "x",
    );
    each_python(
        &script,
        |_| (),
        |root, output| {
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let read = |name: &str| root.read(&format!("post_rsync/{name}"));
            assert_eq!(read("error"), "command failed with exit code 3: exit 3\n");
            assert_eq!(read("kernel"), "it's Linux|None\n");
            assert_eq!(read("why"), "(None, 'no disk')\n");
            assert_eq!(read("word"), "$(x) y'z");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.contains("bad\n") && said.ends_with("enough\n"),
                "{said}"
            );
            assert!(!root.path("after").exists());
        },
    );
}

#[test]
fn a_command_ended_by_a_signal_or_not_found_ends_the_script_too() {
    for (line, code) in [
        ("run('kill -9 $$')", 137),
        ("run(['no-such-program'])", 127),
    ] {
        each_python(
            &script(line, "x"),
            |_| (),
            |_, output| {
                assert_eq!(output.status.code(), Some(code));
            },
        );
    }
}

#[test]
fn no_command_of_a_list_reads_standard_input() {
    let script = script(
        "run('cat >/first; cat >/second')\nrun(['tee', '/third'])",
        "x",
    );
    each_python(
        &script,
        |_| (),
        |root, output| {
            assert!(output.status.success());
            for name in ["first", "second", "third"] {
                assert!(root.path(name).exists());
                assert_eq!(root.read(name), "");
            }
        },
    );
}

#[test]
fn staged_files_have_the_mode_and_the_content_that_was_asked_for() {
    use std::os::unix::fs::MetadataExt;
    let configure = "
config('/etc/hostname').write('a\\n')
config('/etc/secret', fmod=0o600, uid=7, gid=8).write('b\\n')
config('/etc/hostname', mode='a').write('c\\n')
config('/etc/binary', mode='wb').write(b'\\x00')
grub_options('quiet splash')
try:
    config('/../../etc/passwd')
except ValueError:
    open('/refused', 'w').close()
";
    each_python(
        &script(configure, "x"),
        |_| (),
        |root, output| {
            assert!(output.status.success());
            assert_eq!(root.read("post_rsync/etc/hostname"), "a\nc\n");
            assert_eq!(root.read("post_rsync/etc/binary"), "\0");
            assert_eq!(root.read("grub_options"), "quiet splash");
            let secret = root.path("post_rsync/etc/secret").metadata().unwrap();
            assert_eq!(
                (secret.mode() & 0o777, secret.uid(), secret.gid()),
                (0o600, 7, 8)
            );
            assert!(root.path("refused").exists());
        },
    );
}

#[test]
fn facts_for_facter_are_quoted_yaml() {
    let configure = "
inject_facts({'mac': '525400123456', 'n': 3, 'none': None, 'yes': True, 'list': ['a', 1],
              'bad key: x': 'x', 'text': '\"\\\\\\n- evil: 1\\x07', 'e': var['model']})
";
    let expected = "---
\"hw_bad key: x\": \"x\"
hw_e: \"caf\u{e9}\u{1f600}\"
hw_list: [\"a\", 1]
hw_mac: \"525400123456\"
hw_n: 3
hw_none: null
hw_text: \"\\\"\\\\\\u000a- evil: 1\\u0007\"
hw_yes: true
";
    each_python(
        &script(configure, "caf\u{e9}\u{1f600}"),
        |_| (),
        |root, output| {
            assert!(output.status.success());
            assert_eq!(
                root.read("post_rsync/etc/facter/facts.d/edeploy.yaml"),
                expected
            );
        },
    );
}

/// Values that would do harm if any of them were ever read as code.
fn hostile_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "'''; import os; os.system('touch /pwned') #",
        "\"\"\"\n__import__('os').mknod('/pwned')\n\"\"\"",
        "$(touch /pwned) `touch /pwned` ; touch /pwned",
        "' + open('/pwned', 'w').close() + '",
        "\\'; open('/pwned', 'w') #\\",
        "line\nopen('/pwned', 'w')\r\nopen('/pwned', 'w')\u{2028}open('/pwned', 'w')",
        "EOF\ntouch /pwned\nEOF",
        "a\0b\u{1b}]0;x\u{7}",
        "\u{e9}\u{4e2d}\u{1f600}\u{202e}",
        "%(model)s %s {0} {model}",
        "set_role('evil', 'evil', evil)",
        "#EDEPLOY_PROFILE = evil",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("{}$(touch /pwned)", "x".repeat(1_000_000)));
    values
}

#[test]
fn no_value_of_a_machine_is_ever_code_in_its_script() {
    let configure = "
import json
text = var['model'] if isinstance(var['model'], type(u'')) else var['model'].decode('utf-8')
open('/value', 'w').write(json.dumps(text))
open('/type', 'w').write(str(isinstance(var['model'], str)))
set_role('base', '1.0', '/dev/' + var['disk'])
";
    let server = TestServer::start(|dir| simple_profile(dir, configure));
    for value in hostile_values() {
        let script = server.register(&machine("CZ1", &value));
        let words = |word| script.lines().filter(|line| line.contains(word)).count();
        assert_eq!(words("EDEPLOY_PROFILE"), 1);
        assert_eq!(words("set_role"), 2, "the helper and the call");
        each_python(
            &script,
            |_| (),
            |root, output| {
                assert!(output.status.success());
                let read: String = serde_json::from_str(&root.read("value")).unwrap();
                assert_eq!(read, value);
                assert_eq!(root.read("type"), "True");
                assert!(!root.path("pwned").exists());
            },
        );
    }
}

#[test]
fn no_value_of_a_machine_is_ever_code_in_a_refusal() {
    let server = TestServer::start(|dir| {
        simple_profile(dir, "");
        write(
            dir.join("vm.specs"),
            "[('system', 'product', 'name', 'other')]",
        );
    });
    for value in hostile_values() {
        let answers = [
            server.register(&machine("CZ1", &value)),
            server.register(&format!("{} , {value}", machine("CZ1", &value))),
            server
                .upload(&[
                    ("section", None, value.as_bytes()),
                    ("file", Some("hw.json"), b"[]"),
                ])
                .text(),
        ];
        for answer in answers {
            assert!(answer.starts_with("#!/bin/sh\n\ncat <<'EOF"), "{answer}");
            assert!(answer.ends_with("\n\nexit 1\n"), "{answer}");
            assert!(!answer.contains("EDEPLOY_PROFILE"));
            let controls = |c: char| c.is_control() && c != '\n' && c != '\t';
            assert!(!answer.contains(controls), "{answer:?}");
            let Some(root) = Root::new() else { return };
            let output = root.run(Path::new("/bin/sh"), &answer);
            assert_eq!(output.status.code(), Some(1));
            assert!(output.stdout.len() > 10);
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            assert!(!root.path("pwned").exists());
        }
    }
}

#[test]
fn a_script_for_the_shell_gets_its_variables_as_json() {
    let configure = "#!/bin/sh -e\nprintf '%s' \"$EDEPLOY_VARS\" >/value\ncat >/input-seen\necho ROLE=base >>/vars\n";
    let server = TestServer::start(|dir| simple_profile(dir, configure));
    for value in hostile_values().iter().filter(|value| value.len() < 10_000) {
        let Some(root) = Root::new() else { return };
        let script = server.register(&machine("CZ1", value));
        let output = root.run(Path::new("/bin/sh"), &script);
        assert!(output.status.success(), "{output:?}");
        let read: serde_json::Value = serde_json::from_str(&root.read("value")).unwrap();
        assert_eq!(read["model"], value.as_str());
        assert_eq!(read["edeploy-profile"], "vm");
        assert_eq!(root.read("vars"), "ROLE=base\n");
        assert_eq!(root.read("input-seen"), "");
        assert!(!root.path("pwned").exists());
    }
}

#[test]
fn the_raid_controller_and_the_management_board_are_driven_by_their_tools() {
    let configure = "
ctrl = hpacucli.Cli(debug=True)
assert ctrl.launch()
assert ctrl.ctrl_all_show() == [(2, 'Smart Array P420', 'PDKRH0ARH4F1R6')], ctrl.ctrl_all_show()
drives = ctrl.ctrl_pd_all_show('slot=2')
assert drives == [('unassigned', [('1I:1:1', 'SATA', '1 TB', 'OK'), ('1I:1:2', 'SATA', '1 TB', 'OK')])], drives
try:
    ctrl.ctrl_delete('slot=9')
except hpacucli.Error as error:
    assert error.value == 'The controller identified by slot=9 was not detected.', error.value
ctrl.ctrl_delete('slot=2')
assert ctrl.ctrl_create_ld('slot=2', ['1I:1:1', '1I:1:2'], '1') == '/dev/sda'
ipmi.setup_user('1', 'root', 'pass word')
ipmi.setup_network('1', '10.0.0.2', '255.0.0.0', '10.0.0.1', 7)
";
    let ssacli = r#"
case "$*" in
'ctrl all show') echo; echo 'Smart Array P420 in Slot 2                (sn: PDKRH0ARH4F1R6)' ;;
'ctrl slot=2 pd all show') printf '\nSmart Array P420 in Slot 2\n\n   unassigned\n\n      physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)\n      physicaldrive 1I:1:2 (port 1I:box 1:bay 2, SATA, 1 TB, OK)\n' ;;
'ctrl slot=9 delete forced') echo 'Error: The controller identified by slot=9 was not detected.'; exit 1 ;;
'ctrl slot=2 ld all show') printf '\n   array A\n\n      logicaldrive 1 (931.5 GB, RAID 1, OK)\n' ;;
'ctrl slot=2 ld 1 show') printf '      Logical Drive: 1\n         Size: 931.5 GB\n         Disk Name: /dev/sda          Mount Points: None\n' ;;
esac"#;
    let prepare = |root: &Root| {
        root.stub("modprobe", "");
        root.stub("ipmitool", "");
        root.stub("sbin/ssacli", ssacli);
    };
    each_python(&script(configure, "x"), prepare, |root, output| {
        assert!(output.status.success());
        let calls = root.read("calls");
        for call in [
            "modprobe sg",
            "ssacli ctrl slot=2 create type=ld drives=1I:1:1,1I:1:2 raid=1",
            "ipmitool user set password 1 pass word",
            "ipmitool user priv 1 4 1",
            "ipmitool lan set 1 defgw ipaddr 10.0.0.1",
            "ipmitool lan set 1 vlan id 7",
            "ipmitool bmc reset cold",
        ] {
            assert!(calls.lines().any(|line| line == call), "{call}: {calls}");
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("pass word"), "{said}");
    });
}
