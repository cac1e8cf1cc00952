//! One configure script for `convert`: ported, with a diff and a report.

use serde::Serialize;

use crate::configure::port::{Change, Left, port, unified_diff};

use super::answer::{Answer, Style};

/// What became of a script.
#[derive(Debug, Serialize)]
pub(super) struct Converted {
    file: String,
    /// Why it was not looked at, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'static str>,
    changes: Vec<Change>,
    not_ported: Vec<Left>,
    /// A unified diff, empty where nothing was changed.
    diff: String,
}

const OTHER_INTERPRETER: &str = "it begins with #! and is for that interpreter";
const NO_TEXT: &str = "this is no UTF-8 text";

/// Ports the script in `bytes` and gives what is to be written.
pub(super) fn convert(name: &str, bytes: Vec<u8>) -> (Converted, Vec<u8>) {
    let mut converted = Converted {
        file: name.to_owned(),
        skipped: None,
        changes: Vec::new(),
        not_ported: Vec::new(),
        diff: String::new(),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            converted.not_ported.push(Left {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                what: NO_TEXT.to_owned(),
                instead: Some("save the file as UTF-8".to_owned()),
            });
            return (converted, error.into_bytes());
        }
    };
    if text.starts_with("#!") {
        converted.skipped = Some(OTHER_INTERPRETER);
        return (converted, text.into_bytes());
    }
    let ported = port(name, &text);
    converted.diff = unified_diff(name, &format!("{name}, ported"), &text, &ported.text);
    converted.changes = ported.changes;
    converted.not_ported = ported.left;
    (converted, ported.text.into_bytes())
}

impl Converted {
    /// Whether nothing is left to do by hand.
    pub(super) fn is_whole(&self) -> bool {
        self.not_ported.is_empty()
    }

    /// Adds the diff and the report; what needs no words gets none, unless it was asked for alone.
    pub(super) fn say(&self, answer: &mut Answer, alone: bool) {
        let name = &self.file;
        if let Some(why) = self.skipped {
            answer.say(Style::Weak, &format!("{name} is left as it is: {why}"));
        } else if alone && self.diff.is_empty() && self.is_whole() {
            answer.say(Style::Good, &format!("{name} is Starlark already"));
        }
        for line in self.diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => Style::Good,
                Some(b'-') => Style::Bad,
                _ => Style::Plain,
            };
            answer.lines.push((style, line.to_owned()));
        }
        for (what, lines) in self.grouped(false) {
            answer.say(Style::Weak, &format!("{name}: {lines}: {what}"));
        }
        for (what, lines) in self.grouped(true) {
            answer.say(Style::Plain, &format!("{name}: look at {lines}: {what}"));
        }
        for left in &self.not_ported {
            let mut line = format!("{name}: line {} is not ported: {}", left.line, left.what);
            if let Some(instead) = &left.instead {
                line.push_str(&format!("; write instead: {instead}"));
            }
            answer.say(Style::Bad, &line);
        }
    }

    /// The changes of one kind, each with all its lines, in the order of the first ones.
    fn grouped(&self, look: bool) -> Vec<(&str, String)> {
        let mut groups: Vec<(&str, Vec<u32>)> = Vec::new();
        for change in self.changes.iter().filter(|change| change.look == look) {
            match groups.iter_mut().find(|(what, _)| *what == change.what) {
                Some((_, lines)) => lines.push(change.line),
                None => groups.push((&change.what, vec![change.line])),
            }
        }
        groups
            .into_iter()
            .map(|(what, lines)| (what, named(&lines)))
            .collect()
    }
}

/// Lines by their numbers.
fn named(lines: &[u32]) -> String {
    const NAMED: usize = 8;
    let numbers: Vec<String> = lines.iter().take(NAMED).map(u32::to_string).collect();
    let numbers = numbers.join(", ");
    match lines.len() {
        1 => format!("line {numbers}"),
        count if count > NAMED => format!("lines {numbers} and {} more", count - NAMED),
        _ => format!("lines {numbers}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_is_no_text_is_kept_and_named() {
        let bytes = b"run('a')\n# caf\xe9\n".to_vec();
        let (converted, kept) = convert("x.configure", bytes.clone());
        assert_eq!(kept, bytes);
        assert_eq!(converted.not_ported[0].line, 2);
        assert!(!converted.is_whole());
    }

    #[test]
    fn changes_of_one_kind_are_told_together() {
        let text = "print 'a'\n".repeat(10) + "while x:\n    f()\n";
        let (converted, _) = convert("x.configure", text.into_bytes());
        let lines = "lines 1, 2, 3, 4, 5, 6, 7, 8 and 2 more".to_owned();
        assert_eq!(
            converted.grouped(false)[0],
            ("`print` is a function", lines)
        );
        assert_eq!(converted.grouped(true)[0].1, "line 11");
    }
}
