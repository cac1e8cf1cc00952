//! What one source found: facts and warnings, cleaned and bounded.

use crate::model::{Fact, Facts, Value};

/// The longest text of a fact, in bytes: the kernel's own command line has 4 KiB, processor flags 3.
const LONGEST_TEXT: usize = 8 * 1024;

/// The longest name of an instance or a key, in bytes.
const LONGEST_NAME: usize = 256;

/// The most facts of one machine: 64 disks with all of SMART are some 8,000.
const MOST_FACTS: usize = 50_000;

/// The most warnings that are kept.
const MOST_WARNINGS: usize = 200;

/// The facts and warnings of one source.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) facts: Facts,
    pub(super) warnings: Vec<String>,
}

impl Report {
    /// Takes what is told of one instance.
    pub(super) fn of<'a>(&'a mut self, category: &str, instance: &str) -> Rows<'a> {
        Rows {
            category: category.to_owned(),
            instance: clean(instance, LONGEST_NAME),
            report: self,
        }
    }

    /// Notes what could not be found out. The text may hold what hardware said.
    pub(super) fn warn(&mut self, text: impl AsRef<str>) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(clean(text.as_ref(), 1024));
        }
    }

    /// Adds what another source found.
    pub(super) fn append(&mut self, other: Report) {
        let room = MOST_FACTS.saturating_sub(self.facts.len());
        if other.facts.len() > room {
            self.warn(format!(
                "this machine has more than {MOST_FACTS} facts: the rest is left out"
            ));
        }
        self.facts.extend(other.facts.into_iter().take(room));
        for warning in other.warnings {
            self.warn(warning);
        }
    }

    /// The text of the first fact with these three fields.
    pub(super) fn text_of(&self, category: &str, instance: &str, key: &str) -> Option<&str> {
        let fact = self.facts.iter().find(|fact| {
            fact.category == category && fact.instance == instance && fact.key == key
        })?;
        fact.value.as_text()
    }
}

/// Adds rows of one category and instance.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    category: String,
    instance: String,
    report: &'a mut Report,
}

impl Rows<'_> {
    /// A row with a text.
    pub(super) fn text(&mut self, key: &str, value: impl AsRef<str>) {
        self.push(key, Value::Text(clean(value.as_ref(), LONGEST_TEXT)));
    }

    /// A row with a text, where there is one.
    pub(super) fn maybe(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A row with a whole number.
    pub(super) fn int(&mut self, key: &str, value: impl Into<i128>) {
        self.push(key, Value::Int(value.into()));
    }

    /// A row with a fraction.
    pub(super) fn float(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.push(key, Value::Float(value));
        }
    }

    /// A row with a whole number if the text is one, else with the text.
    pub(super) fn int_or_text(&mut self, key: &str, value: &str) {
        match value.parse::<i64>() {
            Ok(number) => self.int(key, number),
            Err(_) => self.text(key, value),
        }
    }

    fn push(&mut self, key: &str, value: Value) {
        if self.report.facts.len() < MOST_FACTS {
            self.report.facts.push(Fact {
                category: self.category.clone(),
                instance: self.instance.clone(),
                key: clean(key, LONGEST_NAME),
                value,
            });
        }
    }
}

/// The text without control characters and without blanks around it, cut after `limit` bytes.
fn clean(text: &str, limit: usize) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let mut cleaned = String::with_capacity(text.len().min(limit));
    for character in text.chars() {
        let character = match character {
            '\t' | '\n' => ' ',
            other if other.is_control() => continue,
            other => other,
        };
        if cleaned.len() + character.len_utf8() > limit {
            break;
        }
        cleaned.push(character);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hardware_says_is_cleaned_and_cut() {
        let mut report = Report::default();
        let mut rows = report.of("disk", "sd\x1b[31ma");
        rows.text("model", "  \0Per\x07fect\tdisk \n");
        rows.text("long", "é".repeat(10_000));
        rows.float("speed", f64::NAN);
        assert_eq!(report.facts.len(), 2);
        assert_eq!(
            report.facts[0],
            Fact::new("disk", "sd[31ma", "model", "Perfect disk")
        );
        let long = report.facts[1].value.as_text().unwrap();
        assert_eq!(long.len(), LONGEST_TEXT);
    }

    #[test]
    fn there_is_an_end_to_facts_and_warnings() {
        let mut all = Report::default();
        for _ in 0..3 {
            let mut one = Report::default();
            for number in 0..30_000_i64 {
                one.of("x", "y").int("z", number);
                one.warn("w");
            }
            all.append(one);
        }
        assert_eq!(all.facts.len(), MOST_FACTS);
        assert_eq!(all.warnings.len(), MOST_WARNINGS);
    }
}
