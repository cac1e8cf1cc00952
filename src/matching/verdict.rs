//! What matching a spec with a machine says, as data and as lines for people.
//!
//! `edeployctl explain`, the API, the answer to the machine and the web page show the same value. The
//! strings of the hardware are hostile: in the lines everything unprintable is escaped and long texts are
//! cut; in the data they stand as uploaded, and whoever renders the data escapes them.

use std::fmt;

use serde::Serialize;

use crate::model::{Bindings, Fact, Value};

/// The answer for one spec and one machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every rule takes a fact of its own.
    Matched(Match),
    /// No assignment exists.
    Mismatch(Mismatch),
    /// The search was given up; whether an assignment exists is not known.
    Undecided {
        /// How many steps were spent.
        steps: u64,
    },
}

/// The first complete assignment in lexicographic order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// Every name and its value, in binding order. A name bound twice keeps the value bound first.
    pub bindings: Bindings,
    /// Those that are written `$$name`.
    pub key_bindings: Bindings,
    /// The number of the fact, from 0, that each rule took.
    pub facts: Vec<usize>,
}

/// Why there is no assignment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {
    /// At least one reason. Each alone keeps the spec from matching.
    pub reasons: Vec<Reason>,
}

/// One thing that keeps a spec from matching.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// No fact fits the rule, whatever the other rules take.
    NoFact {
        /// The rule.
        rule: RuleText,
        /// The fact that comes nearest, if any comes near.
        nearest: Option<Box<Nearest>>,
    },
    /// Each rule has facts that fit, but together they need more than there are.
    TooFewFacts {
        /// The rules that compete.
        rules: Vec<RuleText>,
        /// The facts they compete for.
        facts: Vec<FactRow>,
    },
    /// The rules cannot bind one name to the same value.
    NoCommonValue {
        /// The name, without its `$`.
        name: String,
        /// The rules that bind it, and what each could bind it to.
        rules: Vec<RuleValues>,
    },
    /// The rules cannot hold together, though no single name or fact is to blame. None of them can be
    /// left out of the reason, unless they are very many.
    NotTogether {
        /// The rules.
        rules: Vec<RuleText>,
        /// The names that join them, without their `$`.
        names: Vec<String>,
    },
}

/// A rule as the spec has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// Which rule of the spec, from 1.
    pub number: usize,
    /// Its patterns for category, instance, key and value.
    pub patterns: [String; 4],
}

/// A fact as uploaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactRow {
    /// Which fact of the upload, from 0.
    pub index: usize,
    /// The fact itself.
    pub row: Fact,
}

/// A fact that almost fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearest {
    /// The fact.
    pub fact: FactRow,
    /// The fields that do not fit.
    pub failed: Vec<FailedField>,
}

/// Why one field of a fact does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedField {
    /// `category`, `instance`, `key` or `value`.
    pub field: &'static str,
    /// The pattern it does not fit.
    pub pattern: String,
    /// Why, as the end of a sentence about the field: `is no number`.
    pub problem: String,
}

/// What a rule could bind a name to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleValues {
    /// The rule.
    pub rule: RuleText,
    /// Different values, in upload order; the first few of them.
    pub values: Vec<Value>,
    /// How many more there are.
    pub more: usize,
}

/// How many facts a line names before it says how many more there are.
const LISTED: usize = 8;

/// How many values a reason gives for each rule.
pub(super) const VALUES: usize = 16;

/// How many characters of one text a line shows.
const SHOWN: usize = 80;

impl Mismatch {
    /// Every rule that a reason names; a rule may come twice.
    pub fn rules(&self) -> impl Iterator<Item = &RuleText> {
        self.reasons.iter().flat_map(|reason| match reason {
            Reason::NoFact { rule, .. } => vec![rule],
            Reason::TooFewFacts { rules, .. } | Reason::NotTogether { rules, .. } => {
                rules.iter().collect()
            }
            Reason::NoCommonValue { rules, .. } => rules.iter().map(|r| &r.rule).collect(),
        })
    }

    /// One line for each reason: printable text without line breaks, whatever the hardware says. Rules
    /// that differ in the names they bind alone, and fail alike, share a line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<(&Reason, Vec<usize>)> = Vec::new();
        for reason in &self.reasons {
            let alike = lines.iter_mut().find(|(first, _)| first.fails_like(reason));
            match (alike, reason) {
                (Some((_, more)), Reason::NoFact { rule, .. }) => more.push(rule.number),
                _ => lines.push((reason, Vec::new())),
            }
        }
        let line = |(reason, more): &(&Reason, Vec<usize>)| match more.as_slice() {
            [] => reason.to_string(),
            [one] => format!("{reason}; likewise rule {one}"),
            several => format!("{reason}; likewise rules {}", numbers(several)),
        };
        lines.iter().map(line).collect()
    }
}

impl Reason {
    /// Whether both are rules without a fact, for the same reason, that differ in the names they bind
    /// alone.
    fn fails_like(&self, other: &Reason) -> bool {
        match (self, other) {
            (
                Reason::NoFact { rule, nearest },
                Reason::NoFact {
                    rule: other_rule,
                    nearest: other_nearest,
                },
            ) => {
                let texts = |rule: &RuleText| rule.patterns.each_ref().map(|text| nameless(text));
                nearest == other_nearest && texts(rule) == texts(other_rule)
            }
            _ => false,
        }
    }
}

