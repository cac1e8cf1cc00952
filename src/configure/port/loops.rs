//! `while`, which Starlark has not, as `for` with an end.

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
            let condition = code.bracketed(&condition);
            edits.insert(
                body,
                format!("if not {condition}:\n{indent}{step}break\n{indent}"),
            );
        }
    }
}
