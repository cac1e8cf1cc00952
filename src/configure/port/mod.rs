//! Ports a configure script of eDeploy's Python 2 to Starlark that is also valid Python 3 and 2.
//!
//! A text goes through passes, each of which reads it anew as tokens and names the places that it
//! changes; every other byte, comments and layout among them, stays as it is. What has no plain
//! counterpart is left as it was and said, with its line and what to write instead. A text that is
//! Starlark already comes out as it went in, and so does one that was ported before.
//!
//! It is pure: text in, text and report out. Nothing is run.

mod attempts;
mod calls;
mod code;
mod comparisons;
mod diff;
mod expressions;
mod imports;
mod layout;
mod literals;
mod loops;
mod names;
mod old;
mod print;
mod processes;
mod refused;
mod renamed;
mod shell;
mod statements;
mod text;
mod token;
mod with;

use serde::Serialize;

use super::engine::{self, Limits, Script};
use code::Code;
use text::{Draft, Edits};

pub use diff::unified_diff;

/// Something that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The line of the old text, from 1.
    pub line: u32,
    /// What was done.
    pub what: String,
    /// Whether it may mean something else now and then, and wants a look.
    pub look: bool,
}

/// Something that is left to do by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The line of the old text, from 1.
    pub line: u32,
    /// What cannot be ported.
    pub what: String,
    /// What to write instead.
    pub instead: Option<String>,
}

/// A ported script with what was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ported {
    /// The new text.
    #[serde(skip)]
    pub text: String,
    /// What was changed, in the order of the lines.
    pub changes: Vec<Change>,
    /// What is left to do by hand, in the order of the lines.
    pub left: Vec<Left>,
}

/// One look over the whole text.
type Pass = fn(&Code<'_>, &mut Edits);

/// The passes in their order: each one relies on what those before it did.
const PASSES: [Pass; 18] = [
    layout::spaces,
    literals::numbers,
    literals::strings,
    expressions::signs,
    print::brackets,
    expressions::names,
    expressions::join_texts,
    comparisons::identity,
    comparisons::has_key,
    comparisons::chains,
    processes::variables,
    processes::calls,
    calls::helpers,
    statements::simple,
    expressions::generators,
    with::files,
    loops::whiles,
    attempts::exceptions,
];

/// How often the passes are repeated at most: what is within a `try` within a `try` is ported from
/// the inside out.
const MOST_ROUNDS: usize = 100;
/// How often all of them are run again, because of what a late one wrote.
const MOST_REPEATS: usize = 10;

/// Ports a script. `name` is what messages call it.
///
/// A text that begins with `#!` is for that interpreter and is left alone.
pub fn port(name: &str, text: &str) -> Ported {
    let mut draft = Draft::new(text);
    if !text.starts_with("#!") && !is_too_large(name, &mut draft) {
        run_passes(&mut draft);
        check(name, &mut draft);
    }
    draft.changes.sort_by_key(|change| change.line);
    draft.left.sort_by_key(|left| left.line);
    Ported {
        text: draft.text,
        changes: draft.changes,
        left: draft.left,
    }
}

fn is_too_large(name: &str, draft: &mut Draft) -> bool {
    let Err(error) = engine::check_source(name, &draft.text, &Limits::default()) else {
        return false;
    };
    let line = error.place().map_or(1, |place| place.line);
    // What can be ported is no reason to stop.
    if !matches!(error, engine::ScriptError::Limit { .. }) {
        return false;
    }
    draft.leave(line, error.sentence(), error.hint());
    true
}

fn run_passes(draft: &mut Draft) {
    let is_old = match Code::read(&draft.text) {
        Ok(code) => old::is_python_two(&code),
        Err(error) => {
            let instead = "correct it first".to_owned();
            draft.leave(error.line, error.what.to_owned(), Some(instead));
            return;
        }
    };
    if is_old {
        run(draft, literals::old_escapes);
    }
    run(draft, renamed::taken);
    // What a late pass writes may be for an earlier one.
    for _ in 0..MOST_REPEATS {
        let mut changed = false;
        for pass in PASSES {
            for _ in 0..MOST_ROUNDS {
                if !run(draft, pass) {
                    break;
                }
                changed = true;
            }
        }
        changed |= run(draft, imports::unused);
        if !changed {
            break;
        }
    }
    if is_old || !draft.changes.is_empty() {
        run(draft, expressions::divisions);
        run(draft, refused::methods);
    }
    run(draft, refused::statements);
}

/// Runs one pass; tells whether it changed anything.
fn run(draft: &mut Draft, pass: Pass) -> bool {
    let mut edits = Edits::default();
    match Code::read(&draft.text) {
        Ok(code) => pass(&code, &mut edits),
        Err(error) => {
            draft.leave(error.line, error.what.to_owned(), None);
            return false;
        }
    }
    let changes = !edits.is_empty();
    draft.apply(edits);
    changes
}

/// Adds what the engine still refuses, unless that line is named already.
fn check(name: &str, draft: &mut Draft) {
    let script = Script {
        name,
        text: &draft.text,
    };
    let Err(error) = engine::resolve_script(&script, &Limits::default()) else {
        return;
    };
    let line = error.place().map_or(1, |place| place.line);
    let original = draft.original_line(line);
    if draft.left.iter().all(|left| left.line != original) {
        draft.leave(line, error.sentence(), error.hint());
    }
}

#[cfg(test)]
mod tests;
