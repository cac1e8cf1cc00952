//! `regexp(...)`: Python's regular expressions on the `regex` crate, which searches in linear time.
//!
//! The syntax of the two differs in small things, which `translate` settles. What needs backtracking
//! (look-around, back-references, most atomic groups) is refused with the reason.

use regex::{Regex, RegexBuilder};

use super::arguments::wholly_quoted;
use super::error::PatternError;
use super::pattern::Span;
use super::translate::translate;

/// How many bytes a compiled expression may take, and how many steps a byte of text then counts for.
///
/// An expression that is not made a small automaton is searched state by state.
const SIZES: [(usize, usize); 3] = [(1 << 14, 1), (1 << 17, 8), (1 << 20, 64)];

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(super) struct Regexp {
    regex: Regex,
    /// How many steps a byte of text counts for, at worst.
    pub(super) weight: usize,
}

impl Regexp {
    /// Compiles the text between the parentheses of `regexp(...)`, quoted or as it stands.
    pub(super) fn compile(inner: Span<'_>) -> Result<Regexp, PatternError> {
        let text = wholly_quoted(inner.text).unwrap_or(inner.text);
        if text.is_empty() {
            return Err(PatternError::new(
                inner.start,
                "the regular expression is missing",
            ));
        }
        let start = inner.start + inner.text.find(text).unwrap_or(0);
        let translated = translate(text).map_err(|mut error| {
            error.offset += start;
            error
        })?;
        build(&translated).map_err(|error| PatternError::new(start, reason(&error)))
    }

    /// Whether it matches anywhere in `text`.
    pub(super) fn found_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn build(translated: &str) -> Result<Regexp, regex::Error> {
    let mut result = Err(regex::Error::CompiledTooBig(0));
    for (size, weight) in SIZES {
        let regex = RegexBuilder::new(translated).size_limit(size).build();
        result = regex.map(|regex| Regexp { regex, weight });
        if !matches!(result, Err(regex::Error::CompiledTooBig(_))) {
            break;
        }
    }
    result
}

/// The sentence of a regex error, without the translated expression that the admin never wrote.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression is too large when its repetitions are unfolded".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            let sentence = last.trim().trim_start_matches("error: ");
            format!("the regular expression does not compile: {sentence}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<Regexp, PatternError> {
        Regexp::compile(Span { text, start: 0 })
    }

    #[test]
    fn the_syntax_is_pythons() {
        for (pattern, text, found) in [
            ("c$", "abc\n", true),
            ("c$", "abc\n\n", false),
            (r"c\Z", "abc\n", false),
            ("^a{,3}$", "aaa", true),
            ("^a{,3}$", "aaaa", false),
            ("a{x}", "a{x}", true),
            ("a{,", "a{,", true),
            ("[]x]", "]", true),
            ("[^]x]", "]", false),
            ("[a&&b]", "&", true),
            ("[[:alpha:]]", ":]", true),
            ("[[:alpha:]]", "b", false),
            (r"\<b\>", "<b>", true),
            (r"(?a)^\w+$", "café", false),
            (r"^\w+$", "café", true),
            (r"[\d\-x]+$", "١-x", true),
            (r"(?i)^ABC$", "abc", true),
            (r"(?P<n>a)(?:b)", "ab", true),
            (r"(?x) a  b # both", "ab", true),
            (r"\x41\u0042\101", "ABA", true),
            ("a++b", "aab", true),
            ("(?>a+)b", "aab", true),
            ("(?m)^b$", "a\nb\nc", true),
            ("^(a|b$)$", "b\n", true),
        ] {
            let regexp = compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {}", e.problem));
            assert_eq!(regexp.found_in(text), found, "{pattern} in {text:?}");
        }
    }

    #[test]
    fn what_needs_backtracking_is_refused_with_the_reason() {
        for (pattern, reason) in [
            ("a(?=b)", "look-around"),
            ("(?<!a)b", "look-around"),
            (r"(a)\1", "back-reference"),
            ("(?P<x>a)(?P=x)", "back-reference"),
            ("a++ab", "possessive"),
            ("(?>a|ab)c", "atomic"),
            ("(?(1)a|b)", "conditional"),
        ] {
            let problem = compile(pattern).unwrap_err().problem;
            assert!(problem.contains(reason), "{pattern}: {problem}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in [
            "(", ")", "[", "*", "a**", "^*", "?P<x", r"\h", "[z-a]", "a{2,1}", r"a\", "(?P<1>a)",
            "a(?i)b", "", r"[\d-a]", "(?y)a",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn an_expression_that_unfolds_without_end_is_refused() {
        let problem = compile("((a{1000}){1000}){1000}").unwrap_err().problem;
        assert!(problem.contains("too large"), "{problem}");
    }

    #[test]
    fn an_expression_that_would_backtrack_for_ever_is_decided() {
        // A backtracking engine tries 2 to the power of 50,000 ways before it says no.
        let text = format!("{}b", "a".repeat(50_000));
        for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*a){12}$"] {
            assert!(!compile(pattern).unwrap().found_in(&text), "{pattern}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let deep = format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000));
        assert!(compile(&deep).is_err());
    }
}
