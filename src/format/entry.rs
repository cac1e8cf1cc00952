//! The smallest edit that makes one CMDB entry of a file say something else.
//!
//! An entry is cut into its pairs and what stands between them; values are replaced in place, new pairs
//! are put at the end in the manner of the others, removed ones go with their comma. Every comment
//! stays.

use super::Form;
use super::document::one;
use super::error::Fault;
use super::render::{self, WIDTH};
use super::scanner::{Kind, Scanner, Span};
use super::tree::Data;
use crate::model::{CmdbEntry, Value};

/// The farthest column at which wrapped pairs are aligned; beyond it an entry stays on its line.
const FARTHEST_ALIGNED: usize = 40;

/// One pair of an entry, with what stands around it.
struct Part {
    /// From the comma or bracket before to the key.
    lead: String,
    key: String,
    /// Key, colon and value as written.
    pair: String,
    /// Where the value stands in `pair`.
    value_at: Span,
    value: Value,
    /// From the value to the comma or bracket after it.
    trail: String,
    comma: bool,
}

/// An entry cut into parts: `{`, the parts, `tail`, `}`.
struct Layout {
    form: Form,
    parts: Vec<Part>,
    /// From the last comma, or the opening bracket, to the closing bracket.
    tail: String,
}

/// The text of an entry that stood as `text` at `column` (from 0) and shall read as `entry`.
pub(super) fn edited(text: &str, column: usize, entry: &CmdbEntry, form: Form) -> String {
    let minimal = Layout::of(text, form).map(|mut layout| {
        layout.remove_all_but(entry);
        layout.set_values(entry);
        layout.append_new(entry, column);
        layout.text()
    });
    match minimal {
        Some(minimal) if read(&minimal, form).is_ok_and(|read| read.same(entry)) => minimal,
        // Unusual writing, such as brackets around the entry.
        _ => render::entry(entry, form),
    }
}

/// The entry as a file of this form says it: RON has no tuples, they are lists there.
pub(super) fn as_read(entry: &CmdbEntry, form: Form) -> CmdbEntry {
    let pairs = entry.iter();
    pairs
        .map(|(key, value)| (key.to_owned(), value_as_read(value, form)))
        .collect()
}

fn value_as_read(value: &Value, form: Form) -> Value {
    let all = |items: &[Value]| items.iter().map(|item| value_as_read(item, form)).collect();
    match value {
        Value::Tuple(items) if form == Form::Edeploy => Value::Tuple(all(items)),
        Value::List(items) | Value::Tuple(items) => Value::List(all(items)),
        Value::Map(pairs) => {
            let read = |(key, value): &(String, Value)| (key.clone(), value_as_read(value, form));
            Value::Map(pairs.iter().map(read).collect())
        }
        scalar => scalar.clone(),
    }
}

/// Reads the text of one entry.
pub(super) fn read(text: &str, form: Form) -> Result<CmdbEntry, Fault> {
    match one(text, form)?.into_value(form) {
        Value::Map(pairs) => Ok(pairs.into_iter().collect()),
        _ => Err(Fault::new(0, "expected an entry")),
    }
}

impl Layout {
    fn of(text: &str, form: Form) -> Option<Layout> {
        let node = one(text, form).ok()?;
        let Data::Map(pairs) = node.data else {
            return None;
        };
        text.strip_prefix('{')?.strip_suffix('}')?;
        let mut parts: Vec<Part> = Vec::with_capacity(pairs.len());
        let mut at = 1;
        for (key, node) in pairs {
            let lead = close(parts.last_mut(), &text[at..key.span.start], form)?;
            let start = key.span.start;
            parts.push(Part {
                lead,
                key: key.text,
                pair: text[start..node.span.end].to_owned(),
                value_at: Span::new(node.span.start - start, node.span.end - start),
                trail: String::new(),
                comma: false,
                value: {
                    at = node.span.end;
                    node.into_value(form)
                },
            });
        }
        let end = &text[at..text.len() - 1];
        let tail = match close(parts.last_mut(), end, form) {
            Some(tail) => tail,
            None => {
                parts.last_mut()?.trail = end.to_owned();
                String::new()
            }
        };
        Some(Layout { form, parts, tail })
    }

    fn text(&self) -> String {
        let mut text = String::from("{");
        for part in &self.parts {
            for piece in [&part.lead, &part.pair, &part.trail] {
                text.push_str(piece);
            }
            if part.comma {
                text.push(',');
            }
        }
        text.push_str(&self.tail);
        text.push('}');
        text
    }

