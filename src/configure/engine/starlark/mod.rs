//! The engine: Starlark, through the crate `starlark`.

mod arguments;
mod evaluate;
mod file;
mod functions;
mod hardware;
mod operators;
mod ranges;
mod values;

pub(super) use evaluate::interpret;
