//! The hardware of a machine: JSON as uploaded, and the original's `.hw` files.
//!
//! Rows that are none are named and left out, the others are kept: hardware is hostile and one odd
//! row is no reason to leave a machine alone.

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::document::{Top, walk};
use super::error::{Fault, ParseError, Places, quoted, sentence};
use super::tree::Node;
use super::{Form, render};
use crate::model::{Fact, Facts, Position, Value};

/// The facts of a machine and the rows that are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedFacts {
    /// All rows that are facts, in the order of the text.
    pub facts: Facts,
    /// The others.
    pub bad_rows: Vec<BadRow>,
}

/// A row of an upload that is no fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Which one, counted from 0.
    pub index: usize,
    /// Why it is none.
    pub problem: String,
}

impl ParsedFacts {
    fn push(&mut self, index: usize, row: Result<Fact, String>) {
        match row {
            Ok(fact) => self.facts.push(fact),
            Err(problem) => self.bad_rows.push(BadRow { index, problem }),
        }
    }
}

/// Reads an upload: a JSON list of rows `[category, instance, key, value]`.
///
/// # Errors
/// A text that is no JSON list, or not UTF-8, and where it stops being one. Rows are never errors.
pub fn parse_json(origin: &str, body: &[u8]) -> Result<ParsedFacts, ParseError> {
    let text = utf8(origin, body)?;
    match read_json(text) {
        Ok(facts) => Ok(facts),
        Err(error) if error.to_string().contains("surrogate") => {
            // Python writes bytes that are no UTF-8 as half a surrogate pair, which JSON cannot say.
            read_json(&without_lone_surrogates(text)).map_err(|_| json_error(origin, text, &error))
        }
        Err(error) => Err(json_error(origin, text, &error)),
    }
}

/// Reads one of the original's `.hw` files: a Python list of tuples, of any generation.
///
/// # Errors
/// A text that is no such list, and where it stops being one. Rows are never errors.
pub fn parse_literal(origin: &str, text: &str) -> Result<ParsedFacts, ParseError> {
    let mut parsed = ParsedFacts::default();
    let mut index = 0;
    let top = walk(text, Form::Edeploy, |node| {
        parsed.push(index, literal_row(node));
        index += 1;
        Ok(())
    });
    match top {
        Ok(Top::List) => Ok(parsed),
        Ok(Top::Generate(span, _)) => {
            let fault = Fault::new(span.start, "expected a list of rows, found `generate(...)`");
            Err(fault.of(origin, text))
        }
        Err(fault) => Err(fault.of(origin, text)),
    }
}

/// Reads hardware as its file name says: `.hw` and `.hw_` are the original's, all else JSON.
///
/// # Errors
/// Those of [`parse_literal`] and [`parse_json`].
pub fn parse_named(file_name: &str, bytes: &[u8]) -> Result<ParsedFacts, ParseError> {
    if file_name.ends_with(".hw") || file_name.ends_with(".hw_") {
        parse_literal(file_name, utf8(file_name, bytes)?)
    } else {
        parse_json(file_name, bytes)
    }
}

/// The original's `.hw` file of these facts. Python 2 and 3 read it back exactly.
pub fn render_hw(facts: &[Fact]) -> String {
    let rows: Vec<String> = facts
        .iter()
        .map(|fact| {
            let texts = [&fact.category, &fact.instance, &fact.key].map(|text| ascii_text(text));
            let value = match &fact.value {
                Value::Text(text) => ascii_text(text),
                other => render::value(other, Form::Edeploy),
            };
            format!("({}, {value})", texts.join(", "))
        })
        .collect();
    format!("[{}]\n", rows.join(",\n "))
}

/// A literal of ASCII only; `u` where Python 2 would else take it for bytes.
fn ascii_text(text: &str) -> String {
    let literal = render::text(text, Form::Edeploy);
    if text.is_ascii() {
        return literal;
    }
    let mut ascii = String::from("u");
    for c in literal.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            ascii.push_str(&render::escape(c, Form::Edeploy));
        }
    }
    ascii
}

fn utf8<'a>(origin: &str, bytes: &'a [u8]) -> Result<&'a str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(bytes);
        let valid = error.valid_up_to();
        let problem = match bytes.get(valid) {
            Some(byte) if error.error_len().is_some() => {
                format!("the byte 0x{byte:02x} is no UTF-8")
            }
            _ => "the text ends within a character: it is cut off".to_owned(),
        };
        Fault::new(valid, problem).of(origin, &text)
    })
}

