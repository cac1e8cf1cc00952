//! The same commands from real Pythons with stub tools.

use std::process::Output;

use edeploy::allocation::explain_dir;
use edeploy::configure::engine::{Limits, Script, plan_script};
use edeploy::configure::plan::{Plan, What};
use edeploy::configure::{Answer, render_script};
use edeploy::model::ProfileName;

use super::{ALL, answer, plan, variables, words};
use crate::examples::{examples, hardware};
use crate::support::python::{Root, pythons};

const LSBLK: &str = r#"
case "$*" in
*RM,RO*) echo '0 0' ;;
*SERIAL*) echo S1 ;;
*MODEL*) printf "it's \303\251 \$(x)\n" ;;
*SIZE*) echo 480103981056 ;;
esac"#;

const TOOLS: [&str; 15] = [
    "wipefs",
    "dd",
    "blockdev",
    "udevadm",
    "parted",
    "mdadm",
    "pvcreate",
    "vgcreate",
    "lvcreate",
    "mkswap",
    "mkfs.ext4",
    "mkfs.xfs",
    "mkfs.btrfs",
    "mkfs.vfat",
    "partprobe",
];

fn stubbed(lsblk: &str) -> Option<Root> {
    let root = Root::new()?;
    for tool in TOOLS.iter().chain(&["mount", "dmsetup"]) {
        root.stub(
            tool,
            if *tool == "blockdev" {
                "echo 2097152"
            } else {
                ""
            },
        );
    }
    // In this root there is no /etc, through which Debian finds its awk.
    let awk = std::fs::canonicalize("/usr/bin/awk").unwrap();
    root.stub("awk", &format!("exec {} \"$@\"", awk.display()));
    root.stub("lsblk", lsblk);
    Some(root)
}

pub(super) fn each(configure: &str, lsblk: &str, check: impl Fn(&Root, &Output)) {
    let script = answer(configure, &variables());
    for python in pythons() {
        let Some(root) = stubbed(lsblk) else { return };
        let output = root.run(&python, &script);
        println!(
            "{}: {}",
            python.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        check(&root, &output);
    }
}

/// What a Python that runs a plan's commands says, if they answer as the plan has it.
fn log_of(plan: &Plan) -> String {
    let mut log = String::new();
    for action in &plan.actions {
        let (command, printed) = match &action.what {
            What::Run { command } => (command, ""),
            What::Output { command, planned } => (command, planned.as_deref().unwrap()),
            _ => continue,
        };
        log.push_str(&format!("+ {}\n{printed}", words(command)));
        log.push_str(if printed.is_empty() { "" } else { "\n" });
    }
    log
}

#[test]
fn both_pythons_run_the_commands_of_the_example_scripts() {
    for profile in ["vm", "raid1-server", "storage-node"] {
        let facts = hardware(&format!("{profile}.json"));
        let given = explain_dir(&examples(), &facts).unwrap().profiles;
        let mut given = given.into_iter().filter(|given| given.chosen);
        let variables = given.next().unwrap().variables.unwrap();
        let name = format!("{profile}.configure");
        let text = std::fs::read_to_string(examples().join(&name)).unwrap();
        let script = Script {
            name: &name,
            text: &text,
        };
        let plan = plan_script(&script, profile, &variables, &Limits::default()).unwrap();
        let answer = render_script(&Answer {
            profile: &ProfileName::new(profile).unwrap(),
            variables: &variables,
            configure: &text,
            pxemngr_url: None,
            metadata_url: None,
            bad_rows: &[],
        });
        for python in pythons() {
            let Some(root) = stubbed(LSBLK) else { return };
            let output = root.run(&python, &answer);
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                log_of(&plan),
                "{profile}"
            );
            for action in &plan.actions {
                if let What::WriteFile { path, content, .. } = &action.what {
                    assert_eq!(&root.read(path.trim_start_matches('/')), content, "{path}");
                }
            }
        }
    }
}

#[test]
fn both_pythons_run_the_commands_of_the_plan() {
    let script = ALL.replacen("output = ", "# output = ", 1);
    let plan = plan(&script).unwrap_or_else(|error| panic!("{}", error.with_caret()));
    let expected = log_of(&plan);
    each(ALL, LSBLK, |root, output| {
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        // Python 2 writes what is not ASCII as escapes.
        let said = said
            .replace("\\xc3\\xa9", "\u{e9}")
            .replace("\\xe9", "\u{e9}");
        assert_eq!(said, expected);
        for action in &plan.actions {
            if let What::WriteFile { path, content, .. } = &action.what {
                assert_eq!(&root.read(path.trim_start_matches('/')), content, "{path}");
            }
        }
    });
}

#[test]
fn what_stands_on_a_disk_is_stopped_from_the_top() {
    let lsblk = "printf '%s\\n' '/dev/sda disk' '/dev/sda1 part' '/dev/md127 raid1' '/dev/mapper/vg-a lvm' \
                 '/dev/mapper/c crypt' '/dev/sda2 part' '/dev/md127 raid1' '/dev/mapper/vg-a lvm' '/dev/mapper/c crypt'";
    each("disk.wipe('/dev/sda')", lsblk, |root, output| {
        assert!(output.status.success());
        let calls = root.read("calls");
        let stops = calls
            .lines()
            .filter(|line| line.starts_with("dmsetup") || line.starts_with("mdadm"));
        let expected = [
            "dmsetup remove --retry /dev/mapper/c",
            "dmsetup remove --retry /dev/mapper/vg-a",
            "mdadm --stop /dev/md127",
        ];
        assert_eq!(stops.collect::<Vec<_>>(), expected);
        assert!(calls.contains(
            "\ndd if=/dev/zero of=/dev/sda bs=1M count=1 conv=fsync oflag=seek_bytes seek=1048576\n"
        ));
    });
    let busy = |root: &Root| root.stub("mdadm", "exit 1");
    let script = answer("disk.wipe('/dev/sda')", &variables());
    for python in pythons() {
        let Some(root) = stubbed(lsblk) else { return };
        busy(&root);
        let output = root.run(&python, &script);
        assert_eq!(output.status.code(), Some(1));
        assert!(!root.read("calls").contains("wipefs"));
    }
}
