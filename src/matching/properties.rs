//! The engine against the law, word for word and without any cleverness.

use proptest::prelude::*;

use super::compile::{CompiledSpec, field};
use super::engine::{candidates_of_all, match_spec};
use super::problem;
use super::search::{Outcome, solve};
use super::{FactIndex, Verdict};
use crate::model::{Fact, Spec, Value};

/// The first assignment by trying all of them in order.
fn brute_force(spec: &CompiledSpec, facts: &[Fact]) -> Option<Vec<u32>> {
    fn agrees(spec: &CompiledSpec, facts: &[Fact], chosen: &[u32], fact: u32) -> bool {
        let rule = &spec.rules[chosen.len()];
        let mine = &facts[fact as usize];
        rule.names.iter().all(|(name, at)| {
            chosen.iter().zip(&spec.rules).all(|(taken, other)| {
                other
                    .names
                    .iter()
                    .filter(|(n, _)| n == name)
                    .all(|(_, other_at)| {
                        field(&facts[*taken as usize], *other_at).same(field(mine, *at))
                    })
            })
        })
    }
    fn extend(spec: &CompiledSpec, facts: &[Fact], chosen: &mut Vec<u32>) -> bool {
        let Some(rule) = spec.rules.get(chosen.len()) else {
            return true;
        };
        for fact in 0..u32::try_from(facts.len()).unwrap() {
            let free = !chosen.contains(&fact) && rule.accepts(&facts[fact as usize]);
            if free && agrees(spec, facts, chosen, fact) {
                chosen.push(fact);
                if extend(spec, facts, chosen) {
                    return true;
                }
                chosen.pop();
            }
        }
        false
    }
    let mut chosen = Vec::new();
    extend(spec, facts, &mut chosen).then_some(chosen)
}

/// What the network says, without the plain search before it.
fn by_network(spec: &CompiledSpec, facts: &[Fact]) -> Option<Vec<u32>> {
    let mut steps = 0;
    let domains = candidates_of_all(spec, &FactIndex::new(facts), &mut steps, u64::MAX)?;
    if domains.iter().any(Vec::is_empty) {
        return None;
    }
    let mut network = problem::build(spec, facts, &domains, 10_000_000).unwrap();
    match solve(&mut network) {
        Outcome::Found(chosen) => Some(chosen),
        Outcome::None(_) => None,
        Outcome::Budget => panic!("undecided"),
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[ab]".prop_map(Value::Text),
        2 => prop::sample::select(vec!["1", "2", "2.0", "1.0"]).prop_map(Value::from),
        2 => (1_i128..3).prop_map(Value::Int),
        1 => prop::sample::select(vec![1.0, 2.0, 9_007_199_254_740_992.0]).prop_map(Value::Float),
        1 => prop::sample::select(vec![9_007_199_254_740_992_i128, 9_007_199_254_740_993])
            .prop_map(Value::Int),
        1 => Just(Value::from("9007199254740993")),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
    ]
}

fn fact() -> impl Strategy<Value = Fact> {
    ("[cd]", "[12ab]", "[kl]", value()).prop_map(|(category, instance, key, value)| Fact {
        category,
        instance,
        key,
        value,
    })
}

fn rule() -> impl Strategy<Value = [String; 4]> {
    let name = prop::sample::select(vec!["$x", "$y", "$z", "$$x", "$w"]);
    let name = || name.clone().prop_map(str::to_owned);
    (
        prop_oneof![4 => "[cd]", 1 => name()],
        prop_oneof![1 => "[12ab]", 4 => name()],
        prop_oneof![3 => "[kl]", 1 => name()],
        prop_oneof![
            2 => "[12ab]",
            4 => name(),
            1 => Just("gt(1)".to_owned()),
            1 => Just("$y=le(2)".to_owned()),
            1 => Just("not(in(a, 1))".to_owned()),
            1 => Just("regexp(^[12])".to_owned()),
        ],
    )
        .prop_map(|(a, b, c, d)| [a, b, c, d])
}

