//! One script, two interpreters: the Python answer for old ramdisks and our client do the same,
//! command by command and file by file.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use edeploy::configure::{self, render_script};
use edeploy::model::{CmdbEntry, ProfileName};
use serde_json::{Value, json};

use crate::support::client::{answer, configure};
use crate::support::python::{Root, pythons};

/// What a run leaves: its commands, and each file it made with mode, owner and content.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) commands: String,
    pub(crate) files: BTreeMap<String, (u32, u32, u32, String)>,
}

/// What belongs to the test and not to the script.
const OURS: [&str; 7] = [
    "calls",
    "configure",
    "answer.json",
    "configure.jsonl",
    "input",
    "stubs",
    "tmp",
];

pub(crate) fn left(root: &Root, code: Option<i32>) -> Left {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(root.path("")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // Symbolic links and mount points are the host's.
        let is_host = [
            "usr", "bin", "sbin", "lib", "lib64", "lib32", "dev", "proc", "sys",
        ];
        if !OURS.contains(&name.as_str()) && !is_host.contains(&name.as_str()) {
            collect(&entry.path(), &name, &mut files);
        }
    }
    Left {
        code,
        commands: root.read("calls"),
        files,
    }
}

fn collect(path: &Path, name: &str, files: &mut BTreeMap<String, (u32, u32, u32, String)>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let inner = entry.file_name().into_string().unwrap();
            collect(&entry.path(), &format!("{name}/{inner}"), files);
        }
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    let meta = std::fs::metadata(path).unwrap();
    let mode = meta.permissions().mode() & 0o7777;
    files.insert(name.to_owned(), (mode, meta.uid(), meta.gid(), text));
}

/// Runs a script by each Python and by our client, each in a root of its own, and compares.
/// Gives what our client left, or none where this machine cannot run them.
pub(crate) fn compare(
    configure_text: &str,
    variables: &Value,
    prepare: impl Fn(&Root),
) -> Option<Left> {
    let ours = Root::new()?;
    prepare(&ours);
    let output = configure(&ours, &answer(configure_text, variables), &[]);
    let ours = left(&ours, output.status.code());
    let entry: CmdbEntry = serde_json::from_value(variables.clone()).unwrap();
    let script = render_script(&configure::Answer {
        profile: &ProfileName::new("vm").unwrap(),
        variables: &entry,
        configure: configure_text,
        pxemngr_url: None,
        metadata_url: None,
        bad_rows: &[],
    });
    for python in pythons() {
        let root = Root::new()?;
        prepare(&root);
        let output = root.run(&python, &script);
        println!("{}: {output:?}", python.display());
        let mut theirs = left(&root, output.status.code());
        // The Python answer ends with the code of the command, our client with one that says who
        // must act.
        theirs.code = theirs.code.map(|code| if code == 0 { 0 } else { 5 });
        assert_eq!(theirs, ours, "{}", python.display());
    }
    Some(ours)
}

/// Programs that only say that they were called.
pub(crate) fn stubs(names: &'static [&'static str]) -> impl Fn(&Root) {
    move |root| {
        for name in names {
            root.stub(name, "");
            root.stub(&format!("sbin/{name}"), "");
        }
    }
}

const TOOLS: &[&str] = &[
    "parted",
    "mkfs.ext4",
    "mkfs.xfs",
    "mount",
    "mdadm",
    "wipefs",
    "udevadm",
    "ipmitool",
    "sgdisk",
    "sfdisk",
    "partprobe",
    "blockdev",
    "lsblk",
    "findmnt",
    "blkid",
];

#[test]
fn the_readme_example_does_the_same_both_ways() {
    let text = include_str!("../../config-examples/edeploy/vm.configure");
    let variables = json!({"disk": "vda", "eth": "eth0", "ip": "10.0.0.2", "mac": "m",
        "netmask": "255.0.0.0", "gateway": "10.0.0.1"});
    let Some(left) = compare(text, &variables, stubs(TOOLS)) else {
        return;
    };
    assert_eq!(left.code, Some(0));
    assert!(
        left.commands.contains("mkfs.ext4 /dev/vda1\n"),
        "{}",
        left.commands
    );
    assert!(left.files.contains_key("interfaces") && left.files.contains_key("vars"));
}

