use proptest::prelude::*;

use super::super::samples::{any_plan, everything, plan, run, write};
use super::*;

fn text(old: &Plan, new: &Plan) -> String {
    diff(old, new).iter().map(ToString::to_string).collect()
}

#[test]
fn one_changed_character_is_one_difference() {
    let old = everything();
    let mut new = old.clone();
    new.actions[2].what = run("parted -s ⟨disk-1⟩ mklabel gp");
    assert_eq!(diff(&old, &new).len(), 1);
    insta::assert_snapshot!(text(&old, &new), @r##"
    action 3 of line 30 does something else
      - !! run    parted -s ⟨disk-1⟩ mklabel gpt
      + !! run    parted -s ⟨disk-1⟩ mklabel gp
    "##);
    let json = serde_json::to_string(&diff(&old, &new)).unwrap();
    insta::assert_snapshot!(json, @r##"[{"difference":"changed","old":{"number":3,"line":30,"action":"run","command":"parted -s ⟨disk-1⟩ mklabel gpt"},"new":{"number":3,"line":30,"action":"run","command":"parted -s ⟨disk-1⟩ mklabel gp"}}]"##);
}

#[test]
fn of_a_file_only_the_lines_that_differ_are_shown() {
    let old = plan(vec![write("/etc/hosts", "a\nb\nc\n")]);
    let new = plan(vec![write("/etc/hosts", "a\nB\nc\n")]);
    insta::assert_snapshot!(text(&old, &new), @r##"
    action 1 of line 10 does something else
         * write  /etc/hosts, mode 644, owner 0:0, 6 bytes
      -    | b
      +    | B
    "##);
}

#[test]
fn actions_that_come_and_go_are_told() {
    let old = plan(vec![run("a"), run("b"), write("/c", "c"), run("d")]);
    let mut new = plan(vec![
        run("a"),
        What::Sleep { seconds: 1.0 },
        run("d"),
        run("mkfs.ext4 /dev/sda"),
    ]);
    new.profile = "hp".to_owned();
    new.placeholders.push(Placeholder {
        name: "output-1".to_owned(),
        line: 3,
        from: "blkid".to_owned(),
    });
    insta::assert_snapshot!(text(&old, &new), @r##"
    profile `hp`, was `vm`
    action 2 of line 20 is gone
      -  * run    b
    action 3 of line 30 is gone
      -  * write  /c, mode 644, owner 0:0, 1 byte
      -    | c
      -    (no newline at its end)
    action 2 of line 20 is new
      +    sleep  1 s
    action 4 of line 40 is new
      + !! run    mkfs.ext4 /dev/sda
    what only the machine knows
      + ⟨output-1⟩, line 3, from blkid
    1 action that does the same stands on another line of the script
    "##);
}

#[test]
fn texts_that_look_the_same_are_still_different() {
    let (old, new) = (plan(vec![run("a\u{1b}")]), plan(vec![run("a\\u{1b}")]));
    assert!(text(&old, &new).contains("look the same"));
}

proptest! {
    #[test]
    fn there_is_no_difference_exactly_where_plans_are_equal(a in any_plan(), b in any_plan()) {
        prop_assert_eq!(diff(&a, &a), Vec::new());
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
        let shown = text(&a, &b);
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    }
}
