//! Makes a [`Network`] of the candidates of each rule.
//!
//! What would only make it larger is left out: of facts that bind the same values a rule needs no more
//! than there are rules.

use std::collections::HashMap;

use super::compile::{CompiledRule, CompiledSpec};
use super::network::{Join, NONE, Network, Parts, RuleEntries};
use super::values::{Classes, Numbers, narrow};
use crate::model::Fact;

/// How many entries the joins of several names may have together: they only save search.
const DERIVED_ENTRIES: usize = 100_000;

/// How many steps of the budget one entry needs at least, so that more entries are not worth a start.
const STEPS_PER_ENTRY: u64 = 20;

/// Builds the network, or none where it would have more entries than the budget has steps.
pub(super) fn build(
    spec: &CompiledSpec,
    facts: &[Fact],
    domains: &[Vec<u32>],
    budget: u64,
) -> Option<Network> {
    let mut builder = Builder {
        facts,
        numbers: Numbers::default(),
        columns: domains.iter().map(|_| Vec::new()).collect(),
        rows: domains.to_vec(),
        shared: spec
            .rules
            .iter()
            .map(|rule| shared_names(spec, rule))
            .collect(),
        joins: Vec::new(),
        budget,
    };
    let shared: Vec<usize> = (0..spec.names.len())
        .filter(|name| spec.names[*name].rules > 1)
        .collect();
    for name in &shared {
        builder.join(spec, *name)?;
    }
    builder.thin_out();
    let entries: usize = builder.rows.iter().map(Vec::len).sum();
    if entries as u64 > budget / STEPS_PER_ENTRY {
        return None;
    }
    builder.derive(spec);
    Some(builder.finish())
}

/// The rules that compete for too few facts, whatever names say; none where there are none.
pub(super) fn crowd(facts: &[Fact], domains: &[Vec<u32>]) -> Option<Vec<u32>> {
    let builder = Builder {
        facts,
        numbers: Numbers::default(),
        columns: domains.iter().map(|_| Vec::new()).collect(),
        rows: domains.to_vec(),
        shared: Vec::new(),
        joins: Vec::new(),
        budget: u64::MAX,
    };
    let mut network = builder.finish();
    match network.propagate() {
        Ok(()) => None,
        Err(_) => Some(network.crowd().to_vec()),
    }
}

fn shared_names(spec: &CompiledSpec, rule: &CompiledRule) -> usize {
    let shared = |(name, _): &&(usize, usize)| spec.names[*name].rules > 1;
    rule.names.iter().filter(shared).count()
}

struct Builder<'a> {
    facts: &'a [Fact],
    numbers: Numbers<'a>,
    /// For each rule, the fact of each entry.
    rows: Vec<Vec<u32>>,
    /// For each rule and each join it takes part in: the join and the value of each entry.
    columns: Vec<Vec<(usize, Vec<u32>)>>,
    /// For each rule, how many of its names other rules bind too.
    shared: Vec<usize>,
    joins: Vec<Proto>,
    budget: u64,
}

/// A join before its values and cells are numbered.
struct Proto {
    values: u32,
    rules: Vec<u32>,
    derived: bool,
}

impl<'a> Builder<'a> {
    /// Adds the join of a name that several rules bind.
    fn join(&mut self, spec: &CompiledSpec, name: usize) -> Option<()> {
        let links: Vec<(usize, usize)> = (0..)
            .zip(&spec.rules)
            .filter_map(|(rule, compiled)| {
                let bound = compiled.names.iter().find(|(bound, _)| *bound == name);
                let bound = bound.filter(|_| !self.rows[rule].is_empty());
                bound.map(|(_, at)| (rule, *at))
            })
            .collect();
        if links.len() < 2 {
            return Some(());
        }
        let mut exact: Vec<Vec<u32>> = Vec::with_capacity(links.len());
        for (rule, at) in &links {
            let rows = &self.rows[*rule];
            let of_row = |fact: &u32| self.numbers.of(&self.facts[*fact as usize], *fact, *at);
            exact.push(rows.iter().map(of_row).collect());
        }
        let classes = self.numbers.classes(&exact);
        let number = self.joins.len();
        for ((rule, _), exact) in links.iter().zip(exact) {
            let column = self.classify(*rule, &exact, &classes)?;
            self.columns[*rule].push((number, column));
        }
        self.joins.push(Proto {
            values: classes.count,
            rules: links.iter().map(|(rule, _)| narrow(*rule)).collect(),
            derived: false,
        });
        Some(())
    }

    /// The class of each entry of a rule. An entry that fits several is repeated.
    fn classify(&mut self, rule: usize, exact: &[u32], classes: &Classes) -> Option<Vec<u32>> {
        if classes.several.is_empty() {
            return Some(exact.iter().map(|id| classes.first[*id as usize]).collect());
        }
        let alone = self.columns[rule].is_empty() && self.shared[rule] == 1;
        let most = if alone { self.rows.len() } else { usize::MAX };
        let mut count = vec![0; classes.count as usize];
        let mut column = Vec::new();
        let mut copies = Vec::new();
        for (row, id) in exact.iter().enumerate() {
            let several = classes.several.get(id).map(Vec::as_slice);
            for class in several.unwrap_or(&[classes.first[*id as usize]]) {
                let seen = &mut count[*class as usize];
                if *seen < most {
                    *seen += 1;
                    column.push(*class);
                    copies.push(row);
                }
            }
            // Of entries that bind the same, a rule needs no more than there are rules; only of a rule
            // with one join can that be said before all joins are known.
            if column.len() as u64 > self.budget / STEPS_PER_ENTRY {
                return None;
            }
        }
        let pick = |old: &[u32]| copies.iter().map(|row| old[*row]).collect::<Vec<u32>>();
        self.rows[rule] = pick(&self.rows[rule]);
        for (_, old) in &mut self.columns[rule] {
            *old = pick(old);
        }
        Some(column)
    }

