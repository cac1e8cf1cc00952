//! Programs that a script starts by itself: `subprocess`, `os.popen`, `os.system`, `commands`.

use std::ops::Range;

use super::code::Code;
use super::shell::{Command, Way, started};
use super::text::Edits;
use super::token::Kind;

/// What is done with what a program prints.
enum Use {
    /// It is a value: the tokens up to here belong to it.
    Text(usize),
    /// The same as a list of lines.
    Lines(usize),
    /// Nothing is done with it.
    Nothing(usize),
}

/// Ports every call that starts a program.
pub(super) fn calls(code: &Code<'_>, edits: &mut Edits) {
    for statement in code.lines.iter().map(|line| line.start..line.end) {
        for at in statement {
            if let Some((way, open)) = started(code, at) {
                call(code, at, way, open, edits);
            }
        }
    }
}

fn call(code: &Code<'_>, at: usize, way: Way, open: usize, edits: &mut Edits) {
    let start = code.start(at);
    if edits.touches(&(start..start + 1)) {
        return;
    }
    let Some(command) = Command::of(code, way, open) else {
        edits.left(
            start,
            format!("`{}` is called in a way of its own", name_of(way)),
            OTHERWISE,
        );
        return;
    };
    let close = code.partner(open);
    let whole_statement = code.statements().into_iter().find(|it| it.start == at);
    let end = whole_statement.map(|it| it.end);
    match (way, used(code, way, close)) {
        (Way::CheckCall, _) if end == Some(close + 1) => {
            replace(
                code,
                at..close + 1,
                format!("run({})", command.source()),
                way,
                edits,
            );
        }
        (Way::CheckOutput, _) => {
            replace(
                code,
                at..close + 1,
                format!("output({})", command.source()),
                way,
                edits,
            );
            line_end(code, close + 1, edits);
        }
        (Way::Popen | Way::Pipe, Some(Use::Nothing(last))) if end == Some(last) => {
            attempted(code, at..last, &command, way, edits);
        }
        (Way::Call | Way::System, _) if end == Some(close + 1) => {
            attempted(code, at..close + 1, &command, way, edits);
        }
        (Way::Call | Way::System, _) => compared(code, at..close + 1, &command, way, edits),
        (_, Some(Use::Text(last))) => {
            let text = value(start, &command, edits);
            replace(code, at..last, text, way, edits);
            line_end(code, last, edits);
        }
        (_, Some(Use::Lines(last))) => {
            let text = value(start, &command, edits);
            replace(code, at..last, format!("{text}.splitlines()"), way, edits);
            edits.look(start, "the lines of `output` have no line ends");
        }
        _ => edits.left(
            start,
            format!("what `{}` gives is used in a way of its own", name_of(way)),
            OTHERWISE,
        ),
    }
}

const OTHERWISE: &str = "text = output(command), or result, error = attempt(run, command), where one command pipes into the next";

fn name_of(way: Way) -> &'static str {
    match way {
        Way::Popen => "Popen",
        Way::Pipe => "os.popen",
        Way::GetOutput => "getoutput",
        Way::GetStatusOutput => "getstatusoutput",
        Way::CheckOutput => "check_output",
        Way::CheckCall => "check_call",
        Way::Call => "call",
        Way::System => "os.system",
    }
}

fn replace(code: &Code<'_>, range: Range<usize>, new: String, way: Way, edits: &mut Edits) {
    let helper = new.split('(').next().unwrap_or_default();
    edits.changed(
        code.start(range.start),
        format!("`{}` is `{helper}`", name_of(way)),
    );
    edits.replace(code.bytes(&range), new);
}

