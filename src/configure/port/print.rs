//! The `print` statement.

use std::ops::Range;

use super::code::{Code, literal_inside};
use super::text::Edits;
use super::token::Kind;

/// What a `print` statement prints, and where to.
#[derive(Debug)]
pub(super) struct Print {
    to: Option<Range<usize>>,
    items: Vec<Range<usize>>,
}

/// What a statement prints, if it is one of Python 2 that cannot be read as a call.
pub(super) fn items(code: &Code<'_>, statement: &Range<usize>) -> Option<Print> {
    if code.word(statement.start) != "print" {
        return None;
    }
    let rest = statement.start + 1..statement.end;
    let first = code.word(rest.start);
    if rest.is_empty() {
        return Some(Print {
            to: None,
            items: Vec::new(),
        });
    }
    if first == "(" {
        let after = code.partner(rest.start) + 1;
        // `print(x) if y else z` is a call as well.
        if after >= rest.end || matches!(code.word(after), "if" | "and" | "or") {
            return None;
        }
    } else if first == ">>" {
        let mut items = code.split(rest.start + 1..rest.end).into_iter();
        return Some(Print {
            to: items.next(),
            items: items.collect(),
        });
    } else if is_other_use(code, &rest) {
        return None;
    }
    Some(Print {
        to: None,
        items: code.split(rest),
    })
}

/// Whether what follows the word `print` makes it a name: `print = x`, `print.y`, `print[0] = z`.
fn is_other_use(code: &Code<'_>, rest: &Range<usize>) -> bool {
    let first = code.word(rest.start);
    let is_sign = code.kind(rest.start) == Some(Kind::Sign);
    let begins_value = matches!(first, "[" | "{" | "-" | "+" | "~" | "`");
    let joins = matches!(first, "in" | "is" | "and" | "or" | "if");
    let is_target = first == "[" && code.find(rest.clone(), "=").is_some();
    (is_sign && !begins_value) || joins || is_target
}

/// `print a, b` becomes a call. With several values these are one text, because Python 2 prints the
/// brackets of `print(a, b)` too.
pub(super) fn brackets(code: &Code<'_>, edits: &mut Edits) {
    for statement in code.statements() {
        let Some(print) = items(code, &statement) else {
            continue;
        };
        let at = code.start(statement.start);
        if edits.touches(&code.bytes(&statement)) {
            continue;
        }
        match &print.to {
            Some(to) if !is_standard(code, to) => to_file(code, &statement, to, &print, edits),
            to => {
                let from = code.end(statement.start);
                let end = code.bytes(&statement).end;
                let first = print
                    .items
                    .first()
                    .map_or(end, |item| code.start(item.start));
                edits.replace(from..first, "(");
                call(code, &print.items, end, edits);
                edits.changed(at, "`print` is a function");
                if to.is_some() {
                    edits.changed(at, "what goes to standard error or output is printed");
                }
            }
        }
    }
}

fn is_standard(code: &Code<'_>, to: &Range<usize>) -> bool {
    matches!(code.source(to), "sys.stderr" | "sys.stdout")
}

/// Closes what `print(` opened around the items.
fn call(code: &Code<'_>, items: &[Range<usize>], end: usize, edits: &mut Edits) {
    match items {
        [] => edits.replace(end..end, "\"\")"),
        [item] => {
            let bytes = code.bytes(item);
            let whole = code.word(item.start) == "(" && code.partner(item.start) + 1 == item.end;
            let is_tuple = whole
                && (item.len() == 2 || code.find(item.start + 1..item.end - 1, ",").is_some());
            if whole && !is_tuple {
                // The brackets that are there serve as those of the call.
                edits.replace(bytes.start..bytes.start + 1, "");
                edits.replace(bytes.end..end, "");
            } else {
                edits.replace(bytes.end..end, ")");
            }
        }
        [first, .., last] => {
            let format = vec!["%s"; items.len()].join(" ");
            edits.insert(code.start(first.start), format!("\"{format}\" % ("));
            edits.replace(code.bytes(last).end..end, "))");
        }
    }
}

fn to_file(
    code: &Code<'_>,
    statement: &Range<usize>,
    to: &Range<usize>,
    print: &Print,
    edits: &mut Edits,
) {
    let file = code.bracketed(to);
    let sources: Vec<&str> = print.items.iter().map(|item| code.source(item)).collect();
    let joined = sources.join(", ");
    let text = match (print.items.as_slice(), sources.as_slice()) {
        ([], _) => "\"\\n\"".to_owned(),
        ([item], [source]) if is_short_literal(code, item) => {
            let (inside, quote) = source.split_at(source.len() - 1);
            format!("{inside}\\n{quote}")
        }
        (items, _) => {
            let format = vec!["%s"; items.len()].join(" ");
            let comma = if items.len() == 1 { "," } else { "" };
            format!("\"{format}\\n\" % ({joined}{comma})")
        }
    };
    let bytes = code.bytes(statement);
    edits.changed(bytes.start, "`print >>file` is `file.write`");
    edits.replace(bytes, format!("{file}.write({text})"));
}

fn is_short_literal(code: &Code<'_>, item: &Range<usize>) -> bool {
    code.literal(item).is_some() && {
        let word = code.word(item.start);
        literal_inside(word).is_some_and(|inside| inside.len() + 2 == word.len())
    }
}
