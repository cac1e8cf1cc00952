//! Cuts a text of either form into tokens with their places.
//!
//! Blanks and comments are tokens too, so that all tokens together are the whole text: that is what
//! rewriting and converting stand on. What a string or number looks like is told by [`super::literal`]
//! and [`super::native`].

use std::borrow::Cow;

use super::error::{BOM, Fault, quoted};
use super::{Form, literal, native};

/// Bytes of a text, from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// One of the three pairs of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

impl Bracket {
    pub(super) fn open(self) -> char {
        match self {
            Bracket::Round => '(',
            Bracket::Square => '[',
            Bracket::Curly => '{',
        }
    }

    pub(super) fn close(self) -> char {
        match self {
            Bracket::Round => ')',
            Bracket::Square => ']',
            Bracket::Curly => '}',
        }
    }
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'a> {
    /// Blanks and line ends.
    Blank,
    /// A comment without the end of its line.
    Comment,
    /// RON's `#![enable(...)]`.
    Extension,
    Open(Bracket),
    Close(Bracket),
    Comma,
    Colon,
    /// A string: its meaning, and the byte where its first character stands.
    Text(Cow<'a, str>, usize),
    Int(i128),
    Float(f64),
    /// A name, such as `True`.
    Word,
    /// A character that no form has a use for.
    Other,
    /// The end of the text.
    End,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Span,
}

/// A cursor over a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) form: Form,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Begins at the start of `text`; a byte order mark is passed over.
    pub(super) fn new(text: &'a str, form: Form) -> Scanner<'a> {
        let at = if text.starts_with(BOM) {
            BOM.len_utf8()
        } else {
            0
        };
        Scanner { text, form, at }
    }

    /// The byte that the next token begins at.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next token that is neither blank nor comment nor extension.
    pub(super) fn next_code(&mut self) -> Result<Token<'a>, Fault> {
        loop {
            let token = self.next()?;
            if !matches!(token.kind, Kind::Blank | Kind::Comment | Kind::Extension) {
                return Ok(token);
            }
        }
    }

    /// The next token of any kind.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok(self.token(Kind::End, 0));
        };
        match first {
            '(' => return Ok(self.token(Kind::Open(Bracket::Round), 1)),
            '[' => return Ok(self.token(Kind::Open(Bracket::Square), 1)),
            '{' => return Ok(self.token(Kind::Open(Bracket::Curly), 1)),
            ')' => return Ok(self.token(Kind::Close(Bracket::Round), 1)),
            ']' => return Ok(self.token(Kind::Close(Bracket::Square), 1)),
            '}' => return Ok(self.token(Kind::Close(Bracket::Curly), 1)),
            ',' => return Ok(self.token(Kind::Comma, 1)),
            ':' => return Ok(self.token(Kind::Colon, 1)),
            '\0' => return Err(Scanner::nul(start)),
            _ => {}
        }
        let special = match self.form {
            Form::Edeploy => literal::token(self.text, start)?,
            Form::Native => native::token(self.text, start)?,
        };
        if let Some((kind, length)) = special {
            return Ok(self.token(kind, length));
        }
        let word = word_length(rest);
        Ok(if word > 0 {
            self.token(Kind::Word, word)
        } else {
            self.token(Kind::Other, first.len_utf8())
        })
    }

    fn token(&mut self, kind: Kind<'a>, length: usize) -> Token<'a> {
        let span = Span::new(self.at, self.at + length);
        self.at = span.end;
        Token { kind, span }
    }

    /// What a NUL byte at `offset` is answered with.
    pub(super) fn nul(offset: usize) -> Fault {
        Fault::new(offset, "found a NUL byte, which no text file has")
            .hint("a disk that was full or a crash may have spoilt the file: take it from a copy")
    }
}

/// The length of the name that `text` begins with, in bytes.
pub(super) fn word_length(text: &str) -> usize {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    match text.chars().next() {
        Some(first) if is_part(first) && !first.is_ascii_digit() => {
            text.find(|c| !is_part(c)).unwrap_or(text.len())
        }
        _ => 0,
    }
}

/// The length of what looks like one number: digits, letters, points, and the sign of an exponent.
pub(super) fn number_length(rest: &str) -> usize {
    let is_hex = rest.trim_start_matches(['+', '-']).starts_with("0x");
    let mut previous = ' ';
    for (at, c) in rest.char_indices() {
        let sign = matches!(c, '+' | '-');
        let part = if sign {
            at == 0 || (matches!(previous, 'e' | 'E') && !is_hex)
        } else {
            c == '.' || c == '_' || c.is_alphanumeric()
        };
        if !part {
            return at;
        }
        previous = c;
    }
    rest.len()
}

/// What a token is called in a sentence that begins "found".
pub(super) fn describe(token: &Token, text: &str) -> String {
    match token.kind {
        Kind::End => "the end of the file".to_owned(),
        _ => quoted(token.span.of(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tokens_together_are_the_whole_text() {
        for (form, text) in [
            (
                Form::Edeploy,
                "# a\n[('x', u'y', 8L), -1.5e3] \\\n {'k': None}\r\n",
            ),
            (
                Form::Native,
                "#![enable(implicit_some)]\n/* a /* b */ */ [(\"x\", r#\"y\"#, -8)] // c",
            ),
        ] {
            let mut scanner = Scanner::new(text, form);
            let mut whole = String::new();
            loop {
                let token = scanner.next().unwrap();
                if token.kind == Kind::End {
                    break;
                }
                whole.push_str(token.span.of(text));
            }
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn a_nul_byte_is_named() {
        let fault = Scanner::new("\0", Form::Edeploy).next().unwrap_err();
        assert!(fault.problem.contains("NUL"), "{fault:?}");
    }
}
