//! Why a spec does not match: made after the fact, so that matching itself keeps no notes.
//!
//! In this order: rules that no fact fits; rules that compete for too few facts; a name without a common
//! value; else a smallest set of rules that cannot hold together. The work is bounded, and where the
//! bound is met the reason names more rules than needed.

use super::compile::{CompiledRule, CompiledSpec, field};
use super::error::FIELD_NAMES;
use super::index::FactIndex;
use super::pattern::Test;
use super::predicate::Datum;
use super::problem;
use super::search::feasible;
use super::verdict::{
    FactRow, FailedField, Mismatch, Nearest, Reason, RuleText, RuleValues, VALUES,
};
use crate::model::Fact;

/// How many steps each question of the search for a smallest set may take.
const QUESTION_STEPS: u64 = 20_000;

/// How many candidates the rules may have together for that search.
const MOST_CANDIDATES: usize = 4_000;

/// How many candidates the rules may have together to be asked whether they compete.
const MOST_COUNTED: usize = 40_000;

/// How much each field that fits brings a fact nearer: category, instance, key, value.
const NEARNESS: [u32; 4] = [4, 2, 3, 1];

/// The rules that no fact fits.
pub(super) fn no_fact(
    spec: &CompiledSpec,
    facts: &FactIndex<'_>,
    domains: &[Vec<u32>],
) -> Mismatch {
    let empty = (0..).zip(domains).filter(|(_, domain)| domain.is_empty());
    let reasons = empty.map(|(rule, _)| Reason::NoFact {
        rule: rule_text(spec, rule),
        nearest: nearest(&spec.rules[rule], facts).map(Box::new),
    });
    Mismatch {
        reasons: reasons.collect(),
    }
}

fn nearest(rule: &CompiledRule, facts: &FactIndex<'_>) -> Option<Nearest> {
    let all = facts.facts();
    let same_kind = rule
        .kind
        .and_then(|kind| best(rule, all, facts.of_kind(kind).iter().copied()))
        .filter(|(_, score)| *score >= NEARNESS[0] + NEARNESS[2]);
    let (index, _) = same_kind.or_else(|| match &rule.patterns[0].test {
        Test::Literal(category) => best(rule, all, facts.of_category(&category.text)),
        _ => best(rule, all, (0_u32..).take(all.len())),
    })?;
    let fact = &all[index as usize];
    let mut failed: Vec<FailedField> = (0..FIELD_NAMES.len())
        .filter(|at| !rule.accepts_field(fact, *at))
        .map(|at| FailedField {
            field: FIELD_NAMES[at],
            pattern: rule.texts[at].clone(),
            problem: rule.patterns[at].test.complaint(field(fact, at)),
        })
        .collect();
    if failed.is_empty() {
        failed.extend(rule.parted_twins(fact).map(|(first, second)| FailedField {
            field: FIELD_NAMES[second],
            pattern: rule.texts[second].clone(),
            problem: format!("is not the same as the {}", FIELD_NAMES[first]),
        }));
    }
    Some(Nearest {
        fact: fact_row(all, index),
        failed,
    })
}

/// The first of the facts with the most fields that fit, if any fits.
fn best(rule: &CompiledRule, all: &[Fact], facts: impl Iterator<Item = u32>) -> Option<(u32, u32)> {
    let score = |fact: u32| {
        let fact = &all[fact as usize];
        let fits = (0..FIELD_NAMES.len()).filter(|at| rule.accepts_field(fact, *at));
        fits.map(|at| NEARNESS[at]).sum::<u32>()
    };
    let scored = facts.map(|fact| (fact, score(fact)));
    let found = scored.reduce(|best, next| if next.1 > best.1 { next } else { best });
    found.filter(|(_, score)| *score > 0)
}

/// Why rules that each have facts do not match together. `within` are rules that cannot.
pub(super) fn not_together(
    spec: &CompiledSpec,
    facts: &[Fact],
    domains: &[Vec<u32>],
    within: &[u32],
) -> Mismatch {
    let reason = too_few_facts(spec, facts, domains)
        .or_else(|| no_common_value(spec, facts, domains))
        .unwrap_or_else(|| smallest(spec, facts, domains, within));
    Mismatch {
        reasons: vec![reason],
    }
}

