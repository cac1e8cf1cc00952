//! Which interpreter a configure script asks for in its first line.

/// Who is to read a configure script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interpreter<'a> {
    /// Python: the first line of the answer.
    Python(&'a str),
    /// Any other program named after `#!`.
    Other,
}

/// The first line of the original's answers.
const ANY_PYTHON: &str = "#!/usr/bin/env python";

/// Reads the first line of a script. No `#!` means Python, as in the original.
pub(super) fn of_text(script: &str) -> Interpreter<'_> {
    let first = script.lines().next().unwrap_or_default().trim_end();
    let Some(command) = first.strip_prefix("#!") else {
        return Interpreter::Python(ANY_PYTHON);
    };
    let mut words = command.split_ascii_whitespace();
    let mut program = base_name(words.next().unwrap_or_default());
    if program == "env" {
        program = words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .map(base_name)
            .unwrap_or_default();
    }
    if program.starts_with("python") {
        Interpreter::Python(first)
    } else {
        Interpreter::Other
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_python_is_python() {
        for line in [
            "#!/usr/bin/env python",
            "#!/usr/bin/env -S python3 -u",
            "#!/usr/bin/python2.7",
            "#! /usr/bin/python3 -E",
        ] {
            let script = format!("{line}\nrun('true')\n");
            assert_eq!(of_text(&script), Interpreter::Python(line));
        }
        assert_eq!(of_text("run('true')"), Interpreter::Python(ANY_PYTHON));
        assert_eq!(of_text(""), Interpreter::Python(ANY_PYTHON));
    }

    #[test]
    fn any_other_program_is_another_interpreter() {
        for line in ["#!/bin/sh", "#!/usr/bin/env -S bash -eu", "#!/bin/bash -x"] {
            assert_eq!(of_text(line), Interpreter::Other, "{line}");
        }
    }
}
