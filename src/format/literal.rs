//! The words of Python that eDeploy's files are made of: blanks, comments, strings, numbers.
//!
//! It covers what Python 2 and 3 write as data, in every generation of the original's files, and
//! nothing that would have to be evaluated. How the words go together is told by [`super::parser`].

use std::borrow::Cow;

use super::error::{Fault, quoted};
use super::scanner::{Kind, number_length, word_length};

/// The blank, comment, string or number that begins at `start`, and its length in bytes.
pub(super) fn token(text: &str, start: usize) -> Result<Option<(Kind<'_>, usize)>, Fault> {
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    match bytes[0] {
        b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' => Ok(Some((Kind::Blank, blank_length(rest)))),
        b'\\' => match line_end(&rest[1..]) {
            0 => Ok(None),
            end => Ok(Some((Kind::Blank, 1 + end))),
        },
        b'#' => Ok(Some((
            Kind::Comment,
            rest.find(['\n', '\r']).unwrap_or(rest.len()),
        ))),
        b'\'' | b'"' => string(text, start, "").map(Some),
        b'0'..=b'9' => number(text, start).map(Some),
        b'+' | b'-' | b'.' if number_follows(bytes) => number(text, start).map(Some),
        _ => prefixed_string(text, start),
    }
}

fn blank_length(rest: &str) -> usize {
    rest.find(|c| !matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0c'))
        .unwrap_or(rest.len())
}

/// The length of the line end that `rest` begins with.
fn line_end(rest: &str) -> usize {
    if rest.starts_with("\r\n") {
        2
    } else {
        usize::from(rest.starts_with(['\n', '\r']))
    }
}

fn number_follows(bytes: &[u8]) -> bool {
    let after_sign = usize::from(matches!(bytes[0], b'+' | b'-'));
    match bytes.get(after_sign) {
        Some(b'.') => bytes.get(after_sign + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => byte.is_ascii_digit(),
        None => false,
    }
}

fn prefixed_string(text: &str, start: usize) -> Result<Option<(Kind<'_>, usize)>, Fault> {
    let rest = &text[start..];
    let prefix = &rest[..word_length(rest)];
    if prefix.is_empty() || !rest[prefix.len()..].starts_with(['\'', '"']) {
        return Ok(None);
    }
    match prefix.to_ascii_lowercase().as_str() {
        "u" | "b" | "r" | "ur" | "br" | "rb" => string(text, start, prefix).map(Some),
        "f" | "fr" | "rf" => Err(Fault::new(
            start,
            "found a text that Python would have to evaluate (`f'...'`)",
        )
        .hint("the file holds data only: write the text itself")),
        _ => Ok(None),
    }
}

/// Reads a string with its prefix, from quote to quote.
fn string<'a>(text: &'a str, start: usize, prefix: &str) -> Result<(Kind<'a>, usize), Fault> {
    let quote_at = start + prefix.len();
    let quote = text.as_bytes()[quote_at];
    let one = &text[quote_at..=quote_at];
    let triple = text[quote_at..].starts_with(&one.repeat(3));
    let inner = quote_at + if triple { 3 } else { 1 };
    let end = string_end(text, inner, quote, triple).ok_or_else(|| unclosed(start, triple))?;
    let source = &text[inner..end];
    let prefix = prefix.to_ascii_lowercase();
    let plain = !source.contains(['\\', '\r']);
    let meaning = if plain {
        Cow::Borrowed(source)
    } else if prefix.contains('r') {
        Cow::Owned(with_plain_line_ends(source))
    } else if prefix.contains('b') {
        Cow::Owned(bytes_text(&with_plain_line_ends(source), inner)?)
    } else {
        Cow::Owned(unescaped(source, inner)?)
    };
    let length = end + inner - quote_at - start;
    Ok((Kind::Text(meaning, inner), length))
}

fn unclosed(start: usize, triple: bool) -> Fault {
    let fault = if triple {
        Fault::new(start, "the file ends inside the text that begins here")
    } else {
        Fault::new(
            start,
            "the text that begins here has no closing quote in its line",
        )
    };
    fault.hint("is a quote missing, or was the file saved half-way?")
}

/// Where the closing quote stands.
fn string_end(text: &str, inner: usize, quote: u8, triple: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = inner;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 1 + line_end(&text[at + 1..]).max(1),
            b'\n' | b'\r' if !triple => return None,
            byte if byte == quote && (!triple || bytes[at..].starts_with(&[quote; 3])) => {
                return Some(at);
            }
            _ => at += 1,
        }
    }
}

fn with_plain_line_ends(source: &str) -> String {
    source.replace("\r\n", "\n").replace('\r', "\n")
}

/// The meaning of what stands between the quotes at byte `offset`.
fn unescaped(source: &str, offset: usize) -> Result<String, Fault> {
    let mut meaning = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '\r']) {
        meaning.push_str(&rest[..at]);
        if rest.as_bytes()[at] == b'\r' {
            meaning.push('\n');
            rest = &rest[at + line_end(&rest[at..])..];
            continue;
        }
        let place = offset + (source.len() - rest.len()) + at;
        let used = escape(&rest[at + 1..], place, &mut meaning)?;
        rest = &rest[at + 1 + used..];
    }
    meaning.push_str(rest);
    Ok(meaning)
}

