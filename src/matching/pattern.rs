//! One text of a rule, read as a pattern: literal, `$name`, `$$name`, `func(args)`, `$name=func(args)`.
//!
//! The grammar is that of DESIGN.md 3. Text that ends in `)` but whose head is no function name is a
//! literal; inside `not and or` an unknown function is an error. Offsets are bytes of the text.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::arguments::{argument_text, split_arguments};
use super::error::PatternError;
use super::predicate::{Comparison, Datum, Literal, Predicate, as_float};
use super::regexp::Regexp;
use super::verdict::shown;
use crate::model::Number;

/// The functions a pattern can call.
pub(super) const FUNCTIONS: [&str; 11] = [
    "in", "gt", "ge", "lt", "le", "range", "network", "regexp", "not", "and", "or",
];

/// How deep `not and or` may nest: far beyond any use, and far from the end of the stack.
const MAX_NESTING: usize = 50;

/// A name that takes the value of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capture {
    /// The name without its `$`.
    pub(super) name: String,
    /// Written with more than one `$`: selects the CMDB entry.
    pub(super) key: bool,
}

/// What a field must be.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Anything at all: a name alone.
    Any,
    /// This very text.
    Literal(Literal),
    /// What a function says.
    Call(Predicate),
}

impl Test {
    /// Why it does not accept what it does not accept: the end of a sentence.
    pub(super) fn complaint(&self, datum: Datum<'_>) -> String {
        match self {
            Test::Any => "is not accepted".to_owned(),
            Test::Literal(literal) => format!("is not `{}`", shown(&literal.text)),
            Test::Call(predicate) => predicate.complaint(datum).to_owned(),
        }
    }
}

/// One of the four patterns of a rule.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) capture: Option<Capture>,
    pub(super) test: Test,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, PatternError> {
        if text.starts_with('$') {
            return parse_capture(text);
        }
        let test = match call_parts(text, 0) {
            Some((head, inner)) if is_function(head) => Test::Call(parse_call(
                head,
                Span {
                    text: inner,
                    start: head.len() + 1,
                },
                0,
            )?),
            _ => Test::Literal(Literal::new(text)),
        };
        Ok(Pattern {
            capture: None,
            test,
        })
    }
}

/// A part of a pattern and the byte of the pattern it begins at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Span<'a> {
    /// The same without the blanks around it.
    pub(super) fn trim(self) -> Span<'a> {
        let text = self.text.trim_start();
        Span {
            start: self.start + self.text.len() - text.len(),
            text: text.trim_end(),
        }
    }
}

pub(super) fn is_function(head: &str) -> bool {
    FUNCTIONS.contains(&head)
}

/// `head(inner)`, where `inner` reaches to the last parenthesis and the text ends there.
pub(super) fn call_parts(text: &str, from: usize) -> Option<(&str, &str)> {
    let (head, rest) = text.get(from..)?.split_once('(')?;
    Some((head, rest.strip_suffix(')')?))
}

fn parse_capture(text: &str) -> Result<Pattern, PatternError> {
    let bare = text.trim_start_matches('$');
    let dollars = text.len() - bare.len();
    let (name, function) = match bare.split_once('=') {
        Some((name, function)) => (name, Some(function)),
        None => (bare, None),
    };
    if name.is_empty() {
        return Err(PatternError::new(dollars, "there is no name after `$`"));
    }
    let capture = Some(Capture {
        name: name.to_owned(),
        key: dollars > 1,
    });
    let Some(function) = function else {
        return Ok(Pattern {
            capture,
            test: Test::Any,
        });
    };
    let span = Span {
        text: function,
        start: dollars + name.len() + 1,
    };
    let predicate = parse_nested(span, 0).map_err(|error| match &error.hint {
        Some(_) => error,
        None => error.hint(format!(
            "write `${name}` alone, or `${name}=func(…)` with one of: {}",
            FUNCTIONS.join(" ")
        )),
    })?;
    Ok(Pattern {
        capture,
        test: Test::Call(predicate),
    })
}

/// A call where only a call can stand: after `$name=` and inside `not and or`.
fn parse_nested(span: Span<'_>, depth: usize) -> Result<Predicate, PatternError> {
    let span = span.trim();
    if span.text.is_empty() {
        return Err(PatternError::new(span.start, "a function is missing here"));
    }
    match call_parts(span.text, 0) {
        Some((head, inner)) if is_function(head) => parse_call(
            head,
            Span {
                text: inner,
                start: span.start + head.len() + 1,
            },
            depth,
        ),
        Some((head, _)) => Err(PatternError::new(
            span.start,
            format!("`{}` is no function", head.escape_debug()),
        )
        .hint(format!("the functions are: {}", FUNCTIONS.join(" ")))),
        None => Err(PatternError::new(
            span.start,
            format!("`{}` is no function call", span.text.escape_debug()),
        )),
    }
}

