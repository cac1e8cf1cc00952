//! Scripts of Python 2 and what `edeployctl convert` makes of them: the same commands and files.

use std::path::{Path, PathBuf};

use edeploy::configure::port::{Ported, port};
use edeploy::configure::{self, render_script};
use edeploy::model::{CmdbEntry, ProfileName};
use serde_json::{Value, json};

use crate::both_ways::{Left, left};
use crate::support::client::{answer, configure};
use crate::support::python::{Root, pythons};

fn script(name: &str) -> (String, Ported) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/port");
    let text = std::fs::read_to_string(path.join(name)).unwrap();
    let ported = port(name, &text);
    (text, ported)
}

fn python(version: &str) -> Option<PathBuf> {
    let is_two = |path: &PathBuf| path.to_string_lossy().contains("python2");
    pythons()
        .into_iter()
        .find(|path| is_two(path) == (version == "2"))
}

/// What an answer with this configure script leaves behind.
fn run(python: &Path, text: &str, variables: &Value, prepare: impl Fn(&Root)) -> Option<Left> {
    let root = Root::new()?;
    prepare(&root);
    let entry: CmdbEntry = serde_json::from_value(variables.clone()).unwrap();
    let script = render_script(&configure::Answer {
        profile: &ProfileName::new("vm").unwrap(),
        variables: &entry,
        configure: text,
        pxemngr_url: None,
        metadata_url: None,
        bad_rows: &[],
    });
    let output = root.run(python, &script);
    println!("{}: {output:?}", python.display());
    Some(left(&root, output.status.code()))
}

/// Runs the old text with Python 2, and the new one with both Pythons and with our client.
fn compare(name: &str, variables: &Value, prepare: impl Fn(&Root), client: bool) -> Option<Left> {
    let (text, ported) = script(name);
    assert_eq!(ported.left, [], "{name}");
    // The answer has these modules as classes of its own.
    let old = text
        .replace("import hpacucli\n", "")
        .replace("import ipmi\n", "");
    let (two, three) = (python("2")?, python("3")?);
    let expected = run(&two, &old, variables, &prepare)?;
    assert_eq!(expected.code, Some(0), "{name}");
    for python in [&two, &three] {
        let found = run(python, &ported.text, variables, &prepare)?;
        assert_eq!(found, expected, "{name} by {}", python.display());
    }
    if client {
        let root = Root::new()?;
        prepare(&root);
        let output = configure(&root, &answer(&ported.text, variables), &[]);
        assert_eq!(left(&root, output.status.code()), expected, "{name}");
    }
    Some(expected)
}

fn stubs(root: &Root, names: &[&str]) {
    for name in names {
        root.stub(name, "");
        root.stub(&format!("sbin/{name}"), "");
    }
}

#[test]
fn a_smart_array_script_does_the_same_ported() {
    let ssacli = r#"
case $* in
'ctrl slot=2 delete forced') echo 'Error: The specified device does not have any logical drives.' ;;
'ctrl slot=2 ld all show') printf '\n   array A\n\n      logicaldrive 1 (931.5 GB, RAID 1, OK)\n' ;;
'ctrl slot=2 ld 1 show') printf '      Logical Drive: 1\n         Disk Name: /dev/sdc \n' ;;
esac"#;
    let variables = json!({"slot": "2", "disk1": "1I:1:1", "disk2": "1I:1:2", "data1": "1I:1:3",
        "password": "secret"});
    let prepare = |root: &Root| {
        stubs(root, &["parted", "mkfs.ext4", "mkfs.xfs", "modprobe"]);
        root.stub("sbin/ssacli", ssacli);
    };
    let Some(left) = compare("smart-array.configure", &variables, prepare, true) else {
        return;
    };
    let mkfs = "mkfs.xfs -f -d agcount=2 -l size=1365m -L osd1 /dev/sdc\n";
    assert!(left.commands.contains(mkfs), "{}", left.commands);
    let (mode, .., text) = &left.files["post_rsync/etc/secret"];
    assert_eq!((*mode, text.as_str()), (0o640, "secret\n"));
    let fstab = &left.files["post_rsync/etc/fstab"].3;
    assert!(
        fstab.ends_with("\nLABEL=osd2 /osd2 xfs noatime 0 2\n"),
        "{fstab}"
    );
}

#[test]
fn a_script_of_many_constructs_does_the_same_ported() {
    let variables = json!({"disk": "vda", "ip-eth0": "10.0.0.2", "ipmi-channel": "1"});
    let prepare = |root: &Root| {
        stubs(root, &["parted", "ipmitool"]);
        root.stub("dmsetup", "exit 1");
        root.stub("sbin/dmsetup", "exit 1");
    };
    let Some(left) = compare("ifcfg.configure", &variables, prepare, true) else {
        return;
    };
    assert!(
        left.commands
            .starts_with("dmsetup remove_all\nparted -s /dev/vda mklabel msdos\n")
    );
    let network = "post_rsync/etc/sysconfig/network-scripts/ifcfg-eth0";
    assert_eq!(
        left.files[network].3,
        "DEVICE=eth0\nBOOTPROTO=none\nIPADDR=10.0.0.2\nDEFROUTE=yes\n    # kept as it is\n"
    );
    assert_eq!(
        left.files["post_rsync/etc/motd"].3,
        "10 1,2 of kernel 1 2\n"
    );
}

#[test]
fn what_attempts_and_loops_leave_behind_is_the_same_ported() {
    let variables = json!({"disk": "vda", "mtu": "9000", "gateway": "10.0.0.1"});
    let prepare = |root: &Root| root.stub("probe", "[ $1 = 1 ]");
    let Some(left) = compare("retry.configure", &variables, prepare, false) else {
        return;
    };
    assert_eq!(left.commands, "probe 0\nprobe 1\n");
    assert_eq!(
        left.files["post_rsync/etc/seen"].3,
        "9000 10.0.0.1 mtu 1 well not two 3 well outer block end\n"
    );
}

#[test]
fn the_scripts_of_the_examples_stay_as_they_are() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples");
    let mut seen = 0;
    for dir in [examples.clone(), examples.join("edeploy")] {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "configure")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let ported = port("x.configure", &text);
                assert_eq!(ported.text, text, "{}", path.display());
                assert_eq!(ported.left, [], "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn what_cannot_be_ported_is_named_line_by_line() {
    let (text, ported) = script("left.configure");
    let lines: Vec<u32> = ported.left.iter().map(|left| left.line).collect();
    for (number, line) in text.lines().enumerate() {
        let number = u32::try_from(number).unwrap() + 1;
        let words = [
            "class",
            "global",
            "exec ",
            "re.match",
            "subprocess.call",
            "zfill",
            "exit",
            "try",
        ];
        if words.iter().any(|word| line.contains(word)) {
            assert!(lines.contains(&number), "{number}: {line}: {lines:?}");
        }
    }
    assert!(
        ported
            .left
            .iter()
            .all(|left| left.instead.is_some() || left.line < 4)
    );
}
