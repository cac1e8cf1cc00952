//! One evaluation: parse, grant, run, and say what went wrong.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::thread;

use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::Evaluator;
use starlark::syntax::{AstModule, Dialect};
use starlark::values::dict::DictRef;
use starlark::values::{Value as Starlark, ValueError};
use starlark::{ErrorKind, PrintHandler};

use crate::configure::engine::error::{Limit, Place, ScriptError, nearest};
use crate::configure::engine::recorder::{Finished, Recorder};
use crate::configure::engine::stop::Stop;
use crate::configure::engine::{Limits, Script};
use crate::model::CmdbEntry;

use super::arguments::keys_of;
use super::{file, functions, hardware, library, operators, ranges, values};

/// Room for the deepest script that `source::check` lets pass. Only what is used is ever real.
const STACK_BYTES: usize = 256 * 1024 * 1024;

pub(super) static GLOBALS: LazyLock<Globals> = LazyLock::new(|| {
    let extensions = [
        LibraryExtension::Print,
        LibraryExtension::StructType,
        LibraryExtension::Partial,
    ];
    GlobalsBuilder::extended_by(&extensions)
        .with(operators::add)
        .with(ranges::add)
        .with(functions::add)
        .with(file::add)
        .with(hardware::add_methods)
        .with_namespace("ipmi", hardware::add_ipmi)
        .with_namespace("hpacucli", hardware::add_hpacucli)
        .build()
});

thread_local! {
    /// What the helpers act on. Each script has a thread of its own.
    static HOST: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

fn with_host<T>(act: impl FnOnce(&mut Recorder) -> Result<T, Stop>) -> starlark::Result<T> {
    HOST.with_borrow_mut(|host| {
        let Some(recorder) = host else {
            let lost = anyhow::anyhow!("the script has no host");
            return Err(starlark::Error::new_other(lost));
        };
        // What was stopped once stays stopped, whatever the script does about it.
        let result = match recorder.stopped().cloned() {
            Some(stop) => Err(stop),
            None => act(recorder),
        };
        result.map_err(|stop| {
            recorder.stop(&stop);
            starlark::Error::new_other(stop)
        })
    })
}

struct Printer;

impl PrintHandler for Printer {
    fn println(&self, text: &str) -> starlark::Result<()> {
        with_host(|recorder| recorder.print(text))
    }
}

/// A key that is not in a mapping.
#[derive(Debug, thiserror::Error)]
#[error("there is no key `{key}`")]
pub(super) struct MissingKey {
    pub(super) key: String,
    pub(super) known: Vec<String>,
}

/// Lets a helper act on the host, at the line of the script that called it.
pub(super) fn acting<T>(
    eval: &Evaluator<'_, '_, '_>,
    act: impl FnOnce(&mut Recorder, u32) -> Result<T, Stop>,
) -> starlark::Result<T> {
    let line = line_of(eval);
    with_host(|recorder| act(recorder, line))
}

/// Lets a helper act on the host where no line is asked for.
pub(super) fn recorded<T>(
    act: impl FnOnce(&mut Recorder) -> Result<T, Stop>,
) -> starlark::Result<T> {
    with_host(act)
}

/// Stops the script for good.
pub(super) fn stop<T>(stop: Stop) -> starlark::Result<T> {
    with_host(|_| Err(stop))
}

/// Whether an action failed on the machine, which is not the script's doing.
pub(super) fn is_failure(error: &starlark::Error) -> bool {
    let (ErrorKind::Value(cause) | ErrorKind::Other(cause) | ErrorKind::Native(cause)) =
        error.kind()
    else {
        return false;
    };
    matches!(cause.downcast_ref(), Some(Stop::Failed { .. }))
}

/// A function that scripts reach only through the objects made of it.
pub(super) fn hidden<'v>(name: &str) -> starlark::Result<Starlark<'v>> {
    let found = GLOBALS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, value)| value.to_value())
        .ok_or_else(|| starlark::Error::new_other(anyhow::anyhow!("there is no `{name}`")))
}

fn line_of(eval: &Evaluator<'_, '_, '_>) -> u32 {
    let mut places = (0..eval.call_stack_count()).filter_map(|at| eval.call_stack_nth_location(at));
    let place = places.find(|place| !library::is_of(place));
    let line = place.map_or(0, |place| place.resolve_span().begin.line);
    u32::try_from(line + 1).unwrap_or(u32::MAX)
}

