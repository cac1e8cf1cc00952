//! Spec and facts → verdict: the law of matching (DESIGN.md section 3).
//!
//! Pure: no file, clock, log or randomness, so the answer is a function of the two texts. A spec is
//! compiled once ([`CompiledSpec`]), a machine is indexed once ([`FactIndex`]), and [`match_spec`]
//! says which facts the rules take, or why they cannot. Facts are hostile: the work is bounded by a
//! budget of steps, and nothing a fact says is parsed as a pattern.

mod arguments;
mod assignment;
mod classes;
mod compile;
mod engine;
mod error;
mod explain;
mod groups;
mod index;
mod network;
mod pattern;
mod plain;
mod predicate;
mod problem;
#[cfg(test)]
mod properties;
mod regexp;
mod search;
#[cfg(test)]
mod shapes;
mod suspicion;
mod translate;
mod values;
#[cfg(test)]
mod vectors;
mod verdict;

pub use compile::CompiledSpec;
pub use engine::{DEFAULT_STEPS, match_spec, match_spec_within};
pub use error::{FIELD_NAMES, SpecError, SpecWarning};
pub use index::FactIndex;
pub use verdict::{
    FactRow, FailedField, Match, Mismatch, Nearest, Reason, RuleText, RuleValues, Verdict,
};