fn too_few_facts(spec: &CompiledSpec, facts: &[Fact], domains: &[Vec<u32>]) -> Option<Reason> {
    if domains.iter().map(Vec::len).sum::<usize>() > MOST_COUNTED {
        return None;
    }
    let rules = problem::crowd(facts, domains)?;
    let mut wanted: Vec<u32> = rules
        .iter()
        .flat_map(|rule| domains[*rule as usize].iter().copied())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    Some(Reason::TooFewFacts {
        rules: rule_texts(spec, &rules),
        facts: wanted
            .into_iter()
            .map(|fact| fact_row(facts, fact))
            .collect(),
    })
}

/// Two rules that bind a name but have no value of it in common, else a name without one common to all.
fn no_common_value(spec: &CompiledSpec, facts: &[Fact], domains: &[Vec<u32>]) -> Option<Reason> {
    let shared = (0..spec.names.len()).filter(|name| spec.names[*name].rules > 1);
    for name in shared {
        let sides: Vec<(usize, Vec<Datum<'_>>)> = (0..)
            .zip(&spec.rules)
            .filter_map(|(rule, compiled)| {
                let (_, at) = compiled.names.iter().find(|(bound, _)| *bound == name)?;
                Some((rule, distinct(facts, &domains[rule], *at)?))
            })
            .collect();
        let pairs = (0..sides.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
        let apart = |(a, b): &(usize, usize)| {
            let (a, b) = (&sides[*a].1, &sides[*b].1);
            !a.iter().any(|a| b.iter().any(|b| a.same(*b)))
        };
        if let Some((a, b)) = pairs.take(MOST_CANDIDATES).find(apart) {
            let rules = [&sides[a], &sides[b]].map(|(rule, values)| RuleValues {
                rule: rule_text(spec, *rule),
                values: values.iter().take(VALUES).map(|v| v.to_value()).collect(),
                more: values.len().saturating_sub(VALUES),
            });
            return Some(Reason::NoCommonValue {
                name: spec.names[name].text.clone(),
                rules: rules.into(),
            });
        }
    }
    None
}

/// The different values of one field; none where they are too many to compare each with each.
fn distinct<'a>(facts: &'a [Fact], domain: &[u32], at: usize) -> Option<Vec<Datum<'a>>> {
    const MOST: usize = 64;
    let mut values: Vec<Datum<'a>> = Vec::new();
    for fact in domain {
        let datum = field(&facts[*fact as usize], at);
        if !values.iter().any(|value| value.same(datum)) {
            values.push(datum);
        }
        if values.len() > MOST {
            return None;
        }
    }
    Some(values)
}

/// Leaves out every rule without which the rest still cannot hold.
fn smallest(spec: &CompiledSpec, facts: &[Fact], domains: &[Vec<u32>], within: &[u32]) -> Reason {
    let mut kept: Vec<Vec<u32>> = vec![Vec::new(); domains.len()];
    for rule in within {
        kept[*rule as usize].clone_from(&domains[*rule as usize]);
    }
    let small = within.len() <= 64 && kept.iter().map(Vec::len).sum::<usize>() <= MOST_CANDIDATES;
    if small {
        for rule in within.iter().rev() {
            let without = std::mem::take(&mut kept[*rule as usize]);
            let possible = problem::build(spec, facts, &kept, QUESTION_STEPS)
                .and_then(|mut network| feasible(&mut network));
            if possible != Some(false) {
                kept[*rule as usize] = without;
            }
        }
    }
    let rules: Vec<u32> = within
        .iter()
        .copied()
        .filter(|rule| !kept[*rule as usize].is_empty())
        .collect();
    let joining = |name: &usize| {
        let binds = |rule: &&u32| {
            let names = &spec.rules[**rule as usize].names;
            names.iter().any(|(bound, _)| bound == name)
        };
        rules.iter().filter(binds).count() > 1
    };
    let names = (0..spec.names.len()).filter(joining);
    Reason::NotTogether {
        names: names.map(|name| spec.names[name].text.clone()).collect(),
        rules: rule_texts(spec, &rules),
    }
}

fn rule_texts(spec: &CompiledSpec, rules: &[u32]) -> Vec<RuleText> {
    let mut sorted = rules.to_vec();
    sorted.sort_unstable();
    sorted
        .into_iter()
        .map(|rule| rule_text(spec, rule as usize))
        .collect()
}

fn rule_text(spec: &CompiledSpec, rule: usize) -> RuleText {
    RuleText {
        number: rule + 1,
        patterns: spec.rules[rule].texts.clone(),
    }
}

