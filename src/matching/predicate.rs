//! What the functions of a pattern say of one field of one fact.
//!
//! Nothing here fails: a fact that is no number or no address makes a test false (DESIGN.md 3). A
//! fact is data and never parsed as a pattern.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;

use super::regexp::Regexp;
use crate::model::{Number, Value};

/// One field of a fact.
#[derive(Debug, Clone, Copy)]
pub(super) enum Datum<'a> {
    /// Category, instance, key, or a value that is text.
    Text(&'a str),
    /// A value that is no text.
    Other(&'a Value),
}

impl<'a> Datum<'a> {
    pub(super) fn of_value(value: &'a Value) -> Datum<'a> {
        match value {
            Value::Text(text) => Datum::Text(text),
            other => Datum::Other(other),
        }
    }

    /// Whether both say the same, as [`Value::same`] has it.
    pub(super) fn same(self, other: Datum<'_>) -> bool {
        match (self, other) {
            (Datum::Text(a), Datum::Text(b)) => a == b,
            (Datum::Other(a), Datum::Other(b)) => a.same(b),
            (Datum::Text(text), Datum::Other(value)) | (Datum::Other(value), Datum::Text(text)) => {
                value.is_number()
                    && match (value.as_number(), Number::parse(text)) {
                        (Some(a), Some(b)) => a == b,
                        _ => false,
                    }
            }
        }
    }

    /// The value itself.
    pub(super) fn to_value(self) -> Value {
        match self {
            Datum::Text(text) => Value::from(text),
            Datum::Other(value) => value.clone(),
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Datum::Text(text) => Number::parse(text),
            Datum::Other(value) => value.as_number(),
        }
        .map(as_float)
    }
}

/// Bounds are compared as the original did, as floats: whole numbers beyond 2^53 are rounded first.
pub(super) fn as_float(number: Number) -> f64 {
    match number {
        Number::Int(int) => int as f64,
        Number::Float(float) => float,
    }
}

/// A text to be equal to, and the number it denotes, if any.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) text: String,
    number: Option<Number>,
}

impl Literal {
    pub(super) fn new(text: &str) -> Literal {
        Literal {
            text: text.to_owned(),
            number: Number::parse(text),
        }
    }

    /// Text equals text; a number that is no text equals a literal that denotes it.
    pub(super) fn accepts(&self, datum: Datum<'_>) -> bool {
        match datum {
            Datum::Text(text) => self.text == text,
            Datum::Other(value) => {
                value.is_number()
                    && match (value.as_number(), self.number) {
                        (Some(a), Some(b)) => a == b,
                        _ => false,
                    }
            }
        }
    }
}

/// Which side of a bound is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
        }
    }
}

/// A function call with its arguments.
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Compare(Comparison, f64),
    Range(f64, f64),
    In(Vec<Literal>),
    Network(IpNet),
    Regexp(Box<Regexp>),
    Not(Box<Predicate>),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
}

impl Predicate {
    pub(super) fn accepts(&self, datum: Datum<'_>) -> bool {
        match self {
            Predicate::Compare(comparison, bound) => datum
                .number()
                .and_then(|number| number.partial_cmp(bound))
                .is_some_and(|ordering| comparison.holds(ordering)),
            Predicate::Range(low, high) => datum
                .number()
                .is_some_and(|number| *low <= number && number <= *high),
            Predicate::In(literals) => literals.iter().any(|literal| literal.accepts(datum)),
            Predicate::Network(network) => address(datum).is_some_and(|ip| network.contains(&ip)),
            Predicate::Regexp(regexp) => match datum {
                Datum::Text(text) => regexp.found_in(text),
                Datum::Other(value) if value.is_number() => regexp.found_in(&value.to_string()),
                Datum::Other(_) => false,
            },
            Predicate::Not(inner) => !inner.accepts(datum),
            Predicate::And(all) => all.iter().all(|inner| inner.accepts(datum)),
            Predicate::Or(any) => any.iter().any(|inner| inner.accepts(datum)),
        }
    }

