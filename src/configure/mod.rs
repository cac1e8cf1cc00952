//! Turns an allocation, or the reason why there is none, into the script that `upload.py` answers.
//!
//! Whatever is answered here is executed as root by the ramdisk, so every value and every message
//! is written such that nothing in it can be read as code. The old client also cuts words out of
//! the text (`PROFILE` and `OS`, eDeploy `build/init`), so those words never come from a value.
//! Nothing here reads a file: the script's text comes with the allocation.

pub mod engine;
mod interpreter;
mod library;
mod literal;
pub mod plan;
pub mod port;
mod python;
mod reference;
pub mod run;
mod shell;
mod uuid;

use crate::model::{CmdbEntry, ProfileName};

pub use literal::python_literal;
pub use reference::{Helper, helpers, reference_page};
pub use shell::{quoted, render_refusal};

use interpreter::Interpreter;

/// The key under which a script finds the name of its profile (eDeploy `upload.py`).
const PROFILE_KEY: &str = "edeploy-profile";

/// Everything that goes into the script for a machine that was given a profile.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The profile that the machine was given.
    pub profile: &'a ProfileName,
    /// Bindings and settings of its entry: `var` in the script.
    pub variables: &'a CmdbEntry,
    /// The text of `NAME.configure`, sent as it stands.
    pub configure: &'a str,
    /// Where the installed machine asks for a local boot, with a slash at its end.
    pub pxemngr_url: Option<&'a str>,
    /// Where cloud-init finds its metadata, with a slash at its end.
    pub metadata_url: Option<&'a str>,
    /// Which rows of the upload were not used, counted from 0.
    pub bad_rows: &'a [usize],
}

impl Answer<'_> {
    /// The lines that the ramdisk reads from `/vars` besides those of the configure script.
    fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("PXEMNGR_URL", self.pxemngr_url),
            ("METADATA_URL", self.metadata_url),
        ]
        .into_iter()
        .filter_map(|(name, url)| Some((name, url?)))
    }

    /// The variables with the name of the profile among them.
    fn all_variables(&self) -> CmdbEntry {
        with_profile(self.variables, self.profile)
    }
}

/// The variables as a script finds them: with the name of its profile under `edeploy-profile`.
pub fn with_profile(variables: &CmdbEntry, profile: &ProfileName) -> CmdbEntry {
    let mut all = variables.clone();
    all.set(PROFILE_KEY, profile.as_str().into());
    all
}

/// The script for a machine that was given a profile: Python, unless the admin's text names another
/// interpreter in its first line.
pub fn render_script(answer: &Answer<'_>) -> String {
    match interpreter::of_text(answer.configure) {
        Interpreter::Python(line) => python::render(answer, line),
        Interpreter::Other => shell::render_wrapper(answer),
    }
}

/// A comment that says which rows were left out, by number only: their text is the machine's.
fn bad_rows_comment(rows: &[usize]) -> Option<String> {
    const NAMED: usize = 20;
    if rows.is_empty() {
        return None;
    }
    let numbers: Vec<String> = rows.iter().take(NAMED).map(usize::to_string).collect();
    let more = if rows.len() > NAMED { ", ..." } else { "" };
    Some(format!(
        "# {} of the uploaded rows could not be used: {}{more} (counted from 0)",
        rows.len(),
        numbers.join(", ")
    ))
}

#[cfg(test)]
mod tests;
