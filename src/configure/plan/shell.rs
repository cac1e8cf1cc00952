//! Reads a shell text into the simple commands that it may start.
//!
//! Nothing is expanded or run. Control flow is forgotten: each command counts as if it ran. What
//! stands in `$(…)`, backticks, `<(…)` and unquoted heredocs counts too. A text that cannot be read
//! to its end is said to be unclear, and then nothing may be concluded from what is missing.

mod parser;

use parser::Parser;

/// A text split into commands.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Commands {
    /// The simple commands, inner ones before the one that they stand in.
    pub(super) simple: Vec<Simple>,
    /// Whether some of the text could not be read.
    pub(super) unclear: bool,
}

/// One program and its arguments.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Simple {
    /// The words, without assignments and redirections, quotes removed.
    pub(super) words: Vec<Word>,
    /// The files that redirections write to.
    pub(super) writes: Vec<Word>,
    /// The text of the heredoc that it reads.
    pub(super) input: Option<String>,
}

/// A word of a command.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Word {
    /// The text; variables and substitutions stand in it as they are written.
    pub(super) text: String,
    /// Whether a variable or substitution decides what it becomes.
    pub(super) dynamic: bool,
    /// Whether it may become several words or another one: `*`, `?`, `{a,b}`.
    pub(super) glob: bool,
    /// Whether some of it was quoted.
    quoted: bool,
}

impl Word {
    /// A word that is exactly this text.
    pub(super) fn plain(text: &str) -> Word {
        Word {
            text: text.to_owned(),
            ..Word::default()
        }
    }

    /// A word that somebody else puts in: it may be anything.
    pub(super) fn unknown() -> Word {
        Word {
            dynamic: true,
            ..Word::plain("$")
        }
    }

    /// Whether the text is what the program will see.
    pub(super) fn is_fixed(&self) -> bool {
        !self.dynamic && !self.glob
    }

    /// Whether it becomes one word, whatever that is.
    pub(super) fn is_one(&self) -> bool {
        let name = self.text.strip_prefix('$').unwrap_or_default();
        let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        self.is_fixed() || (self.quoted && !name.is_empty() && is_name)
    }

    /// Whether it may become an option or another word: not so the names of files below `/`.
    pub(super) fn may_become_anything(&self) -> bool {
        self.dynamic || (self.glob && !self.text.starts_with('/'))
    }
}

/// Reads a text as `/bin/sh` or bash would split it.
pub(super) fn commands(text: &str) -> Commands {
    let mut parser = Parser::new(text, 0);
    parser.list(None);
    parser.into_commands()
}

#[cfg(test)]
mod tests;
