//! Values with their places: what both forms are read into before they become the model.

use super::Form;
use super::error::quoted;
use super::scanner::Span;
use crate::model::Value;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Tuple(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text, and where its first character stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) inner: usize,
    /// Where the second of several texts side by side stands, which Python joins to one.
    pub(super) joined: Option<usize>,
}

/// The key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    /// What a value is called in a sentence.
    pub(super) fn describe(&self, text: &str) -> String {
        let kind = match &self.data {
            Data::List(_) => "a list",
            Data::Tuple(_) => "a tuple",
            Data::Map(_) => "a mapping",
            _ => return quoted(self.span.of(text)),
        };
        kind.to_owned()
    }

    /// The rows of a list or tuple.
    pub(super) fn into_items(self) -> Result<Vec<Node>, Node> {
        match self.data {
            Data::List(items) | Data::Tuple(items) => Ok(items),
            _ => Err(self),
        }
    }

    /// The value without places. RON's tuples are lists: that form has no other sequence.
    pub(super) fn into_value(self, form: Form) -> Value {
        let values = |items: Vec<Node>| items.into_iter().map(|node| node.into_value(form));
        match self.data {
            Data::Null => Value::Null,
            Data::Bool(bool) => Value::Bool(bool),
            Data::Int(int) => Value::Int(int),
            Data::Float(float) => Value::Float(float),
            Data::Text(text) => Value::Text(text.text),
            Data::List(items) => Value::List(values(items).collect()),
            Data::Tuple(items) if form == Form::Native => Value::List(values(items).collect()),
            Data::Tuple(items) => Value::Tuple(values(items).collect()),
            Data::Map(pairs) => Value::Map(
                pairs
                    .into_iter()
                    .map(|(key, node)| (key.text, node.into_value(form)))
                    .collect(),
            ),
        }
    }
}
