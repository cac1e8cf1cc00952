//! Hardware RAID made on the machine: the plans, and the same commands from our client and from real
//! Pythons, with tools that answer as those of the makers do.

use serde_json::json;

use crate::both_ways::{Left, compare, stubs};
use crate::library::wrong::expect_same_words;
use crate::library::{answer, plan, planned, refusal, variables};
use crate::support::python::Root;

/// A tool that answers some commands with the recorded texts and all others with nothing.
fn tool(root: &Root, name: &str, answers: &[(&str, &str, u8)]) {
    let mut text = String::from("case \"$*\" in\n");
    for (command, said, code) in answers {
        text.push_str(&format!(
            "'{command}') cat <<'END'\n{said}END\nexit {code} ;;\n"
        ));
    }
    text.push_str("esac\n");
    // Our client looks in the directories of a ramdisk, and not where the Pythons are told to.
    root.stub(name, &text);
    root.stub(&format!("sbin/{name}"), &text);
}

const HPE: &[(&str, &str, u8)] = &[
    (
        "ctrl slot=2 delete forced",
        include_str!("../fixtures/tools/ssacli/delete-none.txt"),
        1,
    ),
    (
        "ctrl slot=2 show config",
        include_str!("../fixtures/tools/ssacli/show-config.txt"),
        0,
    ),
    (
        "ctrl slot=2 ld 2 show",
        include_str!("../fixtures/tools/ssacli/ld-show.txt"),
        0,
    ),
    (
        "ctrl slot=7 delete forced",
        include_str!("../fixtures/tools/ssacli/no-slot.txt"),
        0,
    ),
];

const ADD: &str = "/c0 add vd type=raid1 name=system drives=252:2,252:3";

const MEGARAID: &[(&str, &str, u8)] = &[
    (
        "/c0/vall del force",
        include_str!("../fixtures/tools/storcli/del-none.txt"),
        3,
    ),
    (
        "/c0/fall del",
        include_str!("../fixtures/tools/storcli/fall-none.txt"),
        0,
    ),
    (ADD, include_str!("../fixtures/tools/storcli/add.txt"), 0),
    (
        "/c0 add vd type=raid0 drives=252:7",
        include_str!("../fixtures/tools/storcli/add-refused.txt"),
        0,
    ),
    (
        "/c0/vall show all J",
        include_str!("../fixtures/tools/storcli/vall-show-all.json"),
        0,
    ),
];

const WAIT: &str = "udevadm settle
for try in $(seq 60); do
  if lsblk -dno NAME DEVICE >/dev/null 2>&1; then exit 0; fi
  sleep 1
done
echo 'no disk NAME after 60 seconds' >&2
exit 1";

fn wait(quoted: &str, name: &str) -> String {
    WAIT.replace("DEVICE", quoted)
        .replace("NAME after", &format!("{name} after"))
}

#[test]
fn a_logical_drive_of_smart_array_is_planned_with_a_placeholder() {
    let text = "\
c = hwraid.controller('ssacli', '2')
hwraid.clear(c)
d = hwraid.create(c, 10, ['1I:1:1', '1I:1:2', '1I:1:3', '1I:1:4'], spares=['2I:1:5'], name='system')
run(['mkfs.ext4', disk.part(d, 1)])
";

    let expected = [
        "ssacli ctrl slot=2 delete forced 2>&1 || echo \"Error: exit code $?\" -> ",
        "udevadm settle",
        "ssacli ctrl slot=2 create type=ld drives=1I:1:1,1I:1:2,1I:1:3,1I:1:4 raid=1+0 logicaldrivelabel=system forced -> ",
        "udevadm settle",
        "ssacli ctrl slot=2 show config -> ?",
        "ssacli ctrl slot=2 array '⟨output-1⟩' add spares=2I:1:5 forced -> ",
        "ssacli ctrl slot=2 ld '⟨output-1⟩' show -> ?",
        &wait("'⟨output-2⟩'", "⟨output-2⟩"),
        "mkfs.ext4 '⟨output-2⟩1'",
    ];
    assert_eq!(planned(text), expected);
    assert_destroyed(text, &["⟨output-2⟩", "slot=2"]);
}

/// The devices that the plan of a script names as destroyed, and no others.
fn assert_destroyed(text: &str, devices: &[&str]) {
    let shown = plan(text).unwrap().to_string();
    let found = shown
        .lines()
        .filter_map(|line| line.strip_prefix("!! data is destroyed on "));
    let mut found: Vec<&str> = found.collect();
    found.sort_unstable();
    let mut devices = devices.to_vec();
    devices.sort_unstable();
    assert_eq!(found, devices, "{shown}");
}

