//! The self-contained Python script: prelude, variables, the admin's text.

use super::library;
use super::literal::{python_mapping, write_text};
use super::uuid::Seed;
use super::{Answer, bad_rows_comment};

/// The helpers that every configure script finds (eDeploy `upload.py`), for Python 2.7 and 3.
///
/// The word of the role helper stands on one line there, without single quotes: the old client
/// cuts role and version at the quotes of all lines that hold the word.
const PRELUDE: &str = include_str!("prelude.py");

/// Python 2 refuses a script with other characters than ASCII, comments included, without this.
const CODING: &str = "# -*- coding: utf-8 -*-\n";

pub(super) fn render(answer: &Answer<'_>, interpreter: &str) -> String {
    let mut script = format!("{interpreter}\n");
    if !answer.configure.is_ascii() || !answer.profile.as_str().is_ascii() {
        script.push_str(CODING);
    }
    script.push_str(&format!("#EDEPLOY_PROFILE = {}\n", answer.profile));
    if let Some(comment) = bad_rows_comment(answer.bad_rows) {
        script.push_str(&comment);
        script.push('\n');
    }
    script.push('\n');
    script.push_str(PRELUDE);
    let names_library = library::is_named_in(answer.configure);
    if names_library {
        script.push_str(&library::python());
    }
    script.push_str("\n\nvar = ");
    script.push_str(&python_mapping(&answer.all_variables()));
    script.push_str("\nvar = _edeploy_native(var)\n_edeploy_profile = var[\"edeploy-profile\"]\n");
    if names_library || answer.configure.contains("uuid_for") {
        let seed = Seed::of(answer.profile.as_str(), answer.variables);
        script.push_str(&format!("_edeploy_seed = \"{}\"\n", seed.hex()));
    }
    script.push('\n');
    script.push_str(answer.configure);
    if !answer.configure.ends_with('\n') {
        script.push('\n');
    }
    for (name, url) in answer.urls() {
        script.push_str(&format!("_edeploy_to_vars(\"{name}\", "));
        write_text(&mut script, url);
        script.push_str(")\n");
    }
    script
}