#[test]
fn every_helper_does_the_same_both_ways() {
    let text = r#"
value = var['hostile']
run(['mkfs.ext4', '-L', value, '/dev/vda'])
run('echo %s >/said' % quote(value))
name = output(['sh', '-c', 'echo  two  words; echo'], plan='')
config('/etc/name', fmod=0o640, uid=1, gid=2).write(name + '|')
f = config('etc/list', 'a')
for i in range(3):
    f.write('%d %5.2f %-4s|%x\n' % (i, i / 3.0, 'x', 255))
f.close()
_, error = attempt(run, 'echo sorry; exit 3')
config('/error').write('%s\n' % error)
def deep(x):
    fail('no %s' % x)
result, error = attempt(deep, 'luck')
config('/error2').write('%s %s\n' % (result, error))
result, error = attempt(output, ['sh', '-c', 'exit 4'])
config('/error3').write('%s %s\n' % (result, error))
open('/modules', 'w').write('bonding\n')
open('/modules', 'a').write('raid1\n')
inject_facts(var)
inject_facts({'a b': [1, None, True, 'x']}, prefix='')
grub_options('quiet %(n)s' % var)
ipmi.setup_user(1, 'admin', value)
ipmi.setup_network(1, '10.0.0.2', '255.0.0.0', '10.0.0.1', 7)
ipmi.setup_network('2', '10.0.0.2', '255.0.0.0', '10.0.0.1')
ipmi.restart_bmc()
sleep(0)
set_role('my role', "it's", value)
"#;
    let variables = json!({"hostile": "a'b $(touch /gone) \"c\" ; \\ é %s", "n": 3, "f": 1.5,
        "list": ["x", 1, null, true]});
    let Some(left) = compare(text, &variables, stubs(TOOLS)) else {
        return;
    };
    assert_eq!(left.code, Some(0));
    assert!(!left.files.contains_key("gone"));
    let (mode, uid, gid, text) = &left.files["post_rsync/etc/name"];
    assert_eq!(
        (*mode, *uid, *gid, text.as_str()),
        (0o640, 1, 2, "two words\n|")
    );
}

#[test]
fn a_failure_leaves_the_same_behind_both_ways() {
    for text in [
        "run('true')\nrun('mount x; exit 9')\nrun('touch /after')\n",
        "run(['mount', 'x'])\nrun(['no-such-program', 'x'])\nrun('touch /after')\n",
        "open('/a', 'w').write('1')\nfail('enough')\nrun('touch /after')\n",
        "def f():\n    run('exit 1')\n    run('touch /after')\nattempt(f)\nf()\n",
    ] {
        let Some(left) = compare_failing(text) else {
            return;
        };
        assert_ne!(left.code, Some(0), "{text}");
        assert!(!left.files.contains_key("after"), "{text}");
    }
}

/// As `compare`, for a script whose plan may itself fail: then nothing of it is run by the client.
fn compare_failing(text: &str) -> Option<Left> {
    if text.contains("\nfail(") {
        let text = text.replace("fail('enough')", "attempt(fail, 'x')\nrun('exit 3')");
        return compare(&text, &json!({}), stubs(TOOLS));
    }
    compare(text, &json!({}), stubs(TOOLS))
}

#[test]
fn a_raid_controller_is_asked_the_same_both_ways() {
    let text = r#"
ctrl = hpacucli.Cli(debug=True)
if not ctrl.launch():
    fail('no controller')
seen = []
for slot, name, serial in ctrl.ctrl_all_show():
    sel = 'slot=%s' % slot
    seen.append('%s %s %s' % (slot, name, serial))
    _, error = attempt(ctrl.ctrl_delete, sel)
    seen.append(str(error))
    drives = []
    for array, found in ctrl.ctrl_pd_all_show(sel):
        for drive in found:
            seen.append('|'.join(drive))
            drives.append(drive[0])
    disk = ctrl.ctrl_create_ld(sel, drives, '1')
    run('mkfs.ext4 %s' % disk)
    for key, value in sorted(ctrl.ctrl_ld_show(sel, 1, plan={}).items()):
        seen.append('%s=%s' % (key, value))
config('/seen').write('\n'.join(seen) + '\n')
"#;
    let ssacli = r#"
case $* in
'ctrl all show') echo; echo 'Smart Array P420 in Slot 2                (sn: PDKRH0ARH4F1R6)' ;;
'ctrl slot=2 delete forced') echo 'Error: The specified device does not have any logical drives.' ;;
'ctrl slot=2 pd all show') printf '\n   unassigned\n\n      physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)\n      physicaldrive 1I:1:2 (port 1I:box 1:bay 2, Solid State SATA, 1 TB, OK)\n' ;;
'ctrl slot=2 ld all show') printf '\n   array A\n\n      logicaldrive 1 (931.5 GB, RAID 1, OK)\n' ;;
'ctrl slot=2 ld 1 show') printf '      Logical Drive: 1\n         Size: 931.5 GB   Fault Tolerance: 1\n         Disk Name: /dev/sdc \n         Mirror Group 0:\n            physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)\n' ;;
esac
"#;
    let prepare = |root: &Root| {
        stubs(&["mkfs.ext4", "modprobe"])(root);
        root.stub("sbin/ssacli", ssacli);
    };
    let Some(left) = compare(text, &json!({}), prepare) else {
        return;
    };
    assert_eq!(left.code, Some(0));
    assert!(
        left.commands
            .ends_with("mkfs.ext4 /dev/sdc\nssacli ctrl slot=2 ld 1 show\n")
    );
    assert!(
        left.files["post_rsync/seen"]
            .3
            .contains("does not have any logical drives")
    );
}