fn fact_row(facts: &[Fact], index: u32) -> FactRow {
    FactRow {
        index: index as usize,
        row: facts[index as usize].clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::matching::{CompiledSpec, FactIndex, Verdict, match_spec};
    use crate::model::{Fact, Spec, Value};

    fn lines(rules: &[[&str; 4]], facts: &[[&str; 4]]) -> String {
        let spec = CompiledSpec::compile(&Spec::from_texts(rules.iter().copied())).unwrap();
        let facts: Vec<Fact> = facts
            .iter()
            .map(|[a, b, c, d]| Fact::new(a, b, c, *d))
            .collect();
        match match_spec(&spec, &FactIndex::new(&facts)) {
            Verdict::Mismatch(mismatch) => mismatch.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_rule_without_a_fact_is_shown_with_the_nearest() {
        let rules = [
            ["disk", "$d", "size", "gt(50)"],
            ["disk", "$d", "type", "SAS"],
            ["hpa", "slots", "count", "1"],
            ["system", "product", "$k", "$k"],
        ];
        let facts = [
            ["disk", "sda", "size", "20"],
            ["disk", "sda", "type", "SAS"],
            ["system", "product", "name", "\u{1b}[2J\u{202e}x\n"],
        ];
        insta::assert_snapshot!(lines(&rules, &facts), @r#"
        rule 1 ("disk", "$d", "size", "gt(50)"): no fact fits; nearest is fact 0 ("disk", "sda", "size", "20"): value fails `gt(50)`: it is not greater
        rule 3 ("hpa", "slots", "count", "1"): no fact fits
        rule 4 ("system", "product", "$k", "$k"): no fact fits; nearest is fact 2 ("system", "product", "name", "\u{1b}[2J\u{202e}x\n"): value fails `$k`: it is not the same as the key
        "#);
    }

    #[test]
    fn rules_that_compete_are_shown_with_what_they_compete_for() {
        let rules = [
            ["disk", "$a", "size", "gt(5)"],
            ["disk", "$b", "size", "gt(4)"],
        ];
        insta::assert_snapshot!(lines(&rules, &[["disk", "sda", "size", "20"]]), @r#"
        2 rules compete for 1 fact: rule 1 ("disk", "$a", "size", "gt(5)"), rule 2 ("disk", "$b", "size", "gt(4)") for fact 0 ("disk", "sda", "size", "20")
        "#);
    }

    #[test]
    fn a_name_without_a_common_value_is_shown_with_the_values() {
        let rules = [
            ["disk", "$d", "size", "gt(5)"],
            ["disk", "$d", "type", "SSD"],
        ];
        let facts = [
            ["disk", "sda", "size", "20"],
            ["disk", "sdb", "size", "20"],
            ["disk", "sdc", "type", "SSD"],
        ];
        insta::assert_snapshot!(lines(&rules, &facts), @r#"
        $d has no value that fits every rule: rule 1 ("disk", "$d", "size", "gt(5)") allows "sda", "sdb", rule 2 ("disk", "$d", "type", "SSD") allows "sdc"
        "#);
    }

    #[test]
    fn rules_that_cannot_hold_together_are_shown_without_the_others() {
        let rules = [
            ["system", "product", "name", "$n"],
            ["edge", "$a", "to", "$b"],
            ["edge", "$b", "to", "$c"],
            ["disk", "$d", "size", "gt(1)"],
            ["edge", "$c", "to", "$a"],
        ];
        let facts = [
            ["system", "product", "name", "x"],
            ["disk", "sda", "size", "20"],
            ["edge", "1", "to", "2"],
            ["edge", "2", "to", "3"],
            ["edge", "3", "to", "4"],
            ["edge", "4", "to", "1"],
        ];
        insta::assert_snapshot!(lines(&rules, &facts), @r#"
        rule 2 ("edge", "$a", "to", "$b"), rule 3 ("edge", "$b", "to", "$c"), rule 5 ("edge", "$c", "to", "$a") cannot hold together; they are joined by $a, $b, $c
        "#);
    }

    #[test]
    fn the_data_has_a_kind_for_each_reason() {
        let spec = Spec::from_texts([["disk", "$d", "size", "gt(50)"]]);
        let facts = [Fact::new("disk", "sda", "size", Value::Int(20))];
        let spec = CompiledSpec::compile(&spec).unwrap();
        let verdict = match_spec(&spec, &FactIndex::new(&facts));
        insta::assert_snapshot!(serde_json::to_string(&verdict).unwrap(), @r#"
        {"mismatch":{"reasons":[{"kind":"no_fact","rule":{"number":1,"patterns":["disk","$d","size","gt(50)"]},"nearest":{"fact":{"index":0,"row":["disk","sda","size",20]},"failed":[{"field":"value","pattern":"gt(50)","problem":"is not greater"}]}}]}}
        "#);
    }
}
