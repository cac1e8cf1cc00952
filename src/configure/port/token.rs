//! The words and signs of a Python 2 text, each with its place.
//!
//! Only code is given: blanks, comments and line ends stay where they are and are never looked at
//! again, so that whatever no pass touches comes out byte by byte as it was. Indentation is counted
//! as Python 2 counts it, a tab going on to the next multiple of 8.

use super::text::at_line;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number.
    Number,
    /// A string literal with its prefix and quotes.
    Text,
    /// An operator, a bracket or another sign.
    Sign,
}

/// A token as a range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A logical line: a range of tokens, which may go over several lines of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The column of its first token, as Python 2 counts it.
    pub(super) column: usize,
    /// Where its line of text begins, in bytes.
    pub(super) at: usize,
}

impl Line {
    /// How many tokens it has.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Why a text cannot be read as Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The line, from 1.
    pub(super) line: u32,
    pub(super) what: &'static str,
}

/// The tokens and logical lines of a text.
pub(super) fn read(text: &str) -> Result<(Vec<Token>, Vec<Line>), Unreadable> {
    let mut reader = Reader {
        text,
        at: 0,
        tokens: Vec::new(),
        lines: Vec::new(),
        open: Vec::new(),
        columns: vec![0],
    };
    while reader.logical_line()? {}
    Ok((reader.tokens, reader.lines))
}

/// Signs of more than one character, longest first.
const SIGNS: [&str; 24] = [
    "**=", "//=", ">>=", "<<=", "...", "<>", "!=", "==", "<=", ">=", "<<", ">>", "**", "//", "+=",
    "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->", ":=",
];

struct Reader<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    lines: Vec<Line>,
    open: Vec<u8>,
    columns: Vec<usize>,
}

