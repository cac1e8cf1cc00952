//! The rules as variables, their candidate facts as domains, the shared names as joins between them.
//!
//! An *entry* is one fact that one rule may take. A *value* is one value of one shared name, a *cell* the
//! entries of one rule that bind one value. A value stands while every rule that binds its name
//! has an entry for it, an entry while all its values stand (arc consistency, kept by counting), and the
//! rules together while each can be given a fact of its own (kept as a bipartite matching). Whatever is
//! removed is written on a trail and can be put back.

use super::assignment::Scratch;
use super::groups::Groups;

/// No entry, no rule.
pub(super) const NONE: u32 = u32::MAX;

/// Why propagation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The state has no solution.
    Conflict,
    /// The budget of steps is spent.
    Budget,
}

/// A shared name, or (`derived`) several shared names taken as one.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) first_value: u32,
    pub(super) values: u32,
    pub(super) first_cell: u32,
    /// The rules that bind it: the cells of a value follow each other in this order.
    pub(super) rules: Vec<u32>,
    /// Fixed as soon as the names it consists of are.
    pub(super) derived: bool,
    /// How often it was part of a conflict, plus one: such names are decided first.
    pub(super) weight: u64,
    /// How many of its values stand.
    pub(super) standing: u32,
}

/// The entries of one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleEntries {
    pub(super) first: u32,
    pub(super) end: u32,
    /// Where the cells of its entries begin, and how many each entry has.
    pub(super) first_slot: usize,
    pub(super) width: usize,
    /// How many of its entries stand.
    pub(super) standing: u32,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Entry(u32),
    Value(u32),
}

/// The state of a search.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) rules: Vec<RuleEntries>,
    pub(super) joins: Vec<Join>,
    pub(super) entry_fact: Vec<u32>,
    pub(super) entry_rule: Vec<u32>,
    /// The cells of each entry, rule after rule.
    pub(super) slots: Vec<u32>,
    pub(super) value_join: Vec<u32>,
    pub(super) cell_value: Vec<u32>,
    pub(super) cell_entries: Groups,
    pub(super) fact_entries: Groups,
    pub(super) cell_count: Vec<u32>,
    pub(super) entry_stands: Vec<bool>,
    pub(super) value_stands: Vec<bool>,
    /// The entry each rule takes in the present matching.
    pub(super) taken: Vec<u32>,
    /// The rule that takes each fact in it.
    pub(super) owner: Vec<u32>,
    /// Rules whose entry was removed.
    pub(super) loose: Vec<u32>,
    trail: Vec<Change>,
    /// Values one of whose cells is empty.
    doomed: Vec<u32>,
    pub(super) steps: u64,
    pub(super) budget: u64,
    pub(super) scratch: Scratch,
}

/// The parts of a network that its builder makes.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) rules: Vec<RuleEntries>,
    pub(super) joins: Vec<Join>,
    pub(super) entry_fact: Vec<u32>,
    pub(super) entry_rule: Vec<u32>,
    pub(super) slots: Vec<u32>,
    pub(super) facts: usize,
}

/// The join of each value and the value of each cell.
fn numbered(joins: &[Join]) -> (Vec<u32>, Vec<u32>) {
    let (mut value_join, mut cell_value) = (Vec::new(), Vec::new());
    for (join, number) in joins.iter().zip(0_u32..) {
        for value in join.first_value..join.first_value + join.values {
            value_join.push(number);
            cell_value.extend(join.rules.iter().map(|_| value));
        }
    }
    (value_join, cell_value)
}

