//! What is checked in a script's text before it is parsed.
//!
//! Parsers descend as deep as a text nests, so a text that nests too deep never reaches one. Only
//! strings, comments, brackets and words are told apart here; whether the text is right is the
//! parser's to say.

use std::iter::Peekable;
use std::str::CharIndices;

use super::error::{Limit, Place, ScriptError};
use super::limits::Limits;

/// Assignments with an operator that the engine's own operator would work out, unlike `x % y`.
const NOT_OURS: [(&str, char); 2] = [("%=", '%'), ("*=", '*')];

/// Checks the size, nesting and chains of a script.
///
/// # Errors
///
/// The first limit that the text exceeds, or an assignment that is to be written in two parts.
pub(super) fn check(name: &str, text: &str, limits: &Limits) -> Result<(), ScriptError> {
    let exceeded = |limit, at: Option<usize>| {
        Err(ScriptError::Limit {
            limit,
            place: at.map(|at| Place::of_offset(name, text, at)),
        })
    };
    if text.len() > limits.source_bytes {
        return exceeded(Limit::SourceSize(limits.source_bytes), None);
    }
    if let Some(at) = deepest_block(text, limits.nesting) {
        return exceeded(Limit::Nesting(limits.nesting), Some(at));
    }
    let mut scan = Scan {
        chars: text.char_indices().peekable(),
        text,
        chains: vec![0],
        elifs: 0,
    };
    while let Some(at) = scan.step() {
        if scan.chains.len() > limits.nesting + 1 {
            return exceeded(Limit::Nesting(limits.nesting), Some(at));
        }
        if scan.chains.iter().sum::<usize>() > limits.chain {
            return exceeded(Limit::Chain(limits.chain), Some(at));
        }
        if scan.elifs > limits.elifs {
            return exceeded(Limit::Elifs(limits.elifs), Some(at));
        }
        let rest = &text[at..];
        if let Some((sign, operator)) = NOT_OURS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            let mut place = Place::of_offset(name, text, at);
            place.width = sign.len();
            return Err(ScriptError::Script {
                what: format!("`{sign}` is not supported"),
                hint: Some(format!("write `x = x {operator} y` for `x {sign} y`")),
                place: Some(place),
            });
        }
    }
    Ok(())
}

/// Where a line stands in more blocks than there may be. Blanks within strings count too: no text
/// that is meant for a file begins with that many different indentations, each deeper.
fn deepest_block(text: &str, nesting: usize) -> Option<usize> {
    let mut blocks: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start_matches([' ', '\t']);
        if !code.trim().is_empty() {
            let indent = line.len() - code.len();
            while blocks.last().is_some_and(|block| *block >= indent) {
                blocks.pop();
            }
            blocks.push(indent);
            if blocks.len() > nesting + 1 {
                return Some(at);
            }
        }
        at += line.len();
    }
    None
}

struct Scan<'a> {
    chars: Peekable<CharIndices<'a>>,
    text: &'a str,
    /// For each open bracket, the words and signs since the last comma within it.
    chains: Vec<usize>,
    elifs: usize,
}

impl Scan<'_> {
    /// Reads one word, sign, string or comment; gives where it began.
    fn step(&mut self) -> Option<usize> {
        let (at, c) = self.chars.next()?;
        match c {
            '#' => while self.chars.next_if(|(_, c)| *c != '\n').is_some() {},
            '\'' | '"' => self.string(at, c),
            '(' | '[' | '{' => {
                self.count();
                self.chains.push(0);
            }
            ')' | ']' | '}' => {
                if self.chains.len() > 1 {
                    self.chains.pop();
                }
            }
            ',' | ';' => self.restart(),
            '\n' if self.chains.len() == 1 => self.restart(),
            _ if c.is_whitespace() => {}
            _ if c.is_alphanumeric() || c == '_' => {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let mut end = at + c.len_utf8();
                while let Some((from, c)) = self.chars.next_if(|(_, c)| word(*c)) {
                    end = from + c.len_utf8();
                }
                self.elifs += usize::from(&self.text[at..end] == "elif");
                self.count();
            }
            _ => self.count(),
        }
        Some(at)
    }

    fn count(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain += 1;
        }
    }

    fn restart(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain = 0;
        }
    }

    fn string(&mut self, at: usize, quote: char) {
        self.count();
        let triple = [quote; 3].iter().collect::<String>();
        let long = self.text[at..].starts_with(&triple);
        if long {
            self.chars.next();
            self.chars.next();
        }
        while let Some((from, c)) = self.chars.next() {
            if c == '\\' {
                // Raw strings too go on after `\'`.
                self.chars.next();
            } else if c == quote && !long {
                return;
            } else if c == quote && self.text[from..].starts_with(&triple) {
                self.chars.next();
                self.chars.next();
                return;
            } else if c == '\n' && !long {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Option<Limit> {
        match check("x.configure", text, &Limits::default()) {
            Err(ScriptError::Limit { limit, .. }) => Some(limit),
            _ => None,
        }
    }

    #[test]
    fn brackets_count_outside_strings_and_comments_only() {
        let open = "(".repeat(200);
        assert_eq!(limit(&open), Some(Limit::Nesting(100)));
        assert_eq!(limit(&format!("'{open}' # {open}")), None);
        assert_eq!(limit(&format!("'''\n'{open}'''")), None);
        assert_eq!(limit(&format!("'''\n'''{open}")), Some(Limit::Nesting(100)));
        assert_eq!(limit(&format!("'\\''{open}")), Some(Limit::Nesting(100)));
    }

    #[test]
    fn chains_blocks_and_elifs_are_counted_too() {
        assert_eq!(limit(&"not ".repeat(3000)), Some(Limit::Chain(2000)));
        assert_eq!(
            limit(&format!("f{}", "()".repeat(3000))),
            Some(Limit::Chain(2000))
        );
        assert_eq!(
            limit(&"if x:\n    pass\nelif y:\n    pass\n".repeat(600)),
            Some(Limit::Elifs(500))
        );
        let blocks: String = (0..200).map(|n| " ".repeat(n) + "if x:\n").collect();
        assert_eq!(limit(&blocks), Some(Limit::Nesting(100)));
        assert_eq!(
            limit(&" ".repeat(300_000)),
            Some(Limit::SourceSize(262_144))
        );
    }

    #[test]
    fn a_long_list_is_no_chain() {
        assert_eq!(
            limit(&format!("x = [\n{}]", "'/dev/sda' + x,\n".repeat(5000))),
            None
        );
    }

    #[test]
    fn an_assignment_with_an_operator_of_the_engine_is_named() {
        let error = check("x", "a = '%s'\na %= var\n", &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "x:2:3: `%=` is not supported");
    }
}
