//! Names of a script that the ported text uses for something else.

use super::code::Code;
use super::names::Names;
use super::shell::started;
use super::text::Edits;

/// The helpers that passes write, and words that are keywords of Starlark or Python 3 only.
const TAKEN: [&str; 8] = [
    "output", "attempt", "fail", "sleep", "run", "quote", "print", "repr",
];
const KEYWORDS: [&str; 4] = ["load", "async", "await", "nonlocal"];

/// Gives a variable or a function of the script that is called as a helper is another name. Only for
/// a text that is no Starlark: there such a name is the author's choice.
pub(super) fn taken(code: &Code<'_>, edits: &mut Edits) {
    let names = Names::of(code);
    let is_python = (0..code.tokens.len()).any(|at| {
        code.is_keyword(at)
            && matches!(code.word(at), "import" | "try" | "raise" | "while" | "with")
            || started(code, at).is_some()
    });
    for name in TAKEN.into_iter().chain(KEYWORDS) {
        let is_keyword = KEYWORDS.contains(&name);
        if !is_keyword && !is_python || names.lines(name).is_empty() {
            continue;
        }
        let new = format!("{name}_");
        if (0..code.tokens.len()).any(|at| code.word(at) == new) {
            continue;
        }
        for at in 0..code.tokens.len() {
            let is_attribute = at > 0 && code.word(at - 1) == ".";
            if code.word(at) == name && !is_attribute {
                let bytes = code.bytes(&(at..at + 1));
                edits.changed(bytes.start, format!("`{name}` is called `{new}`"));
                edits.replace(bytes, new.clone());
            }
        }
    }
}
