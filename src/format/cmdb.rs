//! `NAME.cmdb`: the settings a profile hands out, a list of mappings or one `generate({...})`.
//!
//! A document remembers where each entry stands, so that giving one away rewrites that entry and
//! copies the rest.

use std::collections::BTreeMap;

use super::document::{Top, walk};
use super::error::{Fault, ParseError, quoted};
use super::generate::{Expansion, GenerateError, expand};
use super::scanner::Span;
use super::tree::{Data, Node};
use super::{Form, entry, render};
use crate::model::{CmdbEntry, Value};

/// A CMDB file that can be rewritten entry by entry.
#[derive(Debug, Clone)]
pub struct CmdbDocument {
    form: Form,
    source: String,
    entries: Vec<CmdbEntry>,
    /// Where each entry stands in the source; empty while the source is a `generate`.
    spans: Vec<Span>,
    /// Where `generate(...)` stands, while the source is one.
    generate: Option<Span>,
    /// The new text of the entries that were replaced.
    changed: BTreeMap<usize, String>,
    notes: Vec<String>,
}

impl CmdbDocument {
    /// Reads a CMDB. Keys are text and stand once in an entry.
    ///
    /// # Errors
    /// A text that is no such list or `generate`, an item that is no mapping, a `generate` of too many
    /// entries, each at its place.
    pub fn parse(origin: &str, text: &str, form: Form) -> Result<CmdbDocument, ParseError> {
        let mut document = CmdbDocument {
            form,
            source: text.to_owned(),
            entries: Vec::new(),
            spans: Vec::new(),
            generate: None,
            changed: BTreeMap::new(),
            notes: Vec::new(),
        };
        let top = walk(text, form, |node| {
            document.spans.push(node.span);
            document.entries.push(read_entry(node, text, form)?);
            Ok(())
        });
        let expanded = match top {
            Ok(Top::List) => return Ok(document),
            Ok(Top::Generate(span, model)) => {
                document.generate = Some(span);
                expanded(model, form)
            }
            Err(fault) => Err(fault),
        };
        let expansion = expanded.map_err(|fault| fault.of(origin, text))?;
        document.notes.extend(note_on(&expansion));
        document.entries = expansion.entries;
        Ok(document)
    }

    /// All entries in the order of the file; those of a `generate` expanded.
    pub fn entries(&self) -> &[CmdbEntry] {
        &self.entries
    }

    /// Whether the file is a `generate(...)` that no entry was taken from yet.
    pub fn is_generated(&self) -> bool {
        self.generate.is_some()
    }

    /// What an admin should know of the file though it is no error: ranges of different length.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Makes the entry `index` read as `entry`, by the smallest edit of its text. A `generate(...)`
    /// becomes the list of its entries first. An index that the file has not changes nothing.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the file takes the entry over"
    )]
    pub fn replace(&mut self, index: usize, entry: CmdbEntry) {
        let entry = entry::as_read(&entry, self.form);
        if self.entries.get(index).is_none_or(|old| *old == entry) {
            return;
        }
        if let Some(call) = self.generate.take() {
            self.expand_source(call);
        }
        let span = self.spans[index];
        let old = match self.changed.get(&index) {
            Some(changed) => changed.as_str(),
            None => span.of(&self.source),
        };
        let line = self.source[..span.start].rfind('\n').map_or(0, |at| at + 1);
        // More than a line's width is all the same, and may be megabytes.
        let column = self.source[line..span.start]
            .chars()
            .take(render::WIDTH)
            .count();
        let new = entry::edited(old, column, &entry, self.form);
        self.entries[index] = entry::read(&new, self.form).unwrap_or(entry);
        self.changed.insert(index, new);
    }

    /// The file as it now reads.
    pub fn text(&self) -> String {
        let added: usize = self.changed.values().map(String::len).sum();
        let mut text = String::with_capacity(self.source.len() + added);
        let mut at = 0;
        for (index, new) in &self.changed {
            let span = self.spans[*index];
            text.push_str(&self.source[at..span.start]);
            text.push_str(new);
            at = span.end;
        }
        text.push_str(&self.source[at..]);
        text
    }

    fn expand_source(&mut self, call: Span) {
        let mut source = self.source[..call.start].to_owned();
        source.push_str("[\n");
        self.spans.clear();
        for entry in &self.entries {
            source.push_str("    ");
            let start = source.len();
            source.push_str(&render::entry(entry, self.form));
            self.spans.push(Span::new(start, source.len()));
            source.push_str(",\n");
        }
        source.push(']');
        source.push_str(&self.source[call.end..]);
        self.source = source;
    }
}

fn read_entry(node: Node, text: &str, form: Form) -> Result<CmdbEntry, Fault> {
    let start = node.span.start;
    let found = node.describe(text);
    match node.into_value(form) {
        Value::Map(pairs) => Ok(pairs.into_iter().collect()),
        _ => Err(
            Fault::new(start, format!("expected an entry `{{...}}`, found {found}"))
                .hint("an entry is a mapping of names to values"),
        ),
    }
}

fn expanded(model: Node, form: Form) -> Result<Expansion, Fault> {
    let start = model.span.start;
    let places: Vec<(String, usize)> = match &model.data {
        Data::Map(pairs) => pairs
            .iter()
            .map(|(key, node)| (key.text.clone(), node.span.start))
            .collect(),
        _ => Vec::new(),
    };
    let Value::Map(pairs) = model.into_value(form) else {
        return Err(Fault::new(start, "expected a mapping"));
    };
    expand(&pairs).map_err(|error| {
        let at = match &error {
            GenerateError::NumberTooLarge(key) => places
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, at)| *at),
            GenerateError::TooMany(_) => None,
        };
        Fault::new(at.unwrap_or(start), error.to_string())
    })
}

fn note_on(expansion: &Expansion) -> Option<String> {
    if expansion.uneven.is_empty() {
        return None;
    }
    let ranges: Vec<String> = expansion
        .uneven
        .iter()
        .map(|(key, length)| format!("{} {length}", quoted(key)))
        .collect();
    Some(format!(
        "the ranges of this `generate` differ in length ({}): the shortest one ends it after {} entries",
        ranges.join(", "),
        expansion.entries.len()
    ))
}

#[cfg(test)]
#[path = "cmdb/tests.rs"]
mod tests;
