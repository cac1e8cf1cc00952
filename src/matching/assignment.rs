//! Each fact is taken by one rule only: a bipartite matching of rules and facts, kept while entries go.

use super::network::{NONE, Network, Stop};

/// Memory that the searches for a path use again and again.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The entry by which each fact was reached.
    reached_by: Vec<u32>,
    /// Facts reached in this round have its number.
    stamp: Vec<u32>,
    round: u32,
    queue: Vec<u32>,
    /// Facts that some rule can give up or that nobody takes, for [`Network::free_for`].
    free: Vec<bool>,
}

impl Scratch {
    pub(super) fn new(rules: usize, facts: usize) -> Scratch {
        Scratch {
            reached_by: vec![NONE; facts],
            stamp: vec![0; facts],
            round: 0,
            queue: Vec::with_capacity(rules),
            free: vec![false; facts],
        }
    }
}

impl Network {
    /// Gives every loose rule a fact again, if need be by moving others.
    pub(super) fn repair(&mut self) -> Result<(), Stop> {
        while let Some(rule) = self.loose.last().copied() {
            if self.taken[rule as usize] == NONE {
                if !self.augment(rule) {
                    let crowd = std::mem::take(&mut self.scratch.queue);
                    self.blame_rules(&crowd);
                    self.scratch.queue = crowd;
                    return Err(Stop::Conflict);
                }
                if self.steps > self.budget {
                    return Err(Stop::Budget);
                }
            }
            self.loose.pop();
        }
        Ok(())
    }

    /// Looks for a fact for `rule`, breadth first. Where it fails, the queue holds the rules that
    /// compete for too few facts (Hall's theorem).
    fn augment(&mut self, rule: u32) -> bool {
        self.scratch.round += 1;
        let round = self.scratch.round;
        self.scratch.queue.clear();
        self.scratch.queue.push(rule);
        let mut head = 0;
        while let Some(rule) = self.scratch.queue.get(head).copied() {
            head += 1;
            let entries = self.rules[rule as usize];
            for entry in entries.first..entries.end {
                self.steps += 1;
                let fact = self.entry_fact[entry as usize] as usize;
                if !self.entry_stands[entry as usize] || self.scratch.stamp[fact] == round {
                    continue;
                }
                self.scratch.stamp[fact] = round;
                self.scratch.reached_by[fact] = entry;
                if self.owner[fact] == NONE {
                    self.shift(entry);
                    return true;
                }
                self.scratch.queue.push(self.owner[fact]);
            }
        }
        false
    }

    /// Gives the fact of `entry` to its rule, the fact that rule had to the rule that wanted it, and so on.
    fn shift(&mut self, mut entry: u32) {
        loop {
            let rule = self.entry_rule[entry as usize] as usize;
            let before = std::mem::replace(&mut self.taken[rule], entry);
            self.owner[self.entry_fact[entry as usize] as usize] = self.entry_rule[entry as usize];
            if before == NONE {
                return;
            }
            entry = self.scratch.reached_by[self.entry_fact[before as usize] as usize];
        }
    }

    /// The competing rules of the last failed search for a fact.
    pub(super) fn crowd(&self) -> &[u32] {
        &self.scratch.queue
    }

    /// Works out which facts `rule` could take so that every other rule still has one; as far as the
    /// facts alone are concerned. Asked for by [`Network::is_free`].
    pub(super) fn free_for(&mut self, rule: u32) {
        self.scratch.free.fill(false);
        self.scratch.queue.clear();
        let own = self.entry_fact[self.taken[rule as usize] as usize];
        self.scratch.free[own as usize] = true;
        self.scratch.queue.push(own);
        for other in (0_u32..).take(self.rules.len()) {
            let spare = self
                .standing(other)
                .any(|entry| self.owner[self.entry_fact[entry as usize] as usize] == NONE);
            if spare && other != rule {
                let fact = self.entry_fact[self.taken[other as usize] as usize];
                if !self.scratch.free[fact as usize] {
                    self.scratch.free[fact as usize] = true;
                    self.scratch.queue.push(fact);
                }
            }
        }
        self.steps += self.rules.len() as u64;
        while let Some(fact) = self.scratch.queue.pop() {
            for at in self.fact_entries.range(fact) {
                self.steps += 1;
                let entry = self.fact_entries.member(at);
                let holder = self.entry_rule[entry as usize];
                if !self.entry_stands[entry as usize] || holder == rule {
                    continue;
                }
                let held = self.entry_fact[self.taken[holder as usize] as usize];
                if !self.scratch.free[held as usize] {
                    self.scratch.free[held as usize] = true;
                    self.scratch.queue.push(held);
                }
            }
        }
    }

    /// Whether the rule of the last [`Network::free_for`] could take `fact`.
    pub(super) fn is_free(&self, fact: u32) -> bool {
        self.owner[fact as usize] == NONE || self.scratch.free[fact as usize]
    }
}
