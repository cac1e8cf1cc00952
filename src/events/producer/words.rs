//! Values of JSON as producers write them: numbers as text, times in any unit, no or null values.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// An object of JSON.
pub(super) type Object = Map<String, Value>;

/// A value as text: texts, numbers and truth values; none for the others and where there is none.
pub(super) fn text(object: &Object, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

/// A text that is not empty.
pub(super) fn word(object: &Object, key: &str) -> Option<String> {
    text(object, key).filter(|text| !text.trim().is_empty())
}

/// A time: seconds since 1970 as a number or text, or RFC 3339. One that no calendar has is none.
pub(super) fn time(object: &Object, key: &str) -> Option<Timestamp> {
    match object.get(key)? {
        Value::Number(number) => of_seconds(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let number = text.parse().ok().and_then(of_seconds);
            number.or_else(|| text.parse().ok())
        }
        _ => None,
    }
}

/// Seconds of the year 5138 and later are taken for milli-, micro- or nanoseconds: no clock is that wrong.
fn of_seconds(seconds: f64) -> Option<Timestamp> {
    let per_second = match seconds.abs() {
        far if far >= 1e17 => 1e9,
        far if far >= 1e14 => 1e6,
        far if far >= 1e11 => 1e3,
        far if far.is_nan() => return None,
        _ => 1.0,
    };
    let micros = (seconds / per_second * 1e6).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large for the type is too large for a calendar"
    )]
    Timestamp::from_microsecond(micros as i64).ok()
}

/// How far something has come, 0 to 100: a number, or text with or without `%`.
pub(super) fn percent(object: &Object) -> Option<f32> {
    let keys = ["percentage", "percent", "progress"];
    let own = object.get("progress").and_then(Value::as_object);
    let told = keys
        .iter()
        .find_map(|key| word(object, key))
        .or_else(|| word(own?, "percent"))?;
    let number: f32 = told.trim().trim_end_matches('%').trim_end().parse().ok()?;
    number.is_finite().then(|| number.clamp(0.0, 100.0))
}

/// What kind of value it is, for a message.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn times_of_any_size_are_read_to_the_microsecond() {
        for (told, micros) in [
            (json!(1_795_255_271.131_439_7), Some(1_795_255_271_131_440)),
            (json!(0), Some(0)),
            (json!(-1.5), Some(-1_500_000)),
            (json!(1_795_255_271_131_u64), Some(1_795_255_271_131_000)),
            (
                json!(1_795_255_271_131_439_000_u64),
                Some(1_795_255_271_131_439),
            ),
            (json!("1795255271.5"), Some(1_795_255_271_500_000)),
            (
                json!("2026-11-21T09:21:11.5+00:00"),
                Some(1_795_252_871_500_000),
            ),
            (json!(1e300), None),
            (json!("soon"), None),
            (json!(null), None),
        ] {
            let read = time(&object(json!({"timestamp": told})), "timestamp");
            assert_eq!(read.map(Timestamp::as_microsecond), micros, "{told}");
        }
    }

    #[test]
    fn percentages_are_numbers_or_text() {
        for (told, percent_read) in [
            (json!("10"), Some(10.0)),
            (json!(" 33.5 % "), Some(33.5)),
            (json!(250), Some(100.0)),
            (json!(-3), Some(0.0)),
            (json!("much"), None),
            (json!("NaN"), None),
            (json!(""), None),
        ] {
            let object = object(json!({"percentage": told}));
            assert_eq!(percent(&object), percent_read, "{told}");
        }
    }
}
