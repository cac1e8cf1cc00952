//! Reads uploaded hardware.

use crate::format::facts::{ParsedFacts, parse_named};

/// Reads hardware as JSON, or as a Python literal if the file was called `.hw`.
///
/// # Errors
/// What is wrong with it, for a person. The machine's own file name is not repeated.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<ParsedFacts, String> {
    let origin = if name.ends_with(".hw") {
        "uploaded.hw"
    } else {
        "uploaded.json"
    };
    parse_named(origin, bytes).map_err(|error| error.with_caret())
}