/// What follows a call of `Popen` or `os.popen`.
fn used(code: &Code<'_>, way: Way, close: usize) -> Option<Use> {
    let after = close + 1;
    let call = |words: &[&str]| code.follows(after, words).then_some(after + words.len());
    match way {
        Way::GetOutput => Some(Use::Text(after)),
        Way::Pipe => {
            if let Some(end) = call(&[".", "read", "(", ")"]) {
                return Some(Use::Text(end));
            }
            let lines = call(&[".", "readlines", "(", ")"]);
            if let Some(end) = lines {
                return Some(Use::Lines(end));
            }
            let looped = code.word(after) == ":"
                && code.word(code.lines[code.line_of(close)].start) == "for";
            Some(if looped {
                Use::Lines(after)
            } else {
                Use::Nothing(after)
            })
        }
        Way::Popen => {
            let text = call(&[".", "stdout", ".", "read", "(", ")"])
                .or_else(|| call(&[".", "communicate", "(", ")", "[", "0", "]"]));
            if let Some(end) = text {
                return Some(Use::Text(end));
            }
            if let Some(end) = call(&[".", "stdout", ".", "readlines", "(", ")"]) {
                return Some(Use::Lines(end));
            }
            if let Some(end) = call(&[".", "stdout", ":"]) {
                return Some(Use::Lines(end - 1));
            }
            let waited =
                call(&[".", "wait", "(", ")"]).or_else(|| call(&[".", "communicate", "(", ")"]));
            Some(Use::Nothing(waited.unwrap_or(after)))
        }
        _ => None,
    }
}

/// `output(…)` of a command whose exit code nobody looked at.
fn value(at: usize, command: &Command<'_>, edits: &mut Edits) -> String {
    match command.forgiving() {
        Some(text) => format!("output({text})"),
        None => {
            edits.look(
                at,
                "`output` ends the script if the command fails; before, it went on",
            );
            format!("output({})", command.source())
        }
    }
}

fn attempted(
    code: &Code<'_>,
    range: Range<usize>,
    command: &Command<'_>,
    way: Way,
    edits: &mut Edits,
) {
    let at = code.start(range.start);
    let new = format!("attempt(run, {})", command.source());
    edits.changed(
        at,
        format!(
            "`{}` is `attempt(run, …)`, which goes on if the command fails",
            name_of(way)
        ),
    );
    edits.replace(code.bytes(&range), new);
}

/// An exit code that is only asked whether it is 0.
fn compared(
    code: &Code<'_>,
    range: Range<usize>,
    command: &Command<'_>,
    way: Way,
    edits: &mut Edits,
) {
    let at = code.start(range.start);
    let before = code.word(range.start.wrapping_sub(1));
    let after = code.word(range.end);
    let asked = matches!(before, "if" | "elif" | "and" | "or" | "not" | "(" | "while");
    let ended = |word: &str| matches!(word, ":" | "and" | "or" | ")");
    let (range, sign) = match after {
        "!=" | "==" | ">" if code.word(range.end + 1) == "0" && asked && before != "not" => {
            let sign = if after == "==" { "==" } else { "!=" };
            (range.start..range.end + 2, sign)
        }
        word if ended(word) && before == "not" => (range.start - 1..range.end, "=="),
        word if ended(word) && asked && before != "(" => (range, "!="),
        _ => {
            let instead = "_, error = attempt(run, command), and error == None where it went well";
            let what = format!("the exit code that `{}` gives is kept", name_of(way));
            edits.left(at, what, instead);
            return;
        }
    };
    let new = format!("attempt(run, {})[1] {sign} None", command.source());
    edits.look(
        at,
        format!(
            "`{}` is `attempt(run, …)`; a plan takes the command to succeed",
            name_of(way)
        ),
    );
    edits.replace(code.bytes(&range), new);
}

/// Whether what follows a text cares for a line end behind it; `[:-1]` is taken out.
fn line_end(code: &Code<'_>, after: usize, edits: &mut Edits) {
    let at = code.start(after.saturating_sub(1));
    known_to_plan(code, after, edits);
    if code.follows(after, &["[", ":", "-", "1", "]"]) {
        edits.replace(code.bytes(&(after..after + 5)), "");
        edits.changed(at, "`output` gives no last line end to cut off");
        return;
    }
    let method = code.word(after) == "." && code.word(after + 2) == "(";
    let strips = matches!(code.word(after + 1), "strip" | "rstrip" | "splitlines");
    let splits = code.word(after + 1) == "split" && code.word(after + 3) == ")";
    if !(method && (strips || splits)) {
        edits.look(at, "`output` gives no last line end");
    }
}

