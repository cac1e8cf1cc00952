//! Numbers and string literals as Starlark and Python 3 write them.

use super::code::Code;
use super::text::Edits;
use super::token::Kind;

/// `0644` becomes `0o644`, `10L` becomes `10`.
pub(super) fn numbers(code: &Code<'_>, edits: &mut Edits) {
    for at in 0..code.tokens.len() {
        if code.kind(at) != Some(Kind::Number) {
            continue;
        }
        let word = code.word(at);
        let digits = word.trim_end_matches(['l', 'L']);
        let all_octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let new = if digits.len() > 1 && digits.starts_with('0') && all_octal {
            let value = digits.trim_start_matches('0');
            if value.is_empty() {
                "0".to_owned()
            } else {
                format!("0o{value}")
            }
        } else {
            digits.to_owned()
        };
        if new == word {
            continue;
        }
        let bytes = code.bytes(&(at..at + 1));
        let what = if new == digits {
            "numbers have no `L`"
        } else {
            "octal numbers begin with `0o`"
        };
        edits.changed(bytes.start, what);
        edits.replace(bytes, new);
    }
}

/// A string literal taken apart.
struct Literal<'a> {
    prefix: &'a str,
    quote: &'a str,
    inside: &'a str,
}

fn take_apart(word: &str) -> Option<Literal<'_>> {
    let start = word.find(['\'', '"'])?;
    let (prefix, rest) = word.split_at(start);
    let one = &rest[..1];
    let three = one.repeat(3);
    let width = if rest.starts_with(&three) && rest.len() >= 6 {
        3
    } else {
        1
    };
    let inside = rest.get(width..rest.len().checked_sub(width)?)?;
    Some(Literal {
        prefix,
        quote: &rest[..width],
        inside,
    })
}

/// Takes out `u`, and writes the other prefixes in small letters.
pub(super) fn strings(code: &Code<'_>, edits: &mut Edits) {
    for at in 0..code.tokens.len() {
        if code.kind(at) != Some(Kind::Text) {
            continue;
        }
        let Some(literal) = take_apart(code.word(at)) else {
            continue;
        };
        let is_unicode = literal.prefix.contains(['u', 'U']);
        let prefix: String = literal
            .prefix
            .chars()
            .filter(|c| !matches!(c, 'u' | 'U'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if prefix == literal.prefix {
            continue;
        }
        let bytes = code.bytes(&(at..at + 1));
        let inside = if is_unicode {
            match characters(literal.inside, prefix.contains('r')) {
                Some(inside) => inside,
                None => {
                    let what = "a string names a character with `\\N`, or one that is none";
                    edits.left(bytes.start, what, "the character itself");
                    continue;
                }
            }
        } else {
            literal.inside.to_owned()
        };
        let quote = literal.quote;
        edits.changed(
            bytes.start,
            "strings have no prefix `u`, and others in small letters",
        );
        edits.replace(bytes, format!("{prefix}{quote}{inside}{quote}"));
    }
}

/// The inside of a string with prefix `u` with the characters in the place of their numbers, which
/// Python 2 knows in such strings only.
fn characters(inside: &str, raw: bool) -> Option<String> {
    let mut out = String::new();
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = match after.as_bytes().first() {
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(b'N') if !raw => return None,
            _ => {
                let length = after.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[at..at + 1 + length]);
                rest = &after[length..];
                continue;
            }
        };
        let number = u32::from_str_radix(after.get(1..=digits)?, 16).ok()?;
        let character = char::from_u32(number).filter(|c| !c.is_control())?;
        if matches!(character, '\\' | '\'' | '"') {
            return None;
        }
        out.push(character);
        rest = &after[digits + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// What a string of Python 2 holds as it stands, but one of Starlark or Python 3 does not: `\u` in a
/// string without prefix, and `\'` in a raw one. Only for a text that is Python 2 for sure.
pub(super) fn old_escapes(code: &Code<'_>, edits: &mut Edits) {
    for at in 0..code.tokens.len() {
        let word = code.word(at);
        if code.kind(at) != Some(Kind::Text) || !word.contains('\\') {
            continue;
        }
        let Some(literal) = take_apart(word) else {
            continue;
        };
        let new = match literal.prefix.to_ascii_lowercase().as_str() {
            "" => doubled(literal.inside, |next| matches!(next, 'u' | 'U' | 'N')),
            "r" => raw_as_plain(literal.inside),
            _ => None,
        };
        if let Some(new) = new {
            let bytes = code.bytes(&(at..at + 1));
            let quote = literal.quote;
            edits.changed(
                bytes.start,
                "backslashes that stand for themselves are written twice",
            );
            edits.replace(bytes, format!("{quote}{new}{quote}"));
        }
    }
}

/// `inside` with the backslashes written twice that stand before such a character.
fn doubled(inside: &str, before: impl Fn(char) -> bool) -> Option<String> {
    let mut out = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\'
            && let Some(next) = chars.next()
        {
            if before(next) {
                out.push('\\');
            }
            out.push(next);
        }
    }
    (out != inside).then_some(out)
}

/// The inside of a raw string as that of a plain one, where it holds a quote after a backslash.
fn raw_as_plain(inside: &str) -> Option<String> {
    if !inside.contains("\\'") && !inside.contains("\\\"") {
        return None;
    }
    let mut out = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push_str("\\\\");
        match chars.next() {
            Some(quote @ ('\'' | '"')) => {
                out.push('\\');
                out.push(quote);
            }
            Some('\\') => out.push_str("\\\\"),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Some(out)
}
