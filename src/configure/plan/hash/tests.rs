use proptest::prelude::*;

use super::super::samples::{any_plan, everything, plan, run};
use super::super::{CommandText, What};
use super::*;

#[test]
fn the_canonical_text_is_that_of_rfc_8785() {
    let mut plan = plan(vec![
        run("é\u{7f}\n\u{1}\"\\/"),
        What::Sleep { seconds: 2.0 },
        What::Output {
            command: CommandText::List(vec!["a".to_owned()]),
            planned: None,
        },
    ]);
    plan.profile = "vm".to_owned();
    assert_eq!(
        plan.canonical_json(),
        "{\"actions\":[\
         {\"action\":\"run\",\"command\":\"é\u{7f}\\n\\u0001\\\"\\\\/\",\"line\":10},\
         {\"action\":\"sleep\",\"line\":20,\"seconds\":2},\
         {\"action\":\"output\",\"command\":[\"a\"],\"line\":30,\"planned\":null}],\
         \"placeholders\":[],\"profile\":\"vm\"}"
    );
}

/// `printf %s '{"actions":[],"placeholders":[],"profile":"vm"}' | sha256sum`
#[test]
fn the_hash_is_what_sha256sum_prints() {
    assert_eq!(
        plan(Vec::new()).hash(),
        "eff3f064693002d85299c51590b73a167cf379ffb0b356df2fe5b9ea9bb8f1ee"
    );
}

#[test]
fn seconds_are_written_as_ecmascript_does() {
    for (seconds, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.25e300, "-1.25e+300"),
    ] {
        assert_eq!(written(&Number::from_f64(seconds).unwrap()), text);
    }
}

#[test]
fn a_line_alone_changes_the_hash() {
    let mut other = everything();
    other.actions[3].line += 1;
    assert_ne!(other.hash(), everything().hash());
}

proptest! {
    #[test]
    fn equal_plans_have_equal_hashes_and_others_have_not(a in any_plan(), b in any_plan()) {
        let json = serde_json::to_string(&a).unwrap();
        let again: Plan = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&again, &a);
        prop_assert_eq!(again.hash(), a.hash());
        prop_assert_eq!(a.hash() == b.hash(), a == b);
    }

    #[test]
    fn any_change_of_a_byte_changes_the_hash(text in "[ -~]{1,20}", at in any::<prop::sample::Index>()) {
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        let other = String::from_utf8(bytes).unwrap();
        prop_assert_ne!(plan(vec![run(&text)]).hash(), plan(vec![run(&other)]).hash());
    }
}
