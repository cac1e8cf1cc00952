//! What is left in the end: statements that Starlark has not, and methods that its values have not.

use super::code::Code;
use super::text::Edits;
use super::token::Kind;

/// Statements by their first word, and what to write instead.
const STATEMENTS: [(&str, &str); 12] = [
    ("try", "result, error = attempt(function, arguments…)"),
    ("except", ""),
    ("finally", ""),
    ("while", "for _ in range(1000): with `break`"),
    ("with", "f = open(…), then f.write(…) and f.close()"),
    ("class", "a dict, or struct(name=value)"),
    (
        "global",
        "a dict that the function changes, or `return` the value",
    ),
    (
        "nonlocal",
        "a dict that the function changes, or `return` the value",
    ),
    ("exec", "the statements themselves"),
    ("raise", "fail(\"what is wrong\")"),
    ("yield", "a list that is returned"),
    ("@", "the function itself"),
];

/// Methods that values of Python have, and what to write instead.
const METHODS: [(&str, &str); 18] = [
    ("sort", "words = sorted(words)"),
    ("reverse", "words = list(reversed(words))"),
    ("read", "output([\"cat\", path])"),
    ("readline", "output([\"head\", \"-n1\", path])"),
    ("readlines", "output([\"cat\", path]).splitlines()"),
    ("writelines", "f.write(\"\".join(lines))"),
    (
        "flush",
        "nothing: what is written is on the disk before the next action",
    ),
    ("seek", "one text that is written at once"),
    ("encode", "the text itself"),
    ("decode", "the text itself"),
    ("zfill", "\"%05d\" % number"),
    ("ljust", "\"%-20s\" % text"),
    ("rjust", "\"%20s\" % text"),
    ("center", "\"%20s\" % text"),
    ("swapcase", "lower() or upper()"),
    ("translate", "replace(old, new)"),
    ("expandtabs", "replace(\"\\t\", \" \")"),
    ("copy", "dict(d)"),
];

/// Names each statement that no pass could port.
pub(super) fn statements(code: &Code<'_>, edits: &mut Edits) {
    let mut starts: Vec<usize> = code.lines.iter().map(|line| line.start).collect();
    starts.extend(code.statements().iter().map(|it| it.start));
    starts.sort_unstable();
    starts.dedup();
    for at in starts {
        let word = code.word(at);
        let is_name = code.kind(at) == Some(Kind::Sign) || code.is_keyword(at);
        let found = STATEMENTS
            .iter()
            .find(|(known, _)| *known == word && is_name);
        if let Some((word, instead)) = found.filter(|(_, instead)| !instead.is_empty()) {
            edits.left_unless_named(code.start(at), format!("there is no `{word}`"), instead);
        }
    }
}

/// Names each method that is there in Python only.
pub(super) fn methods(code: &Code<'_>, edits: &mut Edits) {
    for at in 1..code.tokens.len() {
        if code.word(at - 1) != "." || code.word(at + 1) != "(" || code.kind(at) != Some(Kind::Name)
        {
            continue;
        }
        let word = code.word(at);
        if let Some((word, instead)) = METHODS.iter().find(|(known, _)| *known == word) {
            edits.left(
                code.start(at),
                format!("there is no method `{word}`"),
                *instead,
            );
        }
    }
}
