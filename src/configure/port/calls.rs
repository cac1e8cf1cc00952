//! Functions of Python's library that a helper, a command or a method stands for.

use std::ops::Range;

use super::code::{Code, literal_inside};
use super::shell::is_imported;
use super::text::Edits;
use super::token::Kind;

/// Functions that a command stands for, where they are a statement of their own: module, name, the
/// words before their arguments, and how many arguments they take.
const COMMANDS: [(&str, &str, &str, usize); 11] = [
    ("os", "makedirs", "\"mkdir\", \"-p\"", 1),
    ("os", "mkdir", "\"mkdir\"", 1),
    ("os", "rmdir", "\"rmdir\"", 1),
    ("os", "remove", "\"rm\"", 1),
    ("os", "unlink", "\"rm\"", 1),
    ("os", "rename", "\"mv\", \"-T\"", 2),
    ("os", "symlink", "\"ln\", \"-s\", \"-T\"", 2),
    ("shutil", "copy", "\"cp\"", 2),
    ("shutil", "copyfile", "\"cp\"", 2),
    ("shutil", "move", "\"mv\"", 2),
    ("shutil", "rmtree", "\"rm\", \"-r\"", 1),
];

/// Functions of the module `string` that are methods.
const METHODS: [&str; 9] = [
    "split", "strip", "lstrip", "rstrip", "lower", "upper", "replace", "find", "count",
];

/// Puts helpers in the place of library functions.
pub(super) fn helpers(code: &Code<'_>, edits: &mut Edits) {
    let statements = code.statements();
    for statement in &statements {
        as_command(code, statement, edits);
        written(code, statement, edits);
    }
    for at in 0..code.tokens.len() {
        if !code.is_name(at) || edits.touches(&code.bytes(&(at..at + 1))) {
            continue;
        }
        match code.word(at) {
            "time" if code.follows(at + 1, &[".", "sleep", "("]) => {
                edits.changed(code.start(at), "`time.sleep` is `sleep`");
                edits.replace(code.bytes(&(at..at + 3)), "sleep");
            }
            "os" if code.follows(at + 1, &[".", "path", "."]) => path(code, at, edits),
            "os" if code.follows(at + 1, &[".", "listdir", "("]) => listed(code, at, edits),
            "string" if code.word(at + 1) == "." && code.word(at + 3) == "(" => {
                method(code, at, edits);
            }
            "open" if code.word(at + 1) == "(" => read(code, at, edits),
            _ => {}
        }
    }
}

fn as_command(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let at = statement.start;
    let bytes = code.bytes(statement);
    let found = COMMANDS.iter().find_map(|(module, name, words, count)| {
        let open = if code.follows(at, &[module, ".", name, "("]) {
            at + 3
        } else if code.follows(at, &[name, "("]) && is_imported(code, module, name) {
            at + 1
        } else {
            return None;
        };
        Some((open, format!("{module}.{name}"), *words, *count))
    });
    if let Some((open, name, words, count)) = found {
        let arguments = code.arguments(open);
        let plain = arguments.iter().all(|it| code.word(it.start + 1) != "=");
        if code.partner(open) + 1 == statement.end && plain && arguments.len() >= count {
            let sources: Vec<&str> = arguments
                .iter()
                .take(count)
                .map(|it| code.source(it))
                .collect();
            edits.changed(bytes.start, format!("`{name}` is a command"));
            edits.replace(bytes, format!("run([{words}, {}])", sources.join(", ")));
        }
    } else if code.follows(at, &["os", ".", "chmod", "("])
        && code.partner(at + 3) + 1 == statement.end
    {
        let arguments = code.arguments(at + 3);
        if let [path, mode] = arguments.as_slice()
            && let Some(digits) = code.source(mode).strip_prefix("0o")
        {
            let path = code.source(path);
            edits.changed(bytes.start, "`os.chmod` is a command");
            edits.replace(bytes, format!("run([\"chmod\", \"{digits}\", {path}])"));
        }
    }
}

/// What is written to standard output or standard error is printed.
fn written(code: &Code<'_>, statement: &Range<usize>, edits: &mut Edits) {
    let at = statement.start;
    let is_stream = code.follows(at, &["sys", ".", "stdout", "."])
        || code.follows(at, &["sys", ".", "stderr", "."]);
    if !is_stream || code.word(at + 5) != "(" || code.partner(at + 5) + 1 != statement.end {
        return;
    }
    let bytes = code.bytes(statement);
    match (code.word(at + 4), code.arguments(at + 5).as_slice()) {
        ("flush", []) => {
            edits.changed(bytes.start, "nothing is to be flushed");
            edits.replace(bytes, "pass");
        }
        ("write", [text]) => {
            let source = code.source(text);
            let word = code.word(text.start);
            let line = literal_inside(word).and_then(|inside| inside.strip_suffix("\\n"));
            let new = match line {
                Some(line) if text.len() == 1 || code.word(text.start + 1) == "%" => {
                    let quote = &word[..(word.len() - line.len() - 2) / 2];
                    format!("{quote}{line}{quote}{}", &source[word.len()..])
                }
                _ => source.to_owned(),
            };
            edits.changed(
                bytes.start,
                "what goes to standard error or output is printed",
            );
            edits.replace(bytes, format!("print({new})"));
        }
        _ => {}
    }
}

