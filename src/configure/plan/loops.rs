//! Variables of a shell text that nothing but a `for` with known words sets.
//!
//! `for d in /dev/sda /dev/sdb; do wipefs -a $d; done` names its devices. A variable counts only if its
//! name stands nowhere in the text but after `for` and after a dollar sign, so that nothing else can
//! set it; else its words stay unknown.

use std::borrow::Cow;

use super::shell::{Simple, Word};

/// The variables and the words that they stand for.
#[derive(Debug, Default)]
pub(super) struct Loops(Vec<(String, Vec<Word>)>);

impl Loops {
    /// The loops of a text that was split into these commands.
    pub(super) fn of(text: &str, simple: &[Simple]) -> Loops {
        let mut loops = Loops::default();
        for words in simple.iter().map(|simple| simple.words.as_slice()) {
            let start = words.iter().position(|word| word.text == "for");
            let Some([_, name, within, items @ ..]) = start.map(|start| &words[start..]) else {
                continue;
            };
            let known = items.iter().all(|word| !word.dynamic);
            if within.text == "in"
                && known
                && name.is_fixed()
                && is_set_by_for_only(text, &name.text)
            {
                let of_name = loops.0.iter_mut().find(|(known, _)| *known == name.text);
                match of_name {
                    Some((_, words)) => words.extend_from_slice(items),
                    None => loops.0.push((name.text.clone(), items.to_vec())),
                }
            } else {
                // What one loop leaves open no other one tells.
                loops.0.retain(|(known, _)| *known != name.text);
            }
        }
        loops
    }

    /// The words with what the loops tell in place of their variables.
    pub(super) fn filled<'a>(&self, words: &'a [Word]) -> Cow<'a, [Word]> {
        if self.0.is_empty() {
            return Cow::Borrowed(words);
        }
        let fill = |word: &Word| match self.items(word) {
            Some(items) => items.to_vec(),
            None => vec![word.clone()],
        };
        Cow::Owned(words.iter().flat_map(fill).collect())
    }

    fn items(&self, word: &Word) -> Option<&[Word]> {
        let name = word.text.strip_prefix('$').filter(|_| word.dynamic)?;
        let inner = name
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let name = inner.unwrap_or(name);
        let mut known = self.0.iter().filter(|(known, _)| known == name);
        known.next().map(|(_, items)| items.as_slice())
    }
}

/// Whether each place where the name stands in the text is `$NAME`, `${NAME}` or `for NAME in`.
fn is_set_by_for_only(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_part) {
        return false;
    }
    text.match_indices(name).all(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let is_other = before.ends_with(is_part) || after.starts_with(is_part);
        let is_read = before.ends_with('$') || (before.ends_with("${") && after.starts_with('}'));
        let is_set = before.ends_with("for ") && after.starts_with(" in ");
        is_other || is_read || is_set
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::plan::shell;

    fn filled(text: &str) -> Vec<String> {
        let commands = shell::commands(text);
        let loops = Loops::of(text, &commands.simple);
        let last = commands
            .simple
            .iter()
            .rev()
            .find(|simple| simple.words.len() > 1);
        let words = loops.filled(&last.unwrap().words);
        words.iter().map(|word| word.text.clone()).collect()
    }

    #[test]
    fn a_variable_that_only_a_for_sets_stands_for_its_words() {
        assert_eq!(
            filled("for d in a b; do ls $d; done"),
            ["do", "ls", "a", "b"]
        );
        assert_eq!(
            filled("for d in /dev/sd*; do ls \"${d}\"; done"),
            ["do", "ls", "/dev/sd*"]
        );
    }

    #[test]
    fn a_variable_that_something_else_may_set_stays_unknown() {
        for text in [
            "for d in a b; do d=x; ls $d; done",
            "for d in a $B; do ls $d; done",
            "for d in a; do read d; ls $d; done",
            "for d in a; do true; done; for d in $B; do ls $d; done",
            "for d in a; do ls ${d%x}; done",
            "for d in a; do ls $d1; done",
        ] {
            assert!(
                filled(text).iter().any(|word| word.starts_with('$')),
                "{text}"
            );
        }
    }
}
