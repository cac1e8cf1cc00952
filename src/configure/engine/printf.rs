//! Python's `%`: a format and its arguments become text.
//!
//! Engine-neutral: what a value is, and how it reads as text, comes through [`Argument`] and
//! [`Arguments`]. Width, precision and the size of the result are capped, since the arguments may
//! come from the hardware.

mod number;

use std::iter::Peekable;
use std::str::Chars;

use crate::configure::literal::push_escape;

/// The largest width and precision that a format may ask for.
const LARGEST_WIDTH: usize = 10_000;
/// The largest result in bytes.
pub(super) const LARGEST_RESULT: usize = 4 * 1024 * 1024;

/// One value to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    /// A whole number. A boolean is 0 or 1, with its word as text.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// Anything else, which only `%s`, `%r` and `%a` write.
    Other {
        /// What Python calls the type.
        kind: &'static str,
        /// The whole number that it counts as, if any.
        int: Option<i128>,
        /// `repr()` of it, which is its `str()` too.
        text: String,
    },
}

/// What stands to the right of the `%`.
pub(super) trait Arguments {
    /// How many items a tuple has; none for a single value.
    fn tuple_length(&self) -> Option<usize>;
    /// Whether it takes `%(name)s`.
    fn is_mapping(&self) -> bool;
    /// Whether it may be left unused, as mappings and lists may in Python.
    fn may_be_unused(&self) -> bool;
    /// The item of a tuple, or the single value.
    fn item(&self, at: usize) -> Result<Argument, PrintfError>;
    /// The value of a key.
    fn key(&self, name: &str) -> Result<Argument, PrintfError>;
}

/// Why a text cannot be formatted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum PrintfError {
    /// The format or its arguments are wrong.
    #[error("{0}")]
    Wrong(String),
    /// A key is not there.
    #[error("there is no key `{key}`")]
    NoKey {
        /// The key.
        key: String,
        /// The keys there are.
        known: Vec<String>,
    },
    /// A width, a precision or the result is too large.
    #[error("{0}")]
    TooLarge(String),
}

type Result<T, E = PrintfError> = std::result::Result<T, E>;

fn wrong<T>(text: impl Into<String>) -> Result<T> {
    Err(PrintfError::Wrong(text.into()))
}

/// One conversion: what stands between `%` and its letter.
#[derive(Debug, Default, Clone, Copy)]
struct Conversion {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Writes `arguments` as `format` asks, as Python 3 does.
///
/// # Errors
///
/// A format or argument that Python refuses too, and anything beyond the caps.
pub(super) fn printf(format: &str, arguments: &dyn Arguments) -> Result<String> {
    let mut state = State {
        arguments,
        next: 0,
        used_keys: false,
    };
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
        } else {
            out.push_str(&state.convert(&mut chars)?);
        }
        if out.len() > LARGEST_RESULT {
            return Err(PrintfError::TooLarge(format!(
                "the text is longer than {LARGEST_RESULT} bytes"
            )));
        }
    }
    let left = !state.used_keys && state.next < arguments.tuple_length().unwrap_or(1);
    if left && !arguments.may_be_unused() {
        return wrong("the format takes fewer values than are given");
    }
    Ok(out)
}

struct State<'a> {
    arguments: &'a dyn Arguments,
    next: usize,
    used_keys: bool,
}

impl State<'_> {
    fn next_item(&mut self) -> Result<Argument> {
        let there = self.arguments.tuple_length().unwrap_or(1);
        if self.used_keys || self.next >= there {
            return wrong("the format takes more values than are given");
        }
        self.next += 1;
        self.arguments.item(self.next - 1)
    }

    fn convert(&mut self, chars: &mut Peekable<Chars<'_>>) -> Result<String> {
        if chars.next_if_eq(&'%').is_some() {
            return Ok("%".to_owned());
        }
        let mut keyed = None;
        if chars.next_if_eq(&'(').is_some() {
            let name = key_name(chars)?;
            if !self.arguments.is_mapping() {
                return wrong(format!(
                    "`%({name})` needs a mapping such as `var` after the `%`"
                ));
            }
            keyed = Some(self.arguments.key(&name)?);
            self.used_keys = true;
        }
        let mut conversion = flags(chars);
        if let Some(width) = self.size(chars, "width")? {
            conversion.left |= width < 0;
            conversion.width = capped(width.unsigned_abs(), "width")?;
        }
        if chars.next_if_eq(&'.').is_some() {
            let precision = self.size(chars, "precision")?.unwrap_or(0).max(0);
            conversion.precision = Some(capped(precision.unsigned_abs(), "precision")?);
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let Some(letter) = chars.next() else {
            return wrong("the format ends within a conversion: write `%%` for a per cent sign");
        };
        if !"diouxXeEfFgGcrsa".contains(letter) {
            return wrong(format!(
                "`%{letter}` is no conversion: write `%%` for a per cent sign"
            ));
        }
        let argument = match keyed {
            Some(argument) => argument,
            None => self.next_item()?,
        };
        write_one(letter, &argument, conversion)
    }

    /// A width or precision: digits, or `*` for the next value.
    fn size(&mut self, chars: &mut Peekable<Chars<'_>>, what: &str) -> Result<Option<i128>> {
        if chars.next_if_eq(&'*').is_some() {
            return match self.next_item()? {
                Argument::Int(int) | Argument::Other { int: Some(int), .. } => Ok(Some(int)),
                _ => wrong(format!("`*` takes a whole number as {what}")),
            };
        }
        let mut size = None;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            chars.next();
            size = Some(capped_digit(size.unwrap_or(0), digit, what)?);
        }
        Ok(size)
    }
}

