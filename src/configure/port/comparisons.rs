//! Comparisons as Starlark has them: no `is`, no chains, no `has_key`.

use std::ops::Range;

use super::code::Code;
use super::text::Edits;
use super::token::Kind;

/// `x is None` becomes `x == None`.
pub(super) fn identity(code: &Code<'_>, edits: &mut Edits) {
    for at in 0..code.tokens.len() {
        if code.word(at) != "is" {
            continue;
        }
        let negated = code.word(at + 1) == "not";
        let operator = at..at + 1 + usize::from(negated);
        let new = if negated { "!=" } else { "==" };
        let bytes = code.bytes(&operator);
        if matches!(code.word(operator.end), "None" | "True" | "False") {
            edits.changed(bytes.start, "`is` is `==`");
        } else {
            edits.look(bytes.start, "`is` is `==`, which compares what things hold");
        }
        edits.replace(bytes, new);
    }
}

/// `d.has_key(k)` becomes `k in d`.
pub(super) fn has_key(code: &Code<'_>, edits: &mut Edits) {
    for at in 2..code.tokens.len() {
        if code.word(at) != "has_key" || code.word(at - 1) != "." || code.word(at + 1) != "(" {
            continue;
        }
        let arguments = code.arguments(at + 1);
        let [key] = arguments.as_slice() else {
            continue;
        };
        let close = code.partner(at + 1);
        let start = code.operand_start(at - 2);
        let negated = start > 0 && code.word(start - 1) == "not";
        let whole = start - usize::from(negated)..close + 1;
        let bytes = code.bytes(&whole);
        if edits.touches(&bytes) {
            continue;
        }
        let word = if negated { "not in" } else { "in" };
        let dict = code.source(&(start..at - 1));
        let mut new = format!("{} {word} {dict}", code.bracketed(key));
        if !is_free(code, &whole) {
            new = format!("({new})");
        }
        edits.changed(bytes.start, "`d.has_key(k)` is `k in d`");
        edits.replace(bytes, new);
    }
}

/// Whether a comparison may stand here without brackets.
fn is_free(code: &Code<'_>, range: &Range<usize>) -> bool {
    let line = &code.lines[code.line_of(range.start)];
    let before = range.start == line.start
        || matches!(
            code.word(range.start - 1),
            "if" | "elif"
                | "while"
                | "and"
                | "or"
                | "not"
                | "return"
                | "="
                | "("
                | ","
                | "["
                | ":"
                | ";"
        );
    let after = range.end == line.end
        || matches!(
            code.word(range.end),
            ":" | "and" | "or" | ")" | "," | "]" | "if" | "else" | ";" | "}"
        );
    before && after
}

/// The comparison operator at a token and the token after it.
fn operator(code: &Code<'_>, at: usize) -> Option<usize> {
    match code.word(at) {
        "<" | ">" | "<=" | ">=" | "==" | "!=" => Some(at + 1),
        "in" => Some(at + 1),
        "not" if code.word(at + 1) == "in" => Some(at + 2),
        _ => None,
    }
}

/// `a < b < c` becomes `a < b and b < c`.
pub(super) fn chains(code: &Code<'_>, edits: &mut Edits) {
    for line in &code.lines {
        for open in line.start..line.end {
            if matches!(code.word(open), "(" | "[" | "{") && code.kind(open) == Some(Kind::Sign) {
                chain(code, open + 1..code.partner(open), edits);
            }
        }
        chain(code, line.start..line.end, edits);
    }
}

/// Looks at the comparisons that stand side by side in a range, outside of its brackets.
fn chain(code: &Code<'_>, range: Range<usize>, edits: &mut Edits) {
    let mut previous: Option<(usize, usize)> = None;
    let mut of_for = false;
    let outside: Vec<usize> = code.outside(range).collect();
    for at in outside {
        let word = code.word(at);
        if word == "for" {
            of_for = true;
        }
        if matches!(
            word,
            "and"
                | "or"
                | "if"
                | "else"
                | "elif"
                | "while"
                | "for"
                | "lambda"
                | ":"
                | ","
                | "="
                | ";"
                | "return"
                | "print"
        ) || (word == "not" && code.word(at + 1) != "in")
        {
            previous = None;
            continue;
        }
        if word == "in" && (of_for || code.word(at.wrapping_sub(1)) == "not") {
            of_for = false;
            continue;
        }
        let Some(after) = operator(code, at) else {
            continue;
        };
        if let Some((first, start)) = previous {
            link(code, first, start..at, edits);
        }
        previous = Some((at, after));
    }
}

/// Puts `and` and the middle operand once more behind it.
fn link(code: &Code<'_>, first: usize, middle: Range<usize>, edits: &mut Edits) {
    let bytes = code.bytes(&middle);
    let is_simple = middle.clone().all(|at| {
        matches!(code.kind(at), Some(Kind::Name | Kind::Number | Kind::Text))
            || matches!(code.word(at), "." | "[" | "]" | "-")
            || is_pure_call(code, at)
    });
    let start = code.operand_start(first.saturating_sub(1));
    let negated = start > 0 && code.word(start - 1) == "not";
    if !is_simple || negated || middle.is_empty() {
        edits.left(
            bytes.start,
            "comparisons are not chained",
            "two comparisons with `and`",
        );
        return;
    }
    edits.insert(bytes.end, format!(" and {}", code.source(&middle)));
    edits.changed(bytes.start, "chained comparisons are two with `and`");
}

/// Whether a bracket belongs to a call that may be made twice.
fn is_pure_call(code: &Code<'_>, at: usize) -> bool {
    let open = code.partner(at).min(at);
    matches!(code.word(open), "(")
        && open > 0
        && matches!(code.word(open - 1), "len" | "int" | "str" | "float")
}
