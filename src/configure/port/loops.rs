//! `while`, which Starlark has not, as `for` with an end.

use std::ops::Range;

use super::code::Code;
use super::text::Edits;

/// How often a loop that was `while` goes round at most.
const ROUNDS: u32 = 100_000;

/// `while x:` becomes a `for` that is left when `x` is no longer so.
pub(super) fn whiles(code: &Code<'_>, edits: &mut Edits) {
    for number in 0..code.lines.len() {
        let line = &code.lines[number];
        if code.word(line.start) != "while" {
            continue;
        }
        let bytes = code.bytes(&(line.start..line.end));
        let Some(colon) = code.colon(line) else {
            continue;
        };
        let next = code.lines.get(code.block_end(number));
        let has_else =
            next.is_some_and(|it| it.column == line.column && code.word(it.start) == "else");
        if colon + 1 < line.end && !has_else {
            // The next round finds it with lines of its own.
            code.expand(number, edits);
            continue;
        }
        if !code.has_block(number) || has_else {
            let instead = "for _ in range(1000): with `break`";
            edits.left(bytes.start, "there is no `while`", instead);
            continue;
        }
        let condition = line.start + 1..colon;
        let source = code.source(&condition);
        edits.look(
            bytes.start,
            format!("`while` is `for` with {ROUNDS} rounds: write how many it may be"),
        );
        edits.replace(
            bytes.start..code.end(colon),
            format!("for _ in range({ROUNDS}):"),
        );
        if !matches!(source, "True" | "1") {
            let body = code.start(code.lines[number + 1].start);
            let indent = code.indent(number + 1);
            let step = &indent[code.indent(number).len().min(indent.len())..];
            let ended = negated(code, &condition);
            edits.insert(body, format!("if {ended}:\n{indent}{step}break\n{indent}"));
        }
    }
}

/// The source of a condition that is so when this one is not.
fn negated(code: &Code<'_>, condition: &Range<usize>) -> String {
    let is_joined = code
        .outside(condition.clone())
        .any(|at| matches!(code.word(at), "and" | "or" | "if" | "lambda"));
    if code.word(condition.start) == "not" && !is_joined {
        return code
            .source(&(condition.start + 1..condition.end))
            .to_owned();
    }
    format!("not {}", code.bracketed(condition))
}