fn capped(size: u128, what: &str) -> Result<usize> {
    usize::try_from(size)
        .ok()
        .filter(|size| *size <= LARGEST_WIDTH)
        .ok_or_else(|| {
            PrintfError::TooLarge(format!("a {what} of {size} is more than {LARGEST_WIDTH}"))
        })
}

fn capped_digit(size: i128, digit: u32, what: &str) -> Result<i128> {
    let size = size * 10 + i128::from(digit);
    capped(size.unsigned_abs(), what).map(|_| size)
}

/// The name in `%(name)`, whose parentheses may nest.
fn key_name(chars: &mut Peekable<Chars<'_>>) -> Result<String> {
    let mut depth = 1;
    let mut name = String::new();
    for c in chars.by_ref() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(name);
        }
        name.push(c);
    }
    wrong(format!("`%({name}` has no closing parenthesis"))
}

fn flags(chars: &mut Peekable<Chars<'_>>) -> Conversion {
    let mut conversion = Conversion::default();
    while let Some(flag) = chars.next_if(|c| "-+ #0".contains(*c)) {
        match flag {
            '-' => conversion.left = true,
            '+' => conversion.plus = true,
            ' ' => conversion.blank = true,
            '#' => conversion.alternate = true,
            _ => conversion.zero = true,
        }
    }
    conversion
}

fn write_one(letter: char, argument: &Argument, conversion: Conversion) -> Result<String> {
    let text = match letter {
        's' => text_of(argument),
        'r' => repr_of(argument),
        'a' => ascii(&repr_of(argument)),
        'c' => character(argument)?,
        _ => return number::write(letter, argument, conversion),
    };
    let text = match conversion.precision {
        Some(precision) if letter != 'c' => text.chars().take(precision).collect(),
        _ => text,
    };
    Ok(padded(&text, conversion))
}

/// The text with blanks before or after it.
fn padded(text: &str, conversion: Conversion) -> String {
    let blanks = " ".repeat(conversion.width.saturating_sub(text.chars().count()));
    if conversion.left {
        format!("{text}{blanks}")
    } else {
        format!("{blanks}{text}")
    }
}

fn character(argument: &Argument) -> Result<String> {
    let character = match argument {
        Argument::Text(text) => {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none())
        }
        Argument::Int(int) | Argument::Other { int: Some(int), .. } => {
            u32::try_from(*int).ok().and_then(char::from_u32)
        }
        _ => None,
    };
    match character {
        Some(character) => Ok(character.to_string()),
        None => wrong("`%c` takes one character or its number"),
    }
}

fn text_of(argument: &Argument) -> String {
    match argument {
        Argument::Text(text) => text.clone(),
        other => repr_of(other),
    }
}

fn repr_of(argument: &Argument) -> String {
    match argument {
        Argument::Int(int) => int.to_string(),
        Argument::Float(float) => number::float_repr(*float),
        Argument::Text(text) => text_repr(text),
        Argument::Other { text, .. } => text.clone(),
    }
}

/// Python's `repr()` of a number that is no whole one.
pub(super) fn float_repr(float: f64) -> String {
    number::float_repr(float)
}

/// Python's `repr()` of a text.
pub(super) fn text_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == quote => {
                out.push('\\');
                out.push(c);
            }
            _ if c.is_control() => push_escape(&mut out, c),
            _ => out.push(c),
        }
    }
    out.push(quote);
    out
}

fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            push_escape(&mut out, c);
        }
    }
    out
}

#[cfg(test)]
mod tests;
