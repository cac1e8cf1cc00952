//! Finds the lexicographically first assignment of a network, or that there is none.
//!
//! Which values the names take is searched in whatever order fails soonest; once they are fixed, what
//! is left is a bipartite matching. The order of the law comes from asking, rule after rule and
//! fact after fact, whether a solution with this choice exists.

use super::network::{NONE, Network, Stop};

/// How many conflicts the search in the order of the law may have.
const MOST_CONFLICTS: usize = 200;

/// What a complete search says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The fact of each rule.
    Found(Vec<u32>),
    /// The rules (a cluster of those that depend on each other) that have no solution together.
    None(Vec<u32>),
    /// The budget is spent.
    Budget,
}

/// Solves the whole network.
pub(super) fn solve(network: &mut Network) -> Outcome {
    match network.propagate().and_then(|()| network.remove_crowded()) {
        Ok(()) => {}
        Err(Stop::Budget) => return Outcome::Budget,
        Err(Stop::Conflict) => {
            return Outcome::None((0_u32..).take(network.rules.len()).collect());
        }
    }
    for cluster in clusters(network) {
        match first_of(network, &cluster) {
            Ok(()) => {}
            Err(Stop::Budget) => return Outcome::Budget,
            Err(Stop::Conflict) => return Outcome::None(cluster),
        }
    }
    let facts = network.taken.iter();
    Outcome::Found(
        facts
            .map(|entry| network.entry_fact[*entry as usize])
            .collect(),
    )
}

/// Whether there is a solution at all; none where the budget does not tell.
pub(super) fn feasible(network: &mut Network) -> Option<bool> {
    let joins: Vec<u32> = (0_u32..)
        .zip(&network.joins)
        .filter(|(_, join)| !join.derived)
        .map(|(number, _)| number)
        .collect();
    let found = network
        .propagate()
        .and_then(|()| network.remove_crowded())
        .and_then(|()| any_solution(network, &joins, network.mark()));
    match found {
        Ok(_) => Some(true),
        Err(Stop::Conflict) => Some(false),
        Err(Stop::Budget) => None,
    }
}

/// Rules that share no name and no fact with the rest, group by group.
fn clusters(network: &mut Network) -> Vec<Vec<u32>> {
    let mut leader: Vec<u32> = (0_u32..).take(network.rules.len()).collect();
    for join in &network.joins {
        for rule in &join.rules[1..] {
            unite(&mut leader, join.rules[0], *rule);
        }
    }
    let mut first_with = vec![NONE; network.owner.len()];
    for (entry, fact) in network.entry_fact.iter().enumerate() {
        if !network.entry_stands[entry] {
            continue;
        }
        let rule = network.entry_rule[entry];
        let first = &mut first_with[*fact as usize];
        if *first == NONE {
            *first = rule;
        }
        unite(&mut leader, *first, rule);
    }
    network.steps += network.entry_fact.len() as u64;
    let mut groups: Vec<Vec<u32>> = vec![Vec::new(); leader.len()];
    for rule in (0_u32..).take(leader.len()) {
        groups[find(&mut leader, rule) as usize].push(rule);
    }
    groups.retain(|group| !group.is_empty());
    // Small ones first: where one has no solution, the large ones need not be looked at.
    groups.sort_by_key(Vec::len);
    groups
}

fn find(leader: &mut [u32], mut rule: u32) -> u32 {
    while leader[rule as usize] != rule {
        leader[rule as usize] = leader[leader[rule as usize] as usize];
        rule = leader[rule as usize];
    }
    rule
}

fn unite(leader: &mut [u32], a: u32, b: u32) {
    let (a, b) = (find(leader, a), find(leader, b));
    leader[a.max(b) as usize] = a.min(b);
}

