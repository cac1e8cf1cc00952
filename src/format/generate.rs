//! `generate({...})`: one mapping of ranges that stands for a whole CMDB.
//!
//! The grammar is the original's (python-hardware `generate.py`, edeploy-behaviour.md 1.6), with the
//! seed README's rule that lists and tuples both give one element per entry. Values are computed by
//! their number, so that no range is longer in memory than the shortest one.

use crate::model::{CmdbEntry, Value};

/// The most entries that one `generate` may stand for.
pub const MOST_ENTRIES: usize = 1_000_000;

/// What a `generate` stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// The entries.
    pub entries: Vec<CmdbEntry>,
    /// Where ranges differ in length: every range with its length, in the order of the mapping. The
    /// shortest one decides; the rest of the others is never handed out.
    pub uneven: Vec<(String, usize)>,
}

/// Why a `generate` stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The shortest range is too long.
    #[error("this `generate` stands for {0} entries, more than the {MOST_ENTRIES} that one may")]
    TooMany(usize),
    /// A number in a range has more digits than can be counted with.
    #[error("the range of `{0}` has a number that is too large")]
    NumberTooLarge(String),
}

/// Expands a mapping of ranges.
///
/// # Errors
/// More than [`MOST_ENTRIES`] entries, which is found before any is made, or numbers beyond measure.
pub fn expand(model: &[(String, Value)]) -> Result<Expansion, GenerateError> {
    let mut sources = Vec::with_capacity(model.len());
    for (key, value) in model {
        let source = Source::of(value).ok_or_else(|| GenerateError::NumberTooLarge(key.clone()))?;
        sources.push((key, source));
    }
    let lengths: Vec<(&String, usize)> = sources
        .iter()
        .filter_map(|(key, source)| Some((*key, source.len()?)))
        .collect();
    let count = lengths.iter().map(|(_, length)| *length).min().unwrap_or(1);
    if count > MOST_ENTRIES {
        return Err(GenerateError::TooMany(count));
    }
    let uneven = if lengths.iter().any(|(_, length)| *length != count) {
        lengths
            .iter()
            .map(|(key, length)| ((*key).clone(), *length))
            .collect()
    } else {
        Vec::new()
    };
    let entry = |at: usize| -> CmdbEntry {
        sources
            .iter()
            .map(|(key, source)| ((*key).clone(), source.get(at)))
            .collect()
    };
    Ok(Expansion {
        entries: (0..count).map(entry).collect(),
        uneven,
    })
}

