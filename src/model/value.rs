//! The values that facts, CMDB entries and variables hold.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::Number;

/// One value: what JSON, a Python literal and RON can all say.
///
/// A fact holds a scalar; a CMDB entry may hold any of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// JSON `null`, Python `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A finite fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A Python or RON list, a JSON array.
    List(Vec<Value>),
    /// A Python tuple. Other forms have none; there it is a list.
    Tuple(Vec<Value>),
    /// A mapping, in the order of the file. Keys are unique.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The one key of the mapping as which `serde_json` hands out fractions and numbers beyond 64
    /// bits where a crate of the build asks for its `arbitrary_precision`, as `starlark` does.
    pub const JSON_NUMBER: &str = "$serde_json::private::Number";

    /// The value of a number that JSON holds; none of one that is out of range.
    pub fn from_json_number(text: &str) -> Option<Value> {
        let int = text.parse::<i64>().map(i128::from);
        match int.or_else(|_| text.parse::<u64>().map(i128::from)) {
            Ok(int) => Some(Value::Int(int)),
            Err(_) => text
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map(Value::Float),
        }
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number this value is or, for text, denotes.
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Value::Int(int) => Some(Number::Int(*int)),
            Value::Float(float) => Number::from_float(*float),
            Value::Text(text) => Number::parse(text),
            _ => None,
        }
    }

    /// Whether the value is a number itself, and not the text of one.
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Int(_) | Value::Float(_))
    }

    /// Whether both say the same: equal, or a number and a text that denotes it (DESIGN.md 3).
    ///
    /// Two texts are compared as text: `"8"` and `"8.0"` differ, though each is the same as `8`.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (a, b) if a.is_number() || b.is_number() => match (a.as_number(), b.as_number()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
            (Value::List(a) | Value::Tuple(a), Value::List(b) | Value::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (a, b) => a == b,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

/// Text as it stands, anything else as JSON writes it: for messages, not for files.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(bool) => bool.fmt(f),
            Value::Int(int) => int.fmt(f),
            Value::Float(float) => write!(f, "{float:?}"),
            Value::Text(text) => f.write_str(text),
            Value::List(items) | Value::Tuple(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(pairs) => {
                f.write_str("{")?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(bool) => serializer.serialize_bool(*bool),
            Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
                (Ok(int), _) => serializer.serialize_i64(int),
                (_, Ok(int)) => serializer.serialize_u64(int),
                _ => serializer.serialize_i128(*int),
            },
            Value::Float(float) => serializer.serialize_f64(*float),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) | Value::Tuple(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Reads any self-describing form (JSON, RON). A key that stands twice in a mapping is an error.
impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> serde::de::Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, a list or a mapping with text keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int.into()))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(Value::Int(int.into()))
    }

    fn visit_i128<E>(self, int: i128) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_f64<E: serde::de::Error>(self, float: f64) -> Result<Value, E> {
        if float.is_finite() {
            Ok(Value::Float(float))
        } else {
            Err(E::custom("infinity and not-a-number are no values"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == Value::JSON_NUMBER && pairs.is_empty() {
                return Value::from_json_number(&map.next_value::<String>()?)
                    .ok_or_else(|| serde::de::Error::custom("number out of range"));
            }
            if pairs.iter().any(|(seen, _)| *seen == key) {
                return Err(serde::de::Error::custom(format_args!(
                    "the key `{key}` stands twice"
                )));
            }
            pairs.push((key, map.next_value()?));
        }
        Ok(Value::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_as_the_text_that_denotes_it() {
        assert!(Value::Int(2).same(&"2".into()));
        assert!(Value::Int(2).same(&Value::Float(2.0)));
        assert!(Value::from(" 2.0").same(&Value::Int(2)));
        assert!(!Value::from("2").same(&"2.0".into()));
        assert!(!Value::Bool(true).same(&Value::Int(1)));
    }

    #[test]
    fn json_keeps_the_type_of_every_value() {
        let json = r#"{"a":1,"b":"1","c":1.5,"d":null,"e":true,"f":[1,"x"]}"#;
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        let error = serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).unwrap_err();
        assert!(error.to_string().contains("`a` stands twice"), "{error}");
    }
}