fn compile(rules: &[[String; 4]]) -> CompiledSpec {
    let texts = rules.iter().map(|rule| rule.each_ref().map(String::as_str));
    CompiledSpec::compile(&Spec::from_texts(texts)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_answer_is_the_first_assignment_in_order(
        rules in prop::collection::vec(rule(), 0..6),
        facts in prop::collection::vec(fact(), 0..9),
    ) {
        let spec = compile(&rules);
        let expected = brute_force(&spec, &facts);
        prop_assert_eq!(&by_network(&spec, &facts), &expected);
        match (match_spec(&spec, &FactIndex::new(&facts)), expected) {
            (Verdict::Matched(found), Some(chosen)) => {
                let chosen: Vec<usize> = chosen.iter().map(|fact| *fact as usize).collect();
                prop_assert_eq!(&found.facts, &chosen);
                let mut once = chosen.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), chosen.len(), "a fact is taken twice");
            }
            (Verdict::Mismatch(mismatch), None) => {
                prop_assert!(mismatch.rules().next().is_some(), "{:?}", mismatch);
                prop_assert!(!mismatch.lines().is_empty());
            }
            (verdict, expected) => prop_assert!(false, "{verdict:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_fact_that_no_rule_asks_for_changes_no_match(
        rules in prop::collection::vec(rule(), 1..6),
        mut facts in prop::collection::vec(fact(), 1..12),
    ) {
        let spec = compile(&rules);
        let unrelated = Fact::new("unrelated", "unrelated", "unrelated", "unrelated");
        if spec.rules.iter().any(|rule| rule.accepts(&unrelated)) {
            return Ok(());
        }
        let before = match_spec(&spec, &FactIndex::new(&facts));
        facts.push(unrelated);
        let after = match_spec(&spec, &FactIndex::new(&facts));
        match (before, after) {
            (Verdict::Mismatch(_), Verdict::Mismatch(_)) => {}
            (before, after) => prop_assert_eq!(before, after),
        }
    }

    #[test]
    fn no_text_makes_the_matcher_panic(
        rules in prop::collection::vec(prop::array::uniform4("\\PC{0,12}|(\\$|regexp\\(|in\\(|not\\(|[a-z(){},'\"=?*+\\[\\]\\\\|^$]){0,6}\\)?"), 1..3),
        facts in prop::collection::vec(prop::array::uniform4(".{0,6}"), 0..4),
    ) {
        let facts: Vec<Fact> = facts
            .iter()
            .map(|[a, b, c, d]| Fact::new(a, b, c, d.as_str()))
            .collect();
        let texts = rules.iter().map(|rule| rule.each_ref().map(String::as_str));
        match CompiledSpec::compile(&Spec::from_texts(texts)) {
            Ok(spec) => drop(match_spec(&spec, &FactIndex::new(&facts))),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}

fn of_rows(rows: &[[String; 4]]) -> Vec<Fact> {
    let of_row = |[category, instance, key, value]: &[String; 4]| {
        let value = match value.strip_prefix('#') {
            Some(number) => Value::Int(number.parse().unwrap()),
            None => Value::from(value.as_str()),
        };
        Fact::new(category, instance, key, value)
    };
    rows.iter().map(of_row).collect()
}

#[test]
fn hard_inputs_are_decided_and_decided_rightly() {
    for shape in super::shapes::shapes() {
        let (spec, facts) = (compile(&shape.rules), of_rows(&shape.facts));
        let verdict = match_spec(&spec, &FactIndex::new(&facts));
        let decided = match &verdict {
            Verdict::Matched(found) => {
                let mut taken = found.facts.clone();
                taken.sort_unstable();
                taken.dedup();
                assert_eq!(taken.len(), shape.rules.len(), "{}", shape.name);
                Some(true)
            }
            Verdict::Mismatch(_) => Some(false),
            Verdict::Undecided { .. } => None,
        };
        if shape.solvable.is_some() {
            assert_eq!(decided, shape.solvable, "{}", shape.name);
        }
    }
}
