//! A text on its way, with what was done to it and where each of its lines came from.

use std::ops::Range;

use super::{Change, Left};

/// The line of a byte, from 1.
pub(super) fn at_line(text: &str, at: usize) -> u32 {
    let before = &text.as_bytes()[..at.min(text.len())];
    let ends = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(ends + 1).unwrap_or(u32::MAX)
}

/// What one pass wants changed, and what it has to say.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<(Range<usize>, String)>,
    said: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    at: usize,
    what: String,
    kind: SaidKind,
}

#[derive(Debug)]
enum SaidKind {
    Changed,
    Look,
    Left(Option<String>),
    LeftUnlessNamed(String),
}

impl Edits {
    /// Puts `text` in the place of a range of bytes, or before a byte where it is empty.
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, text.into()));
    }

    /// Puts `text` before a byte.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Says what was changed at a byte; the meaning is the same.
    pub(super) fn changed(&mut self, at: usize, what: impl Into<String>) {
        self.say(at, what.into(), SaidKind::Changed);
    }

    /// Says what was changed at a byte and may mean something else now and then.
    pub(super) fn look(&mut self, at: usize, what: impl Into<String>) {
        self.say(at, what.into(), SaidKind::Look);
    }

    /// Says what is left to do by hand at a byte, and what to write there.
    pub(super) fn left(&mut self, at: usize, what: impl Into<String>, instead: impl Into<String>) {
        let instead = Some(instead.into()).filter(|instead| !instead.is_empty());
        self.say(at, what.into(), SaidKind::Left(instead));
    }

    /// The same, unless something else is left to do on that line already.
    pub(super) fn left_unless_named(&mut self, at: usize, what: impl Into<String>, instead: &str) {
        self.say(
            at,
            what.into(),
            SaidKind::LeftUnlessNamed(instead.to_owned()),
        );
    }

    fn say(&mut self, at: usize, what: String, kind: SaidKind) {
        self.said.push(Said { at, what, kind });
    }

    /// Whether an edit meets this range.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        self.edits
            .iter()
            .any(|(edited, _)| edited.start < range.end && range.start < edited.end)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }
}

/// A text on its way.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: String,
    /// For each line of the text the line of the original that it came from.
    origins: Vec<u32>,
    pub(super) changes: Vec<Change>,
    pub(super) left: Vec<Left>,
}

impl Draft {
    pub(super) fn new(text: &str) -> Draft {
        let lines = at_line(text, text.len());
        Draft {
            text: text.to_owned(),
            origins: (1..=lines).collect(),
            changes: Vec::new(),
            left: Vec::new(),
        }
    }

    /// The line of the original of a line of the text, both from 1.
    pub(super) fn original_line(&self, line: u32) -> u32 {
        let at = usize::try_from(line).unwrap_or(usize::MAX).max(1) - 1;
        let known = self.origins.get(at).or_else(|| self.origins.last());
        known.copied().unwrap_or(line)
    }

    /// Adds what is left to do by hand at a line of the text.
    pub(super) fn leave(&mut self, line: u32, what: String, instead: Option<String>) {
        let line = self.original_line(line);
        let left = Left {
            line,
            what,
            instead,
        };
        if !self.left.contains(&left) {
            self.left.push(left);
        }
    }

    /// Does what a pass wants. Where two edits meet, the first one stands.
    pub(super) fn apply(&mut self, mut pass: Edits) {
        pass.said.sort_by_key(|said| said.at);
        let mut lines = LineCounter::new(&self.text);
        let places: Vec<u32> = pass.said.iter().map(|said| lines.line(said.at)).collect();
        for (said, line) in pass.said.into_iter().zip(places) {
            match said.kind {
                SaidKind::Left(instead) => self.leave(line, said.what, instead),
                SaidKind::LeftUnlessNamed(instead) => {
                    let original = self.original_line(line);
                    if self.left.iter().all(|left| left.line != original) {
                        self.leave(line, said.what, Some(instead));
                    }
                }
                kind => {
                    let change = Change {
                        line: self.original_line(line),
                        what: said.what,
                        look: matches!(kind, SaidKind::Look),
                    };
                    if !self.changes.contains(&change) {
                        self.changes.push(change);
                    }
                }
            }
        }
        if pass.edits.is_empty() {
            return;
        }
        pass.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = Rebuilt::default();
        let mut done = 0;
        let mut lines = LineCounter::new(&self.text);
        for (range, new) in &pass.edits {
            if range.start < done {
                continue;
            }
            out.copy(
                &self.text[done..range.start],
                done,
                &mut lines,
                &self.origins,
            );
            out.add(new, range.start, &mut lines, &self.origins);
            done = range.end;
        }
        out.copy(&self.text[done..], done, &mut lines, &self.origins);
        out.finish(self.text.len(), &mut lines, &self.origins);
        self.text = out.text;
        self.origins = out.origins;
    }
}

/// Counts lines forwards only.
struct LineCounter<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> LineCounter<'a> {
    fn new(text: &'a str) -> Self {
        LineCounter {
            bytes: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    fn line(&mut self, at: usize) -> u32 {
        let at = at.min(self.bytes.len());
        let new = self.bytes.get(self.at..at).unwrap_or_default();
        let ends = new.iter().filter(|byte| **byte == b'\n').count();
        self.line += u32::try_from(ends).unwrap_or(0);
        self.at = self.at.max(at);
        self.line
    }
}

#[derive(Default)]
struct Rebuilt {
    text: String,
    origins: Vec<u32>,
    /// Whether the line that is being built has its origin already.
    begun: bool,
}

impl Rebuilt {
    fn begin(&mut self, at: usize, lines: &mut LineCounter<'_>, origins: &[u32]) {
        if !self.begun {
            let line = usize::try_from(lines.line(at)).unwrap_or(usize::MAX);
            let known = origins.get(line - 1).or_else(|| origins.last());
            self.origins.push(known.copied().unwrap_or(1));
            self.begun = true;
        }
    }

    fn copy(&mut self, part: &str, from: usize, lines: &mut LineCounter<'_>, origins: &[u32]) {
        let mut at = from;
        for piece in part.split_inclusive('\n') {
            self.begin(at, lines, origins);
            self.text.push_str(piece);
            at += piece.len();
            self.begun = !piece.ends_with('\n');
        }
    }

    fn add(&mut self, new: &str, from: usize, lines: &mut LineCounter<'_>, origins: &[u32]) {
        for piece in new.split_inclusive('\n') {
            self.begin(from, lines, origins);
            self.text.push_str(piece);
            self.begun = !piece.ends_with('\n');
        }
    }

    fn finish(&mut self, end: usize, lines: &mut LineCounter<'_>, origins: &[u32]) {
        self.begin(end, lines, origins);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_keeps_the_number_it_had() {
        let mut draft = Draft::new("a\nb\nc\nd\n");
        let mut edits = Edits::default();
        edits.replace(2..4, "");
        edits.insert(4, "x\ny\n");
        edits.left(6, "wrong", "");
        draft.apply(edits);
        assert_eq!(draft.text, "a\nx\ny\nc\nd\n");
        let lines: Vec<u32> = (1..=5).map(|line| draft.original_line(line)).collect();
        assert_eq!(lines, [1, 3, 3, 3, 4]);
        assert_eq!(draft.left[0].line, 4);
    }

    #[test]
    fn of_two_edits_that_meet_the_first_stands() {
        let mut draft = Draft::new("abcd");
        let mut edits = Edits::default();
        edits.replace(0..3, "x");
        edits.replace(2..4, "y");
        draft.apply(edits);
        assert_eq!(draft.text, "xd");
    }
}
