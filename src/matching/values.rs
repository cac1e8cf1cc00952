//! The values that a shared name can take, told apart and grouped by what is the same.
//!
//! Values are compared by number once each distinct one has one. "The same" is not transitive: `2` is
//! the same as `"2"` and as `"2.0"`, which differ. Where a name can take both numbers and texts of them, its
//! values in the network are therefore the sets of values that all agree, and a fact that fits several
//! of those sets has an entry for each.

use std::collections::HashMap;

use super::compile::field;
use super::network::NONE;
use super::predicate::{Datum, as_float};
use crate::model::{Fact, Number, Value};

/// The candidates of all rules are fewer than 2^32 by the budget.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

/// A value as it is told apart from others. Numbers of different types are different here.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Exact<'a> {
    Text(&'a str),
    Int(i128),
    Float(u64),
    Other(&'static str),
    /// A value that is no scalar, which no fact should have: it is the same as nothing else.
    Unique(u32),
}

/// Numbers for distinct values.
#[derive(Default)]
pub(super) struct Numbers<'a> {
    known: HashMap<Exact<'a>, u32>,
    all: Vec<Exact<'a>>,
    /// The number of each field of each fact, once it was asked for.
    memo: Vec<u32>,
}

/// Which values of a join each exact value fits.
pub(super) struct Classes {
    pub(super) count: u32,
    /// By exact value; meaningless for one that the join has not.
    pub(super) first: Vec<u32>,
    /// Those that fit more than one or not only the first.
    pub(super) several: HashMap<u32, Vec<u32>>,
}

impl<'a> Numbers<'a> {
    /// The number of one field of a fact.
    pub(super) fn of(&mut self, fact: &'a Fact, number: u32, at: usize) -> u32 {
        let memo = number as usize * 4 + at;
        if self.memo.len() <= memo {
            self.memo.resize(memo + 4, NONE);
        }
        if self.memo[memo] != NONE {
            return self.memo[memo];
        }
        let exact = match field(fact, at) {
            Datum::Text(text) => Exact::Text(text),
            Datum::Other(Value::Int(int)) => Exact::Int(*int),
            Datum::Other(Value::Float(float)) => Exact::Float((float + 0.0).to_bits()),
            Datum::Other(Value::Null) => Exact::Other("null"),
            Datum::Other(Value::Bool(true)) => Exact::Other("true"),
            Datum::Other(Value::Bool(false)) => Exact::Other("false"),
            Datum::Other(_) => Exact::Unique(number),
        };
        let next = narrow(self.all.len());
        let id = *self.known.entry(exact).or_insert(next);
        if id == next {
            self.all.push(exact);
        }
        self.memo[memo] = id;
        id
    }

    /// Groups the exact values of a join into sets that all agree.
    pub(super) fn classes(&self, columns: &[Vec<u32>]) -> Classes {
        let mut first = vec![NONE; self.all.len()];
        let mut present = Vec::new();
        for id in columns.iter().flatten() {
            if first[*id as usize] == NONE {
                first[*id as usize] = narrow(present.len());
                present.push(*id);
            }
        }
        let mut classes = Classes {
            count: narrow(present.len()),
            first,
            several: HashMap::new(),
        };
        let is_number =
            |id: &u32| matches!(self.all[*id as usize], Exact::Int(_) | Exact::Float(_));
        if present.iter().any(is_number) {
            self.mix(&present, &mut classes);
        }
        classes
    }

    /// Where numbers are among them, values that denote one number get a class for each way to agree.
    fn mix(&self, present: &[u32], classes: &mut Classes) {
        let mut by_number: HashMap<u64, Vec<u32>> = HashMap::new();
        for id in present {
            if let Some(number) = self.denotes(*id) {
                let key = (as_float(number) + 0.0).to_bits();
                by_number.entry(key).or_default().push(*id);
            }
        }
        let mut groups: Vec<Vec<u32>> = by_number.into_values().collect();
        groups.sort_unstable();
        for group in groups {
            let is_text = |id: &&u32| matches!(self.all[**id as usize], Exact::Text(_));
            if group.iter().all(|id| is_text(&id)) {
                continue;
            }
            for agreeing in self.agreeing(&group) {
                for id in agreeing {
                    classes.several.entry(id).or_default().push(classes.count);
                }
                classes.count += 1;
            }
        }
    }

    fn denotes(&self, id: u32) -> Option<Number> {
        match self.all[id as usize] {
            Exact::Text(text) => Number::parse(text),
            Exact::Int(int) => Some(Number::Int(int)),
            Exact::Float(bits) => Number::from_float(f64::from_bits(bits)),
            Exact::Other(_) | Exact::Unique(_) => None,
        }
    }

    /// The largest sets of values that are all the same as each other, of values of one float: at most one
    /// text, at most one whole number, and the float.
    fn agreeing(&self, group: &[u32]) -> Vec<Vec<u32>> {
        let whole = |id: u32| match self.denotes(id) {
            Some(Number::Int(int)) => Some(int),
            _ => None,
        };
        let kind = |wanted: fn(&Exact<'_>) -> bool| {
            let members = group.iter().copied();
            members.filter(move |id| wanted(&self.all[*id as usize]))
        };
        let floats: Vec<u32> = kind(|exact| matches!(exact, Exact::Float(_))).collect();
        let mut integers: Vec<Option<u32>> = kind(|exact| matches!(exact, Exact::Int(_)))
            .map(Some)
            .collect();
        let texts: Vec<u32> = kind(|exact| matches!(exact, Exact::Text(_))).collect();
        integers.push(None);
        let mut sets = Vec::new();
        for text in texts.iter().copied().map(Some).chain([None]) {
            for integer in &integers {
                let differ = match (text.and_then(whole), integer.and_then(whole)) {
                    (Some(a), Some(b)) => a != b,
                    _ => false,
                };
                if !differ {
                    let members = text.iter().chain(integer).chain(&floats);
                    sets.push(members.copied().collect::<Vec<u32>>());
                }
            }
        }
        largest(sets)
    }
}

/// Without the sets that are part of another.
fn largest(mut sets: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let mut kept: Vec<Vec<u32>> = Vec::new();
    for set in sets {
        let within = |other: &Vec<u32>| set.iter().all(|id| other.contains(id));
        if !set.is_empty() && !kept.iter().any(within) {
            kept.push(set);
        }
    }
    kept
}
