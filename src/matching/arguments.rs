//! The arguments of a function call: where each one begins and ends.
//!
//! Commas, parentheses and quotes mean something only between arguments: quoted text may hold commas
//! and parentheses, and a nested `regexp(...)` holds whatever its own syntax allows.

use super::error::PatternError;
use super::pattern::Span;

/// Splits the text between the parentheses of a call into its arguments, without blanks around them.
pub(super) fn split_arguments(inner: Span<'_>) -> Result<Vec<Span<'_>>, PatternError> {
    let mut scanner = Scanner {
        text: inner.text,
        offset: inner.start,
        at: 0,
        open: Vec::new(),
    };
    let mut arguments = Vec::new();
    let mut start = 0;
    loop {
        let end = scanner.end_of_argument()?;
        let argument = Span {
            text: &inner.text[start..end],
            start: inner.start + start,
        }
        .trim();
        if argument.text.is_empty() {
            return Err(PatternError::new(
                argument.start,
                "an argument is missing here",
            ));
        }
        arguments.push(argument);
        if end == inner.text.len() {
            return Ok(arguments);
        }
        start = end + 1;
        scanner.at = start;
    }
}

/// The text an argument stands for: without the quotes around it, if they are one pair.
pub(super) fn argument_text(argument: Span<'_>) -> &str {
    unquoted(argument.text).unwrap_or(argument.text)
}

/// What stands between the quotes, where the whole text is quoted.
fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| is_quote(*c))?;
    text[1..].strip_suffix(quote)
}

/// As [`unquoted`], but not where the quote also stands inside (`'a'|'b'`).
pub(super) fn wholly_quoted(text: &str) -> Option<&str> {
    let inside = unquoted(text.trim())?;
    let quote = text.trim_start().chars().next()?;
    (!inside.contains(quote)).then_some(inside)
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

/// The byte after the quote that ends the argument that begins with the quote at `open`: one before a
/// comma, a parenthesis or the end.
fn closing_quote(text: &str, open: usize, quote: char) -> Option<usize> {
    let from = open + 1;
    text[from..]
        .match_indices(quote)
        .map(|(at, _)| from + at + 1)
        .find(|end| {
            let rest = text[*end..].trim_start();
            rest.is_empty() || rest.starts_with([',', ')'])
        })
}

struct Scanner<'a> {
    text: &'a str,
    offset: usize,
    at: usize,
    /// Where each parenthesis that is still open stands.
    open: Vec<usize>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn error(&self, at: usize, problem: &str) -> PatternError {
        PatternError::new(self.offset + at, problem).hint("quote an argument that holds it")
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The byte of the comma that ends the argument at `at`, or the end of the text.
    fn end_of_argument(&mut self) -> Result<usize, PatternError> {
        self.begin_argument()?;
        while let Some(character) = self.peek() {
            match character {
                ',' if self.open.is_empty() => return Ok(self.at),
                '(' => self.open.push(self.at),
                ')' if self.open.pop().is_none() => {
                    return Err(self.error(self.at, "this parenthesis closes nothing"));
                }
                _ => {}
            }
            self.at += character.len_utf8();
            if matches!(character, '(' | ',') {
                self.begin_argument()?;
            }
        }
        match self.open.pop() {
            Some(at) => Err(self.error(at, "this parenthesis is not closed")),
            None => Ok(self.at),
        }
    }

    /// At the first byte of an argument: skips it where it is quoted or a regular expression.
    fn begin_argument(&mut self) -> Result<(), PatternError> {
        self.skip_blanks();
        match self.peek() {
            Some(quote) if is_quote(quote) => {
                let end = closing_quote(self.text, self.at, quote)
                    .ok_or_else(|| self.error(self.at, "this quote is not closed"))?;
                self.at = end;
            }
            _ if self.text[self.at..].starts_with("regexp(") => {
                self.open.push(self.at + "regexp".len());
                self.at += "regexp(".len();
                self.skip_regexp_argument()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn skip_regexp_argument(&mut self) -> Result<(), PatternError> {
        let blanks = self.text[self.at..].trim_start();
        let quoted = blanks.chars().next().filter(|c| is_quote(*c));
        let quote_at = self.text.len() - blanks.len();
        if let Some(quote) = quoted
            && let Some(end) = closing_quote(self.text, quote_at, quote)
        {
            self.at = end;
            return Ok(());
        }
        self.skip_regexp()
    }

    /// Skips a regular expression up to the parenthesis that closes its call.
    fn skip_regexp(&mut self) -> Result<(), PatternError> {
        let start = self.at;
        let mut depth = 0_usize;
        let mut class_start = None;
        let mut characters = self.text[start..].char_indices();
        while let Some((at, character)) = characters.next() {
            match (character, class_start) {
                ('\\', _) => {
                    characters.next();
                }
                // A bracket right after the opening one is a member of the class, not its end.
                (']', Some(first)) if at > first => class_start = None,
                (_, Some(_)) => {}
                ('[', None) => {
                    let negated = self.text[start + at + 1..].starts_with('^');
                    class_start = Some(at + 1 + usize::from(negated));
                }
                ('(', None) => depth += 1,
                (')', None) if depth == 0 => {
                    self.at = start + at;
                    return Ok(());
                }
                (')', None) => depth -= 1,
                _ => {}
            }
        }
        Err(self.error(start, "the end of this regular expression is not found"))
    }
}
