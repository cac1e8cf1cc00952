//! The operators that are worked out here instead of by the engine: `%` because the engine's own
//! lacks most of Python's, `*` and `<<` because one of them is enough to take all memory.

use std::collections::HashMap;

use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value as Starlark;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;

use crate::configure::engine::error::Limit;
use crate::configure::engine::printf::{PrintfError, printf};
use crate::configure::engine::stop::Stop;

use super::arguments::Given;
use super::evaluate::{MissingKey, stop};
use super::values::int_of;

/// The largest number of items, or of bytes, that `*` makes.
const LARGEST_PRODUCT: usize = 4 * 1024 * 1024;
/// The longest numbers that `*` takes, in digits, and the furthest `<<`, in bits.
const LONGEST_NUMBER: usize = 1000;

/// Which function stands for which operator. No script can write these names.
pub(super) fn replaced() -> HashMap<String, String> {
    [
        ("%", "operator %"),
        ("*", "operator *"),
        ("<<", "operator <<"),
    ]
    .map(|(sign, name)| (sign.to_owned(), name.to_owned()))
    .into()
}

/// Adds the functions under the names that [`replaced`] gives.
pub(super) fn add(builder: &mut GlobalsBuilder) {
    let functions = GlobalsBuilder::new().with(functions).build();
    // What is given on here lives as long as the globals it is added to.
    builder.frozen_heap().add_reference(functions.heap());
    for (name, value) in functions.iter() {
        let sign = match name {
            "modulo" => "operator %",
            "times" => "operator *",
            _ => "operator <<",
        };
        builder.set(sign, value);
    }
}

#[starlark_module]
fn functions(builder: &mut GlobalsBuilder) {
    fn modulo<'v>(
        #[starlark(require = pos)] left: Starlark<'v>,
        #[starlark(require = pos)] right: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let Some(format) = left.unpack_str() else {
            return left.percent(right, eval.heap());
        };
        match printf(format, &Given(right)) {
            Ok(text) => Ok(eval.heap().alloc(text)),
            Err(PrintfError::NoKey { key, known }) => {
                Err(starlark::Error::new_value(MissingKey { key, known }))
            }
            Err(PrintfError::TooLarge(what)) => stop(Stop::Limit(Limit::Value(what))),
            Err(error) => Err(starlark::Error::new_value(error)),
        }
    }

    fn times<'v>(
        #[starlark(require = pos)] left: Starlark<'v>,
        #[starlark(require = pos)] right: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        for (item, count) in [(left, right), (right, left)] {
            let too_large = match (length_of(item), int_of(count)) {
                (Some(length), Some(count)) => usize::try_from(count.max(0))
                    .map_or(true, |count| length.saturating_mul(count) > LARGEST_PRODUCT),
                (None, Some(_)) => is_long(item),
                _ => false,
            };
            if too_large || is_long(item) {
                return stop(Stop::Limit(Limit::Value(format!(
                    "`*` makes no more than {LARGEST_PRODUCT} items, of no number with more than {LONGEST_NUMBER} digits"
                ))));
            }
        }
        left.mul(right, eval.heap())
    }

    fn shift<'v>(
        #[starlark(require = pos)] left: Starlark<'v>,
        #[starlark(require = pos)] right: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let far = int_of(right).is_none_or(|bits| bits.unsigned_abs() > LONGEST_NUMBER as u128);
        if far || is_long(left) {
            return stop(Stop::Limit(Limit::Value(format!(
                "`<<` shifts by no more than {LONGEST_NUMBER} bits"
            ))));
        }
        left.left_shift(right, eval.heap())
    }
}

fn length_of(value: Starlark<'_>) -> Option<usize> {
    if let Some(text) = value.unpack_str() {
        return Some(text.len());
    }
    ListRef::from_value(value)
        .map(|list| list.len())
        .or_else(|| TupleRef::from_value(value).map(TupleRef::len))
}

/// Whether a value is a number with more digits than anyone needs.
fn is_long(value: Starlark<'_>) -> bool {
    value.get_type() == "int"
        && value.unpack_i32().is_none()
        && value.to_repr().len() > LONGEST_NUMBER
}
