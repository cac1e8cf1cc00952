//! A spec made ready to be matched with any number of machines.

use super::error::{SpecError, SpecWarning};
use super::index::kind_hash;
use super::pattern::{Capture, Pattern, Test};
use super::predicate::Datum;
use super::suspicion::suspicion;
use crate::model::{Fact, Position, Rule, Spec, SpecText};

/// A spec whose patterns have all been read. Made once per spec file.
#[derive(Debug, Clone)]
pub struct CompiledSpec {
    pub(super) rules: Vec<CompiledRule>,
    pub(super) names: Vec<Name>,
    warnings: Vec<SpecWarning>,
}

/// A name that the spec binds.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    /// Written `$$name` somewhere.
    pub(super) key: bool,
    /// In how many rules it stands.
    pub(super) rules: usize,
}

#[derive(Debug, Clone)]
pub(super) struct CompiledRule {
    /// The four texts, for messages.
    pub(super) texts: [String; 4],
    pub(super) patterns: [Pattern; 4],
    /// The names it binds and the first field that binds each, in binding order.
    pub(super) names: Vec<(usize, usize)>,
    /// Pairs of fields that bind one name and so must be the same.
    twins: Vec<(usize, usize)>,
    /// The hash of category and key where both are literals.
    pub(super) kind: Option<u64>,
    /// Whether a field is searched with a regular expression.
    reads: bool,
}

impl CompiledSpec {
    /// Reads every pattern of `spec` (DESIGN.md 3).
    ///
    /// # Errors
    /// The first pattern that means nothing, with its place.
    pub fn compile(spec: &Spec) -> Result<CompiledSpec, SpecError> {
        let mut compiled = CompiledSpec {
            rules: Vec::with_capacity(spec.rules.len()),
            names: Vec::new(),
            warnings: Vec::new(),
        };
        for (number, rule) in spec.rules.iter().enumerate() {
            compiled.add_rule(number, rule)?;
        }
        Ok(compiled)
    }

    /// What most likely does not mean what it looks like.
    pub fn warnings(&self) -> &[SpecWarning] {
        &self.warnings
    }

    /// Whether a `$$name` stands in the spec, so that it alone selects the CMDB entry.
    pub fn has_key_bindings(&self) -> bool {
        self.names.iter().any(|name| name.key)
    }

    /// The names the spec binds, without their `$`, in binding order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| name.text.as_str())
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule: such a spec matches every machine.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn add_rule(&mut self, number: usize, rule: &Rule) -> Result<(), SpecError> {
        let [category, instance, key, value] = &rule.patterns;
        let patterns = [
            self.read(number, 0, category)?,
            self.read(number, 1, instance)?,
            self.read(number, 2, key)?,
            self.read(number, 3, value)?,
        ];
        let mut names: Vec<(usize, usize)> = Vec::new();
        let mut twins = Vec::new();
        for (field, pattern) in patterns.iter().enumerate() {
            let Some(capture) = &pattern.capture else {
                continue;
            };
            let name = self.name(capture);
            match names.iter().find(|(bound, _)| *bound == name) {
                Some((_, first)) => twins.push((*first, field)),
                None => {
                    names.push((name, field));
                    self.names[name].rules += 1;
                }
            }
        }
        let kind = match (&patterns[0].test, &patterns[2].test) {
            (Test::Literal(category), Test::Literal(key)) => {
                Some(kind_hash(&category.text, &key.text))
            }
            _ => None,
        };
        let reads = patterns.iter().any(
            |pattern| matches!(&pattern.test, Test::Call(predicate) if predicate.weight() > 0),
        );
        self.rules.push(CompiledRule {
            texts: rule.patterns.each_ref().map(|text| text.text.clone()),
            patterns,
            names,
            twins,
            kind,
            reads,
        });
        Ok(())
    }

    fn name(&mut self, capture: &Capture) -> usize {
        let known = self.names.iter().position(|n| n.text == capture.name);
        let index = known.unwrap_or_else(|| {
            self.names.push(Name {
                text: capture.name.clone(),
                key: false,
                rules: 0,
            });
            self.names.len() - 1
        });
        self.names[index].key |= capture.key;
        index
    }

