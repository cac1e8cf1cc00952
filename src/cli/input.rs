//! What `edeployctl` reads: files and standard input.

use std::io::Read;
use std::path::Path;

use crate::format::{self, ParseError, ParsedFacts};
use crate::model::Facts;

use super::answer::Failure;

/// The name of standard input on the command line and in messages.
pub(super) const STANDARD_INPUT: &str = "-";

/// The bytes of a file, of standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let result = if is_standard_input(path) {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    result.map_err(|error| Failure::io("read", &name_of(path), &error))
}

/// The text of a file, of standard input for `-`.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read(path)?;
    let text = ParseError::expect_utf8(&name_of(path), &bytes);
    text.map(str::to_owned)
        .map_err(|error| Failure::parse(&error))
}

/// The facts of a machine, and a warning for each row that is none.
pub(super) fn read_hardware(path: &Path) -> Result<(Facts, Vec<String>), Failure> {
    let bytes = read(path)?;
    let name = name_of(path);
    let ParsedFacts { facts, bad_rows } = if is_standard_input(path) && is_literal(&bytes) {
        format::parse_literal(&name, &String::from_utf8_lossy(&bytes))
    } else if is_standard_input(path) {
        format::parse_json(&name, &bytes)
    } else {
        format::parse_named(&name, &bytes)
    }
    .map_err(|error| Failure::parse(&error))?;
    let warnings = bad_rows
        .iter()
        .map(|row| format!("`{name}` row {} is left out: {}", row.index, row.problem))
        .collect();
    Ok((facts, warnings))
}

/// Checks that a directory is there and can be listed.
pub(super) fn expect_directory(path: &Path) -> Result<(), Failure> {
    match std::fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::io("read", &name_of(path), &error)),
    }
}

/// The name of a file for messages.
pub(super) fn name_of(path: &Path) -> String {
    path.display().to_string()
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

/// Whether a text begins as a `.hw` file does and no JSON can: a list of tuples.
fn is_literal(bytes: &[u8]) -> bool {
    let mut characters = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    characters.next() == Some(&b'[') && characters.next() == Some(&b'(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tuples_is_a_hw_text_and_a_list_of_lists_is_json() {
        assert!(is_literal(b" [\n ('disk', 'vda', 'size', '8')]"));
        assert!(!is_literal(b"[[\"disk\", \"vda\", \"size\", \"(8\"]]"));
        assert!(!is_literal(b""));
    }
}
