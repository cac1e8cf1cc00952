//! Simple statements that Starlark has not: `raise`, `assert`, `del`, `exit` and some assignments.

use std::ops::Range;

use super::code::Code;
use super::shell::is_imported;
use super::text::Edits;
use super::token::Kind;

/// Ports every simple statement, and the tuples without brackets of `for`.
pub(super) fn simple(code: &Code<'_>, edits: &mut Edits) {
    for statement in code.statements() {
        if edits.touches(&code.bytes(&statement)) {
            continue;
        }
        match code.word(statement.start) {
            "raise" => raise(code, &statement, edits),
            "assert" => assert(code, &statement, edits),
            "del" => delete(code, &statement, edits),
            "sys" | "exit" | "quit" | "os" => exit(code, &statement, edits),
            "return" => in_brackets(code, statement.start + 1..statement.end, edits),
            _ => {
                sort(code, &statement, edits);
                assignment(code, &statement, edits);
            }
        }
    }
    for line in &code.lines {
        if code.word(line.start) == "for"
            && let Some(colon) = code.colon(line)
            && let Some(place) = code.find(line.start..colon, "in")
            && code.find(place + 1..colon, ",").is_some()
        {
            let bytes = code.bytes(&(place + 1..colon));
            edits.insert(bytes.start, "(");
            edits.insert(bytes.end, ")");
            edits.changed(
                bytes.start,
                "a list of values to go through stands in brackets",
            );
        }
    }
}

/// The text of a failure: a text as it is, anything else as text.
fn message(code: &Code<'_>, range: &Range<usize>) -> String {
    let source = code.source(range);
    if code.kind(range.start) == Some(Kind::Text) {
        source.to_owned()
    } else {
        format!("str({source})")
    }
}

fn raise(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let bytes = code.bytes(statement);
    let what = statement.start + 1..statement.end;
    let parts = code.split(what.clone());
    let new = match parts.as_slice() {
        [only] if code.kind(only.start) == Some(Kind::Text) => code.source(only).to_owned(),
        [only] if only.len() == 1 && code.is_name(only.start) => {
            format!("\"{}\"", code.source(only))
        }
        [only] if code.word(only.end - 1) == ")" && code.is_plain(only) => {
            let open = code.partner(only.end - 1);
            match code.arguments(open).as_slice() {
                [] => format!("\"{}\"", code.source(&(only.start..open))),
                [text] if code.word(text.start + 1) != "=" => message(code, text),
                _ => return left_raise(&bytes, edits),
            }
        }
        [_, text] => message(code, text),
        // In a handler it is said again by the port of the `try` around it.
        [] => return,
        _ => return left_raise(&bytes, edits),
    };
    edits.changed(bytes.start, "`raise` is `fail`");
    edits.replace(bytes, format!("fail({new})"));
}

fn left_raise(bytes: &Range<usize>, edits: &mut Edits) {
    edits.left(
        bytes.start,
        "there is no `raise`",
        "fail(\"what is wrong\")",
    );
}

fn assert(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let bytes = code.bytes(statement);
    let parts = code.split(statement.start + 1..statement.end);
    let line = &code.lines[code.line_of(statement.start)];
    let (Some(condition), true) = (
        parts.first(),
        line.start == statement.start && line.end == statement.end,
    ) else {
        edits.left(
            bytes.start,
            "there is no `assert`",
            "if not …: fail(\"what is wrong\")",
        );
        return;
    };
    let text = match parts.get(1) {
        Some(text) => message(code, text),
        None => "\"assertion failed\"".to_owned(),
    };
    let condition = code.bracketed(condition);
    edits.changed(bytes.start, "`assert` is `fail`");
    edits.replace(bytes, format!("if not {condition}: fail({text})"));
}

fn delete(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let bytes = code.bytes(statement);
    let what = statement.start + 1..statement.end;
    let last = statement.end - 1;
    let open = code.partner(last);
    if code.is_plain(&what)
        && code.word(last) == "]"
        && open > what.start
        && code.find(open + 1..last, ":").is_none()
    {
        let from = code.source(&(what.start..open));
        let key = code.source(&(open + 1..last));
        edits.changed(bytes.start, "`del d[k]` is `d.pop(k)`");
        edits.replace(bytes, format!("{from}.pop({key})"));
    } else if what.len() == 1 && code.is_name(what.start) {
        edits.changed(bytes.start, "`del` of a name sets it to `None`");
        edits.replace(bytes, format!("{} = None", code.source(&what)));
    } else {
        edits.left(bytes.start, "there is no `del`", "d.pop(key)");
    }
}