/// A pattern without the name it binds: `$size=gt(20)` and `$s=gt(20)` ask for the same.
fn nameless(pattern: &str) -> String {
    match (pattern.starts_with('$'), pattern.split_once('=')) {
        (false, _) => pattern.to_owned(),
        (true, Some((_, condition))) => format!("$={condition}"),
        (true, None) => "$".to_owned(),
    }
}

/// `5 to 14` for a row of numbers, else `5, 7, 9`.
fn numbers(several: &[usize]) -> String {
    let in_a_row = several.windows(2).all(|pair| pair[1] == pair[0] + 1);
    match (several.first(), several.last()) {
        (Some(first), Some(last)) if in_a_row && several.len() > 2 => format!("{first} to {last}"),
        _ => several
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoFact { rule, nearest } => {
                write!(f, "{rule}: no fact fits")?;
                let Some(nearest) = nearest else {
                    return Ok(());
                };
                write!(f, "; nearest is {}: ", nearest.fact)?;
                list(f, nearest.failed.iter(), 4, " and ")
            }
            Reason::TooFewFacts { rules, facts } => {
                write!(f, "{} rules compete for ", rules.len())?;
                match facts.len() {
                    1 => f.write_str("1 fact: ")?,
                    count => write!(f, "{count} facts: ")?,
                }
                list(f, rules.iter(), usize::MAX, ", ")?;
                f.write_str(" for ")?;
                list(f, facts.iter(), LISTED, ", ")
            }
            Reason::NoCommonValue { name, rules } => {
                write!(f, "${} has no value that fits every rule: ", shown(name))?;
                list(f, rules.iter(), usize::MAX, ", ")
            }
            Reason::NotTogether { rules, names } => {
                list(f, rules.iter(), usize::MAX, ", ")?;
                f.write_str(" cannot hold together")?;
                if names.is_empty() {
                    return Ok(());
                }
                f.write_str("; they are joined by ")?;
                let names = names.iter().map(|name| format!("${}", shown(name)));
                list(f, names, usize::MAX, ", ")
            }
        }
    }
}

impl fmt::Display for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [category, instance, key, value] = self.patterns.each_ref().map(|text| shown(text));
        let number = self.number;
        write!(
            f,
            "rule {number} (\"{category}\", \"{instance}\", \"{key}\", \"{value}\")"
        )
    }
}

impl fmt::Display for FactRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = &self.row;
        let texts = [&row.category, &row.instance, &row.key].map(|text| shown(text));
        let [category, instance, key] = texts;
        write!(
            f,
            "fact {} (\"{category}\", \"{instance}\", \"{key}\", {})",
            self.index,
            shown_value(&row.value)
        )
    }
}

impl fmt::Display for FailedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedField {
            field,
            pattern,
            problem,
        } = self;
        write!(f, "{field} fails `{}`: it {problem}", shown(pattern))
    }
}

impl fmt::Display for RuleValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} allows ", self.rule)?;
        list(f, self.values.iter().map(shown_value), VALUES, ", ")?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Writes the first `most` items, and how many more there are.
fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl ExactSizeIterator<Item = T>,
    most: usize,
    between: &str,
) -> fmt::Result {
    let more = items.len().saturating_sub(most);
    for (at, item) in items.take(most).enumerate() {
        write!(f, "{}{item}", if at == 0 { "" } else { between })?;
    }
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    Ok(())
}

/// A hostile text, harmless and not too long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Text in quotes, anything else as JSON writes it.
fn shown_value(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{}\"", shown(text)),
        other => shown(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{CompiledSpec, FactIndex, match_spec};
    use crate::model::Spec;

    fn lines_of(rules: &[[&str; 4]], facts: &[Fact]) -> Vec<String> {
        let spec = CompiledSpec::compile(&Spec::from_texts(rules.iter().copied())).unwrap();
        match match_spec(&spec, &FactIndex::new(facts)) {
            Verdict::Mismatch(mismatch) => mismatch.lines(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_that_fail_alike_but_for_their_names_share_a_line() {
        let facts = [Fact::new("disk", "sda", "size", "480")];
        let rules = [
            ["disk", "$a", "size", "ge(4000)"],
            ["disk", "$b", "size", "ge(4000)"],
            ["disk", "$c", "size", "ge(4000)"],
            ["disk", "$d", "size", "ge(9000)"],
            ["disk", "$e", "size", "ge(4000)"],
        ];
        let lines = lines_of(&rules, &facts);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("rule 1 (\"disk\", \"$a\""),
            "{lines:?}"
        );
        assert!(lines[0].ends_with("; likewise rules 2, 3, 5"), "{lines:?}");
        assert!(lines[1].starts_with("rule 4 "), "{lines:?}");
        let in_a_row = lines_of(
            &rules[..3],
            &[Fact::new("disk", "sda", "size", "480"), facts[0].clone()],
        );
        assert!(
            in_a_row[0].ends_with("; likewise rules 2, 3"),
            "{in_a_row:?}"
        );
    }
}
