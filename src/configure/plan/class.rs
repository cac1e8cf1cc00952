//! What an action does to data: it reads, it changes, or it destroys what a device holds.
//!
//! A shell text is split into its commands, each of which is classed by the program that it starts.
//! Where something cannot be told, the worse is said. What a program from the machine's own disk does
//! is not known here: unknown programs *change*.

use serde::Serialize;

use super::device::{self, UNKNOWN_DEVICE};
use super::loops::Loops;
use super::rules::{self, Verdict};
use super::shell::{self, Simple, Word};
use super::wrappers::{self, Inner};
use super::{CommandText, What, programs};

/// How many shells and wrappers may start one another before nothing is believed any more.
const DEEPEST: usize = 12;

/// What an action does to the machine's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Class {
    /// It only looks.
    Reads,
    /// It changes something, but no data that a device holds is lost by what is known of it.
    Changes,
    /// Data is lost.
    Destroys {
        /// The devices or RAID controllers, as the action names them; `UNKNOWN_DEVICE` for one
        /// that the plan cannot tell. Never empty.
        devices: Vec<String>,
    },
}

impl Class {
    fn destroys_unknown() -> Class {
        Class::Destroys {
            devices: vec![UNKNOWN_DEVICE.to_owned()],
        }
    }

    /// All together: the worst of them, and all devices.
    fn of_all(classes: impl IntoIterator<Item = Class>) -> Class {
        let mut changes = false;
        let mut all = Vec::new();
        for class in classes {
            match class {
                Class::Reads => {}
                Class::Changes => changes = true,
                Class::Destroys { devices } => all.extend(devices),
            }
        }
        if !all.is_empty() {
            Verdict::Destroys(all).into()
        } else if changes {
            Class::Changes
        } else {
            Class::Reads
        }
    }
}

impl From<Verdict> for Class {
    fn from(verdict: Verdict) -> Class {
        match verdict {
            Verdict::Reads => Class::Reads,
            Verdict::Changes => Class::Changes,
            Verdict::Destroys(mut devices) => {
                let mut seen = std::collections::BTreeSet::new();
                devices.retain(|device| seen.insert(device.clone()));
                Class::Destroys { devices }
            }
        }
    }
}

/// The class of an action, from what it says and the table of programs (DESIGN section 5).
pub fn class_of(what: &What) -> Class {
    match what {
        What::Run { command } | What::Output { command, .. } => match command {
            CommandText::Shell(text) => of_text(text, 0),
            CommandText::List(words) => {
                let words: Vec<Word> = words.iter().map(|word| Word::plain(word)).collect();
                of_words(&words, None, 0)
            }
        },
        What::WriteFile { path, .. } => of_target(&Word::plain(path)),
        What::Hpacucli {
            call, arguments, ..
        } => of_smart_array(call, arguments),
        What::SetRole { .. } | What::GrubOptions { .. } | What::Ipmi { .. } => Class::Changes,
        What::Sleep { .. } => Class::Reads,
        What::Opaque { .. } => Class::destroys_unknown(),
    }
}

/// The calls of eDeploy's `hpacucli.py`.
fn of_smart_array(call: &str, arguments: &[String]) -> Class {
    match call {
        "launch" => Class::Reads,
        "ctrl_delete" | "ctrl_create_ld" => Class::Destroys {
            devices: vec![
                arguments
                    .first()
                    .cloned()
                    .unwrap_or_else(|| UNKNOWN_DEVICE.to_owned()),
            ],
        },
        show if show.ends_with("_show") => Class::Reads,
        _ => Class::Changes,
    }
}

/// A file that is written to.
fn of_target(target: &Word) -> Class {
    if target.dynamic && !is_below_another_directory(&target.text) {
        return Class::destroys_unknown();
    }
    match device::in_path(&target.text) {
        Some(device) => Class::Destroys {
            devices: vec![device.to_owned()],
        },
        None if target.text == "/dev/null" => Class::Reads,
        None => Class::Changes,
    }
}

/// `/tmp/$NAME` is no device, whatever the name.
fn is_below_another_directory(path: &str) -> bool {
    let known = path.split(['$', '`']).next().unwrap_or_default();
    let directories = known
        .rsplit_once('/')
        .map_or("", |(directories, _)| directories);
    directories.starts_with('/')
        && directories.len() > 1
        && device::in_path(&format!("{directories}/x")).is_none()
        && !directories.contains("..")
}

fn of_text(text: &str, depth: usize) -> Class {
    if depth > DEEPEST {
        return Class::destroys_unknown();
    }
    let commands = shell::commands(text);
    let start = if commands.unclear {
        Class::destroys_unknown()
    } else {
        Class::Reads
    };
    let loops = Loops::of(text, &commands.simple);
    let classes = commands
        .simple
        .iter()
        .map(|simple| of_simple(simple, &loops, depth));
    Class::of_all(std::iter::once(start).chain(classes))
}

fn of_simple(simple: &Simple, loops: &Loops, depth: usize) -> Class {
    let writes = loops.filled(&simple.writes);
    let writes = writes.iter().map(of_target);
    let words = loops.filled(&simple.words);
    let start = of_words(&words, simple.input.as_deref(), depth);
    Class::of_all(std::iter::once(start).chain(writes))
}

/// A program and its arguments. `input` is the heredoc that it reads.
fn of_words(words: &[Word], input: Option<&str>, depth: usize) -> Class {
    let words = wrappers::without_keywords(words);
    let Some((program, arguments)) = words.split_first() else {
        return Class::Reads;
    };
    if depth > DEEPEST {
        return Class::destroys_unknown();
    }
    if !program.is_fixed() {
        return named_in(arguments, depth);
    }
    let name = base_name(&program.text);
    match wrappers::inner(name, arguments) {
        Inner::Commands(inner) => {
            let classes = inner.iter().map(|words| of_words(words, input, depth + 1));
            Class::of_all(classes)
        }
        Inner::Text(text) => of_text(&text, depth + 1),
        Inner::Input => input.map_or_else(Class::destroys_unknown, |text| of_text(text, depth + 1)),
        Inner::Nothing(class) => class,
        Inner::None => match programs::rules_of(name) {
            Some(rules) => rules::apply(rules, arguments).into(),
            None => named_in(words, depth),
        },
    }
}

/// The words of an unknown command: it may start what it is given, as `flock` and `ssh` do.
/// Only what names a device is believed, since `apt-get install parted` starts nothing.
fn named_in(words: &[Word], depth: usize) -> Class {
    const LOOKED_AT: usize = 32;
    let named = |class: &Class| matches!(class, Class::Destroys { devices } if devices.iter().any(|device| device != UNKNOWN_DEVICE));
    let mut worst = Class::Changes;
    for (at, word) in words.iter().enumerate().take(LOOKED_AT) {
        let class = if word.text.contains(char::is_whitespace) {
            of_text(&word.text, depth + 1)
        } else {
            match programs::rules_of(base_name(&word.text)) {
                Some(rules) => rules::apply(rules, &words[at + 1..]).into(),
                None => continue,
            }
        };
        if named(&class) {
            worst = Class::of_all([worst, class]);
        }
    }
    worst
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests;