impl Reader<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.text
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    fn wrong<T>(&self, at: usize, what: &'static str) -> Result<T, Unreadable> {
        let line = at_line(self.text, at);
        Err(Unreadable { line, what })
    }

    /// Reads one logical line; tells whether there may be another one.
    fn logical_line(&mut self) -> Result<bool, Unreadable> {
        let at = self.at;
        let column = self.indentation();
        if self.at >= self.text.len() {
            return Ok(false);
        }
        if matches!(self.byte(0), b'\n' | b'\r' | b'#') {
            self.rest_of_line();
            return Ok(true);
        }
        self.check_column(column)?;
        let start = self.tokens.len();
        while self.at < self.text.len() {
            match self.byte(0) {
                b'\n' | b'\r' if self.open.is_empty() => break,
                b' ' | b'\t' | b'\x0c' | b'\n' | b'\r' => self.at += 1,
                b'#' => self.comment(),
                b'\\' if matches!(self.byte(1), b'\n') => self.at += 2,
                b'\\' if self.byte(1) == b'\r' && self.byte(2) == b'\n' => self.at += 3,
                _ => self.token()?,
            }
        }
        if !self.open.is_empty() {
            let at = self.tokens.last().map_or(0, |token| token.start);
            return self.wrong(at, "a bracket is not closed");
        }
        self.rest_of_line();
        let end = self.tokens.len();
        self.lines.push(Line {
            start,
            end,
            column,
            at,
        });
        Ok(true)
    }

    fn indentation(&mut self) -> usize {
        let mut column = 0;
        loop {
            match self.byte(0) {
                b' ' => column += 1,
                b'\t' => column = (column / 8 + 1) * 8,
                b'\x0c' => column = 0,
                _ => return column,
            }
            self.at += 1;
        }
    }

    fn check_column(&mut self, column: usize) -> Result<(), Unreadable> {
        let deepest = self.columns.last().copied().unwrap_or(0);
        if column > deepest {
            self.columns.push(column);
            return Ok(());
        }
        while self.columns.last().is_some_and(|known| *known > column) {
            self.columns.pop();
        }
        if self.columns.last() == Some(&column) {
            Ok(())
        } else {
            self.wrong(self.at, "this line is indented as no line before it")
        }
    }

    fn rest_of_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.at += end.map_or(rest.len(), |end| end + 1);
    }

    fn comment(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.at += end.unwrap_or(rest.len());
    }

    fn token(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        let first = self.byte(0);
        let kind = if let Some(quote) = self.quote_ahead() {
            self.string(quote)?;
            Kind::Text
        } else if first.is_ascii_digit() || (first == b'.' && self.byte(1).is_ascii_digit()) {
            self.number();
            Kind::Number
        } else if first == b'_' || first.is_ascii_alphabetic() {
            self.skip(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
            Kind::Name
        } else {
            self.sign()?;
            Kind::Sign
        };
        let end = self.at;
        self.tokens.push(Token { kind, start, end });
        Ok(())
    }

    fn skip(&mut self, is_part: impl Fn(u8) -> bool) {
        while self.at < self.text.len() && is_part(self.byte(0)) {
            self.at += 1;
        }
    }

    /// The length of the prefix of a string that begins here.
    fn quote_ahead(&self) -> Option<usize> {
        (0..3).find_map(|ahead| match self.byte(ahead) {
            b'\'' | b'"' => {
                let prefix = &self.text[self.at..self.at + ahead];
                let known = ["", "u", "r", "b", "f", "ur", "br", "rb", "fr", "rf"];
                known
                    .contains(&prefix.to_ascii_lowercase().as_str())
                    .then_some(Some(ahead))
            }
            byte if byte.is_ascii_alphabetic() => None,
            _ => Some(None),
        })?
    }

    fn string(&mut self, prefix: usize) -> Result<(), Unreadable> {
        let start = self.at;
        self.at += prefix;
        let quote = self.byte(0);
        let long = self.byte(1) == quote && self.byte(2) == quote;
        self.at += if long { 3 } else { 1 };
        while self.at < self.text.len() {
            match self.byte(0) {
                // Raw strings too go on after `\'`; what follows the backslash may be any character.
                b'\\' => self.at += 2,
                b'\n' if !long => break,
                byte if byte == quote && !long => {
                    self.at += 1;
                    return Ok(());
                }
                byte if byte == quote && self.byte(1) == quote && self.byte(2) == quote => {
                    self.at += 3;
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        self.wrong(start, "a string is not closed")
    }

    fn number(&mut self) {
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
            self.at += 2;
            self.skip(|byte| byte.is_ascii_alphanumeric());
            return;
        }
        self.skip(|byte| byte.is_ascii_digit());
        if self.byte(0) == b'.' {
            self.at += 1;
            self.skip(|byte| byte.is_ascii_digit());
        }
        let signed = matches!(self.byte(1), b'+' | b'-') && self.byte(2).is_ascii_digit();
        if matches!(self.byte(0), b'e' | b'E') && (signed || self.byte(1).is_ascii_digit()) {
            self.at += 2;
            self.skip(|byte| byte.is_ascii_digit());
        }
        if matches!(self.byte(0), b'l' | b'L' | b'j' | b'J') {
            self.at += 1;
        }
    }

    fn sign(&mut self) -> Result<(), Unreadable> {
        let first = self.byte(0);
        match first {
            b'(' | b'[' | b'{' => self.open.push(first),
            b')' | b']' | b'}' => {
                let fits = matches!(
                    (self.open.pop(), first),
                    (Some(b'('), b')') | (Some(b'['), b']') | (Some(b'{'), b'}')
                );
                if !fits {
                    return self.wrong(self.at, "this bracket closes none");
                }
            }
            _ => {}
        }
        let rest = &self.text[self.at..];
        let long = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let Some(length) = long
            .map(|sign| sign.len())
            .or_else(|| rest.chars().next().map(char::len_utf8))
        else {
            return self.wrong(self.at, "the text ends here");
        };
        if !first.is_ascii_punctuation() {
            return self.wrong(self.at, "this character is no Python");
        }
        self.at += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let (tokens, _) = read(text).unwrap();
        tokens
            .iter()
            .map(|token| &text[token.start..token.end])
            .collect()
    }

    #[test]
    fn strings_of_every_prefix_are_one_token_each() {
        let text = r#"ur'a\'b' + U"x" + R'''it's''' + br"\"" + f'{x}' + format'"#;
        assert!(read(text).is_err());
        let text = text.trim_end_matches("format'");
        let text = format!("{text}format");
        assert_eq!(
            words(&text),
            [
                r"ur'a\'b'",
                "+",
                "U\"x\"",
                "+",
                "R'''it's'''",
                "+",
                r#"br"\"""#,
                "+",
                "f'{x}'",
                "+",
                "format"
            ]
        );
    }

    #[test]
    fn numbers_and_signs_are_told_apart() {
        assert_eq!(
            words("0644 0xFFL 1.5e-3 10L<>a**=b"),
            ["0644", "0xFFL", "1.5e-3", "10L", "<>", "a", "**=", "b"]
        );
    }

    #[test]
    fn a_tab_goes_on_to_the_next_multiple_of_eight() {
        let (_, lines) = read("if a:\n        b\n\tc\n    \td\ne\n").unwrap();
        let columns: Vec<usize> = lines.iter().map(|line| line.column).collect();
        assert_eq!(columns, [0, 8, 8, 8, 0]);
        let wrong = read("if a:\n\tb\n    c\n").unwrap_err();
        assert_eq!(wrong.line, 3);
    }

    #[test]
    fn a_logical_line_goes_on_within_brackets_and_after_a_backslash() {
        let (tokens, lines) = read("f(a,  # one\n\n  b)\nx = \\\n 'y'\n# end").unwrap();
        assert_eq!((tokens.len(), lines.len()), (9, 2));
    }

    #[test]
    fn what_does_not_close_is_named_by_its_line() {
        assert_eq!(read("x\ny = 'a\n").unwrap_err().line, 2);
        assert_eq!(
            read("x\n\nf((a)\n").unwrap_err().what,
            "a bracket is not closed"
        );
        assert_eq!(read("x)").unwrap_err().what, "this bracket closes none");
        assert_eq!(read("a\u{e9}").unwrap_err().line, 1);
        assert!(read("'\\").is_err());
    }
}