    /// Of entries of a rule that bind the same values, keeps as many as there are rules: the others take
    /// fewer of them, and an earlier one serves as well as a later.
    fn thin_out(&mut self) {
        let most = self.rows.len();
        for (rows, columns) in self.rows.iter_mut().zip(&mut self.columns) {
            let values = |join: usize| self.joins[join].values as usize;
            let kinds = columns
                .iter()
                .try_fold(1_usize, |kinds, (join, _)| kinds.checked_mul(values(*join)));
            let Some(kinds) = kinds.filter(|kinds| kinds.saturating_mul(most) < rows.len()) else {
                continue;
            };
            let mut count = vec![0; kinds];
            let kept: Vec<usize> = (0..rows.len())
                .filter(|row| {
                    let kind = columns.iter().fold(0, |kind, (join, column)| {
                        kind * values(*join) + column[*row] as usize
                    });
                    count[kind] += 1;
                    count[kind] <= most
                })
                .collect();
            let pick = |old: &[u32]| kept.iter().map(|row| old[*row]).collect::<Vec<u32>>();
            *rows = pick(rows);
            for (_, column) in columns {
                *column = pick(column);
            }
        }
    }

    /// Rules that share several names agree on all of them at once: one more join says so.
    fn derive(&mut self, spec: &CompiledSpec) {
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for (at, a) in self.columns.iter().enumerate().filter(|(_, c)| c.len() > 1) {
            for b in self.columns[at + 1..].iter().filter(|c| c.len() > 1) {
                let common: Vec<usize> = a
                    .iter()
                    .map(|(join, _)| *join)
                    .filter(|join| b.iter().any(|(other, _)| other == join))
                    .collect();
                if common.len() > 1 && !sets.contains(&common) {
                    sets.push(common);
                }
            }
            if sets.len() > spec.rules.len() {
                break;
            }
        }
        let mut entries = 0;
        for set in sets {
            let rules: Vec<u32> = (0_u32..)
                .zip(&self.columns)
                .filter(|(_, columns)| set.iter().all(|j| columns.iter().any(|(o, _)| o == j)))
                .map(|(rule, _)| rule)
                .collect();
            entries += rules
                .iter()
                .map(|rule| self.rows[*rule as usize].len())
                .sum::<usize>();
            if entries > DERIVED_ENTRIES {
                return;
            }
            self.derive_one(&set, rules);
        }
    }

    /// The columns of a rule for some joins, in their order.
    fn parts(&self, rule: usize, set: &[usize]) -> Vec<&Vec<u32>> {
        let column = |join: &usize| self.columns[rule].iter().find(|(other, _)| other == join);
        set.iter()
            .filter_map(column)
            .map(|(_, column)| column)
            .collect()
    }

    fn derive_one(&mut self, set: &[usize], rules: Vec<u32>) {
        let number = self.joins.len();
        let mut known: HashMap<[u32; 4], u32> = HashMap::new();
        let mut before: Option<usize> = None;
        for rule in rules.iter().map(|rule| *rule as usize) {
            let parts = self.parts(rule, set);
            // Equal rules follow each other in the specs that make this costly.
            let same = before.filter(|before| self.parts(*before, set) == parts);
            let column = match same.and_then(|before| self.columns[before].last()) {
                Some((_, column)) => column.clone(),
                None => (0..self.rows[rule].len())
                    .map(|row| {
                        // A rule has four fields, so it binds four names at most.
                        let mut tuple = [NONE; 4];
                        for (slot, part) in tuple.iter_mut().zip(&parts) {
                            *slot = part[row];
                        }
                        let next = narrow(known.len());
                        *known.entry(tuple).or_insert(next)
                    })
                    .collect(),
            };
            self.columns[rule].push((number, column));
            before = Some(rule);
        }
        self.joins.push(Proto {
            values: narrow(known.len()),
            rules,
            derived: true,
        });
    }

    fn finish(self) -> Network {
        let mut parts = Parts {
            facts: self.facts.len(),
            ..Parts::default()
        };
        let (mut value, mut cell) = (0, 0);
        for proto in self.joins {
            let links = narrow(proto.rules.len());
            parts.joins.push(Join {
                first_value: value,
                values: proto.values,
                first_cell: cell,
                rules: proto.rules,
                derived: proto.derived,
                weight: 1,
                standing: proto.values,
            });
            value += proto.values;
            cell += proto.values * links;
        }
        for ((rule, rows), columns) in (0_u32..).zip(&self.rows).zip(&self.columns) {
            let first = narrow(parts.entry_fact.len());
            let first_slot = parts.slots.len();
            // Where each column's join begins, how many rules it has, and which of them this one is.
            let places: Vec<(u32, u32, u32)> = columns
                .iter()
                .map(|(join, _)| {
                    let join = &parts.joins[*join];
                    let position = join.rules.iter().position(|other| *other == rule);
                    let links = narrow(join.rules.len());
                    (join.first_cell, links, narrow(position.unwrap_or(0)))
                })
                .collect();
            for row in 0..rows.len() {
                for ((_, column), (first_cell, links, position)) in columns.iter().zip(&places) {
                    parts
                        .slots
                        .push(first_cell + column[row] * links + position);
                }
            }
            parts.entry_fact.extend(rows);
            parts.entry_rule.extend(rows.iter().map(|_| rule));
            parts.rules.push(RuleEntries {
                first,
                end: narrow(parts.entry_fact.len()),
                first_slot,
                width: columns.len(),
                standing: narrow(rows.len()),
            });
        }
        Network::new(parts, self.budget)
    }
}