fn path(code: &Code<'_>, at: usize, edits: &mut Edits) {
    if code.word(at + 5) != "(" {
        return;
    }
    let call = at..code.partner(at + 5) + 1;
    let bytes = code.bytes(&call);
    let arguments = code.arguments(at + 5);
    match (code.word(at + 4), arguments.as_slice()) {
        ("join", [first, rest @ ..]) if !rest.is_empty() => {
            let mut sum = code.bracketed(first);
            for part in rest {
                match code.literal(part) {
                    Some(inside) if !inside.starts_with('/') => {
                        sum.push_str(&format!(" + \"/{}\"", inside.replace('"', "\\\"")));
                    }
                    _ => sum.push_str(&format!(" + \"/\" + {}", code.bracketed(part))),
                }
            }
            let all_known = arguments[1..].iter().all(|part| {
                code.literal(part)
                    .is_some_and(|inside| !inside.starts_with('/'))
            });
            let what = "`os.path.join` is a sum of texts";
            if all_known {
                edits.changed(bytes.start, what);
            } else {
                edits.look(
                    bytes.start,
                    format!("{what}: mind slashes at the start of a part"),
                );
            }
            let alone = matches!(
                code.word(at.wrapping_sub(1)),
                "(" | "=" | "," | "[" | "return"
            ) && !matches!(code.word(call.end), "." | "[" | "%" | "*");
            edits.replace(bytes, if alone { sum } else { format!("({sum})") });
        }
        ("basename", [path]) => {
            edits.changed(
                bytes.start,
                "`os.path.basename` is what follows the last slash",
            );
            edits.replace(bytes, format!("{}.split(\"/\")[-1]", code.bracketed(path)));
        }
        ("dirname", [path]) => {
            edits.changed(
                bytes.start,
                "`os.path.dirname` is what precedes the last slash",
            );
            edits.replace(
                bytes,
                format!("{}.rpartition(\"/\")[0]", code.bracketed(path)),
            );
        }
        _ => {}
    }
}

fn listed(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let call = at..code.partner(at + 3) + 1;
    let bytes = code.bytes(&call);
    if let [path] = code.arguments(at + 3).as_slice() {
        let path = code.source(path);
        edits.changed(bytes.start, "`os.listdir` is the command `ls`");
        edits.replace(
            bytes,
            format!("output([\"ls\", \"-A\", {path}]).splitlines()"),
        );
    }
}

/// `string.join(words, ",")` and the like.
fn method(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let name = code.word(at + 2);
    let call = at..code.partner(at + 3) + 1;
    let arguments = code.arguments(at + 3);
    let new = match (name, arguments.as_slice()) {
        ("join", [words]) => format!("\" \".join({})", code.source(words)),
        ("join", [words, between]) => {
            format!("{}.join({})", code.bracketed(between), code.source(words))
        }
        ("atoi", [text]) => format!("int({})", code.source(text)),
        (_, [text, rest @ ..]) if METHODS.contains(&name) => {
            let rest: Vec<&str> = rest.iter().map(|it| code.source(it)).collect();
            format!("{}.{name}({})", code.bracketed(text), rest.join(", "))
        }
        _ => return,
    };
    let bytes = code.bytes(&call);
    edits.changed(bytes.start, "functions of `string` are methods");
    edits.replace(bytes, new);
}

/// `open(path).read()` is a command, because nothing is read otherwise.
fn read(code: &Code<'_>, at: usize, edits: &mut Edits) {
    let close = code.partner(at + 1);
    let arguments = code.arguments(at + 1);
    let path = match arguments.as_slice() {
        [path] => path,
        [path, mode] if matches!(code.literal(mode), Some("r" | "rb")) => path,
        _ => return,
    };
    let line = &code.lines[code.line_of(at)];
    let is_loop = code.word(line.start) == "for" && code.word(close + 1) == ":";
    let is_read = code.follows(close + 1, &[".", "read", "(", ")"]);
    let is_lines = code.follows(close + 1, &[".", "readlines", "(", ")"]);
    let end = if is_read || is_lines {
        close + 5
    } else {
        close + 1
    };
    if code.kind(at) != Some(Kind::Name) || !(is_read || is_lines || is_loop) {
        return;
    }
    let bytes = code.bytes(&(at..end));
    let text = format!("output([\"cat\", {}])", code.source(path));
    edits.changed(bytes.start, "a file is read with the command `cat`");
    if is_read {
        let strips = code.word(end) == "."
            && matches!(code.word(end + 1), "strip" | "rstrip" | "splitlines");
        let splits = code.follows(end, &[".", "split", "(", ")"]);
        if !(strips || splits) {
            edits.look(bytes.start, "`output` gives no last line end");
        }
        edits.replace(bytes, text);
    } else {
        edits.look(bytes.start, "the lines of `output` have no line ends");
        edits.replace(bytes, format!("{text}.splitlines()"));
    }
}
