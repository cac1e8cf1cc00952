//! `try` as a function and `attempt`.

use std::ops::Range;

use super::code::Code;
use super::names::{Names, Needs};
use super::text::Edits;

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

/// Writes one `try` anew.
struct Writer<'c, 'a> {
    code: &'c Code<'a>,
    it: &'c Try,
    needs: Needs<'a>,
    number: usize,
    way: Way,
    block: Range<usize>,
}

/// What a handler may ask an exception for: all of it is the text.
const TEXTS: [&str; 4] = ["value", "message", "strerror", "output"];

impl Writer<'_, '_> {
    fn handler(&self) -> Option<(usize, Range<usize>)> {
        let except = self.it.except?;
        Some((except, except + 1..self.code.block_end(except)))
    }

    /// The name that the handler gives the exception.
    fn exception(&self) -> Option<&str> {
        let line = &self.code.lines[self.it.except?];
        let colon = self.code.colon(line)?;
        (self.code.word(colon - 2) == "as").then(|| self.code.word(colon - 1))
    }

    fn uses(&self) -> Vec<usize> {
        let (Some(name), Some((_, lines))) = (self.exception(), self.handler()) else {
            return Vec::new();
        };
        let code = self.code;
        let tokens = code.lines[lines.start].start..code.lines[lines.end - 1].end;
        tokens
            .filter(|at| code.is_name(*at) && code.word(*at) == name)
            .collect()
    }

    fn check_handler(&self) -> Result<(), String> {
        for at in self.uses() {
            let next = self.code.word(at + 1);
            let known = next == "."
                && TEXTS.contains(&self.code.word(at + 2))
                && self.code.word(at + 3) != "(";
            if next == "[" || (next == "." && !known) || next == "=" {
                return Err("a handler asks an exception for more than its text".to_owned());
            }
        }
        Ok(())
    }

    fn write(&self, edits: &mut Edits) {
        let (code, number) = (self.code, self.number);
        let head = &code.lines[self.it.head];
        let given = self.needs.given.join(", ");
        edits.replace(
            code.bytes(&(head.start..head.end)),
            format!("def _attempt_{number}({given}):"),
        );
        self.end_of_block(edits);
        let mut call = format!("attempt(_attempt_{number}");
        for name in &self.needs.given {
            call.push_str(&format!(", {name}"));
        }
        call.push(')');
        match self.it.finally {
            Some(finally) => self.write_finally(finally, &call, edits),
            None => self.write_except(&call, edits),
        }
        self.tell(edits);
    }

    /// Indentation of the head, and of the first line of the block.
    fn indents(&self) -> (&str, &str) {
        (
            self.code.indent(self.it.head),
            self.code.indent(self.it.head + 1),
        )
    }

    fn end_of_block(&self, edits: &mut Edits) {
        let code = self.code;
        let (_, inner) = self.indents();
        if let Way::Loop(_) = self.way {
            let number = self.block.end - 1;
            let last = &code.lines[number];
            if self.block.len() > 1 {
                edits.replace(last.at..code.after(number), "");
            } else {
                edits.replace(code.bytes(&(last.start..last.start + 1)), "pass");
            }
        }
        if !self.needs.back.is_empty() && !matches!(self.way, Way::Return) {
            let back = self.needs.back.join(", ");
            edits.insert(
                code.after(self.block.end - 1),
                format!("{inner}return {back}\n"),
            );
        }
    }

    /// What is done where nothing failed, one line each.
    fn success(&self) -> Vec<String> {
        let number = self.number;
        let mut lines = Vec::new();
        if !self.needs.back.is_empty() && !matches!(self.way, Way::Return) {
            lines.push(format!("{} = _result_{number}", self.needs.back.join(", ")));
        }
        match self.way {
            Way::On => {}
            Way::Loop(word) => lines.push(word.to_owned()),
            Way::Return => lines.push(format!("return _result_{number}")),
        }
        lines
    }

