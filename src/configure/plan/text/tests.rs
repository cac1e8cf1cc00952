use proptest::prelude::*;

use super::super::samples::{any_plan, everything, plan, run, write};
use super::*;

#[test]
fn a_plan_shows_every_action_and_what_each_device_loses() {
    insta::assert_snapshot!(everything().to_string(), @r##"
    plan of profile `vm`
    hash ca07e3aeff98bdd119f9268cc4cf4da8ce4ba9638b0e8220582aaa9d8b75dd3d
    partial: only the machine knows
      ⟨disk-1⟩, line 20, from hpacucli.ctrl_create_ld(slot=1)
      ⟨output-1⟩, line 60, from blkid -o value /dev/sdb1

    13 actions, of which 4 destroy data (!!); * changes, no mark only reads
        1  line 10   run    cat /proc/mdstat
    !!  2  line 20   hpacucli.ctrl_create_ld(slot=1, 1I:1:1,1I:1:2, 1) gives ⟨disk-1⟩
    !!  3  line 30   run    parted -s ⟨disk-1⟩ mklabel gpt
    !!  4  line 40   run    for part in 1 2
                     | do
                     | \twipefs -a ⟨disk-1⟩$part
                     | done
    !!  5  line 50   run    mkfs.ext4 -L 'the root' /dev/sdb1 (no shell)
        6  line 60   output blkid -o value /dev/sdb1
                     what it prints only the machine knows
        7  line 70   output uname -r
                     planned to print
                     | 6.12.0
     *  8  line 80   write  /post_rsync/etc/motd, mode 644, owner 0:0, 17 bytes
                     | one
                     | \u{1b}[2Jtwo\tthree
                     (no newline at its end)
     *  9  line 90   append /post_rsync/etc/x, mode 600, owner 1:2, 0 bytes
     * 10  line 100  boot   console=ttyS0
     * 11  line 110  ipmi.setup_network(1, 10.0.0.1)
       12  line 120  sleep  2.5 s
     * 13  line 130  role   base version D12-F.1.0.0, disk ⟨disk-1⟩, profile vm

    !! data is destroyed on slot=1
       2  hpacucli.ctrl_create_ld(slot=1, 1I:1:1,1I:1:2, 1) gives ⟨disk-1⟩

    !! data is destroyed on ⟨disk-1⟩
       3  run    parted -s ⟨disk-1⟩ mklabel gpt

    !! data is destroyed on an unknown device
       4  run    for part in 1 2 …

    !! data is destroyed on /dev/sdb
       5  run    mkfs.ext4 -L 'the root' /dev/sdb1 (no shell)
    "##);
}

#[test]
fn a_plan_without_actions_and_one_that_destroys_nothing_say_so() {
    insta::assert_snapshot!(plan(Vec::new()).to_string(), @r##"
    plan of profile `vm`
    hash eff3f064693002d85299c51590b73a167cf379ffb0b356df2fe5b9ea9bb8f1ee
    complete: all of it is known before the machine runs it

    nothing is done
    "##);
    insta::assert_snapshot!(plan(vec![run("true")]).to_string(), @r##"
    plan of profile `vm`
    hash 85d33726722ce8acb15f634e48edcf2793661d812f6e5d6a1d57ca028094a7f9
    complete: all of it is known before the machine runs it

    1 action, of which 0 destroy data (!!); * changes, no mark only reads
       1  line 10   run    true

    no data of a device is destroyed
    "##);
    let opaque = What::Opaque {
        interpreter: "/usr/bin/perl".to_owned(),
        sha256: "0".repeat(64),
    };
    insta::assert_snapshot!(plan(vec![opaque]).to_string(), @r##"
    plan of profile `vm`
    hash 73fc0391f87c895a7301ddf193c0b3efe0e5f5dfb8712b477b366b3fff3de352
    partial: only the machine knows
      all that /usr/bin/perl does

    1 action, of which 1 destroy data (!!); * changes, no mark only reads
    !! 1  line 10   script for /usr/bin/perl: nothing is known of what it does
                    its SHA-256 is 0000000000000000000000000000000000000000000000000000000000000000

    !! data is destroyed on an unknown device
       1  script for /usr/bin/perl: nothing is known of what it does
    "##);
}

#[test]
fn a_long_content_is_cut_with_a_note_and_a_command_never_is() {
    let long = "x".repeat(300);
    let shown = plan(vec![
        write("/x", &format!("{long}\n{}", "line\n".repeat(50))),
        run(&long),
    ]);
    let shown = shown.to_string();
    assert!(
        shown.contains(&format!("| {} (100 more characters)\n", "x".repeat(200))),
        "{shown}"
    );
    assert!(
        shown.contains("(11 more lines, 55 bytes, not shown)\n"),
        "{shown}"
    );
    assert!(shown.contains(&format!("run    {long}\n")), "{shown}");
}

proptest! {
    #[test]
    fn nothing_in_a_text_can_steer_a_terminal(plan in any_plan()) {
        let shown = plan.to_string();
        let bad = shown.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
        prop_assert_eq!(bad, None);
    }
}
