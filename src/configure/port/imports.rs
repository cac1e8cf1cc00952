//! `import`, which a configure script needs no more.

use super::code::Code;
use super::text::Edits;

/// Names that the engine and the Python answer have of themselves.
const GIVEN: [&str; 5] = ["hpacucli", "ipmi", "sleep", "run", "config"];

/// Takes out each import of which nothing is used any more, and says what is still used otherwise.
pub(super) fn unused(code: &Code<'_>, edits: &mut Edits) {
    for (number, line) in code.lines.iter().enumerate() {
        let is_from = code.word(line.start) == "from";
        if !is_from && code.word(line.start) != "import" {
            continue;
        }
        let at = code.start(line.start);
        let Some(names) = imported(code, number, is_from) else {
            edits.left(
                at,
                "what this imports cannot be told",
                "nothing is imported: all helpers are there",
            );
            continue;
        };
        let used: Vec<usize> = (0..code.tokens.len())
            .filter(|at| {
                let word = code.word(*at);
                code.is_name(*at)
                    && names.contains(&word)
                    && !GIVEN.contains(&word)
                    && !is_import(code, *at)
            })
            .collect();
        for at in &used {
            let end = code.operand_end(*at);
            let end = (*at..end).find(|it| code.word(*it) == "(").unwrap_or(end);
            let name = code.source(&(*at..end));
            edits.left_unless_named(
                code.start(*at),
                format!("there is no `{name}`"),
                instead(name),
            );
        }
        if !used.is_empty() {
            edits.left(at, "what is imported here is used still", "");
            continue;
        }
        edits.changed(at, "nothing is imported");
        take_out(code, number, edits);
    }
}

fn is_import(code: &Code<'_>, at: usize) -> bool {
    let line = &code.lines[code.line_of(at)];
    matches!(code.word(line.start), "import" | "from")
}

/// The names that an import binds; nothing where it is not plain.
fn imported<'a>(code: &Code<'a>, number: usize, is_from: bool) -> Option<Vec<&'a str>> {
    let line = &code.lines[number];
    let all = line.start..line.end;
    if code.find(all.clone(), ";").is_some() || code.find(all.clone(), "*").is_some() {
        let module = code.word(line.start + 1);
        let is_known = matches!(module, "subprocess" | "time" | "os" | "sys");
        return is_known.then(Vec::new);
    }
    let start = if is_from {
        code.find(all.clone(), "import")? + 1
    } else {
        line.start + 1
    };
    let mut parts = start..line.end;
    if code.word(start) == "(" {
        parts = start + 1..code.partner(start);
    }
    let names = code.split(parts).into_iter().map(|part| {
        let place = code.find(part.clone(), "as");
        match place {
            Some(place) => code.word(place + 1),
            // `import a.b` binds `a`.
            None => code.word(part.start),
        }
    });
    Some(names.collect())
}

/// Takes a line out; a comment behind it stays, and a block keeps a line.
fn take_out(code: &Code<'_>, number: usize, edits: &mut Edits) {
    let line = &code.lines[number];
    let bytes = code.bytes(&(line.start..line.end));
    let after = code.after(number);
    let rest = &code.text[bytes.end..after];
    let alone =
        |other: Option<&super::token::Line>| other.is_none_or(|other| other.column < line.column);
    let before = number
        .checked_sub(1)
        .and_then(|before| code.lines.get(before));
    if alone(before) && alone(code.lines.get(number + 1)) && line.column > 0 {
        edits.replace(bytes, "pass");
    } else if rest.trim().is_empty() {
        edits.replace(line.at..after, "");
    } else {
        let blanks = rest.len() - rest.trim_start().len();
        edits.replace(bytes.start..bytes.end + blanks, "");
    }
}

/// What to write instead of what a module gives.
fn instead(name: &str) -> &'static str {
    match name {
        "os.path.exists" | "os.path.isfile" | "os.path.isdir" | "os.path.islink" => {
            "output([\"sh\", \"-c\", \"test -e PATH && echo yes || true\"]) == \"yes\""
        }
        "os.environ" | "os.getenv" => "a value of `var`",
        _ => match name.split('.').next().unwrap_or(name) {
            "re" => "methods of texts, or a command such as grep or sed with `output`",
            "os" | "glob" | "shutil" => "`run` or `output` with a command such as test, ls or cp",
            "subprocess" | "Popen" | "commands" => "`run(command)` or `output(command)`",
            "sys" => "`fail(text)` or `print(text)`",
            "time" => "`sleep(seconds)`: a script knows no clock",
            "socket" | "urllib" | "urllib2" => "a command such as curl with `output`",
            "json" | "yaml" | "pickle" => "plain lists and dicts",
            "math" | "random" => "the numbers themselves: a script gives the same plan each time",
            _ => "a helper, or a command with `output`",
        },
    }
}
