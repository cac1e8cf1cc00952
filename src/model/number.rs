//! Numbers as facts and patterns write them: `8`, `" 12 "`, `-1.5e3`.

use std::cmp::Ordering;
use std::fmt;

/// A number, kept exactly while it is a whole one.
///
/// Sizes in bytes and counters exceed what a float holds exactly, so whole numbers stay integers and
/// only fractions and exponents become floats. A text whose exponent overflows is beyond every bound.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number.
    Int(i128),
    /// Any other number, never a not-a-number.
    Float(f64),
}

impl Number {
    /// Reads the text of a number: blanks around it, a sign, digits, a fraction and an exponent.
    ///
    /// Decimal digits of any script count, as they did for the original's `float()`. `inf`, `nan`,
    /// `_`, hexadecimal, a missing digit before or after the point are no numbers.
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        if text.is_ascii() {
            return parse_ascii(text);
        }
        let ascii: Option<String> = text.chars().map(ascii_digit).collect();
        parse_ascii(&ascii?)
    }

    /// Makes a number of a float; none of a not-a-number.
    pub fn from_float(float: f64) -> Option<Number> {
        (!float.is_nan()).then_some(Number::Float(float))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "only compared with another float"
    )]
    fn as_float(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }
}

fn parse_ascii(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent_digits = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let parts = [Some(whole), fraction, exponent_digits];
    if !parts.iter().flatten().all(|part| is_digits(part)) {
        return None;
    }
    if fraction.is_none()
        && exponent.is_none()
        && let Ok(int) = text.strip_prefix('+').unwrap_or(text).parse::<i128>()
    {
        return Some(Number::Int(int));
    }
    text.parse::<f64>().ok().and_then(Number::from_float)
}

/// The ASCII digit of the same value; an ASCII character as it is; none of anything else.
fn ascii_digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character);
    }
    let code = u32::from(character);
    let zero = DIGIT_ZEROS.iter().rfind(|zero| **zero <= code)?;
    char::from_digit(code - zero, 10)
}

/// The code points of the digit zero of each script outside ASCII (Unicode general category Nd);
/// each is followed by its digits one to nine.
const DIGIT_ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(b)),
            (a, b) => a.as_float().partial_cmp(&b.as_float()),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(int) => int.fmt(f),
            Number::Float(float) => write!(f, "{float:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_fractions_exponents_and_blanks_are_numbers() {
        for (text, expected) in [
            (" 12 ", 12.0),
            ("+12", 12.0),
            ("-3.50", -3.5),
            ("1e3", 1000.0),
            ("2.5E-1", 0.25),
        ] {
            assert_eq!(Number::parse(text), Some(Number::Float(expected)), "{text}");
        }
    }

    #[test]
    fn words_and_half_numbers_are_none() {
        for text in [
            "", " ", "inf", "nan", "1_000", "0x10", "5.", ".5", "1e", "+", "--1", "1 2",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_beyond_a_float_stay_exact() {
        let a = Number::parse("9007199254740993").unwrap();
        let b = Number::parse("9007199254740992").unwrap();
        assert!(a > b);
    }
}
