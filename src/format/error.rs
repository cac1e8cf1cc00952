//! What is wrong with a text, and where: file, line, column, the line itself with a caret.
//!
//! The texts come from strangers as often as from the admin, so everything that is shown of them is
//! made harmless for a terminal first.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::model::Position;

/// Longest part of a line that is shown, in characters.
const LONGEST_LINE: usize = 120;

/// Longest part of a text that is quoted within a sentence, in characters.
const LONGEST_QUOTE: usize = 40;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` line {}, column {}: {problem}", harmless(.origin), .position.line, .position.column)]
pub struct ParseError {
    /// The name of the file, or what else the text came from.
    pub origin: String,
    /// Where the problem begins.
    pub position: Position,
    /// The line it begins in, without control characters, cut around the column where it is long.
    pub line: String,
    /// What was expected and what was found.
    pub problem: String,
    /// What to do about it, where that can be told.
    pub hint: Option<String>,
    /// How many characters of `line` stand before the place.
    caret: usize,
}

impl ParseError {
    /// Reports `problem` at a place of `text`. A place that the text has not is its nearest one.
    pub fn at(
        origin: &str,
        text: &str,
        position: Position,
        problem: impl Into<String>,
    ) -> ParseError {
        let line = text
            .split('\n')
            .nth(position.line.saturating_sub(1))
            .unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = line.strip_prefix(BOM).unwrap_or(line);
        let (line, caret) = excerpt(line, position.column.saturating_sub(1));
        ParseError {
            origin: origin.to_owned(),
            position,
            line,
            problem: harmless(&problem.into()),
            hint: None,
            caret,
        }
    }

    /// The text that `bytes` are.
    ///
    /// # Errors
    /// Names line, column and offset of the first byte that is not UTF-8.
    pub fn expect_utf8<'a>(origin: &str, bytes: &'a [u8]) -> Result<&'a str, ParseError> {
        std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes);
            // What stands before the first wrong byte is the same in both.
            let position = Places::new(&text).position(offset);
            let byte = bytes.get(offset).copied().unwrap_or_default();
            let problem = format!("the byte at offset {offset}, 0x{byte:02x}, is no UTF-8 text");
            ParseError::at(origin, &text, position, problem).with_hint(
                "save the file as UTF-8; from Latin-1: iconv -f latin1 -t utf-8 OLD >NEW",
            )
        })
    }

    /// The same error with an advice.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> ParseError {
        ParseError {
            hint: Some(harmless(&hint.into())),
            ..self
        }
    }

    /// The sentence, the line, a caret under the column and the hint, each on its own line.
    pub fn with_caret(&self) -> String {
        let number = self.position.line.to_string();
        let margin = " ".repeat(number.len());
        let before: String = self
            .line
            .chars()
            .take(self.caret)
            .map(|c| if is_wide(c) { '\u{3000}' } else { ' ' })
            .collect();
        let mut text = format!("{self}\n{number} | {}\n{margin} | {before}^", self.line);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\n{margin} = {hint}"));
        }
        text
    }
}

/// `{"file", "line", "column", "text", "problem", "hint"}`, as the API and `--json` show it.
impl Serialize for ParseError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ParseError", 6)?;
        fields.serialize_field("file", &self.origin)?;
        fields.serialize_field("line", &self.position.line)?;
        fields.serialize_field("column", &self.position.column)?;
        fields.serialize_field("text", &self.line)?;
        fields.serialize_field("problem", &self.problem)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

/// A problem at a byte of a text whose name is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The byte it begins at.
    pub(super) offset: usize,
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(offset: usize, problem: impl Into<String>) -> Fault {
        Fault {
            offset,
            problem: problem.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Fault {
        Fault {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The error of the text called `origin`.
    pub(super) fn of(self, origin: &str, text: &str) -> ParseError {
        let position = Places::new(text).position(self.offset);
        ParseError {
            hint: self.hint.as_deref().map(harmless),
            ..ParseError::at(origin, text, position, self.problem)
        }
    }
}

/// The mark that some editors put before a text; it is no character of it.
pub(super) const BOM: char = '\u{feff}';

/// Turns byte offsets of a text into lines and columns.
pub(super) struct Places<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Places<'a> {
        let first = if text.starts_with(BOM) {
            BOM.len_utf8()
        } else {
            0
        };
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Places {
            text,
            line_starts: std::iter::once(first)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self
            .line_starts
            .partition_point(|start| *start <= offset)
            .max(1);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..offset.max(start)).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// `text` with everything replaced that could move a cursor or turn the direction of writing.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(harmless_char).collect()
}

/// A part of a foreign text, short and harmless, for a sentence.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, LONGEST_QUOTE))
}

/// The sentence of another parser, which may repeat what it found at any length.
pub(super) fn sentence(message: &str) -> String {
    shortened(message, LONGEST_LINE)
}

fn shortened(text: &str, longest: usize) -> String {
    let mut short: String = text.chars().take(longest).map(harmless_char).collect();
    if text.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
}

fn harmless_char(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    }
}

/// Characters without a glyph: joiners, marks of direction, line and paragraph separators.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{300}'..='\u{36f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Characters that take two columns of a terminal: east Asian wide blocks and pictures.
fn is_wide(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1f64f}'
            | '\u{1f680}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}'
    )
}

/// The part of a line around a character, and where that character stands in it.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    let start = at.saturating_sub(LONGEST_LINE / 2);
    let mut rest = line.chars().skip(start);
    let mut text: String = rest
        .by_ref()
        .take(LONGEST_LINE)
        .map(harmless_char)
        .collect();
    let mut caret = (at - start).min(text.chars().count());
    if rest.next().is_some() {
        text.push('…');
    }
    if start > 0 {
        text.insert(0, '…');
        caret += 1;
    }
    (text, caret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: usize, column: usize) -> ParseError {
        ParseError::at("state", text, Position { line, column }, "no")
    }

    #[test]
    fn the_sentence_names_file_line_and_column() {
        assert_eq!(
            at("a\nbc", 2, 2).to_string(),
            "`state` line 2, column 2: no"
        );
    }

    #[test]
    fn the_caret_stands_under_the_column() {
        let error = at("a\n\tbc = \u{1b}[2J\r\n", 2, 5).with_hint("do");
        assert_eq!(
            error.with_caret(),
            "`state` line 2, column 5: no\n2 |  bc = ␛[2J\n  |     ^\n  = do"
        );
    }

    #[test]
    fn wide_characters_keep_the_caret_in_place() {
        let shown = at("('磁盤', 1", 1, 7).with_caret();
        assert!(shown.ends_with("  |   \u{3000}\u{3000}  ^"), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_column() {
        let text = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let error = at(&text, 1, 5001);
        assert!(error.line.chars().count() <= LONGEST_LINE + 2);
        assert_eq!(error.line.chars().nth(error.caret), Some('X'));
    }

    #[test]
    fn a_place_outside_the_text_is_no_panic() {
        assert_eq!(at("a", 7, 9).line, "");
        assert_eq!(at("", 0, 0).line, "");
        at("abc", 1, usize::MAX).with_caret();
    }

    #[test]
    fn a_mark_before_the_text_is_no_column() {
        let position = Places::new("\u{feff}[x").position(4);
        assert_eq!((position.line, position.column), (1, 2));
    }
}
