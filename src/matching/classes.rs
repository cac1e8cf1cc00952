//! Escapes and bracketed classes of Python's regular expressions, rewritten for the `regex` crate.

use super::error::PatternError;
use super::translate::{BACK_REFERENCE, Input, code_point};

/// The flags in force, as far as this rewriting must know them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scope {
    pub(super) ascii: bool,
    pub(super) multi_line: bool,
    pub(super) verbose: bool,
}

/// What an escape stands for.
pub(super) struct Escape {
    pub(super) text: String,
    /// The one character it is, if it is one.
    pub(super) literal: Option<char>,
    /// It takes no character.
    pub(super) anchor: bool,
}

/// Reads what follows a backslash.
pub(super) fn escape(
    input: &mut Input<'_>,
    scope: Scope,
    in_class: bool,
) -> Result<Escape, PatternError> {
    let Some(character) = input.next() else {
        return Err(input.error("a backslash ends it"));
    };
    let literal = match character {
        'a' => Some('\x07'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        'b' if in_class => Some('\x08'),
        'x' => Some(hexadecimal(input, 2)?),
        'u' => Some(hexadecimal(input, 4)?),
        'U' => Some(hexadecimal(input, 8)?),
        '0'..='9' => Some(octal(input, character, in_class)?),
        other if !other.is_ascii_alphanumeric() => Some(other),
        _ => None,
    };
    if let Some(literal) = literal {
        return Ok(Escape {
            text: code_point(literal),
            literal: Some(literal),
            anchor: false,
        });
    }
    let anchor = !in_class && matches!(character, 'A' | 'Z' | 'b' | 'B');
    let text = if anchor {
        anchor_text(character, scope)
    } else {
        set_text(character, scope)
    };
    match text {
        Some(text) => Ok(Escape {
            text: text.to_owned(),
            literal: None,
            anchor,
        }),
        None => Err(input.error("this escape is unknown")),
    }
}

fn anchor_text(character: char, scope: Scope) -> Option<&'static str> {
    Some(match (character, scope.ascii) {
        ('A', _) => r"\A",
        ('Z', _) => r"\z",
        ('b', false) => r"\b",
        ('B', false) => r"\B",
        ('b', true) => r"(?-u:\b)",
        // Outside ASCII mode of the crate `\B` could split a character; this one cannot.
        ('B', true) => r"\B",
        _ => return None,
    })
}

/// Sets of characters, valid inside and outside brackets. Python counts 1c to 1f as blanks.
fn set_text(character: char, scope: Scope) -> Option<&'static str> {
    Some(match (character, scope.ascii) {
        ('d', false) => r"\d",
        ('D', false) => r"\D",
        ('w', false) => r"\w",
        ('W', false) => r"\W",
        ('s', false) => r"[\s\x1c-\x1f]",
        ('S', false) => r"[^\s\x1c-\x1f]",
        ('d', true) => "[0-9]",
        ('D', true) => "[^0-9]",
        ('w', true) => "[0-9A-Za-z_]",
        ('W', true) => "[^0-9A-Za-z_]",
        ('s', true) => r"[\t-\r ]",
        ('S', true) => r"[^\t-\r ]",
        _ => return None,
    })
}

fn hexadecimal(input: &mut Input<'_>, digits: usize) -> Result<char, PatternError> {
    let text = input.text.get(input.at..input.at + digits);
    let character = text
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|text| u32::from_str_radix(text, 16).ok())
        .and_then(char::from_u32);
    input.at += if character.is_some() { digits } else { 0 };
    character.ok_or_else(|| input.error("this escape has not the digits of a character"))
}

/// `\0`, `\07` and `\101` are characters; `\1` is a reference to a group.
fn octal(input: &mut Input<'_>, first: char, in_class: bool) -> Result<char, PatternError> {
    let rest = &input.text[input.at..];
    let octal = rest
        .bytes()
        .take(2)
        .take_while(|byte| matches!(byte, b'0'..=b'7'));
    let more = octal.count();
    if first > '7' || (first != '0' && more < 2 && !in_class) {
        return Err(input.error(BACK_REFERENCE));
    }
    let text = &input.text[input.at - 1..input.at + more];
    let character = u32::from_str_radix(text, 8)
        .ok()
        .filter(|code| *code <= 0o377)
        .and_then(char::from_u32);
    input.at += more;
    character.ok_or_else(|| input.error("this octal escape is too large"))
}

/// Reads a class after its opening bracket.
pub(super) fn class(input: &mut Input<'_>, scope: Scope) -> Result<String, PatternError> {
    let mut out = String::from("[");
    if input.take("^") {
        out.push('^');
    }
    let mut first = true;
    loop {
        let Some(member) = input.next() else {
            return Err(input.error("a bracket is not closed"));
        };
        if member == ']' && !first {
            out.push(']');
            return Ok(out);
        }
        first = false;
        let low = member_of(input, member, scope)?;
        out.push_str(&low.text);
        let range = input.text[input.at..]
            .strip_prefix('-')
            .is_some_and(|rest| !rest.starts_with(']') && !rest.is_empty());
        if !range {
            continue;
        }
        input.at += 1;
        let Some(member) = input.next() else {
            return Err(input.error("a bracket is not closed"));
        };
        let high = member_of(input, member, scope)?;
        match (low.literal, high.literal) {
            (Some(from), Some(to)) if from <= to => {
                out.push('-');
                out.push_str(&high.text);
            }
            _ => return Err(input.error("this range of characters is none")),
        }
    }
}

fn member_of(input: &mut Input<'_>, member: char, scope: Scope) -> Result<Escape, PatternError> {
    if member == '\\' {
        return escape(input, scope, true);
    }
    Ok(Escape {
        text: code_point(member),
        literal: Some(member),
        anchor: false,
    })
}