#[test]
fn a_virtual_drive_of_megaraid_is_planned_with_the_device_that_is_given() {
    let text = "\
c = hwraid.controller('/opt/MegaRAID/storcli/storcli64', 0)
hwraid.clear(c)
hwraid.create(c, '60', ['252:%d' % n for n in range(8)], spares=('252:8',), device='/dev/sda')
";
    let storcli = "/opt/MegaRAID/storcli/storcli64";
    let expected = [
        &format!("{storcli} /c0/vall del force 2>&1 || echo \"Error: exit code $?\" -> "),
        &format!("{storcli} /c0/fall del 2>&1 || echo \"Error: exit code $?\" -> "),
        "udevadm settle",
        &format!(
            "{storcli} /c0 add vd type=raid60 drives=252:0,252:1,252:2,252:3,252:4,252:5,252:6,252:7 pdperarray=4 spares=252:8 -> "
        ),
        "udevadm settle",
        &format!("{storcli} /c0/vall show all J -> /dev/sda"),
        &wait("/dev/sda", "/dev/sda"),
    ];
    assert_eq!(planned(text), expected);
    assert_destroyed(text, &["/c0"]);
}

#[test]
fn the_oldest_program_is_told_the_device() {
    let text = "\
c = hwraid.controller('MegaCli64', '1')
hwraid.clear(c)
for level, drives in [(5, ['32:0', '32:1', '32:2']), (10, ['32:%d' % n for n in range(4, 8)])]:
    run(['true', hwraid.create(c, level, drives, device='/dev/sda')])
";
    let made = [wait("/dev/sda", "/dev/sda"), "true /dev/sda".to_owned()];
    let expected = [
        "MegaCli64 -CfgLdDel -LALL -Force -a1 -NoLog 2>&1 || echo \"Error: exit code $?\" -> ",
        "MegaCli64 -CfgForeign -Clear -a1 -NoLog 2>&1 || echo \"Error: exit code $?\" -> ",
        "udevadm settle",
        "MegaCli64 -CfgLdAdd -r5 '[32:0,32:1,32:2]' -a1 -NoLog -> ",
        &made[0],
        &made[1],
        "MegaCli64 -CfgSpanAdd -r10 '-Array0[32:4,32:5]' '-Array1[32:6,32:7]' -a1 -NoLog -> ",
        &made[0],
        &made[1],
    ];
    assert_eq!(planned(text), expected);
    assert_destroyed(text, &["-a1"]);
}

#[test]
fn a_wide_raid_10_has_spans_of_more_than_two_drives() {
    let text = "\
c = hwraid.controller('perccli', 0)
for count in [4, 16, 18, 20, 22, 32]:
    hwraid.create(c, 10, ['32:%d' % n for n in range(count)], device='/dev/sda')
";
    let all = planned(text);
    let spans = all.iter().filter_map(|line| {
        let (_, after) = line.split_once("pdperarray=")?;
        after.split(' ').next()
    });
    assert_eq!(spans.collect::<Vec<_>>(), ["2", "2", "6", "4", "22", "4"]);
}

fn prepared(root: &Root) {
    stubs(&["mkfs.ext4", "udevadm", "lsblk"])(root);
    tool(root, "ssacli", HPE);
    tool(root, "perccli64", MEGARAID);
}

/// What our client left, after the Pythons left the same; none where this machine cannot run them.
fn both(text: &str) -> Option<Left> {
    compare(text, &json!({}), prepared)
}

#[test]
fn a_smart_array_controller_is_set_up_the_same_both_ways() {
    let text = "\
c = hwraid.controller('ssacli', 2)
hwraid.clear(c)
d = hwraid.create(c, 1, ['1I:1:1', '1I:1:2'], spares=['1I:1:3'], name='system')
run(['mkfs.ext4', d])
";
    let Some(left) = both(text) else { return };
    let expected = "\
ssacli ctrl slot=2 delete forced
udevadm settle
ssacli ctrl slot=2 create type=ld drives=1I:1:1,1I:1:2 raid=1 logicaldrivelabel=system forced
udevadm settle
ssacli ctrl slot=2 show config
ssacli ctrl slot=2 array B add spares=1I:1:3 forced
ssacli ctrl slot=2 ld 2 show
udevadm settle
lsblk -dno NAME /dev/sdb
mkfs.ext4 /dev/sdb
";
    assert_eq!((left.code, left.commands.as_str()), (Some(0), expected));
}

#[test]
fn a_megaraid_controller_is_set_up_the_same_both_ways() {
    let text = "\
c = hwraid.controller('perccli64', 0)
hwraid.clear(c)
run(['mkfs.ext4', hwraid.create(c, 1, ['252:2', '252:3'], name='system') + '1'])
";
    let Some(left) = both(text) else { return };
    let expected = format!(
        "\
perccli64 /c0/vall del force
perccli64 /c0/fall del
udevadm settle
perccli64 {ADD}
udevadm settle
perccli64 /c0/vall show all J
udevadm settle
lsblk -dno NAME /dev/sdb
mkfs.ext4 /dev/sdb1
"
    );
    assert_eq!((left.code, left.commands), (Some(0), expected));
}

