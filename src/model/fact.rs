//! What was detected on a machine.

use serde::Serialize;
use serde::ser::SerializeTuple;

use super::Value;

/// One row `(category, instance, key, value)` of a machine's hardware.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The kind of thing, such as `disk` or `network`.
    pub category: String,
    /// Which one of its kind, such as `sda`.
    pub instance: String,
    /// What is told of it, such as `size`.
    pub key: String,
    /// A scalar, with the type it was uploaded with.
    pub value: Value,
}

impl Fact {
    /// Makes a fact of its four fields.
    pub fn new(category: &str, instance: &str, key: &str, value: impl Into<Value>) -> Fact {
        Fact {
            category: category.to_owned(),
            instance: instance.to_owned(),
            key: key.to_owned(),
            value: value.into(),
        }
    }
}

/// The row as uploaded: a list of four.
impl Serialize for Fact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_tuple(4)?;
        row.serialize_element(&self.category)?;
        row.serialize_element(&self.instance)?;
        row.serialize_element(&self.key)?;
        row.serialize_element(&self.value)?;
        row.end()
    }
}

/// All facts of one machine, in the order of the upload.
pub type Facts = Vec<Fact>;
