//! What is wrong, or looks wrong, in a spec itself.

use crate::model::Position;

/// The name of each of the four fields of a rule, in their order.
pub const FIELD_NAMES: [&str; 4] = ["category", "instance", "key", "value"];

/// A pattern that means nothing, so that its spec cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "rule {}, {}: `{}` cannot be used: {problem}",
    self.rule + 1,
    FIELD_NAMES[self.field],
    self.pattern.escape_debug()
)]
pub struct SpecError {
    /// Which rule of the spec, from 0.
    pub rule: usize,
    /// Which of its four fields, from 0.
    pub field: usize,
    /// The place in the file: that of the text plus the offset in it.
    pub position: Position,
    /// The pattern as the file has it.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead, where that can be guessed.
    pub hint: Option<String>,
}

/// A pattern that can be used but most likely does not mean what it looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "rule {}, {}: `{}` may not mean what it looks like: {problem}",
    self.rule + 1,
    FIELD_NAMES[self.field],
    self.pattern.escape_debug()
)]
pub struct SpecWarning {
    /// Which rule of the spec, from 0.
    pub rule: usize,
    /// Which of its four fields, from 0.
    pub field: usize,
    /// The place in the file where the text begins.
    pub position: Position,
    /// The pattern as the file has it.
    pub pattern: String,
    /// What it does mean.
    pub problem: String,
    /// What to write instead, where that can be guessed.
    pub hint: Option<String>,
}

/// What is wrong in one text, before it is known where that text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternError {
    /// The byte of the text where it goes wrong.
    pub(super) offset: usize,
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

impl PatternError {
    pub(super) fn new(offset: usize, problem: impl Into<String>) -> PatternError {
        PatternError {
            offset,
            problem: problem.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> PatternError {
        self.hint = Some(hint.into());
        self
    }
}
