//! The facts of one machine, found by category and key.
//!
//! The table has a bucket for each hash and no chain to walk while it is built, so that facts chosen
//! to collide make a rule look at all facts, which is what it would do without an index, and no more.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::model::Fact;

/// The facts of one machine, ready for any number of specs.
#[derive(Debug, Clone)]
pub struct FactIndex<'a> {
    facts: &'a [Fact],
    /// `starts[b]..starts[b + 1]` is the part of `order` that bucket `b` holds.
    starts: Vec<u32>,
    /// Fact numbers, bucket after bucket, ascending in each.
    order: Vec<u32>,
    /// Facts of one category that follow each other: the first of them and the one after the last.
    runs: Vec<(u32, u32)>,
}

/// The hash by which facts of one category and key are found.
pub(super) fn kind_hash(category: &str, key: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(category.as_bytes());
    hasher.write(key.as_bytes());
    hasher.finish()
}

impl<'a> FactIndex<'a> {
    /// Indexes `facts`, which keep the order of the upload.
    pub fn new(facts: &'a [Fact]) -> FactIndex<'a> {
        let buckets = facts.len().next_power_of_two().max(1);
        let bucket_of = |hash: u64| bucket(hash, buckets);
        let hashes: Vec<u32> = facts
            .iter()
            .map(|fact| bucket_of(kind_hash(&fact.category, &fact.key)))
            .collect();
        let mut starts = vec![0_u32; buckets + 1];
        for bucket in &hashes {
            starts[*bucket as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut order = vec![0_u32; facts.len()];
        let mut next = starts.clone();
        for (fact, bucket) in (0_u32..).zip(&hashes) {
            let slot = &mut next[*bucket as usize];
            order[*slot as usize] = fact;
            *slot += 1;
        }
        FactIndex {
            facts,
            starts,
            order,
            runs: runs(facts),
        }
    }

    /// All facts, in the order of the upload.
    pub fn facts(&self) -> &'a [Fact] {
        self.facts
    }

    /// The numbers of all facts of a category.
    pub(super) fn of_category(&self, category: &str) -> impl Iterator<Item = u32> {
        let facts = self.facts;
        let named = move |(first, _): &&(u32, u32)| facts[*first as usize].category == category;
        self.runs
            .iter()
            .filter(named)
            .flat_map(|(first, end)| *first..*end)
    }

    /// The numbers of all facts whose category and key hash to `kind`, and perhaps of others.
    pub(super) fn of_kind(&self, kind: u64) -> &[u32] {
        let bucket = bucket(kind, self.starts.len() - 1) as usize;
        &self.order[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

fn runs(facts: &[Fact]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut category = None;
    for (fact, number) in facts.iter().zip(0_u32..) {
        match runs.last_mut() {
            Some((_, end)) if category == Some(&fact.category) => *end = number + 1,
            _ => runs.push((number, number + 1)),
        }
        category = Some(&fact.category);
    }
    runs
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "less than the number of buckets"
)]
fn bucket(hash: u64, buckets: usize) -> u32 {
    (hash & (buckets as u64 - 1)) as u32
}
