//! Signs and names of Python 2 within expressions.

use std::ops::Range;

use super::code::Code;
use super::names::Names;
use super::text::Edits;
use super::token::Kind;

/// `<>` becomes `!=`, `` `x` `` becomes `repr(x)`, and powers of whole numbers are worked out.
pub(super) fn signs(code: &Code<'_>, edits: &mut Edits) {
    let mut open: Option<usize> = None;
    for at in 0..code.tokens.len() {
        let bytes = code.bytes(&(at..at + 1));
        match code.word(at) {
            "<>" => {
                edits.changed(bytes.start, "`<>` is `!=`");
                edits.replace(bytes, "!=");
            }
            "`" => match open.take() {
                None => open = Some(at),
                Some(first) => {
                    let start = code.start(first);
                    edits.replace(start..start + 1, "repr(");
                    edits.replace(bytes, ")");
                    edits.changed(start, "backticks are `repr(…)`");
                }
            },
            "**" if at > 0 && code.ends_operand(at - 1) => power(code, at, edits),
            _ => {}
        }
    }
}

fn power(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let number = |at: usize| code.word(at).parse::<u32>().ok();
    let alone = !matches!(code.word(at + 2), "**" | "." | "(" | "[")
        && code.word(at.wrapping_sub(2)) != "**";
    let value = number(at - 1)
        .zip(number(at + 1))
        .and_then(|(base, exponent)| u64::from(base).checked_pow(exponent));
    match value.filter(|value| alone && *value <= i64::MAX.unsigned_abs()) {
        Some(value) => {
            let bytes = code.bytes(&(at - 1..at + 2));
            edits.changed(bytes.start, "powers are worked out");
            edits.replace(bytes, value.to_string());
        }
        None => edits.left(
            code.start(at),
            "there is no operator `**`",
            "the number itself, or `1 << n` for a power of two",
        ),
    }
}

/// What a name is called now.
const RENAMED: [(&str, &str); 6] = [
    ("xrange", "range"),
    ("unicode", "str"),
    ("long", "int"),
    ("unichr", "chr"),
    ("file", "open"),
    ("raw_input", ""),
];

/// What a method is called now.
const METHODS: [(&str, &str); 3] = [
    ("iteritems", "items"),
    ("itervalues", "values"),
    ("iterkeys", "keys"),
];

/// Functions and methods that Python 3 and Starlark call otherwise.
pub(super) fn names(code: &Code<'_>, edits: &mut Edits) {
    for at in 0..code.tokens.len() {
        if code.kind(at) != Some(Kind::Name) {
            continue;
        }
        let bytes = code.bytes(&(at..at + 1));
        let word = code.word(at);
        let called = code.word(at + 1) == "(";
        let is_attribute = at > 0 && code.word(at - 1) == ".";
        let table: &[(&str, &str)] = if is_attribute { &METHODS } else { &RENAMED };
        let new = table.iter().find(|(old, _)| *old == word && called);
        if let Some((_, new)) = new.filter(|(_, new)| !new.is_empty()) {
            edits.changed(bytes.start, format!("`{word}` is `{new}`"));
            edits.replace(bytes.clone(), *new);
        }
        if word == "isinstance" && called && !is_attribute {
            is_instance(code, at, edits);
        }
        if is_attribute && called && matches!(word, "keys" | "values" | "items" | "iterkeys") {
            listed(code, at, edits);
        }
        if matches!(word, "map" | "filter") && called && !is_attribute {
            mapped(code, at, edits);
        }
        let is_main = |quoted| code.follows(at + 1, &["==", quoted]);
        if word == "__name__" && (is_main("'__main__'") || is_main("\"__main__\"")) {
            edits.changed(bytes.start, "a configure script is never imported");
            edits.replace(code.bytes(&(at..at + 3)), "True");
        }
    }
}

/// `isinstance(x, str)` compares types, which there is of each kind only one.
fn is_instance(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let arguments = code.arguments(at + 1);
    let [value, kind] = arguments.as_slice() else {
        return;
    };
    let sample = match code.source(kind) {
        "str" | "basestring" | "unicode" => "\"\"",
        "int" | "long" => "0",
        "list" => "[]",
        "dict" => "{}",
        "tuple" => "()",
        "bool" => "False",
        "float" => "0.0",
        _ => {
            let instead = "type(x) == type(\"\")";
            edits.left(code.start(at), "there is no `isinstance`", instead);
            return;
        }
    };
    let call = at..code.partner(at + 1) + 1;
    let new = format!("type({}) == type({sample})", code.source(value));
    let negated = at > 0 && matches!(code.word(at - 1), "==" | "!=" | "in");
    let new = if negated { format!("({new})") } else { new };
    edits.changed(code.start(at), "`isinstance` compares types");
    edits.replace(code.bytes(&call), new);
}

/// `d.keys()[0]` is a list in Python 2 only.
fn listed(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let close = code.partner(at + 1);
    if code.word(close + 1) != "[" || close != at + 2 {
        return;
    }
    let start = code.operand_start(close);
    edits.insert(code.start(start), "list(");
    edits.insert(code.end(close), ")");
    edits.changed(code.start(at), "what is indexed is made a list");
}

