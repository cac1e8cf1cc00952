//! Questions that the passes ask of the tokens: brackets, statements, blocks, operands.

use std::ops::Range;

use super::text::Edits;
use super::token::{self, Kind, Line, Token, Unreadable};

/// Keywords, which are no names of anything.
const KEYWORDS: [&str; 34] = [
    "and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "exec", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "None", "True",
    "False",
];

/// Words that begin a line with a block.
const COMPOUND: [&str; 10] = [
    "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def",
];

/// A text as tokens, lines and blocks.
#[derive(Debug)]
pub(super) struct Code<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) lines: Vec<Line>,
    /// For each bracket the token of the other one.
    partners: Vec<usize>,
}

impl<'a> Code<'a> {
    pub(super) fn read(text: &'a str) -> Result<Code<'a>, Unreadable> {
        let (tokens, lines) = token::read(text)?;
        let mut partners: Vec<usize> = (0..tokens.len()).collect();
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            match &text[token.start..token.end] {
                "(" | "[" | "{" if token.kind == Kind::Sign => open.push(at),
                ")" | "]" | "}" if token.kind == Kind::Sign => {
                    if let Some(start) = open.pop() {
                        partners[at] = start;
                        partners[start] = at;
                    }
                }
                _ => {}
            }
        }
        Ok(Code {
            text,
            tokens,
            lines,
            partners,
        })
    }

