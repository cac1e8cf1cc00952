//! Whether the machine's own values, and what its commands print, could be read as shell code in a
//! text for the shell.
//!
//! A value that is changed before it is used (cut, joined, in other case) is not recognized; the
//! list form of `run` has no shell and no such danger.

use crate::configure::quoted;
use crate::model::{CmdbEntry, Value};

use super::stop::{Stop, refused};

/// The values that a shell would not take as plain words, longest first, with their quoted forms.
#[derive(Debug)]
pub(super) struct Untrusted(Vec<(String, String)>);

impl Untrusted {
    pub(super) fn of(variables: &CmdbEntry) -> Untrusted {
        let mut texts = Vec::new();
        for (_, value) in variables.iter() {
            collect(value, &mut texts);
        }
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        let pair = |text: String| {
            let quoted = quoted(&text);
            (text, quoted)
        };
        Untrusted(texts.into_iter().map(pair).collect())
    }

    /// Adds what a command printed: its lines, and all of it where it has several, if a shell would
    /// read code in them. Blanks are let through, since lists of names are made of them.
    pub(super) fn add_answer(&mut self, answer: &str) {
        const CODE: &str = "$`;|&<>()'\"\\\n\r";
        let is_code = |text: &&str| text.contains(|c| CODE.contains(c));
        let lines = answer.lines().map(str::trim).filter(is_code);
        let whole = std::iter::once(answer).filter(is_code);
        for text in lines.chain(whole).filter(|text| text.len() > 1) {
            self.0.push((text.to_owned(), quoted(text)));
        }
        self.0
            .sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
    }

    /// Refuses a text that holds one of the values other than as `quote()` gives it, in a place
    /// where the shell takes quotes as quotes.
    pub(super) fn check(&self, text: &str) -> Result<(), Stop> {
        let held: Vec<&(String, String)> = self
            .0
            .iter()
            .filter(|(value, _)| text.contains(value.as_str()))
            .chain(
                // A value with a quote in it is not itself part of its quoted form.
                self.0.iter().filter(|(value, quoted)| {
                    !text.contains(value.as_str()) && text.contains(quoted.as_str())
                }),
            )
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let rest = without_quoted(text, &held);
        // In here-documents and backquotes quotes mean something else.
        let unsure = rest.contains("<<") || rest.contains('`');
        let raw = held.iter().find(|(value, quoted)| {
            unsure || rest.contains(value.as_str()) || rest.contains(quoted.as_str())
        });
        match raw {
            None => Ok(()),
            Some((value, _)) => refused(
                format!(
                    "a text for the shell holds the machine's value `{}`, in which `{}` means something to the shell",
                    value.chars().take(60).collect::<String>().escape_debug(),
                    value
                        .chars()
                        .find(|c| special(*c))
                        .unwrap_or(' ')
                        .escape_debug()
                ),
                Some("use the list form, run(['program', …]), or quote()"),
            ),
        }
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Text(text) if text.chars().any(special) => texts.push(text.clone()),
        Value::List(items) | Value::Tuple(items) => {
            items.iter().for_each(|item| collect(item, texts));
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                collect(&Value::Text(key.clone()), texts);
                collect(value, texts);
            }
        }
        _ => {}
    }
}

/// Whether a character may be more than itself to a shell, blanks included: they part words.
fn special(c: char) -> bool {
    !(c.is_alphanumeric() || "_@%+=:,./-".contains(c))
}

/// The text with each quoted value, where the shell reads quotes as quotes, replaced by a NUL.
fn without_quoted(text: &str, held: &[&(String, String)]) -> String {
    let mut rest = String::new();
    let mut at = 0;
    let mut open: Option<char> = None;
    while let Some(c) = text[at..].chars().next() {
        let here = &text[at..];
        let word_starts = at == 0 || text[..at].ends_with([' ', '\t', '\n', ';', '&', '|', '(']);
        if open.is_none() {
            if let Some((_, quoted)) = held.iter().find(|(_, quoted)| here.starts_with(quoted)) {
                rest.push('\0');
                at += quoted.len();
                continue;
            }
            if c == '#' && word_starts {
                let length = here.find('\n').unwrap_or(here.len());
                rest.push_str(&here[..length]);
                at += length;
                continue;
            }
        }
        let escaped = c == '\\' && open != Some('\'');
        match open {
            None if c == '\'' || c == '"' => open = Some(c),
            Some(quote) if quote == c => open = None,
            _ => {}
        }
        rest.push(c);
        at += c.len_utf8();
        if escaped && let Some(next) = text[at..].chars().next() {
            rest.push(next);
            at += next.len_utf8();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(value: &str, text: &str) -> bool {
        let variables = CmdbEntry::from_iter([("v".to_owned(), Value::from(value))]);
        Untrusted::of(&variables).check(text).is_err()
    }

    #[test]
    fn a_value_with_special_characters_is_refused_as_it_stands() {
        for value in [
            "$(reboot)",
            "a; b",
            "a b",
            "`x`",
            "a'b",
            "\n",
            "x|y",
            "<",
            "*",
        ] {
            assert!(is_refused(value, &format!("echo {value}")), "{value}");
            assert!(is_refused(value, &format!("echo \"{value}\"")), "{value}");
            assert!(!is_refused(value, "true"), "{value}");
        }
        for value in ["vda", "52:54:00:12:34:56", "10.0.0.1/24", "é"] {
            assert!(!is_refused(value, &format!("echo {value}")), "{value}");
        }
    }

    #[test]
    fn a_quoted_value_is_taken_where_quotes_are_quotes() {
        for value in ["$(reboot)", "a'b; c", "a b", "'; reboot; '"] {
            let word = quoted(value);
            assert!(
                !is_refused(value, &format!("echo {word}; echo {word}")),
                "{value}"
            );
            for text in [
                format!("echo \"{word}\""),
                format!("cat <<END\n{word}\nEND"),
                format!("echo `echo {word}`"),
                format!("# \"\necho \"{word}\""),
                format!("echo {word} {value}"),
                format!("echo \\{word}"),
            ] {
                assert!(is_refused(value, &text), "{text}");
            }
        }
    }
}
