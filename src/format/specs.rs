//! `NAME.specs`: what a profile requires, a list of rules of four patterns.

use super::Form;
use super::document::{Top, walk};
use super::error::{Fault, ParseError, Places};
use super::tree::{Data, Node};
use crate::model::{Rule, Spec, SpecText};

/// Reads the rules of a specs file. The patterns are kept as text: their meaning is that of `matching`.
///
/// # Errors
/// A text that is no data, and at its place a rule that has not four patterns or a pattern that is no
/// text.
pub fn parse(origin: &str, text: &str, form: Form) -> Result<Spec, ParseError> {
    let places = Places::new(text);
    let mut rules = Vec::new();
    let top = walk(text, form, |node| {
        rules.push(rule(node, text, &places)?);
        Ok(())
    });
    match top {
        Ok(Top::List) => Ok(Spec { rules }),
        Ok(Top::Generate(span, _)) => Err(Fault::new(
            span.start,
            "expected a list of rules, found `generate(...)`",
        )
        .of(origin, text)),
        Err(fault) => Err(fault.of(origin, text)),
    }
}

fn rule(node: Node, text: &str, places: &Places) -> Result<Rule, Fault> {
    let start = node.span.start;
    let found = node.describe(text);
    let parts = node.into_items().map_err(|_| {
        Fault::new(start, format!("expected a rule, found {found}"))
            .hint("a rule is four texts in brackets: category, instance, key, value")
    })?;
    let count = parts.len();
    let mut joined = None;
    let mut patterns = Vec::with_capacity(count);
    for part in parts {
        let at = part.span.start;
        let shown = part.describe(text);
        let Data::Text(pattern) = part.data else {
            return Err(Fault::new(
                at,
                format!("expected a pattern that is text, found {shown}"),
            )
            .hint("put it in quotes"));
        };
        joined = joined.or(pattern.joined);
        patterns.push(SpecText {
            position: places.position(pattern.inner),
            text: pattern.text,
        });
    }
    let patterns = patterns
        .try_into()
        .map_err(|_| miscounted(start, count, joined, places))?;
    Ok(Rule {
        patterns,
        position: places.position(start),
    })
}

fn miscounted(start: usize, count: usize, joined: Option<usize>, places: &Places) -> Fault {
    let patterns = if count == 1 { "pattern" } else { "patterns" };
    let fault = Fault::new(
        start,
        format!(
            "a rule has four patterns (category, instance, key, value), this one has {count} {patterns}"
        ),
    );
    match joined.map(|at| places.position(at)) {
        Some(place) => fault.hint(format!(
            "did you forget a comma before line {}, column {}? Two texts side by side are one",
            place.line, place.column
        )),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> ParseError {
        parse("hp.specs", text, Form::Edeploy).unwrap_err()
    }

    #[test]
    fn a_pattern_is_placed_inside_its_quotes() {
        let text = "[\n  ('disk', u'$d', \"\"\"size\"\"\",\n   'gt(4)'),\n]";
        let spec = parse("s", text, Form::Edeploy).unwrap();
        let places: Vec<(usize, usize)> = spec.rules[0]
            .patterns
            .iter()
            .map(|part| (part.position.line, part.position.column))
            .collect();
        assert_eq!(places, [(2, 5), (2, 14), (2, 22), (3, 5)]);
        assert_eq!(spec.rules[0].position.column, 3);
        let native = parse("s", "[(\"a\", r#\"b\"#, \"c\", \"d\")]", Form::Native).unwrap();
        assert_eq!(native.rules[0].patterns[1].position.column, 11);
    }

    #[test]
    fn a_forgotten_comma_between_two_rules_is_named() {
        let error = wrong("[('a', 'b', 'c', 'd')\n ('e', 'f', 'g', 'h')]");
        assert_eq!(
            error.to_string(),
            "`hp.specs` line 2, column 2: expected `,` or `]`, found `(`"
        );
        assert_eq!(
            error.hint.as_deref(),
            Some("did you forget a comma before this?")
        );
    }

    #[test]
    fn a_forgotten_comma_between_two_patterns_is_named() {
        let error = wrong("[\n('a', 'b' 'c', 'd')]");
        assert_eq!((error.position.line, error.position.column), (2, 1));
        assert!(
            error.problem.ends_with("this one has 3 patterns"),
            "{error}"
        );
        assert!(error.hint.unwrap().contains("line 2, column 11"));
    }

    #[test]
    fn a_pattern_that_is_a_number_is_an_error_at_its_place() {
        let error = wrong("[('a', 'b', 'c', 4)]");
        assert_eq!(error.position.column, 18);
        assert_eq!(error.hint.as_deref(), Some("put it in quotes"));
    }

    #[test]
    fn a_rule_that_is_none_is_an_error() {
        assert!(wrong("['abcd']").problem.contains("expected a rule"));
        assert!(
            wrong("('a', 'b', 'c', 'd')")
                .problem
                .contains("expected a rule")
        );
        assert!(wrong("generate({})").problem.contains("list of rules"));
    }
}