    /// The text of a token; nothing where there is none.
    pub(super) fn word(&self, at: usize) -> &'a str {
        self.tokens
            .get(at)
            .map_or("", |token| &self.text[token.start..token.end])
    }

    /// The text of the tokens of a range with all that is between them.
    pub(super) fn source(&self, range: &Range<usize>) -> &'a str {
        let bytes = self.bytes(range);
        &self.text[bytes]
    }

    /// The bytes of a range of tokens.
    pub(super) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        if range.is_empty() {
            let at = self.start(range.start);
            return at..at;
        }
        self.start(range.start)..self.end(range.end - 1)
    }

    /// Where a token begins, in bytes.
    pub(super) fn start(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(self.text.len(), |it| it.start)
    }

    /// Where a token ends, in bytes.
    pub(super) fn end(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(self.text.len(), |it| it.end)
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// The token of the bracket that belongs to this one.
    pub(super) fn partner(&self, at: usize) -> usize {
        self.partners.get(at).copied().unwrap_or(at)
    }

    /// Whether a token is a name of something: no keyword and no attribute.
    pub(super) fn is_name(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Name)
            && !KEYWORDS.contains(&self.word(at))
            && (at == 0 || self.word(at - 1) != ".")
    }

    /// Whether a token is a keyword where it stands: no attribute of that name.
    pub(super) fn is_keyword(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Name)
            && KEYWORDS.contains(&self.word(at))
            && (at == 0 || self.word(at - 1) != ".")
    }

    /// Whether these words follow one another from a token on.
    pub(super) fn follows(&self, at: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.word(at + ahead) == *word)
    }

    /// The token at or after `from` that is this word and stands in no bracket opened since.
    pub(super) fn find(&self, range: Range<usize>, word: &str) -> Option<usize> {
        self.outside(range).find(|at| self.word(*at) == word)
    }

    /// The tokens of a range that stand in no bracket of it; closing brackets are left out.
    pub(super) fn outside(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let this = at;
            at = self.partner(at).max(at) + 1;
            Some(this)
        })
    }

    /// The parts of a range between commas, without an empty last one.
    pub(super) fn split(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut start = range.start;
        let commas = self
            .outside(range.clone())
            .filter(|at| self.word(*at) == ",");
        for comma in commas {
            parts.push(start..comma);
            start = comma + 1;
        }
        if start < range.end {
            parts.push(start..range.end);
        }
        parts
    }

    /// The colon that ends the head of a line with a block.
    pub(super) fn colon(&self, line: &Line) -> Option<usize> {
        let first = self.word(line.start);
        if !COMPOUND.contains(&first) && first != "class" {
            return None;
        }
        let mut lambdas = 0;
        self.outside(line.start..line.end)
            .find(|at| match self.word(*at) {
                "lambda" => {
                    lambdas += 1;
                    false
                }
                ":" if lambdas > 0 => {
                    lambdas -= 1;
                    false
                }
                word => word == ":",
            })
    }

    /// The simple statements, each as a range of tokens, in order.
    pub(super) fn statements(&self) -> Vec<Range<usize>> {
        let mut all = Vec::new();
        for line in &self.lines {
            self.statements_of(line, &mut all);
        }
        all
    }

    /// The simple statements of one line, the ones after the colon of a head among them.
    pub(super) fn statements_of(&self, line: &Line, all: &mut Vec<Range<usize>>) {
        let mut start = self.colon(line).map_or(line.start, |colon| colon + 1);
        let ends: Vec<usize> = self
            .outside(start..line.end)
            .filter(|at| self.word(*at) == ";")
            .collect();
        for end in ends.into_iter().chain([line.end]) {
            if start < end {
                all.push(start..end);
            }
            start = end + 1;
        }
    }

    /// The line after the last one of the block that a line begins.
    pub(super) fn block_end(&self, line: usize) -> usize {
        let column = self.lines[line].column;
        let after = &self.lines[line + 1..];
        let length = after.iter().take_while(|it| it.column > column).count();
        line + 1 + length
    }

    /// Whether a line begins a block that stands on the lines below.
    pub(super) fn has_block(&self, line: usize) -> bool {
        let it = &self.lines[line];
        self.colon(it) == Some(it.end - 1) && self.block_end(line) > line + 1
    }

    /// The line that a token belongs to.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|line| line.end <= at)
    }

    /// Whether a line is in the block of a function.
    pub(super) fn is_in_function(&self, line: usize) -> bool {
        let mut column = self.lines[line].column;
        self.lines[..line].iter().rev().any(|outer| {
            let is_outer = outer.column < column;
            column = column.min(outer.column);
            is_outer && self.word(outer.start) == "def"
        })
    }

    /// The blanks that a line begins with.
    pub(super) fn indent(&self, line: usize) -> &'a str {
        let it = &self.lines[line];
        &self.text[it.at..self.start(it.start)]
    }

    /// Where the line of text begins that follows a logical line.
    pub(super) fn after(&self, line: usize) -> usize {
        let end = self.end(self.lines[line].end - 1);
        let rest = &self.text[end..];
        rest.find('\n').map_or(self.text.len(), |at| end + at + 1)
    }

    /// Puts what stands behind the colon of a head on lines of its own.
    pub(super) fn expand(&self, line: usize, edits: &mut Edits) {
        let indent = self.indent(line);
        let mut statements = Vec::new();
        self.statements_of(&self.lines[line], &mut statements);
        for statement in statements {
            // Before it stands the colon, or a semicolon, which goes.
            let before = statement.start - 1;
            let from = match self.word(before) {
                ":" => self.end(before),
                _ => self.start(before),
            };
            edits.replace(from..self.start(statement.start), format!("\n{indent}    "));
        }
    }

    /// Where the text of a block ends, with the comments that are indented as it is.
    pub(super) fn block_text_end(&self, head: usize) -> usize {
        let column = self.lines[head].column;
        let mut end = self.after(self.block_end(head) - 1);
        let mut at = end;
        for piece in self.text[end..].split_inclusive('\n') {
            at += piece.len();
            let code = piece.trim_start();
            if code.starts_with('#') && piece.len() - code.len() > column {
                end = at;
            } else if !code.is_empty() {
                break;
            }
        }
        end
    }

    /// The first token of the operand that ends with a token: `a.b(c)[d]`, backwards.
    pub(super) fn operand_start(&self, end: usize) -> usize {
        let mut at = self.partner(end).min(end);
        loop {
            if at == 0 {
                return at;
            }
            let before = at - 1;
            let follows_on = match self.word(at) {
                "(" | "[" => self.ends_operand(before),
                _ => false,
            };
            if follows_on {
                at = self.partner(before).min(before);
            } else if self.word(before) == "." && before > 0 && self.ends_operand(before - 1) {
                at = self.partner(before - 1).min(before - 1);
            } else {
                return at;
            }
        }
    }

    /// The token after the operand that begins with a token.
    pub(super) fn operand_end(&self, start: usize) -> usize {
        let mut at = self.partner(start).max(start) + 1;
        loop {
            match self.word(at) {
                "(" | "[" => at = self.partner(at).max(at) + 1,
                "." => at += 2,
                _ => return at.min(self.tokens.len()),
            }
        }
    }

    /// Whether an operand may end with this token.
    pub(super) fn ends_operand(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Name) => !KEYWORDS.contains(&self.word(at)) || self.word(at) == "None",
            Some(Kind::Number | Kind::Text) => true,
            Some(Kind::Sign) => matches!(self.word(at), ")" | "]" | "}"),
            None => false,
        }
    }

    /// The arguments of a call whose opening bracket is `open`.
    pub(super) fn arguments(&self, open: usize) -> Vec<Range<usize>> {
        self.split(open + 1..self.partner(open))
    }

    /// Whether a range is one operand or text that needs no brackets around it.
    pub(super) fn is_plain(&self, range: &Range<usize>) -> bool {
        !range.is_empty() && self.operand_end(range.start) == range.end && {
            let first = self.word(range.start);
            self.ends_operand(range.start) || matches!(first, "(" | "[" | "{")
        }
    }

    /// The source of a range, in brackets unless it needs none.
    pub(super) fn bracketed(&self, range: &Range<usize>) -> String {
        let source = self.source(range);
        if self.is_plain(range) {
            source.to_owned()
        } else {
            format!("({source})")
        }
    }

    /// The text that a plain literal stands for, as it is written between its quotes.
    pub(super) fn literal(&self, range: &Range<usize>) -> Option<&'a str> {
        if range.len() != 1 || self.kind(range.start) != Some(Kind::Text) {
            return None;
        }
        literal_inside(self.word(range.start))
    }
}

/// What stands between the quotes of a string without a prefix.
pub(super) fn literal_inside(word: &str) -> Option<&str> {
    for quote in ["'''", "\"\"\"", "'", "\""] {
        if let Some(rest) = word.strip_prefix(quote) {
            return rest.strip_suffix(quote);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_after_colons_and_semicolons() {
        let text = "if a: b; c = {1: 2}\nx = lambda y: y\nfor z in d:\n    e;\n";
        let code = Code::read(text).unwrap();
        let all: Vec<&str> = code.statements().iter().map(|it| code.source(it)).collect();
        assert_eq!(all, ["b", "c = {1: 2}", "x = lambda y: y", "e"]);
    }

    #[test]
    fn operands_reach_over_calls_indexes_and_attributes() {
        let code = Code::read("not a.b(c)[d].e == (f)").unwrap();
        let start = code.operand_start(11);
        assert_eq!(code.source(&(start..12)), "a.b(c)[d].e");
        assert_eq!(code.operand_end(start), 12);
    }
}
