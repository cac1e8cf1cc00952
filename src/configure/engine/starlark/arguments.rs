//! What stands to the right of a `%`, for `printf`.

use starlark::values::Value as Starlark;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;

use crate::configure::engine::printf::{Argument, Arguments, PrintfError};

use super::values::{float_of, int_of, repr_of};

/// A value of Starlark as the arguments of a format.
pub(super) struct Given<'v>(pub(super) Starlark<'v>);

impl Arguments for Given<'_> {
    fn tuple_length(&self) -> Option<usize> {
        TupleRef::from_value(self.0).map(TupleRef::len)
    }

    fn is_mapping(&self) -> bool {
        DictRef::from_value(self.0).is_some()
    }

    fn may_be_unused(&self) -> bool {
        self.is_mapping() || ListRef::from_value(self.0).is_some()
    }

    fn item(&self, at: usize) -> Result<Argument, PrintfError> {
        let item = match TupleRef::from_value(self.0) {
            Some(tuple) => tuple.content().get(at).copied(),
            None => Some(self.0),
        };
        argument(item.unwrap_or(self.0))
    }

    fn key(&self, name: &str) -> Result<Argument, PrintfError> {
        let dict = DictRef::from_value(self.0)
            .ok_or_else(|| PrintfError::Wrong("there is no mapping".to_owned()))?;
        match dict.get_str(name) {
            Some(value) => argument(value),
            None => Err(PrintfError::NoKey {
                key: name.to_owned(),
                known: keys_of(&dict),
            }),
        }
    }
}

/// The keys that are texts.
pub(super) fn keys_of(dict: &DictRef<'_>) -> Vec<String> {
    dict.keys()
        .filter_map(|key| key.unpack_str().map(str::to_owned))
        .collect()
}

fn argument(value: Starlark<'_>) -> Result<Argument, PrintfError> {
    if let Some(text) = value.unpack_str() {
        return Ok(Argument::Text(text.to_owned()));
    }
    if let Some(float) = float_of(value) {
        return Ok(Argument::Float(float));
    }
    let text = || repr_of(value).map_err(|stop| PrintfError::TooLarge(stop.to_string()));
    match (int_of(value), value.unpack_bool()) {
        (Some(int), None) => Ok(Argument::Int(int)),
        (int, bool) => Ok(Argument::Other {
            kind: if bool.is_some() {
                "bool"
            } else {
                value.get_type()
            },
            int,
            text: text()?,
        }),
    }
}