/// `sys.exit("why")` fails; an exit code is told.
fn exit(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let at = statement.start;
    let open = if code.follows(at, &["sys", ".", "exit", "("])
        || code.follows(at, &["os", ".", "_exit", "("])
    {
        at + 3
    } else if matches!(code.word(at), "exit" | "quit")
        && code.word(at + 1) == "("
        && (code.word(at) != "exit" || !is_defined(code, "exit"))
    {
        at + 1
    } else {
        return;
    };
    if code.partner(open) + 1 != statement.end {
        return;
    }
    let bytes = code.bytes(statement);
    let arguments = code.arguments(open);
    let given = arguments.first().map_or("0", |it| code.source(it));
    let is_last = code
        .lines
        .last()
        .is_some_and(|line| line.start == at && line.column == 0);
    match given {
        "0" | "None" if is_last => {
            edits.changed(bytes.start, "a script ends at its end");
            let number = code.line_of(at);
            let alone = code.lines[number].end == statement.end;
            let rest = &code.text[bytes.end..code.after(number)];
            if alone && number > 0 && rest.trim().is_empty() {
                edits.replace(bytes.start..code.after(number), "");
            } else {
                edits.replace(bytes, "pass");
            }
        }
        "0" | "None" => edits.left(
            bytes.start,
            "a script cannot end well before its end",
            "if …: around what follows, or a function with `return`",
        ),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            edits.changed(bytes.start, "`exit` is `fail`");
            edits.replace(bytes, format!("fail(\"exit code {number}\")"));
        }
        _ => {
            let text = message(code, &arguments[0]);
            if text.starts_with("str(") {
                edits.look(bytes.start, "`exit` is `fail`, also with exit code 0");
            } else {
                edits.changed(bytes.start, "`exit` is `fail`");
            }
            edits.replace(bytes, format!("fail({text})"));
        }
    }
}

fn is_defined(code: &Code<'_>, name: &str) -> bool {
    let defined = |at: usize| code.word(at) == "def" && code.word(at + 1) == name;
    (0..code.tokens.len()).any(defined) && !is_imported(code, "sys", name)
}

/// `words.sort()` is `words = sorted(words)`, for a list that this very scope has made.
fn sort(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let at = statement.start;
    let method = code.word(at + 2);
    let is_call = code.is_name(at)
        && code.word(at + 1) == "."
        && matches!(method, "sort" | "reverse")
        && code.follows(at + 3, &["(", ")"])
        && at + 5 == statement.end;
    if !is_call {
        return;
    }
    let name = code.word(at);
    let line = code.line_of(at);
    let column = code.lines[line].column;
    let before = code.lines[..line].iter().rev();
    let block = before.take_while(|it| it.column >= column);
    let is_made_here = block.into_iter().any(|it| {
        it.column == column && code.word(it.start) == name && code.word(it.start + 1) == "="
    });
    if !is_made_here {
        return;
    }
    let bytes = code.bytes(statement);
    let function = if method == "sort" {
        "sorted"
    } else {
        "reversed"
    };
    edits.changed(bytes.start, format!("`.{method}()` is `{function}`"));
    edits.replace(bytes, format!("{name} = list({function}({name}))"));
}

/// `a = b = c`, `a = b,`, and `a %= b`, which the engine works out in two parts.
fn assignment(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let signs: Vec<usize> = code
        .outside(statement.clone())
        .filter(|at| {
            code.kind(*at) == Some(Kind::Sign) && matches!(code.word(*at), "=" | "%=" | "*=")
        })
        .collect();
    let bytes = code.bytes(statement);
    match signs.as_slice() {
        [sign] if code.word(*sign) != "=" => {
            let target = code.source(&(statement.start..*sign));
            if code.find(statement.start..*sign, "(").is_some() {
                return;
            }
            let operator = &code.word(*sign)[..1];
            let value = code.bracketed(&(sign + 1..statement.end));
            edits.changed(
                bytes.start,
                format!("`x {operator}= y` is `x = x {operator} y`"),
            );
            edits.replace(bytes, format!("{target} = {target} {operator} {value}"));
        }
        [sign] => in_brackets(code, sign + 1..statement.end, edits),
        [first, .., last] => {
            let mut starts = vec![statement.start];
            starts.extend(signs.iter().map(|sign| sign + 1));
            let targets: Vec<&str> = starts
                .iter()
                .zip(&signs)
                .map(|(start, sign)| code.source(&(*start..*sign)))
                .collect();
            let are_names = starts
                .iter()
                .zip(&signs)
                .all(|(start, sign)| start + 1 == *sign);
            let source = code.source(&(last + 1..statement.end));
            if !are_names || code.word(*first) != "=" || source.contains('\n') {
                edits.left(
                    bytes.start,
                    "an assignment to several targets",
                    "one assignment for each",
                );
                return;
            }
            let mut parts = vec![format!("{} = {source}", targets[0])];
            parts.extend(
                targets[1..]
                    .iter()
                    .map(|it| format!("{it} = {}", targets[0])),
            );
            edits.changed(
                bytes.start,
                "an assignment to several names is several assignments",
            );
            edits.replace(bytes, parts.join("; "));
        }
        [] => {}
    }
}

/// Puts a tuple that ends with a comma in brackets.
fn in_brackets(code: &Code<'_>, range: Range<usize>, edits: &mut Edits) {
    if range.is_empty() || code.word(range.end - 1) != "," {
        return;
    }
    let bytes = code.bytes(&range);
    edits.insert(bytes.start, "(");
    edits.insert(bytes.end, ")");
    edits.changed(
        bytes.start,
        "a tuple that ends with a comma stands in brackets",
    );
}