/// Brings the rules of a cluster to their first solution.
fn first_of(network: &mut Network, cluster: &[u32]) -> Result<(), Stop> {
    let joins: Vec<u32> = (0_u32..)
        .zip(&network.joins)
        .filter(|(_, join)| !join.derived && cluster.binary_search(&join.rules[0]).is_ok())
        .map(|(number, _)| number)
        .collect();
    if in_order(network, cluster)? {
        return Ok(());
    }
    let mark = network.mark();
    let mut solution = any_solution(network, &joins, mark)?;
    for rule in cluster {
        network.free_for(*rule);
        let chosen = solution[*rule as usize];
        let earlier: Vec<u32> = network
            .standing(*rule)
            .map(|entry| network.entry_fact[entry as usize])
            .take_while(|fact| *fact < chosen)
            .filter(|fact| network.is_free(*fact))
            .collect();
        for fact in earlier {
            if let Some(better) = solution_with(network, &joins, *rule, fact)? {
                solution = better;
                break;
            }
        }
        network.assign(*rule, solution[*rule as usize])?;
    }
    Ok(())
}

/// Tries the facts of each rule in the order of the law, so that the first solution is the answer.
///
/// Says false where conflicts are many: another order may find out much sooner that there is no solution.
fn in_order(network: &mut Network, cluster: &[u32]) -> Result<bool, Stop> {
    let start = network.mark();
    let allowed = network.steps + (network.budget.saturating_sub(network.steps)) / 3;
    let mut conflicts = 0;
    let mut choices: Vec<(usize, u32, u32)> = Vec::new();
    while let Some(rule) = cluster.get(choices.len()).copied() {
        let fact = network
            .standing(rule)
            .next()
            .map_or(NONE, |entry| network.entry_fact[entry as usize]);
        choices.push((network.mark(), rule, fact));
        let mut state = network.assign(rule, fact);
        while state == Err(Stop::Conflict) {
            let Some((mark, rule, fact)) = choices.pop() else {
                return Err(Stop::Conflict);
            };
            conflicts += 1;
            network.undo(mark);
            if conflicts > MOST_CONFLICTS || network.steps > allowed {
                network.undo(start);
                network.propagate()?;
                return Ok(false);
            }
            state = network.deny(rule, fact);
        }
        state?;
    }
    Ok(true)
}

/// A solution in which `rule` takes `fact`; where there is none, the fact is taken from the rule for good.
fn solution_with(
    network: &mut Network,
    joins: &[u32],
    rule: u32,
    fact: u32,
) -> Result<Option<Vec<u32>>, Stop> {
    let stands = network
        .standing(rule)
        .any(|entry| network.entry_fact[entry as usize] == fact);
    if !stands {
        return Ok(None);
    }
    let mark = network.mark();
    let found = match network.assign(rule, fact) {
        Ok(()) => any_solution(network, joins, mark),
        Err(stop) => Err(stop),
    };
    match found {
        Ok(solution) => Ok(Some(solution)),
        Err(Stop::Budget) => Err(Stop::Budget),
        Err(Stop::Conflict) => {
            network.undo(mark);
            network.deny(rule, fact)?;
            Ok(None)
        }
    }
}

/// Searches for values of `joins` that leave every rule a fact. The network is put back to `mark`.
fn any_solution(network: &mut Network, joins: &[u32], mark: usize) -> Result<Vec<u32>, Stop> {
    let mut decisions: Vec<(usize, u32)> = Vec::new();
    loop {
        let Some(value) = next_value(network, joins) else {
            let fact = |entry: &u32| network.entry_fact.get(*entry as usize).copied();
            let taken = network.taken.iter();
            let facts = taken.map(|entry| fact(entry).unwrap_or(NONE)).collect();
            network.undo(mark);
            return Ok(facts);
        };
        decisions.push((network.mark(), value));
        let mut state = network.decide(value);
        while state == Err(Stop::Conflict) {
            let Some((before, value)) = decisions.pop() else {
                network.undo(mark);
                return Err(Stop::Conflict);
            };
            network.undo(before);
            state = network.refute(value);
        }
        state?;
    }
}

/// The first value of the name that has the fewest left for the conflicts it was in.
fn next_value(network: &mut Network, joins: &[u32]) -> Option<u32> {
    network.steps += joins.len() as u64;
    let join = joins
        .iter()
        .map(|join| &network.joins[*join as usize])
        .filter(|join| join.standing > 1)
        .min_by(|a, b| {
            let (left, right) = (
                u64::from(a.standing) * b.weight,
                u64::from(b.standing) * a.weight,
            );
            left.cmp(&right)
        })?;
    (join.first_value..join.first_value + join.values)
        .find(|value| network.value_stands[*value as usize])
}
