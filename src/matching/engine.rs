//! From a spec and a machine to the verdict.

use super::compile::{CompiledRule, CompiledSpec, field};
use super::index::FactIndex;
use super::verdict::{Match, Mismatch, Verdict};
use crate::model::Bindings;

/// The step budget of [`match_spec`].
pub const DEFAULT_STEPS: u64 = 4_000_000;

/// Matches a spec with a machine, within [`DEFAULT_STEPS`].
pub fn match_spec(spec: &CompiledSpec, facts: &FactIndex<'_>) -> Verdict {
    match_spec_within(spec, facts, DEFAULT_STEPS)
}

/// Matches a spec with a machine, within a budget of steps.
pub fn match_spec_within(spec: &CompiledSpec, facts: &FactIndex<'_>, budget: u64) -> Verdict {
    let domains: Vec<Vec<u32>> = spec
        .rules
        .iter()
        .map(|rule| candidates(rule, facts))
        .collect();
    let mut search = Plain {
        spec,
        facts,
        domains: &domains,
        chosen: Vec::new(),
        steps: 0,
        budget,
    };
    match search.go() {
        Some(true) => Verdict::Matched(matched(spec, facts, &search.chosen)),
        Some(false) => Verdict::Mismatch(Mismatch {}),
        None => Verdict::Undecided {
            steps: search.steps,
        },
    }
}

fn candidates(rule: &CompiledRule, facts: &FactIndex<'_>) -> Vec<u32> {
    let all = facts.facts();
    let accepts = |fact: &u32| rule.accepts(&all[*fact as usize]);
    match rule.kind {
        Some(kind) => facts
            .of_kind(kind)
            .iter()
            .copied()
            .filter(accepts)
            .collect(),
        None => (0_u32..).take(all.len()).filter(accepts).collect(),
    }
}

struct Plain<'a> {
    spec: &'a CompiledSpec,
    facts: &'a FactIndex<'a>,
    domains: &'a [Vec<u32>],
    chosen: Vec<u32>,
    steps: u64,
    budget: u64,
}

impl Plain<'_> {
    fn go(&mut self) -> Option<bool> {
        let rule = self.chosen.len();
        let Some(domain) = self.domains.get(rule) else {
            return Some(true);
        };
        for fact in domain {
            self.steps += 1;
            if self.steps > self.budget {
                return None;
            }
            if self.chosen.contains(fact) || !self.agrees(rule, *fact) {
                continue;
            }
            self.chosen.push(*fact);
            match self.go() {
                Some(false) => self.chosen.truncate(rule),
                decided => return decided,
            }
        }
        Some(false)
    }

    fn agrees(&self, rule: usize, fact: u32) -> bool {
        let all = self.facts.facts();
        self.spec.rules[rule].names.iter().all(|(name, at)| {
            self.chosen.iter().enumerate().all(|(other, taken)| {
                self.spec.rules[other]
                    .names
                    .iter()
                    .filter(|(bound, _)| bound == name)
                    .all(|(_, other_at)| {
                        field(&all[fact as usize], *at)
                            .same(field(&all[*taken as usize], *other_at))
                    })
            })
        })
    }
}

fn matched(spec: &CompiledSpec, facts: &FactIndex<'_>, chosen: &[u32]) -> Match {
    let mut bindings = Bindings::new();
    let mut key_bindings = Bindings::new();
    for (rule, fact) in spec.rules.iter().zip(chosen) {
        for (name, at) in &rule.names {
            let name = &spec.names[*name];
            if bindings.get(&name.text).is_some() {
                continue;
            }
            let value = field(&facts.facts()[*fact as usize], *at).to_value();
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
