//! The hash by which server and machine know that they mean the same plan.
//!
//! It is the SHA-256, in lower-case hexadecimal, of the plan's JSON as `edeployctl plan --json` names
//! its fields, in the form of RFC 8785 (JSON Canonicalization Scheme), as UTF-8: no blanks between
//! tokens; the fields of an object sorted by name; every field written, `null` where it has no value;
//! `"` and `\` escaped, control characters below U+0020 as `\b \t \n \f \r` or `\u00xx` in lower case
//! and no other character escaped; integers in digits, seconds as ECMAScript writes numbers.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::Plan;

impl Plan {
    /// The SHA-256 of the plan's canonical JSON, 64 lower-case hexadecimal digits.
    pub fn hash(&self) -> String {
        sha256(&self.canonical_json())
    }

    /// The text that the hash is made of: the plan as JSON in the form of RFC 8785.
    pub fn canonical_json(&self) -> String {
        let value = serde_json::to_value(self)
            .expect("texts, numbers and lists with text for keys are always JSON");
        canonical_json(&value)
    }
}

/// JSON in the form of RFC 8785, as far as the module's text goes.
pub(in crate::configure) fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

/// The SHA-256 of a text in lower-case hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Number(number) => out.push_str(&written(number)),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // All names of fields are ASCII, so the order of bytes is that of UTF-16.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, field)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, &Value::String(name.clone()));
                out.push(':');
                write(out, field);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// A number as ECMAScript writes it: `1` and not `1.0`, an exponent from 1e21 and below 1e-6.
fn written(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    if float == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&float.abs()) {
        float.to_string()
    } else {
        let text = format!("{float:e}");
        match text.split_once('e') {
            Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests;
