//! The engine: Starlark, through the crate `starlark`.

mod arguments;
mod evaluate;
mod file;
mod functions;
mod hardware;
mod library;
mod operators;
mod ranges;
mod reference;
mod values;

pub(super) use evaluate::interpret;
pub(super) use reference::helpers;