/// A variable that holds a running program: `p = Popen(…)`, then `p.communicate()`.
pub(super) fn variables(code: &Code<'_>, edits: &mut Edits) {
    let statements = code.statements();
    let bindings = statements.iter().filter_map(|statement| {
        let is_binding = code.is_name(statement.start) && code.word(statement.start + 1) == "=";
        let (way, open) = started(code, statement.start + 2).filter(|_| is_binding)?;
        let fits = way == Way::Popen && code.partner(open) + 1 == statement.end;
        fits.then(|| (code.word(statement.start), statement.clone(), open))
    });
    let bindings: Vec<(&str, Range<usize>, usize)> = bindings.collect();
    for (name, statement, open) in &bindings {
        let own: Vec<usize> = bindings
            .iter()
            .filter(|(other, ..)| other == name)
            .map(|(_, statement, _)| statement.start)
            .collect();
        let uses = (0..code.tokens.len())
            .filter(|at| code.is_name(*at) && code.word(*at) == *name && !own.contains(at));
        let known: Option<Vec<(usize, Use)>> = uses
            .map(|at| Some((at, variable_use(code, at, &statements)?)))
            .collect();
        let Some(known) = known else { continue };
        let Some(command) = Command::of(code, Way::Popen, *open) else {
            continue;
        };
        if !known.iter().any(|(_, it)| matches!(it, Use::Text(_))) {
            continue;
        }
        let at = code.start(statement.start);
        let text = value(at, &command, edits);
        let call = statement.start + 2..statement.end;
        replace(code, call, text, Way::Popen, edits);
        for (at, use_) in known {
            read_variable(code, name, at, &use_, edits);
        }
    }
}

fn variable_use(code: &Code<'_>, at: usize, statements: &[Range<usize>]) -> Option<Use> {
    let whole = statements.iter().find(|it| it.contains(&at))?;
    if code.follows(at + 1, &[".", "stdout", ".", "read", "(", ")"]) {
        return Some(Use::Text(at + 7));
    }
    if code.follows(at + 1, &[".", "communicate", "(", ")", "[", "0", "]"]) {
        return Some(Use::Text(at + 8));
    }
    let end = at + 5;
    let is_pair = code.kind(whole.start) == Some(Kind::Name)
        && code.follows(whole.start + 1, &[","])
        && code.follows(whole.start + 3, &["="])
        && whole.start + 4 == at
        || code.word(whole.start) == "("
            && code.follows(whole.start + 5, &["="])
            && whole.start + 6 == at;
    if code.follows(at + 1, &[".", "communicate", "(", ")"]) && end == whole.end && is_pair {
        return Some(Use::Text(end));
    }
    let is_waited = code.follows(at + 1, &[".", "wait", "(", ")"])
        || code.follows(at + 1, &[".", "communicate", "(", ")"]);
    (is_waited && whole.start == at && end == whole.end).then_some(Use::Nothing(end))
}

fn read_variable(code: &Code<'_>, name: &str, at: usize, it: &Use, edits: &mut Edits) {
    match it {
        Use::Text(end) => {
            let is_pair = *end == at + 5;
            let new = if is_pair {
                format!("{name}, \"\"")
            } else {
                name.to_owned()
            };
            edits.replace(code.bytes(&(at..*end)), new);
            line_end(code, *end, edits);
        }
        Use::Lines(end) | Use::Nothing(end) => {
            edits.replace(code.bytes(&(at..*end)), "pass");
        }
    }
    edits.changed(code.start(at), "`output` waits for the command by itself");
}

/// A number is made of what a plan does not know.
pub(super) fn known_to_plan(code: &Code<'_>, after: usize, edits: &mut Edits) {
    let close =
        (after..code.tokens.len()).find(|at| code.partner(*at) < after && code.word(*at) == ")");
    let open = close.map(|close| code.partner(close));
    let is_number = open
        .is_some_and(|open| open > 0 && matches!(code.word(open - 1), "int" | "float" | "range"));
    if is_number {
        edits.look(
            code.start(after.saturating_sub(1)),
            "a plan does not know this number: add it as `output(…, plan=\"1\")`",
        );
    }
}
