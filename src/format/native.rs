//! The words of RON that native files are made of, and the `ron` crate as the judge of them.
//!
//! `ron` tells what a file means but not where its values stand, so the same text is scanned here for
//! the places. Both have to accept it and to agree on every value; what only one of them would take
//! is an error.

use std::borrow::Cow;

use super::error::{BOM, Fault, quoted, sentence};
use super::scanner::{Kind, Span, number_length};
use crate::model::Value;

/// The blank, comment, string or number that begins at `start`, and its length in bytes.
pub(super) fn token(text: &str, start: usize) -> Result<Option<(Kind<'_>, usize)>, Fault> {
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    match bytes[0] {
        b' ' | b'\t' | b'\r' | b'\n' | b'\x0b' | b'\x0c' => Ok(Some((
            Kind::Blank,
            rest.find(|c| !matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c'))
                .unwrap_or(rest.len()),
        ))),
        b'/' if rest.starts_with("//") => Ok(Some((
            Kind::Comment,
            rest.find('\n').map_or(rest.len(), |end| {
                end - usize::from(rest[..end].ends_with('\r'))
            }),
        ))),
        b'/' if rest.starts_with("/*") => match block_comment_length(rest) {
            Some(length) => Ok(Some((Kind::Comment, length))),
            None => Err(Fault::new(
                start,
                "the comment that begins here has no `*/`",
            )),
        },
        b'#' if rest.starts_with("#!") => match rest.find(']') {
            Some(end) => Ok(Some((Kind::Extension, end + 1))),
            None => Err(Fault::new(
                start,
                "the `#![...]` that begins here has no `]`",
            )),
        },
        b'"' => string(text, start).map(Some),
        b'r' if is_raw_string(rest) => raw_string(text, start).map(Some),
        b'\'' => Err(
            Fault::new(start, "expected text in double quotes, found `'`")
                .hint("write \"...\": only the eDeploy form takes single quotes"),
        ),
        b'0'..=b'9' => number(text, start).map(Some),
        b'+' | b'-' | b'.'
            if bytes
                .get(1)
                .is_some_and(|b| b.is_ascii_digit() || *b == b'.') =>
        {
            number(text, start).map(Some)
        }
        _ => Ok(None),
    }
}

fn block_comment_length(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        at += rest[at..].find(['/', '*'])?;
        match rest.as_bytes().get(at..at + 2)? {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

fn unclosed(start: usize) -> Fault {
    Fault::new(start, "the file ends inside the text that begins here")
        .hint("is a quote missing, or was the file saved half-way?")
}

fn is_raw_string(rest: &str) -> bool {
    rest[1..].trim_start_matches('#').starts_with('"')
}

fn raw_string(text: &str, start: usize) -> Result<(Kind<'_>, usize), Fault> {
    let rest = &text[start..];
    let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
    let inner = 2 + hashes;
    let close = format!("\"{}", "#".repeat(hashes));
    let length = rest[inner..].find(&close).ok_or_else(|| unclosed(start))?;
    let meaning = Cow::Borrowed(&rest[inner..inner + length]);
    Ok((
        Kind::Text(meaning, start + inner),
        inner + length + close.len(),
    ))
}

fn string(text: &str, start: usize) -> Result<(Kind<'_>, usize), Fault> {
    let inner = start + 1;
    let mut meaning = Cow::Borrowed("");
    let mut at = inner;
    loop {
        let rest = &text[at..];
        let next = rest.find(['"', '\\']).ok_or_else(|| unclosed(start))?;
        match &mut meaning {
            Cow::Borrowed(plain) if at == inner => *plain = &rest[..next],
            _ => meaning.to_mut().push_str(&rest[..next]),
        }
        at += next;
        if rest.as_bytes()[next] == b'"' {
            return Ok((Kind::Text(meaning, inner), at + 1 - start));
        }
        at += 1 + escape(&text[at + 1..], at, start, meaning.to_mut())?;
    }
}

/// Reads what follows a backslash; gives how many bytes it took.
fn escape(rest: &str, place: usize, start: usize, meaning: &mut String) -> Result<usize, Fault> {
    let first = rest.chars().next().ok_or_else(|| unclosed(start))?;
    let wrong = || {
        let shown = format!("\\{}", rest.chars().take(8).collect::<String>());
        Fault::new(place, format!("{} is no escape of RON", quoted(&shown)))
            .hint("write a backslash as `\\\\`, or the text as r\"...\"")
    };
    let simple = match first {
        '\\' | '\'' | '"' => first,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        '\n' | '\r' => {
            let blank = rest.find(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'));
            return Ok(blank.unwrap_or(rest.len()));
        }
        'x' => {
            let digits = rest.get(1..3).ok_or_else(wrong)?;
            let code = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
            if !code.is_ascii() {
                return Err(wrong().hint("write a character beyond ASCII as `\\u{...}`"));
            }
            meaning.push(char::from(code));
            return Ok(3);
        }
        'u' => {
            let digits = rest
                .strip_prefix("u{")
                .and_then(|rest| rest.split_once('}'));
            let (digits, _) = digits.ok_or_else(wrong)?;
            let code = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
            meaning.push(char::from_u32(code).ok_or_else(wrong)?);
            return Ok(digits.len() + 3);
        }
        _ => return Err(wrong()),
    };
    meaning.push(simple);
    Ok(1)
}

fn number(text: &str, start: usize) -> Result<(Kind<'_>, usize), Fault> {
    let rest = &text[start..];
    let length = number_length(rest);
    let source = &rest[..length];
    let digits = source.strip_prefix('+').unwrap_or(source).replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, digits.as_str()),
    };
    let radix = match unsigned.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    let whole = if radix == 10 {
        unsigned
    } else {
        &unsigned[2..]
    };
    if let Ok(whole) = i128::from_str_radix(whole, radix) {
        return Ok((Kind::Int(sign * whole), length));
    }
    match digits.parse::<f64>() {
        Ok(float) if float.is_finite() && unsigned.contains(['.', 'e', 'E']) => {
            Ok((Kind::Float(float), length))
        }
        _ => Err(
            Fault::new(start, format!("{} is no number", quoted(source)))
                .hint("put it in quotes if it is meant as text"),
        ),
    }
}

/// What `ron` reads in the part `span` of `text`.
pub(super) fn read(text: &str, span: Span) -> Result<Value, Fault> {
    let part = span.of(text);
    let part = part.strip_prefix(BOM).unwrap_or(part);
    let begin = span.end - part.len();
    ron::from_str(part).map_err(|error| {
        let line = error.span.start.line.saturating_sub(1);
        let column = error.span.start.col.saturating_sub(1);
        let before: usize = part.split_inclusive('\n').take(line).map(str::len).sum();
        let within: usize = part[before..]
            .chars()
            .take(column)
            .map(char::len_utf8)
            .sum();
        let problem = format!("this is no RON: {}", error.code);
        let problem = sentence(problem.trim_end_matches('.'));
        Fault::new((begin + before + within).min(text.len()), problem)
    })
}

#[cfg(test)]
#[path = "native/tests.rs"]
mod tests;
