//! Texts that are valid patterns but look like another one that was meant.

use super::error::PatternError;
use super::pattern::{FUNCTIONS, Pattern, Test, call_parts, is_function};
use super::predicate::Predicate;

/// What `check` should warn about, if anything.
pub(super) fn suspicion(text: &str, pattern: &Pattern) -> Option<PatternError> {
    match &pattern.test {
        Test::Literal(_) => literal_like_a_call(text),
        Test::Call(predicate) => never_true(predicate),
        Test::Any => None,
    }
}

fn literal_like_a_call(text: &str) -> Option<PatternError> {
    let literal = "it is taken as plain text";
    let Some((head, inner)) = call_parts(text, 0) else {
        let (head, _) = text.split_once('(')?;
        return is_function(head).then(|| {
            PatternError::new(0, literal).hint(format!("write `{text})` to call `{head}`"))
        });
    };
    if let Some((name, function)) = head.split_once('=')
        && is_function(function.trim())
    {
        return Some(PatternError::new(0, literal).hint(format!(
            "write `${name}={function}({inner})` to bind what `{}` accepts",
            function.trim()
        )));
    }
    let meant = FUNCTIONS
        .iter()
        .find(|function| head.trim().eq_ignore_ascii_case(function))
        .or_else(|| FUNCTIONS.iter().find(|f| one_letter_away(head, f)))?;
    Some(PatternError::new(0, literal).hint(format!("did you mean `{meant}({inner})`?")))
}

fn never_true(predicate: &Predicate) -> Option<PatternError> {
    match predicate {
        Predicate::Range(low, high) if low > high => Some(PatternError::new(
            0,
            format!("no number is at least {low} and at most {high}"),
        )),
        _ => None,
    }
}

/// One letter more, less, other, or two neighbours swapped.
fn one_letter_away(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let ends = a.iter().rev().zip(b.iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    match (a, b) {
        ([one, other], [b_one, b_other]) => one == b_other && other == b_one,
        _ => a.len().max(b.len()) == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warns(text: &str) -> Option<PatternError> {
        suspicion(text, &Pattern::parse(text).unwrap())
    }

    #[test]
    fn a_head_one_letter_away_from_a_function_is_suspicious() {
        for text in [
            "gte(5)",
            "rage(1,2)",
            "GT(5)",
            "gt (5)",
            "regxep(a)",
            "nott(gt(5))",
        ] {
            assert!(warns(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_missing_dollar_or_parenthesis_is_suspicious() {
        assert!(warns("x=gt(5)").is_some());
        assert!(warns("range(20, 50").is_some());
        assert!(warns("range(20, 1)").is_some());
    }

    #[test]
    fn names_of_real_hardware_are_not() {
        for text in [
            "edeploy_test_vm ()",
            "BCM5709 (Gigabit)",
            "Intel(R) Xeon(R)",
            "()",
            "ProLiant DL360p Gen8 (654081-B21)",
            "gt",
            "range(1, 20)",
        ] {
            assert!(warns(text).is_none(), "{text}");
        }
    }
}
