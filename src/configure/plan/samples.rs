//! Plans for the tests.

use proptest::prelude::*;

use super::{Action, CommandText, Placeholder, Plan, What};

pub(super) fn shell(text: &str) -> CommandText {
    CommandText::Shell(text.to_owned())
}

pub(super) fn list(words: &[&str]) -> CommandText {
    CommandText::List(words.iter().map(|word| (*word).to_owned()).collect())
}

pub(super) fn run(text: &str) -> What {
    What::Run {
        command: shell(text),
    }
}

pub(super) fn write(path: &str, content: &str) -> What {
    What::WriteFile {
        path: path.to_owned(),
        content: content.to_owned(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        append: false,
    }
}

/// A plan without placeholders; action `n` stands on line `10 * n`.
pub(super) fn plan(actions: Vec<What>) -> Plan {
    let numbered = (1..).map(|number| number * 10).zip(actions);
    Plan {
        profile: "vm".to_owned(),
        actions: numbered.map(|(line, what)| Action { line, what }).collect(),
        placeholders: Vec::new(),
    }
}

/// A plan with one of each action.
pub(super) fn everything() -> Plan {
    let text = str::to_owned;
    let mut plan = plan(vec![
        run("cat /proc/mdstat"),
        What::Hpacucli {
            call: text("ctrl_create_ld"),
            arguments: vec![text("slot=1"), text("1I:1:1,1I:1:2"), text("1")],
            gives: Some(text("disk-1")),
        },
        run("parted -s ⟨disk-1⟩ mklabel gpt"),
        run("for part in 1 2\ndo\n\twipefs -a ⟨disk-1⟩$part\ndone"),
        What::Run {
            command: list(&["mkfs.ext4", "-L", "the root", "/dev/sdb1"]),
        },
        What::Output {
            command: shell("blkid -o value /dev/sdb1"),
            planned: None,
        },
        What::Output {
            command: shell("uname -r"),
            planned: Some(text("6.12.0\n")),
        },
        write("/post_rsync/etc/motd", "one\n\u{1b}[2Jtwo\tthree"),
        What::WriteFile {
            path: text("/post_rsync/etc/x"),
            content: String::new(),
            mode: 0o600,
            uid: 1,
            gid: 2,
            append: true,
        },
        What::GrubOptions {
            options: text("console=ttyS0"),
        },
        What::Ipmi {
            call: text("setup_network"),
            arguments: vec![text("1"), text("10.0.0.1")],
        },
        What::Sleep { seconds: 2.5 },
        What::SetRole {
            role: text("base"),
            version: text("D12-F.1.0.0"),
            disk: text("⟨disk-1⟩"),
            profile: text("vm"),
        },
    ]);
    plan.placeholders = vec![
        Placeholder {
            name: text("disk-1"),
            line: 20,
            from: text("hpacucli.ctrl_create_ld(slot=1)"),
        },
        Placeholder {
            name: text("output-1"),
            line: 60,
            from: text("blkid -o value /dev/sdb1"),
        },
    ];
    plan
}

fn command() -> impl Strategy<Value = CommandText> {
    prop_oneof![
        any::<String>().prop_map(CommandText::Shell),
        prop::collection::vec(any::<String>(), 0..4).prop_map(CommandText::List),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let texts = || prop::collection::vec(any::<String>(), 0..3);
    prop_oneof![
        command().prop_map(|command| What::Run { command }),
        (command(), any::<Option<String>>())
            .prop_map(|(command, planned)| What::Output { command, planned }),
        (
            any::<String>(),
            any::<String>(),
            any::<u32>(),
            any::<bool>()
        )
            .prop_map(|(path, content, mode, append)| {
                What::WriteFile {
                    path,
                    content,
                    mode,
                    uid: mode,
                    gid: 0,
                    append,
                }
            }),
        (
            any::<String>(),
            any::<String>(),
            any::<String>(),
            any::<String>()
        )
            .prop_map(|(role, version, disk, profile)| What::SetRole {
                role,
                version,
                disk,
                profile
            }),
        any::<String>().prop_map(|options| What::GrubOptions { options }),
        (any::<String>(), texts()).prop_map(|(call, arguments)| What::Ipmi { call, arguments }),
        (any::<String>(), texts(), any::<Option<String>>()).prop_map(|(call, arguments, gives)| {
            What::Hpacucli {
                call,
                arguments,
                gives,
            }
        }),
        prop::num::f64::NORMAL.prop_map(|seconds| What::Sleep { seconds }),
        any::<(String, String)>().prop_map(|(interpreter, sha256)| What::Opaque {
            interpreter,
            sha256
        }),
    ]
}

/// Any plan.
pub(super) fn any_plan() -> impl Strategy<Value = Plan> {
    let action = (any::<u32>(), what()).prop_map(|(line, what)| Action { line, what });
    let placeholder = (any::<String>(), any::<u32>(), any::<String>())
        .prop_map(|(name, line, from)| Placeholder { name, line, from });
    let actions = prop::collection::vec(action, 0..6);
    let placeholders = prop::collection::vec(placeholder, 0..3);
    (any::<String>(), actions, placeholders).prop_map(|(profile, actions, placeholders)| Plan {
        profile,
        actions,
        placeholders,
    })
}