/// `map(f, l)` and `filter(f, l)` are comprehensions.
fn mapped(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let arguments = code.arguments(at + 1);
    let call = at..code.partner(at + 1) + 1;
    let bytes = code.bytes(&call);
    let word = code.word(at);
    let [function, over] = arguments.as_slice() else {
        return;
    };
    let name = code.source(function);
    if code.word(function.start) == "lambda" || !code.is_plain(function) || edits.touches(&bytes) {
        let instead = "[f(item) for item in …], or [item for item in … if f(item)]";
        edits.left(bytes.start, format!("there is no `{word}`"), instead);
        return;
    }
    let over = code.source(over);
    let new = match (word, name) {
        ("map", _) => format!("[{name}(item) for item in {over}]"),
        (_, "None") => format!("[item for item in {over} if item]"),
        _ => format!("[item for item in {over} if {name}(item)]"),
    };
    edits.changed(bytes.start, format!("`{word}` is a comprehension"));
    edits.replace(bytes, new);
}

/// Texts side by side are joined with `+`.
pub(super) fn join_texts(code: &Code<'_>, edits: &mut Edits) {
    let is_text = |at: usize| code.kind(at) == Some(Kind::Text);
    for line in &code.lines {
        let mut at = line.start;
        while at < line.end {
            let first = at;
            at += 1;
            if !is_text(first) {
                continue;
            }
            while at < line.end && is_text(at) {
                edits.insert(code.end(at - 1), " +");
                at += 1;
            }
            if at - first < 2 {
                continue;
            }
            edits.changed(code.start(first), "texts side by side are joined with `+`");
            if !stands_alone(code, first, at) {
                edits.insert(code.start(first), "(");
                edits.insert(code.end(at - 1), ")");
            }
        }
    }
}

/// Whether nothing binds an operand more tightly than `+` would.
fn stands_alone(code: &Code<'_>, start: usize, end: usize) -> bool {
    let line = &code.lines[code.line_of(start)];
    let free_before = start > line.start
        && matches!(
            code.word(start - 1),
            "(" | "[" | "{" | "," | "=" | ":" | "return" | "+" | "+="
        );
    let free_after =
        end == line.end || matches!(code.word(end), ")" | "]" | "}" | "," | ":" | ";" | "+");
    free_before && free_after
}

/// A generator expression is a list comprehension.
pub(super) fn generators(code: &Code<'_>, edits: &mut Edits) {
    for open in 0..code.tokens.len() {
        let close = code.partner(open);
        if code.word(open) != "(" || close == open {
            continue;
        }
        let inside = open + 1..close;
        let Some(place) = code.find(inside.clone(), "for") else {
            continue;
        };
        if place == inside.start || code.find(inside.clone(), ",").is_some_and(|at| at < place) {
            continue;
        }
        let (from, to) = (code.start(open), code.start(close));
        let is_call = open > 0 && code.ends_operand(open - 1);
        let (left, right) = if is_call { ("([", "])") } else { ("[", "]") };
        edits.replace(from..from + 1, left);
        edits.replace(to..to + 1, right);
        edits.changed(from, "a generator is a list comprehension");
    }
}

/// `/` between whole numbers gives a whole number in Python 2 only.
pub(super) fn divisions(code: &Code<'_>, edits: &mut Edits) {
    let names = Names::of(code);
    for at in 1..code.tokens.len() {
        let word = code.word(at);
        if !matches!(word, "/" | "/=") || code.kind(at) != Some(Kind::Sign) {
            continue;
        }
        let bytes = code.bytes(&(at..at + 1));
        let before = code.operand_start(at - 1)..at;
        let after = at + 1..code.operand_end(at + 1);
        if word == "/" && is_whole(code, &names, &before) && is_whole(code, &names, &after) {
            edits.changed(bytes.start, "whole numbers are divided with `//`");
            edits.replace(bytes, "//");
        } else if !is_fraction(code, &before) && !is_fraction(code, &after) {
            edits.look(
                bytes.start,
                "`/` gives a fraction now: write `//` if whole numbers are divided",
            );
        }
    }
}

/// Whether an operand is a whole number for sure: a literal, a call that gives one, or a name that
/// is set to nothing else.
fn is_whole(code: &Code<'_>, names: &Names<'_>, range: &Range<usize>) -> bool {
    if is_whole_value(code, range) {
        return true;
    }
    if range.len() != 1 || !code.is_name(range.start) {
        return false;
    }
    let name = code.word(range.start);
    let lines = names.lines(name);
    !lines.is_empty()
        && lines.into_iter().all(|line| {
            let line = code.lines.get(line);
            line.is_some_and(|it| {
                code.follows(it.start, &[name, "="])
                    && is_whole_value(code, &(it.start + 2..it.end))
            })
        })
}

fn is_whole_value(code: &Code<'_>, range: &Range<usize>) -> bool {
    let first = code.word(range.start);
    let is_number = range.len() == 1 && first.bytes().all(|byte| byte.is_ascii_digit());
    let is_call = matches!(first, "int" | "len")
        && code.word(range.start + 1) == "("
        && code.partner(range.start + 1) + 1 == range.end;
    is_number || is_call
}

fn is_fraction(code: &Code<'_>, range: &Range<usize>) -> bool {
    let first = code.word(range.start);
    first == "float" || code.kind(range.start) == Some(Kind::Number) && first.contains('.')
}