fn parse_call(head: &str, inner: Span<'_>, depth: usize) -> Result<Predicate, PatternError> {
    if head == "regexp" {
        return Regexp::compile(inner).map(|regexp| Predicate::Regexp(Box::new(regexp)));
    }
    if depth >= MAX_NESTING {
        return Err(PatternError::new(
            inner.start,
            format!("functions nest deeper than {MAX_NESTING}"),
        ));
    }
    let arguments = split_arguments(inner)?;
    let nested = || -> Result<Vec<Predicate>, PatternError> {
        arguments
            .iter()
            .map(|argument| parse_nested(*argument, depth + 1))
            .collect()
    };
    match head {
        "gt" | "ge" | "lt" | "le" => {
            count(head, &arguments, inner, 1, 1)?;
            Ok(Predicate::Compare(comparison(head), number(arguments[0])?))
        }
        "range" => {
            count(head, &arguments, inner, 2, 2)?;
            Ok(Predicate::Range(
                number(arguments[0])?,
                number(arguments[1])?,
            ))
        }
        "network" => {
            count(head, &arguments, inner, 1, 1)?;
            network(arguments[0]).map(Predicate::Network)
        }
        "not" => {
            count(head, &arguments, inner, 1, 1)?;
            parse_nested(arguments[0], depth + 1).map(|inner| Predicate::Not(Box::new(inner)))
        }
        "and" => {
            count(head, &arguments, inner, 2, usize::MAX)?;
            nested().map(Predicate::And)
        }
        "or" => {
            count(head, &arguments, inner, 2, usize::MAX)?;
            nested().map(Predicate::Or)
        }
        _ => {
            count(head, &arguments, inner, 1, usize::MAX)?;
            let literals = arguments.iter().map(|a| Literal::new(argument_text(*a)));
            Ok(Predicate::In(literals.collect()))
        }
    }
}

fn comparison(head: &str) -> Comparison {
    match head {
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        _ => Comparison::LessOrEqual,
    }
}

fn count(
    head: &str,
    arguments: &[Span<'_>],
    inner: Span<'_>,
    least: usize,
    most: usize,
) -> Result<(), PatternError> {
    let given = arguments.len();
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (1, 1) => "one argument",
        (2, 2) => "two arguments",
        (2, _) => "two arguments or more",
        _ => "an argument",
    };
    let problem = format!("`{head}` takes {wanted} and has {given}");
    Err(PatternError::new(inner.start, problem))
}

fn number(argument: Span<'_>) -> Result<f64, PatternError> {
    let text = argument_text(argument);
    Number::parse(text).map(as_float).ok_or_else(|| {
        PatternError::new(
            argument.start,
            format!("`{}` is no number", text.escape_debug()),
        )
        .hint("a number is a sign, digits, a fraction and an exponent, without a unit")
    })
}

/// An address alone, or with a prefix length or a netmask; host bits are allowed.
fn network(argument: Span<'_>) -> Result<IpNet, PatternError> {
    let text = argument_text(argument);
    parse_network(text).ok_or_else(|| {
        PatternError::new(
            argument.start,
            format!("`{}` is no network", text.escape_debug()),
        )
        .hint("a network is an IPv4 or IPv6 address, `/` and a prefix length or a netmask")
    })
}

fn parse_network(text: &str) -> Option<IpNet> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let Some(mask) = mask else {
        return Some(address.into());
    };
    if !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit()) {
        return IpNet::new(address, mask.parse().ok()?).ok();
    }
    let (IpAddr::V4(address), Ok(mask)) = (address, mask.parse::<Ipv4Addr>()) else {
        return None;
    };
    // Python's `ipaddress`, which read these texts before, takes a host mask (`0.0.0.255`) as well.
    Ipv4Net::with_netmask(address, mask)
        .or_else(|_| Ipv4Net::with_netmask(address, Ipv4Addr::from(!u32::from(mask))))
        .ok()
        .map(IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> PatternError {
        Pattern::parse(text).expect_err(text)
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, offset, problem) in [
            ("gt()", 3, "argument is missing"),
            ("range(1,)", 8, "argument is missing"),
            ("range(1)", 6, "takes two arguments and has 1"),
            ("gt(5 GB)", 3, "`5 GB` is no number"),
            ("$x=", 3, "function is missing"),
            ("$x=8", 3, "no function call"),
            ("$x=foo(8)", 3, "`foo` is no function"),
            ("$", 1, "no name"),
            ("$$=gt(1)", 2, "no name"),
            ("and(gt(1), or(lt(5), gtt(7)))", 21, "`gtt` is no function"),
            ("gt(5))", 4, "closes nothing"),
            ("in(a(b)", 4, "not closed"),
            ("in('a, b)", 3, "quote is not closed"),
            ("network(10.0.0.0/33)", 8, "is no network"),
            ("not(regexp(a(b))", 11, "end of this regular expression"),
            ("regexp(ab(c)", 9, "not closed"),
        ] {
            let error = error(text);
            assert!(error.problem.contains(problem), "{text}: {}", error.problem);
            assert_eq!(error.offset, offset, "{text}: {}", error.problem);
        }
    }

    #[test]
    fn quotes_and_nesting_keep_commas_and_parentheses() {
        let accepts = |pattern: &str, value: &str| match Pattern::parse(pattern).unwrap().test {
            Test::Call(predicate) => predicate.accepts(Datum::Text(value)),
            _ => panic!("{pattern} is no call"),
        };
        assert!(accepts(r#"in("a, b", 'c)')"#, "a, b"));
        assert!(accepts(r#"in("a, b", 'c)')"#, "c)"));
        assert!(accepts(r"or(regexp(^(a|b\)),c$), in(x))", "b),c"));
        assert!(accepts("not(regexp([)(]))", "a"));
        assert!(accepts("or(regexp('a[)]b'), gt(1))", "xa)by"));
        assert!(accepts("and(in(5' disk, x), not(in(y)))", "5' disk"));
    }

    #[test]
    fn nesting_without_end_is_an_error_and_no_overflow() {
        let deep = format!("{}gt(1){}", "not(".repeat(100_000), ")".repeat(100_000));
        assert!(error(&deep).problem.contains("nest deeper"));
    }
}
