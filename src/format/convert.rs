//! One form of a file to the other, token by token: order, layout and comments stay.

use super::Form;
use super::document::walk;
use super::error::{Fault, ParseError, quoted};
use super::render;
use super::scanner::{Bracket, Kind, Scanner, Token};

/// Writes a file of one form in the other. What it means stays the same, except that a tuple within
/// an entry becomes a list: RON has no tuples there.
///
/// # Errors
/// A text that is no data of the form `from`, or a number that the other form cannot hold.
pub fn convert(origin: &str, text: &str, from: Form, to: Form) -> Result<String, ParseError> {
    let converted = walk(text, from, |_| Ok(())).and_then(|_| {
        if from == to {
            return Ok(text.to_owned());
        }
        let mut converter = Converter {
            scanner: Scanner::new(text, from),
            to,
            out: String::with_capacity(text.len()),
            open: Vec::new(),
            curly: 0,
        };
        while converter.step()? {}
        Ok(converter.out)
    });
    converted.map_err(|fault| fault.of(origin, text))
}

struct Converter<'a> {
    scanner: Scanner<'a>,
    to: Form,
    out: String,
    /// What each open bracket is to be closed with.
    open: Vec<&'static str>,
    /// How many mappings are open.
    curly: usize,
}

impl<'a> Converter<'a> {
    /// Converts the next token; tells whether there was one.
    fn step(&mut self) -> Result<bool, Fault> {
        let token = self.scanner.next()?;
        let source = token.span.of(self.scanner.text);
        match token.kind {
            Kind::End => return Ok(false),
            Kind::Blank => self.blank(source),
            Kind::Comment => self.comment(source)?,
            Kind::Extension => {}
            Kind::Open(Bracket::Round) => self.open_round()?,
            Kind::Open(bracket) => {
                self.curly += usize::from(bracket == Bracket::Curly);
                self.out.push(bracket.open());
                self.open.push(match bracket {
                    Bracket::Curly => "}",
                    _ => "]",
                });
            }
            Kind::Close(bracket) => {
                self.curly -= usize::from(bracket == Bracket::Curly);
                self.out.push_str(self.open.pop().unwrap_or_default());
            }
            Kind::Text(text, _) => self.text(text.into_owned())?,
            Kind::Int(int) => self.int(int, token.span.start, source)?,
            Kind::Float(float) => {
                let plain = source.trim_start_matches('-');
                let plain = plain.split_once('.').is_some_and(|(whole, fraction)| {
                    [whole, fraction].iter().all(|part| {
                        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
                    })
                });
                if plain {
                    self.out.push_str(source);
                } else {
                    self.out.push_str(&format!("{float:?}"));
                }
            }
            Kind::Word => self.word(source)?,
            Kind::Comma | Kind::Colon | Kind::Other => self.out.push_str(source),
        }
        Ok(true)
    }

    fn blank(&mut self, source: &str) {
        match self.to {
            Form::Native => {
                let lines = source.replace('\\', "").replace("\r\n", "\n\0");
                let lines = lines.replace('\r', "\n").replace("\n\0", "\r\n");
                self.out.push_str(&lines);
            }
            Form::Edeploy => self.out.push_str(&source.replace('\x0b', " ")),
        }
    }

    fn comment(&mut self, source: &str) -> Result<(), Fault> {
        if let Some(text) = source.strip_prefix('#') {
            self.out.push_str("//");
            self.out.push_str(text);
            return Ok(());
        }
        let line = |text: &str| format!("#{}", text.replace('\r', " "));
        if let Some(text) = source.strip_prefix("//") {
            self.out.push_str(&line(text));
            return Ok(());
        }
        let body = source.strip_prefix("/*").unwrap_or(source);
        let body = body.strip_suffix("*/").unwrap_or(body);
        let indent = self.indent();
        let lines: Vec<String> = body
            .split('\n')
            .map(|text| line(&format!(" {}", text.trim())).trim_end().to_owned())
            .collect();
        self.out.push_str(&lines.join(&format!("\n{indent}")));
        let mut ahead = self.scanner.clone();
        let next = ahead.next()?;
        let blank = next.kind == Kind::Blank;
        if next.kind == Kind::End || (blank && next.span.of(ahead.text).contains('\n')) {
            return Ok(());
        }
        self.out.push('\n');
        self.out.push_str(&indent);
        if blank {
            self.scanner = ahead;
        }
        Ok(())
    }

    /// The blanks that the current line begins with; none outside of brackets, where Python takes
    /// them for a block.
    fn indent(&self) -> String {
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        let blanks = self.out[line..]
            .chars()
            .take_while(|c| matches!(c, ' ' | '\t'));
        if self.open.is_empty() {
            String::new()
        } else {
            blanks.collect()
        }
    }

