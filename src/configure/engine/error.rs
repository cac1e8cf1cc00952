//! What can be wrong with a script, told apart by who must act.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest part of a line that is shown.
const SHOWN: usize = 160;

/// Where in a script something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name of the script, such as `vm.configure`.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters are meant, at least 1.
    pub width: usize,
    /// The text of the line.
    pub text: String,
}

impl Place {
    /// The place of a byte of `text`.
    pub(super) fn of_offset(name: &str, text: &str, at: usize) -> Place {
        let before = &text[..at];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place {
            name: name.to_owned(),
            line: number(before.matches('\n').count() + 1),
            column: number(text[start..at].chars().count() + 1),
            width: 1,
            text: text[start..].lines().next().unwrap_or_default().to_owned(),
        }
    }

    /// The place of a whole line of `text`, from 1.
    pub(super) fn of_line(name: &str, text: &str, line: u32) -> Place {
        let index = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        let text = text.split('\n').nth(index).unwrap_or_default().trim_end();
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        Place {
            name: name.to_owned(),
            line,
            column: u32::try_from(indent + 1).unwrap_or(u32::MAX),
            width: (text.chars().count() - indent).max(1),
            text: text.to_owned(),
        }
    }

    /// The line, and a second one with carets below what is meant.
    fn with_caret(&self) -> String {
        let column = usize::try_from(self.column).unwrap_or(1).saturating_sub(1);
        let first = column.saturating_sub(SHOWN / 2);
        let shown: String = self
            .text
            .chars()
            .skip(first)
            .take(SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let before = column - first;
        let room = shown.chars().count().saturating_sub(before).max(1);
        let carets = "^".repeat(self.width.clamp(1, room));
        let margin = self.line.to_string();
        format!(
            "{margin} | {shown}\n{} | {}{carets}",
            " ".repeat(margin.len()),
            " ".repeat(before)
        )
    }
}

/// What a script used too much of, and how much there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The text of the script.
    #[error("it is longer than {0} bytes")]
    SourceSize(usize),
    /// Brackets or blocks in one another.
    #[error("brackets or blocks nest deeper than {0}")]
    Nesting(usize),
    /// A single expression.
    #[error("an expression has more than {0} words and signs without a comma")]
    Chain(usize),
    /// Branches.
    #[error("it has more than {0} `elif`")]
    Elifs(usize),
    /// Calls and rounds of loops.
    #[error("more than {0} calls and rounds of loops")]
    Ticks(u64),
    /// Memory.
    #[error("more than {0} bytes of memory")]
    Memory(usize),
    /// Functions that call one another.
    #[error("functions call one another deeper than {0}")]
    CallDepth(usize),
    /// Actions.
    #[error("more than {0} actions")]
    Actions(usize),
    /// The texts of the plan.
    #[error("a plan of more than {0} bytes")]
    PlanSize(usize),
    /// One value.
    #[error("{0}")]
    Value(String),
}

/// Why a script gives no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScriptError {
    /// The script is wrong, or said so itself with `fail`.
    #[error("{}{what}", at(.place.as_ref()))]
    Script {
        /// What is wrong.
        what: String,
        /// What may be meant.
        hint: Option<String>,
        /// Where.
        place: Option<Place>,
    },
    /// The script asks for a variable that the machine has not got.
    #[error("{}there is no `{key}` in `var`", at(.place.as_ref()))]
    MissingVariable {
        /// The variable.
        key: String,
        /// Those that there are, in their order.
        known: Vec<String>,
        /// Where.
        place: Option<Place>,
    },
    /// The script is well formed, but it asks for what is not done.
    #[error("{}refused: {what}", at(.place.as_ref()))]
    Refused {
        /// What is refused, and why.
        what: String,
        /// What to write instead.
        hint: Option<String>,
        /// Where.
        place: Option<Place>,
    },
    /// The script used too much of something.
    #[error("{}script exceeded its limits: {limit}", at(.place.as_ref()))]
    Limit {
        /// Of what.
        limit: Limit,
        /// Where.
        place: Option<Place>,
    },
    /// An action failed on the machine.
    #[error("{}{what}", at(.place.as_ref()))]
    Failed {
        /// The command, how it ended and what it printed last.
        what: String,
        /// The line of the script that asked for it.
        place: Option<Place>,
    },
    /// The script's plan is not the one that was agreed to; nothing was done.
    #[error(
        "the plan of `{name}` has the hash {found}, but the one that was agreed to has {expected}: nothing was done"
    )]
    OtherPlan {
        /// The name of the script.
        name: String,
        /// The hash that was agreed to.
        expected: String,
        /// The hash that was found.
        found: String,
    },
    /// The engine itself failed: a bug.
    #[error("the script engine failed on `{name}`: {what}")]
    Engine {
        /// The name of the script.
        name: String,
        /// What it said.
        what: String,
    },
}

fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| {
        format!("{}:{}:{}: ", place.name, place.line, place.column)
    })
}

impl ScriptError {
    /// Where in the script, if that is known.
    pub fn place(&self) -> Option<&Place> {
        match self {
            ScriptError::Script { place, .. }
            | ScriptError::MissingVariable { place, .. }
            | ScriptError::Refused { place, .. }
            | ScriptError::Failed { place, .. }
            | ScriptError::Limit { place, .. } => place.as_ref(),
            ScriptError::OtherPlan { .. } | ScriptError::Engine { .. } => None,
        }
    }

    /// What is wrong, without the place.
    pub fn sentence(&self) -> String {
        let whole = self.to_string();
        let place = at(self.place());
        whole.strip_prefix(&place).unwrap_or(&whole).to_owned()
    }

    /// The same error in a text without its first line; none where it was there.
    pub(super) fn one_line_up(mut self) -> Option<ScriptError> {
        if let ScriptError::Script { place, .. }
        | ScriptError::MissingVariable { place, .. }
        | ScriptError::Refused { place, .. }
        | ScriptError::Limit { place, .. } = &mut self
            && let Some(place) = place
        {
            if place.line <= 1 {
                return None;
            }
            place.line -= 1;
        }
        Some(self)
    }

    /// What may be meant, or what to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            ScriptError::Script { hint, .. } | ScriptError::Refused { hint, .. } => hint.clone(),
            ScriptError::MissingVariable { key, known, .. } => Some(missing_hint(key, known)),
            ScriptError::OtherPlan { .. } => Some(
                "look at the plan of the script and the variables that the machine has now"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The one line of `Display`, then the line of the script with carets, then the hint.
    pub fn with_caret(&self) -> impl fmt::Display {
        let mut lines = vec![self.to_string()];
        lines.extend(self.place().map(Place::with_caret));
        lines.extend(self.hint().map(|hint| format!("hint: {hint}")));
        lines.join("\n")
    }
}

fn missing_hint(key: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "there are no keys at all".to_owned();
    }
    let all = known.join(", ");
    match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`? there are: {all}"),
        None => format!("there are: {all}"),
    }
}

/// The word that is a slip or two away.
pub(super) fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let allowed = word.chars().count().div_ceil(3).min(3);
    known
        .iter()
        .filter(|other| other.len() < 64 && word.len() < 64)
        .map(|other| (slips(word, other), other.as_str()))
        .filter(|(slips, _)| *slips <= allowed)
        .min()
        .map(|(_, other)| other)
}

/// How many characters are to be added, left out or changed to get from one word to the other.
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (done, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = done + 1;
        for (at, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_shown_with_its_line_and_the_ones_there_are() {
        let text = "x = 1\ndisk = var['dsk']\n";
        let mut place = Place::of_offset("vm.configure", text, 13);
        place.width = 10;
        let error = ScriptError::MissingVariable {
            key: "dsk".to_owned(),
            known: vec!["disk".to_owned(), "ip".to_owned()],
            place: Some(place),
        };
        assert_eq!(
            error.with_caret().to_string(),
            "vm.configure:2:8: there is no `dsk` in `var`\n\
             2 | disk = var['dsk']\n  \
               |        ^^^^^^^^^^\n\
             hint: did you mean `disk`? there are: disk, ip"
        );
    }

    #[test]
    fn a_huge_line_is_shown_in_part() {
        let text = "x".repeat(100_000);
        let error = ScriptError::Limit {
            limit: Limit::Chain(1),
            place: Some(Place::of_offset("a", &text, 50_000)),
        };
        assert!(error.with_caret().to_string().len() < 600);
    }
}