    fn remove_all_but(&mut self, entry: &CmdbEntry) {
        let mut at = 0;
        while at < self.parts.len() {
            if entry.get(&self.parts[at].key).is_none() {
                self.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let removed = self.parts.remove(at);
        let lead = comments(&removed.lead);
        let within = comments_within(&removed.pair, self.form);
        let trail = format!("{within}{}", comments(&removed.trail));
        if let Some(next) = self.parts.get_mut(at) {
            next.lead = match (lead.is_empty() && at > 0, has_comment(&next.lead)) {
                (true, _) | (_, true) => format!("{lead}{trail}{}", next.lead),
                // The next pair moves to where the removed one stood.
                _ => format!("{}{trail}", removed.lead),
            };
            return;
        }
        match self.parts.last_mut() {
            Some(last) if !removed.comma => {
                last.comma = false;
                last.trail.push_str(lead);
                last.trail.push_str(&within);
                last.trail.push_str(&removed.trail);
            }
            None if !removed.comma => self.tail = format!("{lead}{within}{}", removed.trail),
            _ => self.tail = format!("{lead}{trail}{}", self.tail),
        }
    }

    fn set_values(&mut self, entry: &CmdbEntry) {
        for part in &mut self.parts {
            let Some(value) = entry.get(&part.key) else {
                continue;
            };
            if *value != part.value {
                let old = part.value_at.of(&part.pair);
                let new = value_like(old, value, self.form);
                part.trail = format!("{}{}", comments_within(old, self.form), part.trail);
                let at = part.value_at;
                part.pair.replace_range(at.start..at.end, &new);
                part.value_at.end = at.start + new.len();
                part.value = value.clone();
            }
        }
    }

    fn append_new(&mut self, entry: &CmdbEntry, column: usize) {
        for (key, value) in entry.iter() {
            if !self.parts.iter().any(|part| part.key == key) {
                self.append(key, value, column);
            }
        }
    }

    fn append(&mut self, key: &str, value: &Value, column: usize) {
        let pair = render::pair(key, value, self.form);
        let mut lead = self.lead_of_new(&pair, column);
        let mut part = Part {
            lead: String::new(),
            key: key.to_owned(),
            value_at: Span::new(0, 0),
            pair,
            value: value.clone(),
            trail: String::new(),
            comma: false,
        };
        if let Some(last) = self.parts.last_mut() {
            // A comment after the last pair stays beside that pair.
            let rest = if last.comma {
                &mut self.tail
            } else {
                &mut last.trail
            };
            let (beside, after) = split_after_comments(rest);
            if !beside.is_empty() && !lead.contains('\n') {
                lead = format!("\n{}", " ".repeat(column.min(FARTHEST_ALIGNED) + 1));
            }
            part.lead = format!("{}{lead}", beside.trim_end_matches([' ', '\t']));
            let after = after.to_owned();
            if last.comma {
                part.comma = true;
                self.tail = after;
            } else {
                last.trail = String::new();
                last.comma = true;
                part.trail = after;
            }
        }
        self.parts.push(part);
    }

    /// What stands before a new pair: the line end and indent of the others, or a blank while the
    /// entry fits its line.
    fn lead_of_new(&self, pair: &str, column: usize) -> String {
        let own_line = self
            .parts
            .iter()
            .rev()
            .find_map(|part| part.lead.rfind('\n').map(|at| &part.lead[at..]));
        if let Some(indent) = own_line {
            let line_end = if self.parts.iter().any(|part| part.lead.contains("\r\n")) {
                "\r"
            } else {
                ""
            };
            return format!("{line_end}{indent}");
        }
        let length = self.text().chars().count() + pair.chars().count();
        if column + length + 3 > WIDTH && column <= FARTHEST_ALIGNED {
            let first = self.parts.first().map_or(0, |part| part.lead.len());
            format!("\n{}", " ".repeat(column + 1 + first))
        } else {
            " ".to_owned()
        }
    }
}

/// Ends the part before `gap` at the comma in it; gives what follows the comma. Where there is no part
/// before, the gap is all lead; where there is no comma, none.
fn close(before: Option<&mut Part>, gap: &str, form: Form) -> Option<String> {
    let Some(before) = before else {
        return Some(gap.to_owned());
    };
    let mut scanner = Scanner::new(gap, form);
    let comma = loop {
        let token = scanner.next().ok()?;
        match token.kind {
            Kind::Comma => break token.span,
            Kind::End => return None,
            _ => {}
        }
    };
    before.trail = gap[..comma.start].to_owned();
    before.comma = true;
    Some(gap[comma.end..].to_owned())
}

/// Whether there is more than blanks: a comment, or a backslash at the end of a line.
fn has_comment(gap: &str) -> bool {
    !gap.trim().is_empty()
}

/// A gap that is worth keeping: one with a comment.
fn comments(gap: &str) -> &str {
    if has_comment(gap) { gap } else { "" }
}

/// The comments within a pair or value that goes, each ended so that anything may follow.
fn comments_within(text: &str, form: Form) -> String {
    let mut scanner = Scanner::new(text, form);
    let mut comments = String::new();
    while let Ok(token) = scanner.next() {
        let source = token.span.of(text);
        match token.kind {
            Kind::End => break,
            Kind::Comment if source.starts_with("/*") => comments.push_str(&format!(" {source} ")),
            Kind::Comment => comments.push_str(&format!(" {source}\n")),
            _ => {}
        }
    }
    comments
}

/// Cuts a gap after its last comment, line end not included.
fn split_after_comments(gap: &str) -> (&str, &str) {
    if has_comment(gap) {
        gap.split_at(gap.trim_end().len())
    } else {
        ("", gap)
    }
}

/// A value in the quotes of the one it replaces.
fn value_like(old: &str, value: &Value, form: Form) -> String {
    let quote = old.chars().next().filter(|c| matches!(c, '\'' | '"'));
    match (quote, value) {
        (Some(quote), Value::Text(text)) if form == Form::Edeploy && !text.contains(quote) => {
            render::text_in(quote, text, form)
        }
        _ => render::value(value, form),
    }
}
