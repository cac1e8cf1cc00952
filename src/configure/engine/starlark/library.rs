//! The library of `configure::library` as a module of Starlark, evaluated once for all scripts.

use std::sync::LazyLock;

use starlark::codemap::FileSpan;
use starlark::environment::{FrozenModule, Module};
use starlark::eval::Evaluator;
use starlark::syntax::AstModule;

use crate::configure::engine::error::Place;
use crate::configure::library;

use super::evaluate::{GLOBALS, dialect};
use super::operators;

/// What the library's text is called. No file of an admin has a NUL in its name.
const NAME: &str = "\0library";

static MODULE: LazyLock<Result<FrozenModule, String>> = LazyLock::new(|| {
    let mut ast = AstModule::parse(NAME, library::text().to_owned(), &dialect())
        .map_err(|error| error.to_string())?;
    ast.replace_binary_operators(&operators::replaced());
    Module::with_temp_heap(|module| {
        Evaluator::new(&module)
            .eval_module(ast, &GLOBALS)
            .map_err(|error| error.to_string())?;
        module.freeze().map_err(|error| format!("{error:?}"))
    })
});

/// The library, whose public names are those of its namespaces.
pub(super) fn module() -> Result<&'static FrozenModule, &'static str> {
    MODULE.as_ref().map_err(String::as_str)
}

/// Whether the library is called by this name.
pub(super) fn is_namespace(name: &str) -> bool {
    library::NAMESPACES.contains(&name)
}

/// Whether a place is in the library's own text.
pub(super) fn is_of(place: &FileSpan) -> bool {
    place.filename() == NAME
}

/// What to do where a script has given the name of a namespace to a value of its own.
pub(super) fn hidden_hint(what: &str, place: &Place) -> Option<String> {
    let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
    let meant: String = place.text.chars().skip(column).collect();
    let (name, helper) = meant.split_once('.')?;
    let (_, lacking) = what.split_once("has no attribute `")?;
    let is_hidden = library::NAMESPACES.contains(&name)
        && helper.starts_with(lacking.trim_end_matches('`'))
        && !what.contains("type `struct`");
    is_hidden.then(|| {
        format!("the script gives the name `{name}` to a value, which hides the helpers: call the value otherwise")
    })
}

/// A message in which `disk.wipe` stands for the function that is called so within the library.
pub(super) fn called_by_its_name(what: String) -> String {
    // The NUL was shown as a blank.
    match what.split_once(" library._") {
        Some((before, after)) => format!("{before}{}", after.replacen('_', ".", 1)),
        None => what,
    }
}
