//! The `$name` and `$$name` values that a match captures.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::Value;

/// Names and the values bound to them, in the order they were bound. A name stands once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bindings(Vec<(String, Value)>);

impl Bindings {
    /// No binding at all.
    pub fn new() -> Bindings {
        Bindings::default()
    }

    /// The value bound to `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter()
            .find(|(bound, _)| *bound == name)
            .map(|(_, value)| value)
    }

    /// Binds `name`, replacing an earlier value in its place.
    pub fn bind(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(bound, _)| bound == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Names and values in binding order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Value)> for Bindings {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Bindings {
        let mut bindings = Bindings::new();
        for (name, value) in pairs {
            bindings.bind(&name, value);
        }
        bindings
    }
}

impl Serialize for Bindings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A JSON object; a name that stands twice is an error.
impl<'de> serde::Deserialize<'de> for Bindings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Bindings, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(pairs) => Ok(Bindings(pairs)),
            _ => Err(serde::de::Error::custom(
                "expected a mapping of names to values",
            )),
        }
    }
}
