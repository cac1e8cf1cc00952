//! Fresh files in either form, and single values as both forms write them.

use super::Form;
use super::error::is_invisible;
use crate::model::{CmdbEntry, Quota, Remaining, Spec, Value};

/// Columns that a written entry tries to stay within.
pub(super) const WIDTH: usize = 88;

/// A state file of these quotas.
pub fn render_state(quotas: &[Quota], form: Form) -> String {
    list(quotas.iter().map(|quota| {
        let remaining = match quota.remaining {
            Remaining::Limited(count) => count.to_string(),
            Remaining::Unlimited => text("*", form),
        };
        format!("({}, {remaining})", text(quota.profile.as_str(), form))
    }))
}

/// A specs file of these rules.
pub fn render_specs(spec: &Spec, form: Form) -> String {
    list(spec.rules.iter().map(|rule| {
        let patterns = rule.patterns.each_ref().map(|part| text(&part.text, form));
        format!("({})", patterns.join(", "))
    }))
}

/// A CMDB file of these entries.
pub fn render_cmdb(entries: &[CmdbEntry], form: Form) -> String {
    list(entries.iter().map(|shown| entry(shown, form)))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut file = String::from("[\n");
    for item in items {
        file.push_str(&format!("    {item},\n"));
    }
    file.push_str("]\n");
    file
}

/// An entry as a list of entries shows it: wrapped between its pairs where it is long.
pub(super) fn entry(entry: &CmdbEntry, form: Form) -> String {
    let mut shown = String::from("{");
    let mut column = 5;
    for (at, (key, part)) in entry.iter().enumerate() {
        let pair = pair(key, part, form);
        let length = pair.chars().count();
        if at > 0 {
            shown.push(',');
            if column + length + 3 > WIDTH {
                shown.push_str("\n     ");
                column = 5;
            } else {
                shown.push(' ');
                column += 2;
            }
        }
        column += length;
        shown.push_str(&pair);
    }
    shown.push('}');
    shown
}

/// A key and its value.
pub(super) fn pair(key: &str, value: &Value, form: Form) -> String {
    format!("{}: {}", text(key, form), self::value(value, form))
}

/// A value. A tuple in RON is a list: that form reads it back as one.
pub(super) fn value(value: &Value, form: Form) -> String {
    let word = |edeploy: &str, native: &str| match form {
        Form::Edeploy => edeploy.to_owned(),
        Form::Native => native.to_owned(),
    };
    let all = |items: &[Value]| {
        let items: Vec<String> = items.iter().map(|item| self::value(item, form)).collect();
        items.join(", ")
    };
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => word("True", "true"),
        Value::Bool(false) => word("False", "false"),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => format!("{float:?}"),
        Value::Text(shown) => text(shown, form),
        Value::Tuple(items) if form == Form::Edeploy && items.len() == 1 => {
            format!("({},)", all(items))
        }
        Value::Tuple(items) if form == Form::Edeploy => format!("({})", all(items)),
        Value::List(items) | Value::Tuple(items) => format!("[{}]", all(items)),
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(key, value)| pair(key, value, form))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A text in quotes: single ones in the eDeploy form, as Python's `repr`, double ones in RON.
pub(super) fn text(shown: &str, form: Form) -> String {
    let quote = match form {
        Form::Edeploy if shown.contains('\'') && !shown.contains('"') => '"',
        Form::Edeploy => '\'',
        Form::Native => '"',
    };
    text_in(quote, shown, form)
}

/// A text in the given quotes.
pub(super) fn text_in(quote: char, shown: &str, form: Form) -> String {
    let mut literal = String::with_capacity(shown.len() + 2);
    literal.push(quote);
    for c in shown.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote => literal.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => literal.push_str(&escape(c, form)),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

/// A character by its number.
pub(super) fn escape(c: char, form: Form) -> String {
    let code = u32::from(c);
    match (form, code) {
        (Form::Native, _) => format!("\\u{{{code:x}}}"),
        (Form::Edeploy, 0..=0xff) => format!("\\x{code:02x}"),
        (Form::Edeploy, 0x100..=0xffff) => format!("\\u{code:04x}"),
        (Form::Edeploy, _) => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_each_form_reads_them() {
        for (shown, edeploy, native) in [
            ("a", "'a'", "\"a\""),
            ("it's", "\"it's\"", "\"it's\""),
            ("'\"", "'\\'\"'", "\"'\\\"\""),
            (
                "\u{1b}\u{202e}\n\\",
                "'\\x1b\\u202e\\n\\\\'",
                "\"\\u{1b}\\u{202e}\\n\\\\\"",
            ),
            ("é磁", "'é磁'", "\"é磁\""),
        ] {
            assert_eq!(text(shown, Form::Edeploy), edeploy);
            assert_eq!(text(shown, Form::Native), native);
        }
    }

    #[test]
    fn a_long_entry_is_wrapped_between_its_pairs() {
        let long = "x".repeat(50);
        let shown: CmdbEntry = ["a", "b"]
            .map(|key| (key.to_owned(), Value::from(long.as_str())))
            .into_iter()
            .collect();
        assert_eq!(
            entry(&shown, Form::Edeploy),
            format!("{{'a': '{long}',\n     'b': '{long}'}}")
        );
    }
}