    fn read(&mut self, rule: usize, field: usize, text: &SpecText) -> Result<Pattern, SpecError> {
        let pattern = Pattern::parse(&text.text).map_err(|error| SpecError {
            rule,
            field,
            position: place(text, error.offset),
            pattern: text.text.clone(),
            problem: error.problem,
            hint: error.hint,
        })?;
        if let Some(found) = suspicion(&text.text, &pattern) {
            self.warnings.push(SpecWarning {
                rule,
                field,
                position: text.position,
                pattern: text.text.clone(),
                problem: found.problem,
                hint: found.hint,
            });
        }
        Ok(pattern)
    }
}

/// The place in the file of a byte of the text.
fn place(text: &SpecText, offset: usize) -> Position {
    let before = text.text.get(..offset).unwrap_or(&text.text);
    Position {
        line: text.position.line,
        column: text.position.column + before.chars().count(),
    }
}

/// One field of a fact.
pub(super) fn field(fact: &Fact, field: usize) -> Datum<'_> {
    match field {
        0 => Datum::Text(&fact.category),
        1 => Datum::Text(&fact.instance),
        2 => Datum::Text(&fact.key),
        _ => Datum::of_value(&fact.value),
    }
}

impl CompiledRule {
    /// Whether the rule, taken alone, accepts the fact.
    pub(super) fn accepts(&self, fact: &Fact) -> bool {
        // The literal fields tell most facts apart and cost least.
        self.accepts_field(fact, 2)
            && self.accepts_field(fact, 0)
            && self.accepts_field(fact, 1)
            && self.accepts_field(fact, 3)
            && self.twins_agree(fact)
    }

    pub(super) fn accepts_field(&self, fact: &Fact, at: usize) -> bool {
        match &self.patterns[at].test {
            Test::Any => true,
            Test::Literal(literal) => literal.accepts(field(fact, at)),
            Test::Call(predicate) => predicate.accepts(field(fact, at)),
        }
    }

    /// How many bytes of the fact the regular expressions of the rule may read, weighted by their cost.
    pub(super) fn bytes_read(&self, fact: &Fact) -> u64 {
        if !self.reads {
            return 0;
        }
        let bytes = |at: usize| match (&self.patterns[at].test, field(fact, at)) {
            (Test::Call(predicate), Datum::Text(text)) => predicate.weight() * (64 + text.len()),
            _ => 0,
        };
        (bytes(0) + bytes(1) + bytes(2) + bytes(3)) as u64
    }

    /// The pairs of fields that bind one name but differ.
    pub(super) fn parted_twins(&self, fact: &Fact) -> impl Iterator<Item = (usize, usize)> {
        let twins = self.twins.iter().copied();
        twins.filter(|(a, b)| !field(fact, *a).same(field(fact, *b)))
    }

    /// Whether the fields that bind one name hold the same value.
    pub(super) fn twins_agree(&self, fact: &Fact) -> bool {
        self.parted_twins(fact).next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_rule_field_pattern_and_place() {
        let mut spec = Spec::from_texts([
            ["disk", "$d", "size", "gt(4)"],
            ["disk", "$d", "type", "or(é, gt(x\n))"],
        ]);
        spec.rules[1].patterns[3].position = Position {
            line: 7,
            column: 20,
        };
        let error = CompiledSpec::compile(&spec).unwrap_err();
        assert_eq!((error.rule, error.field), (1, 3));
        assert_eq!(
            error.position,
            Position {
                line: 7,
                column: 23
            }
        );
        assert_eq!(
            error.to_string(),
            r"rule 2, value: `or(é, gt(x\n))` cannot be used: `é` is no function call"
        );
    }

    #[test]
    fn names_are_bound_once_and_a_second_dollar_makes_them_keys() {
        let spec = Spec::from_texts([["a", "$x", "$y", "$x"], ["a", "$$x", "k", "gte(5)"]]);
        let compiled = CompiledSpec::compile(&spec).unwrap();
        assert_eq!(compiled.names().collect::<Vec<_>>(), ["x", "y"]);
        assert!(compiled.has_key_bindings());
        let [warning] = compiled.warnings() else {
            panic!("{:?}", compiled.warnings());
        };
        assert_eq!((warning.rule, warning.field), (1, 3));
        assert_eq!(warning.hint.as_deref(), Some("did you mean `gt(5)`?"));
    }
}