/// A row by its cells; what is wrong with it.
fn row(cells: Vec<Option<Value>>) -> Result<Fact, String> {
    let count = cells.len();
    let [category, instance, key, value]: [Option<Value>; 4] = cells
        .try_into()
        .map_err(|_| format!("expected 4 items, found {count}"))?;
    let text = |name: &str, cell: Option<Value>| match cell {
        Some(Value::Text(text)) => Ok(text),
        Some(other) => Err(format!(
            "expected text as {name}, found {}",
            quoted(&other.to_string())
        )),
        None => Err(format!("expected text as {name}, found a list or mapping")),
    };
    Ok(Fact {
        category: text("category", category)?,
        instance: text("instance", instance)?,
        key: text("key", key)?,
        value: value.ok_or("expected a text or number as value, found a list or mapping")?,
    })
}

fn literal_row(node: Node) -> Result<Fact, String> {
    let items = node
        .into_items()
        .map_err(|_| "expected a row of 4 items".to_owned())?;
    let cells = items
        .into_iter()
        .map(|node| match node.into_value(Form::Edeploy) {
            Value::List(_) | Value::Tuple(_) | Value::Map(_) => None,
            scalar => Some(scalar),
        });
    row(cells.collect())
}

fn read_json(text: &str) -> Result<ParsedFacts, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let facts = json.deserialize_any(Rows)?;
    json.end()?;
    Ok(facts)
}

fn json_error(origin: &str, text: &str, error: &serde_json::Error) -> ParseError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let starts = Places::new(text);
    let line = error.line().max(1);
    let start: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let mut offset = (start + error.column().saturating_sub(1)).min(text.len());
    if error.is_eof() {
        offset = text.trim_end().len();
    }
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let position: Position = starts.position(offset);
    let (problem, hint) = if text.trim().is_empty() {
        ("expected a list of rows, found nothing".to_owned(), None)
    } else if let Some(what) = message.strip_prefix("EOF while parsing ") {
        (
            format!("the text ends inside {}: it is cut off", article(what)),
            Some("was the upload interrupted, or the file saved half-way?"),
        )
    } else if message.contains("control character") {
        ("found a control character inside a text".to_owned(), None)
    } else if message.contains("recursion limit") {
        ("brackets are nested too deep".to_owned(), None)
    } else {
        (sentence(message), None)
    };
    let error = ParseError::at(origin, text, position, problem);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn article(what: &str) -> String {
    if what.starts_with("a ") || what.starts_with("an ") {
        what.to_owned()
    } else {
        format!("a {what}")
    }
}

/// The same JSON with each half of a surrogate pair that stands alone replaced.
pub(crate) fn without_lone_surrogates(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (half(rest), rest.get(6..).and_then(half)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => 0,
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        if length == 0 {
            whole.push_str("\\ufffd");
            rest = &rest[6..];
        } else {
            whole.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    whole.push_str(rest);
    whole
}

/// The code of the escape `\uXXXX` that `rest` begins with.
fn half(rest: &str) -> Option<u32> {
    let digits = rest.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Reads the list of rows.
struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = ParsedFacts;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of rows [category, instance, key, value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ParsedFacts, A::Error> {
        let mut parsed = ParsedFacts::default();
        let mut index = 0;
        while let Some(cell) = seq.next_element_seed(CellSeed { row: true })? {
            parsed.push(
                index,
                match cell {
                    Cell::Row(cells) => row(cells),
                    Cell::Scalar(value) => Err(format!(
                        "expected a row of 4 items, found {}",
                        quoted(&value.to_string())
                    )),
                    Cell::Nested => Err("expected a row of 4 items, found a mapping".to_owned()),
                },
            );
            index += 1;
        }
        Ok(parsed)
    }
}

/// What stands at one place of the upload.
enum Cell {
    Scalar(Value),
    Row(Vec<Option<Value>>),
    /// A list or mapping where none has a meaning. It is read, so that nesting is limited, and dropped.
    Nested,
}

/// Reads a cell; a list is a row only where rows are due.
struct CellSeed {
    row: bool,
}

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Cell, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Cell;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::Null))
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::Bool(bool)))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::Int(int.into())))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::Int(int.into())))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::Float(float)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Scalar(Value::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = seq.next_element_seed(CellSeed { row: false })? {
            if self.row {
                cells.push(match cell {
                    Cell::Scalar(value) => Some(value),
                    _ => None,
                });
            }
        }
        Ok(if self.row {
            Cell::Row(cells)
        } else {
            Cell::Nested
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == Value::JSON_NUMBER {
                let number = map.next_value::<String>()?;
                return Value::from_json_number(&number)
                    .map(Cell::Scalar)
                    .ok_or_else(|| Error::custom("number out of range"));
            }
            map.next_value_seed(CellSeed { row: false })?;
        }
        Ok(Cell::Nested)
    }
}

#[cfg(test)]
#[path = "facts/tests.rs"]
mod tests;