    fn write_except(&self, call: &str, edits: &mut Edits) {
        let Some((except, handler)) = self.handler() else {
            return;
        };
        let (code, number) = (self.code, self.number);
        let (outer, inner) = self.indents();
        let line = &code.lines[except];
        let bytes = code.bytes(&(line.start..line.end));
        let success = self.success();
        let result = if success.is_empty() {
            "_".to_owned()
        } else {
            format!("_result_{number}")
        };
        let mut new = format!("{result}, error_{number} = {call}\n{outer}");
        for at in self.uses() {
            let attribute = code.word(at + 1) == ".";
            let end = if attribute { at + 3 } else { at + 1 };
            edits.replace(code.bytes(&(at..end)), format!("error_{number}"));
        }
        self.say_again(&handler, edits);
        if self.only_passes(&handler) && self.it.otherwise.is_none() {
            let end = code.end(code.lines[handler.end - 1].end - 1);
            let new = if success.is_empty() {
                call.to_owned()
            } else {
                new.push_str(&format!("if error_{number} == None:"));
                for line in &success {
                    new.push_str(&format!("\n{inner}{line}"));
                }
                new
            };
            edits.replace(bytes.start..end, new);
            return;
        }
        if success.is_empty() || self.it.otherwise.is_some() {
            new.push_str(&format!("if error_{number} != None:"));
        } else {
            new.push_str(&format!("if error_{number} == None:\n"));
            for line in &success {
                new.push_str(&format!("{inner}{line}\n"));
            }
            new.push_str(&format!("{outer}else:"));
        }
        edits.replace(bytes, new);
        if let Some(otherwise) = self.it.otherwise {
            let first = code.start(code.lines[otherwise + 1].start);
            let indent = code.indent(otherwise + 1);
            for line in &success {
                edits.insert(first, format!("{line}\n{indent}"));
            }
        }
    }

    /// A bare `raise` in a handler fails with the same text.
    fn say_again(&self, handler: &Range<usize>, edits: &mut Edits) {
        let code = self.code;
        let number = self.number;
        for line in &code.lines[handler.clone()] {
            let mut statements = Vec::new();
            code.statements_of(line, &mut statements);
            for statement in statements {
                if statement.len() == 1 && code.word(statement.start) == "raise" {
                    edits.replace(code.bytes(&statement), format!("fail(error_{number})"));
                }
            }
        }
    }

    /// Whether the handler is `pass` and not even a comment.
    fn only_passes(&self, handler: &Range<usize>) -> bool {
        let code = self.code;
        let line = &code.lines[handler.start];
        let except = &code.lines[handler.start - 1];
        let between = code.end(except.end - 1)..code.start(line.start);
        handler.len() == 1
            && line.len() == 1
            && code.word(line.start) == "pass"
            && !code.text[between].contains('#')
    }

    fn write_finally(&self, finally: usize, call: &str, edits: &mut Edits) {
        let (code, number) = (self.code, self.number);
        let (outer, inner) = self.indents();
        let line = &code.lines[finally];
        let success = self.success();
        let result = if success.is_empty() {
            "_".to_owned()
        } else {
            format!("_result_{number}")
        };
        let mut new = format!("{result}, error_{number} = {call}\n{outer}");
        if !success.is_empty() {
            new.push_str(&format!("if error_{number} == None:\n"));
            for line in &success {
                new.push_str(&format!("{inner}{line}\n"));
            }
            new.push_str(outer);
        }
        new.push_str("if True:");
        edits.replace(code.bytes(&(line.start..line.end)), new);
        let after = code.block_text_end(finally);
        let line_end = if code.text[..after].ends_with('\n') {
            ""
        } else {
            "\n"
        };
        edits.insert(
            after,
            format!("{line_end}{outer}if error_{number} != None:\n{inner}fail(error_{number})\n"),
        );
    }

    /// Says what was done, and what may be otherwise than it was.
    fn tell(&self, edits: &mut Edits) {
        let code = self.code;
        let at = code.start(code.lines[self.it.head].start);
        edits.changed(at, "`try` is a function and `attempt`");
        let Some((except, _)) = self.handler() else {
            return;
        };
        let line = &code.lines[except];
        let colon = code.colon(line).unwrap_or(line.end);
        let end = code.find(line.start..colon, "as").unwrap_or(colon);
        let kind = code.source(&(line.start + 1..end));
        let all = [
            "",
            "Exception",
            "StandardError",
            "BaseException",
            "hpacucli.Error",
        ];
        if !all.contains(&kind) {
            edits.look(
                code.start(line.start),
                format!("the handler of `{kind}` gets every failure now"),
            );
        }
        let bound_last = self.needs.back.len() == 1 && self.block.len() == 1;
        if !self.needs.back.is_empty() && !bound_last {
            let names = self.needs.back.join("`, `");
            edits.look(
                at,
                format!("if the block fails half way, `{names}` keeps what it was before"),
            );
        }
    }
}