    /// Why it does not accept `datum`: the end of a sentence.
    pub(super) fn complaint(&self, datum: Datum<'_>) -> &'static str {
        match self {
            Predicate::Compare(..) | Predicate::Range(..) if datum.number().is_none() => {
                "is no number"
            }
            Predicate::Compare(Comparison::Greater, _) => "is not greater",
            Predicate::Compare(Comparison::GreaterOrEqual, _) => "is too small",
            Predicate::Compare(Comparison::Less, _) => "is not less",
            Predicate::Compare(Comparison::LessOrEqual, _) => "is too large",
            Predicate::Range(..) => "is out of the range",
            Predicate::In(_) => "is not in the list",
            Predicate::Network(_) if address(datum).is_none() => "is no address",
            Predicate::Network(_) => "is not in the network",
            Predicate::Regexp(_) => "does not match the regular expression",
            Predicate::Not(_) => "is what it must not be",
            Predicate::And(_) => "does not satisfy all of it",
            Predicate::Or(_) => "satisfies none of it",
        }
    }

    /// How much each byte of a text that is searched or read as a number costs at worst.
    pub(super) fn weight(&self) -> usize {
        match self {
            Predicate::Regexp(regexp) => regexp.weight,
            Predicate::Not(inner) => inner.weight(),
            Predicate::And(all) | Predicate::Or(all) => all.iter().map(Predicate::weight).sum(),
            Predicate::Compare(..) | Predicate::Range(..) => 1,
            Predicate::In(_) | Predicate::Network(_) => 0,
        }
    }
}

/// The address a text denotes; the zone of a link-local address (`fe80::1%eth0`) says nothing of it.
fn address(datum: Datum<'_>) -> Option<IpAddr> {
    let Datum::Text(text) = datum else {
        return None;
    };
    match text.split_once('%') {
        Some((address, _)) => address.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::pattern::{Pattern, Test};

    fn accepts(pattern: &str, value: impl Into<Value>) -> bool {
        let pattern = Pattern::parse(pattern).unwrap();
        let value = value.into();
        match &pattern.test {
            Test::Call(predicate) => predicate.accepts(Datum::of_value(&value)),
            Test::Literal(literal) => literal.accepts(Datum::of_value(&value)),
            Test::Any => true,
        }
    }

    #[test]
    fn networks_are_of_both_families() {
        for (pattern, address, inside) in [
            ("network(fd00::/8)", "fd00::1", true),
            ("network(fe80::/10)", "fe80::1%eth0", true),
            ("network(fd00::1/64)", "fd00::2", true),
            ("network(10.0.0.0/0.0.0.255)", "10.0.0.9", true),
            ("network(10.0.0.0/255.255.255.0)", "10.0.1.9", false),
            ("network(::/0)", "10.0.0.1", false),
            ("network(0.0.0.0/0)", "10.0.0.1/8", false),
        ] {
            assert_eq!(accepts(pattern, address), inside, "{pattern} {address}");
        }
    }

    #[test]
    fn a_number_fact_is_compared_searched_and_listed_as_one() {
        let number = || Value::Int(12);
        for pattern in [
            "12",
            "12.0",
            "gt(11)",
            "in(1, 12)",
            "regexp(^1)",
            "not(lt(3))",
        ] {
            assert!(accepts(pattern, number()), "{pattern}");
        }
        assert!(!accepts("12 GB", number()));
        assert!(!accepts("12.0", "12"));
    }

    #[test]
    fn a_fact_that_is_no_number_makes_a_bound_false_and_its_negation_true() {
        for value in [Value::Null, Value::Bool(true), Value::from("inf")] {
            assert!(!accepts("ge(0)", value.clone()), "{value}");
            assert!(accepts("not(ge(0))", value.clone()), "{value}");
        }
    }
}