    /// Opens what the brackets at hand mean: a tuple, a list, or nothing at all.
    fn open_round(&mut self) -> Result<(), Fault> {
        let (commas, items, last_is_comma) = self.inside()?;
        let single = items == 1 && commas == 0;
        let tight = self
            .scanner
            .text
            .get(self.scanner.at()..)
            .is_some_and(|rest| rest.starts_with(')'));
        let (open, close) = match (self.to, items) {
            (Form::Native, 1) if single => ("", ""),
            (Form::Edeploy, 0) if tight => ("None", ""),
            (_, 0) => ("[", "]"),
            _ if self.curly > 0 => ("[", "]"),
            (Form::Edeploy, 1) if !last_is_comma => ("(", ",)"),
            _ => ("(", ")"),
        };
        self.out.push_str(open);
        self.open.push(close);
        Ok(())
    }

    /// What stands in the brackets just opened: commas, items, and whether a comma is the last.
    fn inside(&self) -> Result<(usize, usize, bool), Fault> {
        let mut ahead = self.scanner.clone();
        let (mut depth, mut commas, mut last_is_comma, mut empty) = (0_usize, 0, false, true);
        loop {
            let token = ahead.next_code()?;
            match token.kind {
                Kind::End => break,
                Kind::Close(_) if depth == 0 => break,
                Kind::Close(_) => depth -= 1,
                Kind::Open(_) => depth += 1,
                Kind::Comma if depth == 0 => {
                    commas += 1;
                    last_is_comma = true;
                    continue;
                }
                _ => {}
            }
            empty = false;
            last_is_comma = false;
        }
        let items = if empty {
            0
        } else {
            commas + usize::from(!last_is_comma)
        };
        Ok((commas, items, last_is_comma))
    }

    /// Writes a text; texts side by side, which Python joins, become one, and what is between them
    /// follows.
    fn text(&mut self, first: String) -> Result<(), Fault> {
        let mut whole = first;
        let mut between = String::new();
        if self.to == Form::Native {
            let mut ahead = self.scanner.clone();
            let mut gap = ahead.clone();
            while let Token {
                kind: Kind::Text(text, _),
                span,
            } = ahead.next_code()?
            {
                whole.push_str(&text);
                let start = self.scanner.at();
                between.push_str(&self.scanner.text[start..span.start]);
                self.scanner = ahead.clone();
                gap = ahead.clone();
            }
            self.scanner = gap;
        }
        self.out.push_str(&render::text(&whole, self.to));
        if !between.trim().is_empty() {
            let rest = std::mem::replace(&mut self.scanner, Scanner::new("", Form::Edeploy));
            let mut gap = Scanner::new(&between, Form::Edeploy);
            loop {
                let token = gap.next()?;
                let source = token.span.of(&between);
                match token.kind {
                    Kind::End => break,
                    Kind::Comment => self.out.push_str(&source.replacen('#', "//", 1)),
                    _ => self.blank(source),
                }
            }
            self.scanner = rest;
        }
        Ok(())
    }

    fn int(&mut self, int: i128, at: usize, source: &str) -> Result<(), Fault> {
        if self.to == Form::Native && i64::try_from(int).is_err() && u64::try_from(int).is_err() {
            let problem = format!("the number {} is too large for RON", quoted(source));
            return Err(Fault::new(at, problem).hint("put it in quotes to keep it as text"));
        }
        self.out.push_str(&int.to_string());
        Ok(())
    }

    fn word(&mut self, source: &str) -> Result<(), Fault> {
        let word = match (self.to, source) {
            (Form::Native, "True") => "true",
            (Form::Native, "False") => "false",
            (Form::Edeploy, "true") => "True",
            (Form::Edeploy, "false") => "False",
            (Form::Edeploy, "Some") => {
                self.opening("", "")?;
                return Ok(());
            }
            (_, "generate") => {
                self.out.push_str(source);
                return self.opening("(", ")");
            }
            (_, other) => other,
        };
        self.out.push_str(word);
        Ok(())
    }

    /// Converts up to the bracket that follows a name, and the bracket as given.
    fn opening(&mut self, open: &'static str, close: &'static str) -> Result<(), Fault> {
        loop {
            let mut ahead = self.scanner.clone();
            if ahead.next()?.kind == Kind::Open(Bracket::Round) {
                self.scanner = ahead;
                self.out.push_str(open);
                self.open.push(close);
                return Ok(());
            }
            if !self.step()? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
#[path = "convert/tests.rs"]
mod tests;
