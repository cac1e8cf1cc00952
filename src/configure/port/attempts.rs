//! `try` as a function and `attempt`.

mod writer;

use std::ops::Range;

use super::code::Code;
use super::names::Names;
use super::text::Edits;
use writer::Writer;

const INSTEAD: &str = "result, error = attempt(function, arguments…), then if error != None:";

/// A `try` with its clauses, by the numbers of their lines.
struct Try {
    head: usize,
    except: Option<usize>,
    otherwise: Option<usize>,
    finally: Option<usize>,
    end: usize,
}

/// Ports every `try` that holds no other one. What it holds was ported in an earlier round.
pub(super) fn exceptions(code: &Code<'_>, edits: &mut Edits) {
    if expand(code, edits) {
        return;
    }
    let names = Names::of(code);
    let mut number = first_free(code);
    for head in 0..code.lines.len() {
        if code.word(code.lines[head].start) != "try" {
            continue;
        }
        let at = code.start(code.lines[head].start);
        match clauses(code, head) {
            Err(what) => edits.left(at, what, INSTEAD),
            Ok(it) => match port(code, &names, &it, number, edits) {
                Ok(done) => number += usize::from(done),
                Err(what) => edits.left(at, what, INSTEAD),
            },
        }
    }
}

/// Puts what stands behind the colon of a clause on a line of its own, and writes `as` for a comma.
fn expand(code: &Code<'_>, edits: &mut Edits) -> bool {
    for (number, line) in code.lines.iter().enumerate() {
        let word = code.word(line.start);
        let Some(colon) = code.colon(line) else {
            continue;
        };
        if word == "except"
            && let Some(comma) = code.find(line.start..colon, ",")
        {
            let bytes = code.end(comma - 1)..code.start(comma + 1);
            edits.replace(bytes, " as ");
            edits.changed(code.start(line.start), "`except X, e` is `except X as e`");
        }
        let before = code.lines[..number].iter().rev();
        let is_clause = matches!(word, "try" | "except" | "finally")
            || word == "else"
                && before
                    .into_iter()
                    .find(|it| it.column == line.column)
                    .is_some_and(|it| code.word(it.start) == "except");
        if is_clause && colon + 1 < line.end {
            code.expand(number, edits);
            edits.changed(
                code.start(line.start),
                "a clause of `try` has lines of its own",
            );
        }
    }
    !edits.is_empty()
}

/// A number that no name of this kind has yet.
fn first_free(code: &Code<'_>) -> usize {
    let used = (0..code.tokens.len()).filter_map(|at| {
        let word = code.word(at);
        let number = ["_attempt_", "_result_", "error_"]
            .iter()
            .find_map(|start| word.strip_prefix(start))?;
        number.parse::<u32>().ok()
    });
    used.max().map_or(1, |number| number as usize + 1)
}

fn clauses(code: &Code<'_>, head: usize) -> Result<Try, &'static str> {
    let column = code.lines[head].column;
    let mut found = Try {
        head,
        except: None,
        otherwise: None,
        finally: None,
        end: code.block_end(head),
    };
    loop {
        let next = code.lines.get(found.end).filter(|it| it.column == column);
        let slot = match next.map(|it| code.word(it.start)) {
            Some("except") => &mut found.except,
            Some("else") => &mut found.otherwise,
            Some("finally") => &mut found.finally,
            _ => break,
        };
        if slot.replace(found.end).is_some() {
            return Err("a `try` has several handlers");
        }
        found.end = code.block_end(found.end);
    }
    let lines = [Some(head), found.except, found.otherwise, found.finally];
    if lines
        .into_iter()
        .flatten()
        .any(|line| !code.has_block(line))
    {
        return Err("a clause of a `try` has no lines of its own");
    }
    if found.except.is_some() && found.finally.is_some() {
        return Err("a `try` has a handler and `finally`");
    }
    if found.except.or(found.finally).is_none() {
        return Err("a `try` has no handler");
    }
    Ok(found)
}

/// How the block of a `try` ends, where that is more than its last line.
enum Way {
    On,
    /// `break` or `continue`, which is moved out.
    Loop(&'static str),
    /// `return x`, whose value the function gives.
    Return,
}

fn port(
    code: &Code<'_>,
    names: &Names<'_>,
    it: &Try,
    number: usize,
    edits: &mut Edits,
) -> Result<bool, String> {
    let first = code.lines[it.head + 1].start;
    let all = first..code.lines[it.end - 1].end;
    if all.clone().any(|at| code.word(at) == "try") {
        return Ok(false);
    }
    let block = it.head + 1..code.block_end(it.head);
    let way = leaves(code, &block)?;
    let (scope, looped) = scope_of(code, it.head, it.end);
    let needs = names.needs(code, &scope, &block, looped);
    if let Some(name) = needs.unclear {
        return Err(format!(
            "whether `{name}` is known in and after a `try` is not clear"
        ));
    }
    if matches!(way, Way::Loop(_) | Way::Return) && it.otherwise.or(it.finally).is_some() {
        return Err("a `try` with more clauses is left by its block".to_owned());
    }
    let writer = Writer {
        code,
        it,
        needs,
        number,
        way,
        block,
    };
    if it.except.is_some() {
        writer.check_handler()?;
    }
    writer.write(edits);
    Ok(true)
}

/// How the block ends; an error where it is left from elsewhere.
fn leaves(code: &Code<'_>, block: &Range<usize>) -> Result<Way, String> {
    let column = code.lines[block.start].column;
    let mut way = Way::On;
    for number in block.clone() {
        let line = &code.lines[number];
        let enclosing = |word: &str| {
            let mut column = line.column;
            (block.start..number).rev().any(|outer| {
                let outer = &code.lines[outer];
                let is_outer = outer.column < column;
                column = column.min(outer.column);
                is_outer && code.word(outer.start) == word
            })
        };
        for at in line.start..line.end {
            let word = code.word(at);
            let is_own = match word {
                "break" | "continue" => !enclosing("for"),
                "return" | "yield" => !enclosing("def"),
                "import" | "global" | "exec" => true,
                _ => false,
            };
            if !is_own || !code.is_keyword(at) {
                continue;
            }
            let is_last = number + 1 == block.end && line.column == column && at == line.start;
            way = match word {
                "break" if is_last => Way::Loop("break"),
                "continue" if is_last => Way::Loop("continue"),
                "return" if is_last => Way::Return,
                _ => return Err(format!("the block of a `try` holds `{word}`")),
            };
        }
    }
    Ok(way)
}

/// The lines of the function or of the script around a `try`, and whether it may run repeatedly.
fn scope_of(code: &Code<'_>, head: usize, end: usize) -> (Range<usize>, bool) {
    let mut column = code.lines[head].column;
    let mut looped = false;
    for outer in (0..head).rev() {
        if code.lines[outer].column >= column {
            continue;
        }
        column = code.lines[outer].column;
        match code.word(code.lines[outer].start) {
            "for" | "while" => looped = true,
            "def" => return (outer + 1..code.block_end(outer).max(end), looped),
            _ => {}
        }
    }
    (0..code.lines.len(), looped)
}