/// What goes wrong on the machine, and what a script is told of it.
const FAILING: [(&str, &str); 5] = [
    (
        "hwraid.clear(hwraid.controller('ssacli', 7))",
        "ssacli ctrl slot=7 delete forced: Error: The controller identified by \"slot=7\" was not detected.",
    ),
    (
        "hwraid.clear(hwraid.controller('storcli', 0))",
        "storcli /c0/vall del force: Error: exit code 127",
    ),
    (
        "hwraid.create(hwraid.controller('perccli64', 0), 0, ['252:7'])",
        "perccli64 /c0 add vd type=raid0 drives=252:7: Status = Failure Description = physical disk does not have appropriate attributes",
    ),
    (
        "hwraid.create(hwraid.controller('perccli64', 0), 1, ['252:2', '252:3'], name='system', device='/dev/sda')",
        "the new logical drive is /dev/sdb, not /dev/sda",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 2), 0, ['1I:1:9'])",
        "ssacli ctrl slot=2 show config lists no logical drive with 1I:1:9",
    ),
];

#[test]
fn what_a_controller_refuses_is_told_the_same_both_ways() {
    let (mut text, mut expected) = (String::new(), String::new());
    for (call, said) in FAILING {
        text.push_str(&format!(
            "_, error = attempt(lambda: {call})\nsaid.append(error or '')\n"
        ));
        expected.push_str(&format!("{said}\n"));
    }
    let text = format!("said = []\n{text}config('/said').write('\\n'.join(said) + '\\n')\n");
    let Some(left) = both(&text) else { return };
    assert_eq!(left.files["post_rsync/said"].3, expected);
}

/// Texts that are wrong, and what is said of them at the line of the script.
const WRONG: [(&str, &str); 18] = [
    (
        "hwraid.controller('mdadm', 0)",
        "no program of RAID controllers is `mdadm`: there are hpacucli, hpssacli, megacli, megacli64, perccli, perccli64, ssacli, storcli, storcli64",
    ),
    (
        "hwraid.controller('ssacli', 'all')",
        "the slot or number of a controller is a whole number, not `all`",
    ),
    (
        "hwraid.clear('ssacli')",
        "a controller is what hwraid.controller gives, not `ssacli`",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 1)",
        "missing parameter `drives` for call to `hwraid.create`",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 4, ['1I:1:1'])",
        "RAID level `4`: there are 0, 1, 10, 5, 50, 6, 60",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 1, ['1I:1:1'])",
        "RAID 1 takes 2 drives, not 1; RAID 10 takes 4, 6 and so on",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 5, ['1I:1:1', '1I:1:2'])",
        "RAID 5 takes 3 drives or more, not 2",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 10, ['252:%d' % n for n in range(5)])",
        "RAID 10 takes an even number of drives, not 5",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 1, '252:0')",
        "hwraid.create takes a list of physical drives, not `252:0`",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 1, ['252:0', '252:0'])",
        "hwraid.create has 252:0 twice",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 1, ['252:0', '252:1'], spares=['252:1'])",
        "hwraid.create has 252:1 twice",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 0, ['1I:1:1'])",
        "a physical drive is enclosure:slot as in '252:0', not `1I:1:1`",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 0, ['/dev/sda'])",
        "a physical drive is port:box:bay as in '1I:1:1', not `/dev/sda`",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 0, ['1I:1:1'], spares=['1I:1:2'])",
        "RAID 0 has no spares",
    ),
    (
        "hwraid.create(hwraid.controller('ssacli', 0), 0, ['1I:1:1'], name='a longer name than that')",
        "the name of a logical drive holds a blank or a line end: `a longer name than that`",
    ),
    (
        "hwraid.create(hwraid.controller('megacli', 0), 0, ['32:0'])",
        "megacli tells no device of a logical drive: give device='/dev/sda' or the like, or use storcli",
    ),
    (
        "hwraid.create(hwraid.controller('megacli', 0), 0, ['32:0'], name='a', device='/dev/sda')",
        "megacli gives a logical drive no name: use storcli",
    ),
    (
        "hwraid.create(hwraid.controller('storcli', 0), 0, ['32:0'], device='sda')",
        "`sda` is no path of a device: write '/dev/' + var['disk'] or the like",
    ),
];

#[test]
fn what_is_wrong_is_said_at_the_line_of_the_script_and_nothing_is_done() {
    for (text, expected) in WRONG {
        assert_eq!(refusal(text), expected, "{text}");
        let text = format!("attempt(lambda: {text})\n");
        if let Ok(plan) = plan(&text) {
            assert_eq!(plan.actions, [], "{text}");
        }
    }
}

#[test]
fn a_wrong_call_fails_in_python_with_the_same_words() {
    expect_same_words(&WRONG);
}

#[test]
fn an_answer_carries_the_library_for_a_controller_alone() {
    let with = answer("c = hwraid.controller('ssacli', 0)\n", &variables());
    assert!(with.contains("_edeploy_library"));
}
