//! The conversions of numbers: `%d %i %u %o %x %X %e %E %f %F %g %G`.

use super::{Argument, Conversion, Result, padded, wrong};

/// Writes a number as Python 3 does, the width included.
///
/// A placeholder such as `⟨controller-1⟩`, whose number only the machine knows, stays as it is.
///
/// # Errors
///
/// The value is no number that the letter takes.
pub(super) fn write(letter: char, argument: &Argument, conversion: Conversion) -> Result<String> {
    if let Argument::Text(text) = argument
        && text.starts_with('⟨')
        && text.ends_with('⟩')
    {
        return Ok(padded(text, conversion));
    }
    let (negative, prefix, digits) = match letter {
        'd' | 'i' | 'u' => whole(letter, argument, conversion)?,
        'o' | 'x' | 'X' => based(letter, argument, conversion)?,
        _ => float(letter, argument, conversion)?,
    };
    let sign = match (negative, conversion.plus, conversion.blank) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let head = format!("{sign}{prefix}");
    if conversion.zero && !conversion.left {
        let zeros = conversion.width.saturating_sub(head.len() + digits.len());
        return Ok(format!("{head}{}{digits}", "0".repeat(zeros)));
    }
    Ok(padded(&format!("{head}{digits}"), conversion))
}

type Parts = (bool, &'static str, String);

fn whole(letter: char, argument: &Argument, conversion: Conversion) -> Result<Parts> {
    let (negative, digits) = match argument {
        Argument::Int(int) | Argument::Other { int: Some(int), .. } => {
            (*int < 0, int.unsigned_abs().to_string())
        }
        Argument::Float(float) if float.is_finite() => {
            let whole = float.trunc();
            (whole < 0.0, format!("{:.0}", whole.abs()))
        }
        Argument::Other {
            kind: "int", text, ..
        } => (
            text.starts_with('-'),
            text.trim_start_matches('-').to_owned(),
        ),
        other => return no_number(letter, other),
    };
    Ok((negative, "", at_least(&digits, conversion.precision)))
}

fn based(letter: char, argument: &Argument, conversion: Conversion) -> Result<Parts> {
    let (Argument::Int(int) | Argument::Other { int: Some(int), .. }) = argument else {
        return no_number(letter, argument);
    };
    let size = int.unsigned_abs();
    let (prefix, digits) = match letter {
        'o' => ("0o", format!("{size:o}")),
        'x' => ("0x", format!("{size:x}")),
        _ => ("0X", format!("{size:X}")),
    };
    let prefix = if conversion.alternate { prefix } else { "" };
    Ok((*int < 0, prefix, at_least(&digits, conversion.precision)))
}

fn at_least(digits: &str, precision: Option<usize>) -> String {
    let zeros = precision.unwrap_or(0).saturating_sub(digits.len());
    format!("{}{digits}", "0".repeat(zeros))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Python's float() of a large number loses the same"
)]
fn float(letter: char, argument: &Argument, conversion: Conversion) -> Result<Parts> {
    let value = match argument {
        Argument::Float(float) => *float,
        Argument::Int(int) | Argument::Other { int: Some(int), .. } => *int as f64,
        other => return no_number(letter, other),
    };
    let precision = conversion.precision.unwrap_or(6);
    let size = value.abs();
    let digits = if !size.is_finite() {
        if size.is_nan() { "nan" } else { "inf" }.to_owned()
    } else {
        match letter.to_ascii_lowercase() {
            'f' => fixed(size, precision, conversion.alternate),
            'e' => scientific(size, precision, conversion.alternate),
            _ => general(size, precision.max(1), conversion.alternate),
        }
    };
    let digits = if letter.is_ascii_uppercase() {
        digits.to_ascii_uppercase()
    } else {
        digits
    };
    let negative = value.is_sign_negative() && !value.is_nan();
    Ok((negative, "", digits))
}

fn fixed(size: f64, precision: usize, point: bool) -> String {
    let point = if point && precision == 0 { "." } else { "" };
    format!("{size:.precision$}{point}")
}

fn scientific(size: f64, precision: usize, point: bool) -> String {
    let (mantissa, exponent) = rounded(size, precision);
    let point = if point && precision == 0 { "." } else { "" };
    format!("{mantissa}{point}{}", exponent_text(exponent))
}

fn general(size: f64, precision: usize, alternate: bool) -> String {
    let (mantissa, exponent) = rounded(size, precision - 1);
    let fixed_digits = i64::try_from(precision).unwrap_or(i64::MAX) - 1 - exponent;
    if exponent < -4 || fixed_digits < 0 {
        let mantissa = trimmed(mantissa, alternate);
        return format!("{mantissa}{}", exponent_text(exponent));
    }
    let digits = usize::try_from(fixed_digits).unwrap_or(0);
    trimmed(fixed(size, digits, alternate), alternate)
}

/// Without the zeros that say nothing; with a point where the format asks to keep them.
fn trimmed(digits: String, keep: bool) -> String {
    match (digits.contains('.'), keep) {
        (true, true) => digits,
        (false, true) => format!("{digits}."),
        (true, false) => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        (false, false) => digits,
    }
}

/// The mantissa with `precision` digits after its point, and the exponent.
fn rounded(size: f64, precision: usize) -> (String, i64) {
    let text = format!("{size:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

fn exponent_text(exponent: i64) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

/// Python's `repr()`: the shortest digits that are this number again.
pub(super) fn float_repr(float: f64) -> String {
    if !float.is_finite() {
        return float.to_string().to_ascii_lowercase();
    }
    let shortest = format!("{:e}", float.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let sign = if float.is_sign_negative() { "-" } else { "" };
    if (-4..16).contains(&exponent) {
        return format!("{float:?}");
    }
    format!("{sign}{mantissa}{}", exponent_text(exponent))
}

fn no_number<T>(letter: char, argument: &Argument) -> Result<T> {
    let given = match argument {
        Argument::Int(_) => "a whole number",
        Argument::Float(_) => "a float",
        Argument::Text(text) => {
            return wrong(format!(
                "`%{letter}` takes a number, not the text `{}`",
                shown(text)
            ));
        }
        Argument::Other { kind, .. } => kind,
    };
    wrong(format!("`%{letter}` takes a number, not {given}"))
}

fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .collect::<String>()
        .escape_debug()
        .to_string()
}
