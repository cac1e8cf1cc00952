//! Our values as Starlark's, and Starlark's as the texts of actions.

use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::UnpackFloat;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::tuple::{AllocTuple, TupleRef};
use starlark::values::{Heap, UnpackValue, Value as Starlark};

use crate::configure::engine::error::Limit;
use crate::configure::engine::printf::{LARGEST_RESULT, float_repr, text_repr};
use crate::configure::engine::stop::Stop;
use crate::configure::plan::CommandText;
use crate::model::{CmdbEntry, Value};

/// How deep values may nest to be written as text.
const DEEPEST: usize = 100;

/// The variables as a dict of Starlark.
pub(super) fn variables<'v>(heap: Heap<'v>, profile: &str, entry: &CmdbEntry) -> Starlark<'v> {
    let mut pairs: Vec<(&str, Starlark<'v>)> = entry
        .iter()
        .map(|(key, value)| (key, allocate(heap, value)))
        .collect();
    pairs.push((crate::configure::PROFILE_KEY, heap.alloc(profile)));
    heap.alloc(AllocDict(pairs))
}

/// One of our values as one of Starlark's.
pub(super) fn allocate<'v>(heap: Heap<'v>, value: &Value) -> Starlark<'v> {
    let all = |items: &[Value]| -> Vec<Starlark<'v>> {
        items.iter().map(|item| allocate(heap, item)).collect()
    };
    match value {
        Value::Null => Starlark::new_none(),
        Value::Bool(bool) => Starlark::new_bool(*bool),
        Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
            (Ok(int), _) => heap.alloc(int),
            (_, Ok(int)) => heap.alloc(int),
            _ => heap.alloc(int.to_string()),
        },
        Value::Float(float) => heap.alloc(*float),
        Value::Text(text) => heap.alloc(text.as_str()),
        Value::List(items) => heap.alloc(AllocList(all(items))),
        Value::Tuple(items) => heap.alloc(AllocTuple(all(items))),
        Value::Map(pairs) => heap.alloc(AllocDict(
            pairs
                .iter()
                .map(|(key, value)| (key.as_str(), allocate(heap, value))),
        )),
    }
}

/// The whole number of a value; a boolean is one, as in Python.
pub(super) fn int_of(value: Starlark<'_>) -> Option<i128> {
    match value.unpack_bool() {
        Some(bool) => Some(bool.into()),
        None if value.get_type() == "int" => match value.unpack_i32() {
            Some(int) => Some(int.into()),
            None => value.to_repr().parse().ok(),
        },
        None => None,
    }
}

/// The number of a value of type `float`.
pub(super) fn float_of(value: Starlark<'_>) -> Option<f64> {
    (value.get_type() == "float")
        .then(|| UnpackFloat::unpack_value_opt(value))
        .flatten()
        .map(|float| float.0)
}

/// The text of a value as Python's `str()` gives it.
pub(super) fn str_of(value: Starlark<'_>) -> Result<String, Stop> {
    match value.unpack_str() {
        Some(text) => Ok(text.to_owned()),
        None => repr_of(value),
    }
}

/// The text of a value as Python's `repr()` gives it.
pub(super) fn repr_of(value: Starlark<'_>) -> Result<String, Stop> {
    let mut out = String::new();
    write_repr(&mut out, value, 0)?;
    Ok(out)
}

fn write_repr(out: &mut String, value: Starlark<'_>, depth: usize) -> Result<(), Stop> {
    if depth > DEEPEST || out.len() > LARGEST_RESULT {
        return Err(Stop::Limit(Limit::Value(format!(
            "a value as text: deeper than {DEEPEST} or longer than {LARGEST_RESULT} bytes"
        ))));
    }
    if let Some(text) = value.unpack_str() {
        out.push_str(&text_repr(text));
    } else if let Some(float) = float_of(value) {
        out.push_str(&float_repr(float));
    } else if let Some(list) = ListRef::from_value(value) {
        write_items(out, '[', list.content(), "]", depth)?;
    } else if let Some(tuple) = TupleRef::from_value(value) {
        let close = if tuple.len() == 1 { ",)" } else { ")" };
        write_items(out, '(', tuple.content(), close, depth)?;
    } else if let Some(dict) = DictRef::from_value(value) {
        out.push('{');
        for (at, (key, value)) in dict.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            write_repr(out, key, depth + 1)?;
            out.push_str(": ");
            write_repr(out, value, depth + 1)?;
        }
        out.push('}');
    } else {
        out.push_str(&value.to_repr());
    }
    Ok(())
}

fn write_items(
    out: &mut String,
    open: char,
    items: &[Starlark<'_>],
    close: &str,
    depth: usize,
) -> Result<(), Stop> {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write_repr(out, *item, depth + 1)?;
    }
    out.push_str(close);
    Ok(())
}

/// A command: a text for the shell, or a list of words.
pub(super) fn command_of(value: Starlark<'_>) -> anyhow::Result<CommandText> {
    if let Some(text) = value.unpack_str() {
        return Ok(CommandText::Shell(text.to_owned()));
    }
    let words = ListRef::from_value(value)
        .map(|list| list.content())
        .or_else(|| TupleRef::from_value(value).map(|tuple| tuple.content()));
    let Some(words) = words else {
        anyhow::bail!(
            "a command is a text or a list of texts, not `{}`",
            value.get_type()
        );
    };
    let words: Result<Vec<String>, Stop> = words.iter().map(|word| str_of(*word)).collect();
    Ok(CommandText::List(words?))
}

/// A value of Starlark as one of ours, for what a script hands to `inject_facts`.
pub(super) fn value_of(value: Starlark<'_>, depth: usize) -> Result<Value, Stop> {
    let all = |items: &[Starlark<'_>]| -> Result<Vec<Value>, Stop> {
        items
            .iter()
            .map(|item| value_of(*item, depth + 1))
            .collect()
    };
    if depth > DEEPEST {
        return Err(Stop::Limit(Limit::Value(format!(
            "a value nests deeper than {DEEPEST}"
        ))));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Some(bool) = value.unpack_bool() {
        return Ok(Value::Bool(bool));
    }
    if let Some(int) = int_of(value) {
        return Ok(Value::Int(int));
    }
    if let Some(float) = float_of(value) {
        return Ok(Value::Float(float));
    }
    if let Some(list) = ListRef::from_value(value) {
        return Ok(Value::List(all(list.content())?));
    }
    if let Some(tuple) = TupleRef::from_value(value) {
        return Ok(Value::Tuple(all(tuple.content())?));
    }
    if let Some(dict) = DictRef::from_value(value) {
        let pairs: Result<Vec<_>, Stop> = dict
            .iter()
            .map(|(key, value)| Ok((str_of(key)?, value_of(value, depth + 1)?)))
            .collect();
        return Ok(Value::Map(pairs?));
    }
    Ok(Value::Text(str_of(value)?))
}
