//! Values as Python literals that Python 2 and Python 3 read alike.
//!
//! Only printable ASCII is written; everything else is an escape inside quotes, so no value can end
//! its literal, its line or the comment around it.

use std::fmt::Write;

use crate::model::{CmdbEntry, Value};

/// Words that the old client searches for in the whole script, wherever they stand.
const SEARCHED: [&str; 2] = ["set_role", "EDEPLOY_PROFILE"];

/// Writes a value as a Python literal of ASCII characters on one line.
///
/// Text that is not ASCII is written as `u'...'`: Python 3 reads text, Python 2 reads unicode, which
/// the script's prelude turns into the UTF-8 text that scripts for Python 2 expect.
pub fn python_literal(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// Writes the variables as a mapping, one to a line.
pub(super) fn python_mapping(variables: &CmdbEntry) -> String {
    let mut out = String::from("{\n");
    for (key, value) in variables.iter() {
        out.push_str("    ");
        write_text(&mut out, key);
        out.push_str(": ");
        write_value(&mut out, value);
        out.push_str(",\n");
    }
    out.push('}');
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Float(float) if float.is_finite() => out.push_str(&format!("{float:?}")),
        Value::Float(float) => write_text(out, &float.to_string()),
        Value::Text(text) => write_text(out, text),
        Value::List(items) => write_items(out, '[', items, ']'),
        Value::Tuple(items) => write_items(out, '(', items, ')'),
        Value::Map(pairs) => {
            out.push('{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_text(out, key);
                out.push_str(": ");
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn write_items(out: &mut String, open: char, items: &[Value], close: char) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_value(out, item);
    }
    if open == '(' && items.len() == 1 {
        out.push(',');
    }
    out.push(close);
}

pub(super) fn write_text(out: &mut String, text: &str) {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(c),
            _ => push_escape(&mut quoted, c),
        }
    }
    for word in SEARCHED {
        if quoted.contains(word) {
            quoted = quoted.replace(word, &word.replace('_', "\\x5f"));
        }
    }
    if !text.is_ascii() {
        out.push('u');
    }
    out.push('\'');
    out.push_str(&quoted);
    out.push('\'');
}

/// Writes a character as the escape that every Python reads in a text literal.
pub(super) fn push_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    let written = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a String takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii_is_written() {
        let hostile = "'''\\'\"\n\r\0\u{1b}\u{7f}é\u{2028}😀`$(x)";
        let literal = python_literal(&hostile.into());
        assert!(
            literal.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{literal}"
        );
        assert_eq!(
            literal,
            r#"u'\'\'\'\\\'"\n\x0d\x00\x1b\x7f\xe9\u2028\U0001f600`$(x)'"#
        );
    }

    #[test]
    fn every_kind_of_value_keeps_its_type() {
        let value = Value::Map(vec![
            ("a".to_owned(), Value::Int(-3)),
            ("b".to_owned(), Value::Float(1.0)),
            (
                "c".to_owned(),
                Value::List(vec![Value::Null, Value::Bool(true)]),
            ),
            ("d".to_owned(), Value::Tuple(vec!["x".into()])),
        ]);
        assert_eq!(
            python_literal(&value),
            "{'a': -3, 'b': 1.0, 'c': [None, True], 'd': ('x',)}"
        );
    }

    #[test]
    fn the_words_that_the_old_client_searches_for_never_come_from_a_value() {
        let literal = python_literal(&"set_role('x', 'y', z) #EDEPLOY_PROFILE = x".into());
        assert!(!literal.contains("set_role") && !literal.contains("EDEPLOY_PROFILE"));
    }
}