/// Where the values of one key come from.
enum Source<'a> {
    /// The same for every entry.
    Constant(&'a Value),
    /// One element per entry.
    Elements(&'a [Value]),
    /// Text before a range, the range, text after it.
    Range(&'a str, Numbers<'a>, &'a str),
    /// Four parts joined by dots; the last one runs fastest.
    Address([Numbers<'a>; 4]),
}

impl<'a> Source<'a> {
    /// None where a number is too large.
    fn of(value: &'a Value) -> Option<Source<'a>> {
        let text = match value {
            Value::List(items) | Value::Tuple(items) => return Some(Source::Elements(items)),
            Value::Text(text) => text.as_str(),
            other => return Some(Source::Constant(other)),
        };
        let Some((head, range, tail)) = ranged(text) else {
            return Some(Source::Constant(value));
        };
        if let Some(parts) = address(text) {
            let [a, b, c, d] = parts.map(Numbers::parse);
            return Some(Source::Address([a?, b?, c?, d?]));
        }
        Some(Source::Range(head, Numbers::parse(range)?, tail))
    }

    /// How many values there are; none of a constant.
    fn len(&self) -> Option<usize> {
        match self {
            Source::Constant(_) => None,
            Source::Elements(items) => Some(items.len()),
            Source::Range(_, numbers, _) => Some(numbers.len()),
            Source::Address(parts) => Some(
                parts
                    .iter()
                    .fold(1, |product, part| product.saturating_mul(part.len())),
            ),
        }
    }

    /// The value of the entry `at`, which is less than the length.
    fn get(&self, at: usize) -> Value {
        match self {
            Source::Constant(value) => (*value).clone(),
            Source::Elements(items) => items[at].clone(),
            Source::Range(head, numbers, tail) => {
                Value::Text(format!("{head}{}{tail}", numbers.get(at)))
            }
            Source::Address(parts) => {
                let mut rest = at;
                let mut texts = [const { String::new() }; 4];
                for (part, text) in parts.iter().zip(&mut texts).rev() {
                    *text = part.get(rest % part.len());
                    rest /= part.len();
                }
                Value::Text(texts.join("."))
            }
        }
    }
}

/// The four parts of a text that is made of digits, dashes, colons and three dots.
fn address(text: &str) -> Option<[&str; 4]> {
    // The original's regular expression lets one line end stand at the end.
    let body = text.strip_suffix('\n').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'-' | b'.');
    if body.is_empty() || !body.bytes().all(allowed) {
        return None;
    }
    let parts: Vec<&str> = text.split('.').collect();
    parts.try_into().ok()
}

/// The text before the first `N-M` with all `:N-M` that follow it, those, and the text after them.
fn ranged(text: &str) -> Option<(&str, &str, &str)> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if body.contains('\n') {
        return None;
    }
    let bytes = body.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        if !bytes[start].is_ascii_digit() {
            start += 1;
            continue;
        }
        match range_end(bytes, start) {
            Some(mut end) => {
                while bytes.get(end) == Some(&b':')
                    && let Some(further) = range_end(bytes, end + 1)
                {
                    end = further;
                }
                return Some((&body[..start], &body[start..end], &body[end..]));
            }
            None => start = digits_end(bytes, start),
        }
    }
    None
}

fn digits_end(bytes: &[u8], start: usize) -> usize {
    let digits = bytes[start..].iter().take_while(|b| b.is_ascii_digit());
    start + digits.count()
}

/// Where the `N-M` that begins at `start` ends.
fn range_end(bytes: &[u8], start: usize) -> Option<usize> {
    let dash = digits_end(bytes, start);
    let end = digits_end(bytes, dash + 1_usize.min(bytes.len() - dash));
    (dash > start && bytes.get(dash) == Some(&b'-') && end > dash + 1).then_some(end)
}

/// The values of `N-M:N-M...`, one run after the other.
struct Numbers<'a>(Vec<Run<'a>>);

enum Run<'a> {
    /// From the first number to the last, up or down, padded with zeros to a width.
    Count {
        first: u128,
        last: u128,
        width: usize,
    },
    /// What is no range stands for the whole text (the original's answer to `1-3:7`).
    Whole(&'a str),
}

impl<'a> Numbers<'a> {
    fn parse(text: &'a str) -> Option<Numbers<'a>> {
        let runs: Option<Vec<Run>> = text.split(':').map(|part| Run::parse(part, text)).collect();
        runs.map(Numbers)
    }

    fn len(&self) -> usize {
        self.0
            .iter()
            .fold(0, |sum: usize, run| sum.saturating_add(run.len()))
    }

    fn get(&self, at: usize) -> String {
        let mut rest = at;
        for run in &self.0 {
            if rest < run.len() {
                return run.get(rest);
            }
            rest -= run.len();
        }
        String::new()
    }
}

impl<'a> Run<'a> {
    fn parse(part: &str, whole: &'a str) -> Option<Run<'a>> {
        let trimmed = part.strip_suffix('\n').unwrap_or(part);
        let Some((first, last)) = trimmed.split_once('-') else {
            return Some(Run::Whole(whole));
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(first) || !is_number(last) {
            return Some(Run::Whole(whole));
        }
        let width = if first.starts_with('0') {
            first.len()
        } else {
            0
        };
        Some(Run::Count {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            width,
        })
    }

    fn len(&self) -> usize {
        match self {
            Run::Count { first, last, .. } => {
                usize::try_from(first.abs_diff(*last)).map_or(usize::MAX, |n| n.saturating_add(1))
            }
            Run::Whole(_) => 1,
        }
    }

    fn get(&self, at: usize) -> String {
        match self {
            Run::Count { first, last, width } => {
                let at = at as u128;
                let number = if last > first { first + at } else { first - at };
                format!("{number:0width$}")
            }
            Run::Whole(text) => (*text).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let model = [("x".to_owned(), Value::from(text))];
        let expansion = expand(&model).unwrap();
        let entries = expansion.entries.iter();
        entries.map(|e| e.get("x").unwrap().to_string()).collect()
    }

    #[test]
    fn ranges_are_read_as_the_original_reads_them() {
        for (text, expected) in [
            ("host10-12", "host10 host11 host12"),
            ("host03-05", "host03 host04 host05"),
            ("11-09", "11 10 9"),
            ("8-011", "8 9 10 11"),
            ("1-2:7-8x", "1x 2x 7x 8x"),
            ("1-3:7", "1:7 2:7 3:7"),
            ("rack1-2-node1-2", "rack1-node1-2 rack2-node1-2"),
            ("10.0.1-2.8-9", "10.0.1.8 10.0.1.9 10.0.2.8 10.0.2.9"),
            ("10.0.0.1:3-5", "10.0.0.1:3-5 10.0.0.3 10.0.0.4 10.0.0.5"),
            ("10.0.0.1-2/24", "10.0.0.1/24 10.0.0.2/24"),
            ("1--3", "1--3"),
            ("-5", "-5"),
            ("10.0.0.1-", "10.0.0.1-"),
            ("a\n1-2", "a\n1-2"),
        ] {
            assert_eq!(texts(text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn the_shortest_range_decides_and_the_others_are_named() {
        let model = [
            ("ip".to_owned(), Value::from("10.0.0-255.0-255")),
            ("name".to_owned(), Value::from("h1-99999999999999999999")),
            ("mask".to_owned(), Value::from("255.0.0.0")),
            (
                "disk".to_owned(),
                Value::Tuple(vec!["a".into(), "b".into()]),
            ),
        ];
        let expansion = expand(&model).unwrap();
        assert_eq!(expansion.entries.len(), 2);
        assert_eq!(expansion.entries[1].get("disk"), Some(&"b".into()));
        let uneven: Vec<(&str, usize)> = expansion
            .uneven
            .iter()
            .map(|(key, length)| (key.as_str(), *length))
            .collect();
        assert_eq!(uneven, [("ip", 65_536), ("name", usize::MAX), ("disk", 2)]);
    }

    #[test]
    fn too_many_entries_are_refused_before_any_is_made() {
        for text in ["0-999999999999", "1-9.0-255.0-255.0-255"] {
            let model = [("x".to_owned(), Value::from(text))];
            assert!(
                matches!(expand(&model), Err(GenerateError::TooMany(_))),
                "{text}"
            );
        }
        let model = [("x".to_owned(), Value::Text(format!("1-{}", "9".repeat(99))))];
        assert_eq!(
            expand(&model),
            Err(GenerateError::NumberTooLarge("x".to_owned()))
        );
    }

    #[test]
    fn values_without_a_range_are_one_entry() {
        let model = [
            ("a".to_owned(), Value::Int(1)),
            ("b".to_owned(), "x".into()),
        ];
        assert_eq!(expand(&model).unwrap().entries.len(), 1);
        assert_eq!(expand(&[]).unwrap().entries.len(), 1);
    }
}
