//! A `try` that can be a function, written as one.

use std::ops::Range;

use crate::configure::port::code::Code;
use crate::configure::port::names::Needs;
use crate::configure::port::text::Edits;

use super::{Try, Way};

/// Writes one `try` anew.
pub(super) struct Writer<'c, 'a> {
    pub(super) code: &'c Code<'a>,
    pub(super) it: &'c Try,
    pub(super) needs: Needs<'a>,
    pub(super) number: usize,
    pub(super) way: Way,
    pub(super) block: Range<usize>,
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

    /// Whether the handler asks for the text of the exception only.
    pub(super) fn check_handler(&self) -> Result<(), String> {
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

    /// Writes all clauses.
    pub(super) fn write(&self, edits: &mut Edits) {
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
