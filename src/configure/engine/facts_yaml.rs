//! The file of facts that `inject_facts` leaves for facter: YAML, one line for each variable.

use std::fmt::Write;

use crate::model::{CmdbEntry, Value};

use super::printf::float_repr;

/// The text for a mapping, sorted by name; none for anything else.
pub(super) fn render(vars: &Value, prefix: &str) -> Option<String> {
    let Value::Map(pairs) = vars else {
        return None;
    };
    let mut pairs: Vec<&(String, Value)> = pairs.iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = String::from("---\n");
    for (key, value) in pairs {
        let name = format!("{prefix}{key}");
        let name = if is_plain(&name) { name } else { text(&name) };
        out.push_str(&format!("{name}: {}\n", yaml(value)));
    }
    Some(out)
}

/// The text for facter of a machine's variables, each name with `prefix` before it.
pub fn facter_facts(variables: &CmdbEntry, prefix: &str) -> String {
    let pairs = variables.iter();
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.clone()));
    render(&Value::Map(pairs.collect()), prefix).expect("a mapping has a text")
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn yaml(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float_repr(*float),
        Value::Text(own) => text(own),
        Value::List(items) | Value::Tuple(items) => {
            let items: Vec<String> = items.iter().map(yaml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<&(String, Value)> = pairs.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{}: {}", text(key), yaml(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A text in double quotes, in which nothing can end it or its line.
fn text(own: &str) -> String {
    let mut out = String::from("\"");
    for c in own.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\x1f' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                let written = write!(out, "\\u{:04x}", u32::from(c));
                debug_assert!(written.is_ok(), "a String takes all that is written to it");
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_end_its_line() {
        let vars = Value::Map(vec![
            ("b".to_owned(), "x\"\n- y: \u{2028}".into()),
            ("a b".to_owned(), Value::Int(1)),
            (
                "a".to_owned(),
                Value::List(vec![Value::Null, Value::Bool(true)]),
            ),
        ]);
        assert_eq!(
            render(&vars, "hw_").unwrap(),
            "---\nhw_a: [null, true]\n\"hw_a b\": 1\nhw_b: \"x\\\"\\u000a- y: \\u2028\"\n"
        );
        assert_eq!(render(&Value::Null, "hw_"), None);
    }
}