impl Network {
    pub(super) fn new(parts: Parts, budget: u64) -> Network {
        let Parts {
            rules,
            joins,
            entry_fact,
            entry_rule,
            slots,
            facts,
        } = parts;
        let (value_join, cell_value) = numbered(&joins);
        let cells_of = |entry: u32| {
            let rule = rules[entry_rule[entry as usize] as usize];
            let at = rule.first_slot + (entry - rule.first) as usize * rule.width;
            at..at + rule.width
        };
        let entries = 0..u32::try_from(entry_fact.len()).unwrap_or(NONE);
        let in_cells = entries.clone().flat_map(|entry| {
            slots[cells_of(entry)]
                .iter()
                .map(move |cell| (*cell, entry))
        });
        let cell_entries = Groups::new(cell_value.len(), in_cells);
        let on_facts = entries.map(|entry| (entry_fact[entry as usize], entry));
        let fact_entries = Groups::new(facts, on_facts);
        let cell_count: Vec<u32> = (0_u32..)
            .take(cell_value.len())
            .map(|cell| u32::try_from(cell_entries.range(cell).len()).unwrap_or(NONE))
            .collect();
        let empty = cell_count
            .iter()
            .zip(&cell_value)
            .filter(|(count, _)| **count == 0);
        // A rule without entries takes no part: `explain` leaves rules out so.
        let wanting = (0_u32..)
            .zip(&rules)
            .filter(|(_, entries)| entries.first < entries.end)
            .map(|(rule, _)| rule);
        Network {
            doomed: empty.map(|(_, value)| *value).collect(),
            entry_stands: vec![true; entry_fact.len()],
            value_stands: vec![true; value_join.len()],
            taken: vec![NONE; rules.len()],
            owner: vec![NONE; facts],
            loose: wanting.collect(),
            trail: Vec::new(),
            steps: (2 * entry_fact.len() + 2 * slots.len()) as u64,
            budget,
            scratch: Scratch::new(rules.len(), facts),
            rules,
            joins,
            entry_fact,
            entry_rule,
            slots,
            value_join,
            cell_value,
            cell_entries,
            fact_entries,
            cell_count,
        }
    }

