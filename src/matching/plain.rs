//! Plain backtracking in the order of the law, for the many specs that need little of it.
//!
//! It needs no preparation, so a spec that matches at once costs what it takes to look at its facts. Past a
//! few steps the search by [`super::network`] takes over.

use super::compile::{CompiledSpec, field};
use super::predicate::Datum;
use crate::model::Fact;

/// What the plain search says.
#[derive(Debug)]
pub(super) enum Plain {
    /// The fact of each rule.
    Found(Vec<u32>),
    /// There is no assignment.
    None,
    /// Not decided within the steps.
    Undecided,
}

/// Tries assignments in lexicographic order, `steps` facts at most.
pub(super) fn search(
    spec: &CompiledSpec,
    facts: &[Fact],
    domains: &[Vec<u32>],
    mut steps: usize,
) -> Plain {
    let mut taken = vec![false; facts.len()];
    let mut bound: Vec<Vec<Datum<'_>>> = vec![Vec::new(); spec.names.len()];
    // How many facts of its domain each rule has tried; the last of them is taken.
    let mut tried: Vec<usize> = vec![0];
    while let Some(rule) = tried.len().checked_sub(1) {
        let Some(domain) = domains.get(rule) else {
            tried.pop();
            let chosen = domains.iter().zip(&tried);
            return Plain::Found(chosen.map(|(domain, tried)| domain[tried - 1]).collect());
        };
        let names = &spec.rules[rule].names;
        let fits = |fact: u32| {
            !taken[fact as usize]
                && names.iter().all(|(name, at)| {
                    let datum = field(&facts[fact as usize], *at);
                    bound[*name].iter().all(|other| other.same(datum))
                })
        };
        let from = tried[rule];
        let left = &domain[from..];
        let next = left.iter().take(steps).position(|fact| fits(*fact));
        match next {
            Some(at) => {
                steps -= at + 1;
                tried[rule] = from + at + 1;
                let fact = left[at] as usize;
                taken[fact] = true;
                for (name, at) in names {
                    bound[*name].push(field(&facts[fact], *at));
                }
                tried.push(0);
            }
            None if left.len() > steps || steps == 0 => return Plain::Undecided,
            None => {
                steps -= left.len();
                tried.pop();
                let Some(before) = rule.checked_sub(1) else {
                    return Plain::None;
                };
                taken[domains[before][tried[before] - 1] as usize] = false;
                for (name, _) in &spec.rules[before].names {
                    bound[*name].pop();
                }
            }
        }
    }
    Plain::None
}
