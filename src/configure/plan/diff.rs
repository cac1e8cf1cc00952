//! What differs between two plans: of two scripts, two machines or two versions of a profile.
//!
//! Actions are compared by what they do, so that a comment added to a script changes nothing but the
//! numbers of its lines, which are told in one sentence.

use std::fmt::{self, Display, Formatter};
use std::mem::discriminant;

use serde::Serialize;

use super::lcs::{self, Step};
use super::shown::shown;
use super::text::{lines_of, mark};
use super::{Action, Placeholder, Plan, What, class_of};

/// One difference between an old and a new plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// They are for different profiles.
    Profile {
        /// The old plan's.
        old: String,
        /// The new plan's.
        new: String,
    },
    /// An action does something else.
    Changed {
        /// As it was.
        old: Numbered,
        /// As it is.
        new: Numbered,
    },
    /// An action is no longer there.
    Removed {
        /// As it was.
        old: Numbered,
    },
    /// An action is new.
    Added {
        /// As it is.
        new: Numbered,
    },
    /// What only the machine knows is no longer all the same.
    Placeholders {
        /// Those of the old plan.
        old: Vec<Placeholder>,
        /// Those of the new plan.
        new: Vec<Placeholder>,
    },
    /// Actions that do the same stand on other lines of the script.
    Lines {
        /// How many.
        actions: usize,
    },
}

/// An action and its place in the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Numbered {
    /// Its number in the plan, from 1, as the text of a plan shows it.
    pub number: usize,
    /// The action.
    #[serde(flatten)]
    pub action: Action,
}

/// What differs, in the order of the plans; nothing exactly where they are equal.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    if old.profile != new.profile {
        found.push(Difference::Profile {
            old: old.profile.clone(),
            new: new.profile.clone(),
        });
    }
    let what =
        |plan: &'_ Plan| -> Vec<What> { plan.actions.iter().map(|it| it.what.clone()).collect() };
    let mut gone = Vec::new();
    let mut came = Vec::new();
    let mut moved = 0;
    for step in lcs::steps(&what(old), &what(new)) {
        match step {
            Step::Removed(at) => gone.push(numbered(old, at)),
            Step::Added(at) => came.push(numbered(new, at)),
            Step::Same(was, is) => {
                pair(&mut gone, &mut came, &mut found);
                moved += usize::from(old.actions[was].line != new.actions[is].line);
            }
        }
    }
    pair(&mut gone, &mut came, &mut found);
    if old.placeholders != new.placeholders {
        found.push(Difference::Placeholders {
            old: old.placeholders.clone(),
            new: new.placeholders.clone(),
        });
    }
    if moved > 0 {
        found.push(Difference::Lines { actions: moved });
    }
    found
}

fn numbered(plan: &Plan, at: usize) -> Numbered {
    Numbered {
        number: at + 1,
        action: plan.actions[at].clone(),
    }
}

/// What went and what came at one place: actions of the same kind are one action that changed.
fn pair(gone: &mut Vec<Numbered>, came: &mut Vec<Numbered>, found: &mut Vec<Difference>) {
    let mut came = came.drain(..).peekable();
    for old in gone.drain(..) {
        let kind = discriminant(&old.action.what);
        let new = came.next_if(|new| discriminant(&new.action.what) == kind);
        found.push(match new {
            Some(new) => Difference::Changed { old, new },
            None => Difference::Removed { old },
        });
    }
    found.extend(came.map(|new| Difference::Added { new }));
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Profile { old, new } => {
                writeln!(f, "profile `{}`, was `{}`", shown(new), shown(old))
            }
            Difference::Changed { old, new } => write_changed(f, old, new),
            Difference::Removed { old } => {
                writeln!(
                    f,
                    "action {} of line {} is gone",
                    old.number, old.action.line
                )?;
                write_lines(f, '-', &marked_lines(&old.action.what))
            }
            Difference::Added { new } => {
                writeln!(
                    f,
                    "action {} of line {} is new",
                    new.number, new.action.line
                )?;
                write_lines(f, '+', &marked_lines(&new.action.what))
            }
            Difference::Placeholders { old, new } => {
                writeln!(f, "what only the machine knows")?;
                for step in lcs::steps(old, new) {
                    match step {
                        Step::Removed(at) => write_placeholder(f, '-', &old[at])?,
                        Step::Added(at) => write_placeholder(f, '+', &new[at])?,
                        Step::Same(..) => {}
                    }
                }
                Ok(())
            }
            Difference::Lines { actions: 1 } => {
                writeln!(
                    f,
                    "1 action that does the same stands on another line of the script"
                )
            }
            Difference::Lines { actions } => writeln!(
                f,
                "{actions} actions that do the same stand on other lines of the script"
            ),
        }
    }
}

fn write_placeholder(f: &mut Formatter<'_>, sign: char, it: &Placeholder) -> fmt::Result {
    let (name, from) = (shown(&it.name), shown(&it.from));
    writeln!(f, "  {sign} ⟨{name}⟩, line {}, from {from}", it.line)
}

fn write_changed(f: &mut Formatter<'_>, old: &Numbered, new: &Numbered) -> fmt::Result {
    write!(f, "action {} of line {}", new.number, new.action.line)?;
    if (old.number, old.action.line) != (new.number, new.action.line) {
        write!(
            f,
            ", was action {} of line {},",
            old.number, old.action.line
        )?;
    }
    writeln!(f, " does something else")?;
    let (was, is) = (
        marked_lines(&old.action.what),
        marked_lines(&new.action.what),
    );
    let steps = lcs::steps(&was, &is);
    if steps.iter().all(|step| matches!(step, Step::Same(..))) {
        // An escape and the text of that escape look the same.
        writeln!(f, "  = the texts look the same: compare them as JSON")?;
    }
    for step in steps {
        match step {
            Step::Removed(at) => writeln!(f, "  - {}", was[at])?,
            Step::Added(at) => writeln!(f, "  + {}", is[at])?,
            // Which file it is, where only the content differs.
            Step::Same(0, 0) => writeln!(f, "    {}", is[0])?,
            Step::Same(..) => {}
        }
    }
    Ok(())
}

fn write_lines(f: &mut Formatter<'_>, sign: char, lines: &[String]) -> fmt::Result {
    lines
        .iter()
        .try_for_each(|line| writeln!(f, "  {sign} {line}"))
}

/// The whole action, with the mark of its class before its first line.
fn marked_lines(what: &What) -> Vec<String> {
    let mark = mark(&class_of(what));
    let lines = lines_of(what, false).into_iter().enumerate();
    let marked = lines.map(|(at, line)| match at {
        0 => format!("{mark} {line}"),
        _ => format!("   {line}"),
    });
    marked.collect()
}

#[cfg(test)]
mod tests;
