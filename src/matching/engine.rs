//! From a spec and a machine to the verdict.

use super::compile::{CompiledRule, CompiledSpec, field};
use super::explain;
use super::index::FactIndex;
use super::pattern::Test;
use super::plain::{self, Plain};
use super::problem;
use super::search::{Outcome, solve};
use super::verdict::{Match, Verdict};
use crate::model::{Bindings, Fact};

/// The step budget of [`match_spec`]: a step is a fact looked at or put back, a few nanoseconds.
pub const DEFAULT_STEPS: u64 = 2_500_000;

/// How many bytes of a fact a rule with regular expressions reads for one step.
const BYTES_PER_STEP: u64 = 16;

/// Matches a spec with a machine, within [`DEFAULT_STEPS`].
pub fn match_spec(spec: &CompiledSpec, facts: &FactIndex<'_>) -> Verdict {
    match_spec_within(spec, facts, DEFAULT_STEPS)
}

/// Matches a spec with a machine, within a budget of steps.
pub fn match_spec_within(spec: &CompiledSpec, facts: &FactIndex<'_>, budget: u64) -> Verdict {
    let mut steps = 0;
    let Some(domains) = candidates_of_all(spec, facts, &mut steps, budget) else {
        return Verdict::Undecided { steps };
    };
    if domains.iter().any(Vec::is_empty) {
        return Verdict::Mismatch(explain::no_fact(spec, facts, &domains));
    }
    let all = facts.facts();
    match plain::search(spec, all, &domains, 64 + 8 * spec.rules.len()) {
        Plain::Found(chosen) => return Verdict::Matched(matched(spec, all, &chosen)),
        Plain::None | Plain::Undecided => {}
    }
    let Some(mut network) = problem::build(spec, all, &domains, budget - steps) else {
        return Verdict::Undecided { steps };
    };
    match solve(&mut network) {
        Outcome::Found(chosen) => Verdict::Matched(matched(spec, all, &chosen)),
        Outcome::None(rules) => {
            Verdict::Mismatch(explain::not_together(spec, all, &domains, &rules))
        }
        Outcome::Budget => Verdict::Undecided {
            steps: steps + network.steps,
        },
    }
}

/// The candidates of each rule; none where the budget is spent on them.
pub(super) fn candidates_of_all(
    spec: &CompiledSpec,
    facts: &FactIndex<'_>,
    steps: &mut u64,
    budget: u64,
) -> Option<Vec<Vec<u32>>> {
    let mut domains = Vec::with_capacity(spec.rules.len());
    let mut failed = false;
    for rule in &spec.rules {
        // Once a rule has no fact, of the others it only matters whether they have any.
        let most = if failed {
            1
        } else {
            useful_candidates(spec, rule)
        };
        let domain = candidates(rule, facts, most, steps);
        failed |= domain.is_empty();
        domains.push(domain);
        if *steps > budget {
            return None;
        }
    }
    Some(domains)
}

/// A rule that shares no name is free in its choice: of n rules the others take n - 1 facts at most, so in the
/// first assignment it has one of its first n.
fn useful_candidates(spec: &CompiledSpec, rule: &CompiledRule) -> usize {
    if rule
        .names
        .iter()
        .all(|(name, _)| spec.names[*name].rules == 1)
    {
        spec.rules.len()
    } else {
        usize::MAX
    }
}

/// The first facts that the rule, taken alone, accepts.
fn candidates(
    rule: &CompiledRule,
    facts: &FactIndex<'_>,
    most: usize,
    steps: &mut u64,
) -> Vec<u32> {
    let all = facts.facts();
    let accepts = |fact: &u32| {
        let fact = &all[*fact as usize];
        *steps += 1 + rule.bytes_read(fact) / BYTES_PER_STEP;
        rule.accepts(fact)
    };
    match (rule.kind, &rule.patterns[0].test) {
        (Some(kind), _) => {
            let facts = facts.of_kind(kind).iter().copied();
            facts.filter(accepts).take(most).collect()
        }
        (None, Test::Literal(category)) => {
            let facts = facts.of_category(&category.text);
            facts.filter(accepts).take(most).collect()
        }
        _ => {
            let facts = (0_u32..).take(all.len());
            facts.filter(accepts).take(most).collect()
        }
    }
}

fn matched(spec: &CompiledSpec, facts: &[Fact], chosen: &[u32]) -> Match {
    let mut bindings = Bindings::new();
    let mut key_bindings = Bindings::new();
    for (rule, fact) in spec.rules.iter().zip(chosen) {
        for (name, at) in &rule.names {
            let name = &spec.names[*name];
            if bindings.get(&name.text).is_some() {
                continue;
            }
            let value = field(&facts[*fact as usize], *at).to_value();
            if name.key {
                key_bindings.bind(&name.text, value.clone());
            }
            bindings.bind(&name.text, value);
        }
    }
    Match {
        bindings,
        key_bindings,
        facts: chosen.iter().map(|fact| *fact as usize).collect(),
    }
}