/// Reads what follows a backslash; gives how many bytes it took.
fn escape(rest: &str, place: usize, meaning: &mut String) -> Result<usize, Fault> {
    let Some(first) = rest.chars().next() else {
        return Err(Fault::new(place, "found a backslash with nothing after it"));
    };
    let simple = match first {
        '\\' | '\'' | '"' => first,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\n' | '\r' => return Ok(line_end(rest)),
        '0'..='7' => return Ok(octal(rest, meaning)),
        'x' => return hex(rest, 2, place, meaning),
        'u' => return hex(rest, 4, place, meaning),
        'U' => return hex(rest, 8, place, meaning),
        'N' => {
            return Err(Fault::new(place, "found `\\N{...}`, a character by name")
                .hint("write the character itself, or its number as `\\uXXXX`"));
        }
        other => {
            meaning.push('\\');
            other
        }
    };
    meaning.push(simple);
    Ok(first.len_utf8())
}

fn octal(rest: &str, meaning: &mut String) -> usize {
    let digits = rest
        .bytes()
        .take(3)
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    let code = u32::from_str_radix(&rest[..digits], 8).unwrap_or_default();
    meaning.push(char::from_u32(code).unwrap_or('\u{fffd}'));
    digits
}

fn hex(rest: &str, digits: usize, place: usize, meaning: &mut String) -> Result<usize, Fault> {
    let wrong = |shown: &str| {
        Fault::new(
            place,
            format!("the escape {} is no character", quoted(shown)),
        )
    };
    let code = |rest: &str| -> Option<u32> {
        let digits = rest.get(1..=digits)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let shown = format!("\\{}", rest.chars().take(digits + 1).collect::<String>());
    let first = code(rest).ok_or_else(|| wrong(&shown))?;
    if let Some(character) = char::from_u32(first) {
        meaning.push(character);
        return Ok(1 + digits);
    }
    // Python 2 wrote a character beyond the first plane as two halves.
    let second = rest[1 + digits..]
        .strip_prefix('\\')
        .filter(|rest| rest.starts_with(['u', 'U']))
        .and_then(code);
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let joined = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            meaning.push(char::from_u32(joined).unwrap_or('\u{fffd}'));
            Ok(2 * (1 + digits) + 1)
        }
        _ => Err(wrong(&shown)),
    }
}

/// The meaning of a bytes literal: text in UTF-8.
fn bytes_text(source: &str, offset: usize) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let after = &rest[at + 1..];
        let place = offset + (source.len() - after.len()) - 1;
        let mut meaning = String::new();
        let used = if after.starts_with(['u', 'U', 'N']) {
            meaning.push('\\');
            0
        } else {
            escape(after, place, &mut meaning)?
        };
        // `\xNN` and octal name a byte here, not a character.
        match (after.as_bytes().first(), meaning.chars().next()) {
            (Some(b'x' | b'0'..=b'7'), Some(code)) => {
                let byte = u8::try_from(u32::from(code));
                bytes.push(byte.map_err(|_| Fault::new(place, "this escape is no byte"))?);
            }
            _ => bytes.extend_from_slice(meaning.as_bytes()),
        }
        rest = &after[used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| Fault::new(offset, "these bytes are no UTF-8 text"))
}

/// Reads a number with its sign.
fn number<'a>(text: &'a str, start: usize) -> Result<(Kind<'a>, usize), Fault> {
    let rest = &text[start..];
    let length = number_length(rest);
    let source = &rest[..length];
    let wrong = || {
        Fault::new(start, format!("{} is no number", quoted(source)))
            .hint("put it in quotes if it is meant as text")
    };
    let (negative, digits) = match source.as_bytes()[0] {
        b'-' => (true, &source[1..]),
        b'+' => (false, &source[1..]),
        _ => (false, source),
    };
    if let Some(whole) = integer(digits) {
        let whole = whole.ok_or_else(|| {
            Fault::new(start, format!("the number {} is too large", quoted(source)))
        })?;
        return Ok((Kind::Int(if negative { -whole } else { whole }), length));
    }
    let float = without_underscores(digits)
        .filter(|digits| {
            let is_fraction = digits.contains(['.', 'e', 'E']);
            is_fraction
                && digits
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        })
        .and_then(|digits| digits.parse::<f64>().ok())
        .filter(|float| float.is_finite())
        .ok_or_else(wrong)?;
    Ok((Kind::Float(if negative { -float } else { float }), length))
}

/// A whole number in any notation of Python 2 or 3. None where it is not one, some of none where it
/// exceeds all measure.
fn integer(digits: &str) -> Option<Option<i128>> {
    let digits = without_underscores(digits)?;
    let digits = digits.strip_suffix(['l', 'L']).unwrap_or(&digits);
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', ..] => (8, lower.as_str()),
        _ => (10, lower.as_str()),
    };
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    valid.then(|| i128::from_str_radix(digits, radix).ok())
}

/// The digits without the underscores that Python 3 allows between two of them.
fn without_underscores(digits: &str) -> Option<Cow<'_, str>> {
    if !digits.contains('_') {
        return Some(Cow::Borrowed(digits));
    }
    let bytes = digits.as_bytes();
    let hex = digits.starts_with("0x") || digits.starts_with("0X");
    let is_digit = |byte: u8| byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit());
    let between = bytes
        .windows(3)
        .filter(|three| three[1] == b'_')
        .all(|three| is_digit(three[0]) && is_digit(three[2]));
    let inside = !digits.starts_with('_') && !digits.ends_with('_');
    (inside && between).then(|| Cow::Owned(digits.replace('_', "")))
}

#[cfg(test)]
#[path = "literal/tests.rs"]
mod tests;