/// Stops the script for good if it has used up what it may use.
pub(super) fn check_limits(eval: &Evaluator<'_, '_, '_>, error: &starlark::Error) -> Option<Limit> {
    let limits = HOST.with_borrow(|host| host.as_ref().map(|host| host.limits().clone()))?;
    if let ErrorKind::StackOverflow(_) = error.kind() {
        return Some(Limit::CallDepth(limits.call_depth));
    }
    if eval.get_total_tick_count() > limits.ticks {
        return Some(Limit::Ticks(limits.ticks));
    }
    let memory = eval.heap().peak_allocated_bytes() + eval.frozen_heap().allocated_bytes();
    if memory > limits.heap_bytes {
        return Some(Limit::Memory(limits.heap_bytes));
    }
    None
}

/// Interprets a script on a thread of its own, whose stack is large enough for it.
pub(in crate::configure::engine) fn interpret(
    script: &Script<'_>,
    variables: &CmdbEntry,
    recorder: Recorder,
) -> Result<Finished, ScriptError> {
    let failed = |what: String| ScriptError::Engine {
        name: script.name.to_owned(),
        what,
    };
    thread::scope(|scope| {
        thread::Builder::new()
            .name("script".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || evaluate(script, variables, recorder))
            .map_err(|error| failed(error.to_string()))?
            .join()
            .unwrap_or_else(|panic| Err(failed(panic_text(&*panic))))
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

pub(super) fn dialect() -> Dialect {
    Dialect {
        enable_load: false,
        enable_load_reexport: false,
        enable_keyword_only_arguments: true,
        enable_top_level_stmt: true,
        enable_f_strings: true,
        ..Dialect::Standard
    }
}

fn evaluate(
    script: &Script<'_>,
    variables: &CmdbEntry,
    recorder: Recorder,
) -> Result<Finished, ScriptError> {
    let mut ast = AstModule::parse(script.name, script.text.to_owned(), &dialect())
        .map_err(|error| wrong(&error))?;
    ast.replace_binary_operators(&operators::replaced());
    let (limits, profile) = (recorder.limits().clone(), recorder.profile().to_owned());
    let library = library::module().map_err(|what| engine_failed(script, what))?;
    HOST.set(Some(recorder));
    let result = Module::with_temp_heap(|module| {
        // A script may give the names of the library to values of its own.
        module.import_public_symbols(library);
        module.set("var", values::variables(module.heap(), &profile, variables));
        let mut eval = Evaluator::new(&module);
        eval.set_print_handler(&Printer);
        let result = set_limits(&mut eval, &limits)
            .map_err(starlark::Error::new_other)
            .and_then(|()| eval.eval_module(ast, &GLOBALS).map(|_| ()));
        result.map_err(|error| {
            if let Some(limit) = check_limits(&eval, &error) {
                // Only to be remembered: the error is at hand already.
                stop::<()>(Stop::Limit(limit)).ok();
            }
            let keys = module
                .get("var")
                .and_then(DictRef::from_value)
                .map(|var| keys_of(&var))
                .unwrap_or_default();
            explain(script, &error, keys)
        })
    });
    let Some(recorder) = HOST.take() else {
        return Err(engine_failed(script, "the host of the script is gone"));
    };
    result?;
    recorder
        .finish()
        .map_err(|stop| stopped(script, &stop, None))
}

fn engine_failed(script: &Script<'_>, what: &str) -> ScriptError {
    ScriptError::Engine {
        name: script.name.to_owned(),
        what: what.to_owned(),
    }
}

fn set_limits(eval: &mut Evaluator<'_, '_, '_>, limits: &Limits) -> anyhow::Result<()> {
    eval.set_max_tick_count(limits.ticks)?;
    eval.set_max_heap_size(limits.heap_bytes)?;
    eval.set_max_callstack_size(limits.call_depth)
}

/// Where in the script an error comes from: the call, if it comes from within the library.
fn place_of(error: &starlark::Error) -> Option<Place> {
    let frames = error.call_stack().frames.iter().rev();
    let callers = frames.filter_map(|frame| frame.location.as_ref());
    let mut places = error.span().into_iter().chain(callers);
    let span = places.find(|place| !library::is_of(place))?;
    let resolved = span.resolve_span();
    let number = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    let text = span.file.source_line(resolved.begin.line);
    let meant = span.source_span().lines().next().unwrap_or_default();
    Some(Place {
        name: span.filename().to_owned(),
        line: number(resolved.begin.line),
        column: number(resolved.begin.column),
        width: meant.chars().count().max(1),
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
    })
}

fn stopped(script: &Script<'_>, stop: &Stop, place: Option<Place>) -> ScriptError {
    match stop.clone() {
        Stop::Failed { failure, line } => {
            // A file that is written late fails at the line that opened it.
            let place = place.filter(|place| place.line == line);
            let place = place.unwrap_or_else(|| Place::of_line(script.name, script.text, line));
            ScriptError::Failed {
                what: failure.report,
                place: Some(place),
            }
        }
        Stop::Refused { what, hint } => ScriptError::Refused { what, hint, place },
        Stop::Limit(limit) => ScriptError::Limit { limit, place },
    }
}

/// Says what went wrong while a script ran. `keys` are those of `var` at that time.
fn explain(script: &Script<'_>, error: &starlark::Error, keys: Vec<String>) -> ScriptError {
    let stop = HOST.with_borrow(|host| host.as_ref().and_then(|host| host.stopped().cloned()));
    if let Some(stop) = stop {
        return stopped(script, &stop, place_of(error));
    }
    let (ErrorKind::Value(cause) | ErrorKind::Other(cause) | ErrorKind::Native(cause)) =
        error.kind()
    else {
        return wrong(error);
    };
    if let Some(stop) = cause.downcast_ref::<Stop>() {
        return stopped(script, stop, place_of(error));
    }
    let missing = if let Some(missing) = cause.downcast_ref::<MissingKey>() {
        (missing.known == keys).then(|| missing.key.clone())
    } else if let Some(ValueError::KeyNotFound(key)) = cause.downcast_ref::<ValueError>() {
        let of_var = error
            .span()
            .is_some_and(|span| span.source_span().starts_with("var["));
        of_var.then(|| key.trim_matches('"').to_owned())
    } else {
        None
    };
    match missing {
        Some(key) => ScriptError::MissingVariable {
            key,
            known: keys,
            place: place_of(error),
        },
        None => wrong(error),
    }
}

/// Says what is wrong with a script itself, in one line.
fn wrong(error: &starlark::Error) -> ScriptError {
    let text = match error.kind() {
        ErrorKind::Fail(text) => text.to_string(),
        other => other.to_string(),
    };
    let line: String = text
        .trim()
        .trim_start_matches("Parse error: ")
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(500)
        .collect();
    let (what, hint) = match line.split_once(", did you mean") {
        Some((what, meant)) => (what.to_owned(), Some(format!("did you mean{meant}"))),
        None => (line, None),
    };
    let what = match error.kind() {
        ErrorKind::Fail(_) => what,
        _ => first_lower(&what),
    };
    let place = place_of(error);
    let said_itself = matches!(error.kind(), ErrorKind::Fail(_));
    let hint = hint.or_else(|| {
        let place = place.as_ref().filter(|_| !said_itself)?;
        library::hidden_hint(&what, place).or_else(|| python_hint(place))
    });
    let what = library::called_by_its_name(what);
    ScriptError::Script { what, hint, place }
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// What to write for the statements of Python that there are not.
fn python_hint(place: &Place) -> Option<String> {
    let word = place.text.split_whitespace().next()?;
    let word: String = word.chars().take_while(|c| c.is_alphanumeric()).collect();
    let hint = match word.as_str() {
        "import" | "from" | "load" => "nothing is imported: all helpers are there",
        "try" | "except" | "finally" | "raise" => {
            "there is no `try`: result, error = attempt(function, arguments…)"
        }
        "while" => "there is no `while`: for … in range(…), with break",
        "class" => "there are no classes: a dict or struct(name=value)",
        "with" => "there is no `with`: config(…).write(…)",
        "print" => "print(…) takes parentheses",
        "del" => "there is no `del`: var.pop(key)",
        _ => {
            let names: Vec<String> = GLOBALS
                .names()
                .map(|name| name.as_str().to_owned())
                .collect();
            let is_name = names.contains(&word) || library::is_namespace(&word);
            let near = nearest(&word, &names).filter(|_| !is_name)?;
            return Some(format!("did you mean `{near}`?"));
        }
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_helper_is_documented() {
        let documented = GLOBALS.documentation();
        let text = format!("{documented:?}");
        for name in functions::NAMES {
            let item = documented.members.get(name).map(|item| format!("{item:?}"));
            let item = item.unwrap_or_else(|| text.clone());
            assert!(item.contains("summary"), "{name} has no docstring");
        }
    }
}
