//! Tabs and form feeds between the words, which Starlark does not take.

use super::code::Code;
use super::text::Edits;

/// Puts spaces in the place of tabs, up to the column that Python 2 gives them, and takes out form
/// feeds. Comments, and lines that hold nothing else, stay as they are.
pub(super) fn spaces(code: &Code<'_>, edits: &mut Edits) {
    let mut from = 0;
    for at in 0..=code.tokens.len() {
        let to = code.start(at);
        let within = at > 0 && at < code.tokens.len() && code.line_of(at - 1) == code.line_of(at);
        if code.text[from..to].contains(['\t', '\x0c']) {
            gap(code, from, to, within, edits);
        }
        from = code.end(at);
    }
}

fn gap(code: &Code<'_>, from: usize, to: usize, within: bool, edits: &mut Edits) {
    let mut at = from;
    let pieces: Vec<&str> = code.text[from..to].split_inclusive('\n').collect();
    let last = to < code.text.len();
    for (number, piece) in pieces.iter().enumerate() {
        let has_code = (number == 0 && from > 0)
            || (last && number + 1 == pieces.len() && !piece.ends_with('\n'));
        let blanks = piece.find('#').unwrap_or(piece.len());
        let line = code.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = &code.text[line..at];
        let new = spaced(before, &piece[..blanks], has_code || within);
        if new != piece[..blanks] {
            edits.replace(at..at + blanks, new);
            edits.changed(at, "tabs and form feeds are spaces");
        }
        at += piece.len();
    }
}

fn spaced(before: &str, blanks: &str, tabs: bool) -> String {
    let mut column = before.chars().fold(0, |column, c| match c {
        '\t' => (column / 8 + 1) * 8,
        _ => column + 1,
    });
    let mut out = String::new();
    for c in blanks.chars() {
        match c {
            '\t' if tabs => {
                let next = (column / 8 + 1) * 8;
                out.push_str(&" ".repeat(next - column));
                column = next;
            }
            '\x0c' => {
                if before.is_empty() && out.trim().is_empty() && tabs {
                    out.clear();
                }
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}