    /// The entries of a rule that still stand, ascending by fact.
    pub(super) fn standing(&self, rule: u32) -> impl Iterator<Item = u32> + '_ {
        let entries = self.rules[rule as usize];
        (entries.first..entries.end).filter(|entry| self.entry_stands[*entry as usize])
    }

    /// Where the trail is now, for [`Network::undo`].
    pub(super) fn mark(&self) -> usize {
        self.trail.len()
    }

    /// Puts back all that was removed since the mark. The matching stays: it is valid for more entries too.
    pub(super) fn undo(&mut self, mark: usize) {
        self.doomed.clear();
        self.steps += (self.trail.len() - mark) as u64;
        while self.trail.len() > mark {
            match self.trail.pop() {
                Some(Change::Entry(entry)) => {
                    self.entry_stands[entry as usize] = true;
                    self.rules[self.entry_rule[entry as usize] as usize].standing += 1;
                    for slot in self.slots_of(entry) {
                        self.cell_count[self.slots[slot] as usize] += 1;
                    }
                }
                Some(Change::Value(value)) => {
                    self.value_stands[value as usize] = true;
                    self.joins[self.value_join[value as usize] as usize].standing += 1;
                }
                None => return,
            }
        }
    }

    fn slots_of(&self, entry: u32) -> std::ops::Range<usize> {
        let rule = self.rules[self.entry_rule[entry as usize] as usize];
        let at = rule.first_slot + (entry - rule.first) as usize * rule.width;
        at..at + rule.width
    }

    /// Removes an entry; what follows from that is left to [`Network::propagate`].
    pub(super) fn remove_entry(&mut self, entry: u32) -> Result<(), Stop> {
        if !self.entry_stands[entry as usize] {
            return Ok(());
        }
        self.entry_stands[entry as usize] = false;
        self.trail.push(Change::Entry(entry));
        let rule = self.entry_rule[entry as usize];
        self.steps += 1 + self.rules[rule as usize].width as u64 / 2;
        if self.taken[rule as usize] == entry {
            self.taken[rule as usize] = NONE;
            self.owner[self.entry_fact[entry as usize] as usize] = NONE;
            self.loose.push(rule);
        }
        for slot in self.slots_of(entry) {
            let cell = self.slots[slot] as usize;
            self.cell_count[cell] -= 1;
            if self.cell_count[cell] == 0 {
                self.doomed.push(self.cell_value[cell]);
            }
        }
        self.rules[rule as usize].standing -= 1;
        if self.rules[rule as usize].standing == 0 {
            self.blame_rules(&[rule]);
            return Err(Stop::Conflict);
        }
        Ok(())
    }

    /// Removes a value and all entries that bind it.
    pub(super) fn remove_value(&mut self, value: u32) -> Result<(), Stop> {
        if !self.value_stands[value as usize] {
            return Ok(());
        }
        self.value_stands[value as usize] = false;
        self.trail.push(Change::Value(value));
        self.steps += 1;
        let number = self.value_join[value as usize] as usize;
        let join = &mut self.joins[number];
        join.standing -= 1;
        if join.standing == 0 {
            join.weight += 1;
            return Err(Stop::Conflict);
        }
        for cell in self.cells_of(value) {
            if self.cell_count[cell as usize] == 0 {
                continue;
            }
            for at in self.cell_entries.range(cell) {
                self.remove_entry(self.cell_entries.member(at))?;
            }
        }
        Ok(())
    }

    /// Removes all that follows from what was removed, and repairs the matching.
    pub(super) fn propagate(&mut self) -> Result<(), Stop> {
        while let Some(value) = self.doomed.pop() {
            self.remove_value(value)?;
            if self.steps > self.budget {
                return Err(Stop::Budget);
            }
        }
        self.repair()
    }

    /// Removes the values that have fewer facts than rules which bind them, until there are none.
    pub(super) fn remove_crowded(&mut self) -> Result<(), Stop> {
        let mut seen = vec![NONE; self.owner.len()];
        loop {
            let crowded: Vec<u32> = (0_u32..)
                .take(self.value_join.len())
                .filter(|value| self.value_stands[*value as usize])
                .filter(|value| self.is_crowded(*value, &mut seen))
                .collect();
            if crowded.is_empty() {
                return Ok(());
            }
            for value in crowded {
                self.remove_value(value)?;
            }
            self.propagate()?;
            self.steps += self.entry_fact.len() as u64;
            seen.fill(NONE);
        }
    }

    fn is_crowded(&self, value: u32, seen: &mut [u32]) -> bool {
        let join = &self.joins[self.value_join[value as usize] as usize];
        let cells = self.cells_of(value);
        let mut facts = 0;
        for cell in cells {
            for entry in self.cell_entries.of(cell) {
                let fact = self.entry_fact[*entry as usize] as usize;
                if self.entry_stands[*entry as usize] && seen[fact] != value {
                    seen[fact] = value;
                    facts += 1;
                    if facts == join.rules.len() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// The entries that bind a value, rule after rule.
    fn cells_of(&self, value: u32) -> std::ops::Range<u32> {
        let join = &self.joins[self.value_join[value as usize] as usize];
        let links = u32::try_from(join.rules.len()).unwrap_or(NONE);
        let first = join.first_cell + (value - join.first_value) * links;
        first..first + links
    }

    /// Leaves the name of `value` with no other value.
    pub(super) fn decide(&mut self, value: u32) -> Result<(), Stop> {
        let join = &self.joins[self.value_join[value as usize] as usize];
        for other in join.first_value..join.first_value + join.values {
            if other != value {
                self.remove_value(other)?;
            }
        }
        self.steps += u64::from(self.joins[self.value_join[value as usize] as usize].values);
        self.propagate()
    }

    /// Takes a value from its name.
    pub(super) fn refute(&mut self, value: u32) -> Result<(), Stop> {
        self.remove_value(value)?;
        self.propagate()
    }

    /// Gives a fact to a rule: the rule keeps no other, the fact no other rule.
    pub(super) fn assign(&mut self, rule: u32, fact: u32) -> Result<(), Stop> {
        let entries = self.rules[rule as usize];
        for entry in entries.first..entries.end {
            if self.entry_fact[entry as usize] != fact {
                self.remove_entry(entry)?;
            }
        }
        for at in self.fact_entries.range(fact) {
            let entry = self.fact_entries.member(at);
            if self.entry_rule[entry as usize] != rule {
                self.remove_entry(entry)?;
            }
        }
        self.steps += u64::from(entries.end - entries.first);
        self.propagate()
    }

    /// Takes a fact from a rule.
    pub(super) fn deny(&mut self, rule: u32, fact: u32) -> Result<(), Stop> {
        for at in self.fact_entries.range(fact) {
            let entry = self.fact_entries.member(at);
            if self.entry_rule[entry as usize] == rule {
                self.remove_entry(entry)?;
            }
        }
        self.propagate()
    }

    /// Notes that these rules were part of a conflict.
    pub(super) fn blame_rules(&mut self, rules: &[u32]) {
        for rule in rules {
            let entries = self.rules[*rule as usize];
            if entries.first == entries.end {
                continue;
            }
            for slot in entries.first_slot..entries.first_slot + entries.width {
                let value = self.cell_value[self.slots[slot] as usize];
                self.joins[self.value_join[value as usize] as usize].weight += 1;
            }
        }
    }
}
