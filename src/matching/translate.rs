//! Python's regular expression syntax, rewritten as that of the `regex` crate.
//!
//! One pass, no recursion. Every literal is written as its code point, so that nothing a text holds
//! can mean something else in the other syntax.

use std::fmt::Write as _;

use regex::Regex;

use super::classes::{Scope, class, escape};
use super::error::PatternError;

/// Rewrites `pattern`; offsets of errors are bytes of it.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator {
        input: Input {
            text: pattern,
            at: 0,
        },
        out: String::with_capacity(pattern.len() * 2),
        scope: Scope::default(),
        groups: Vec::new(),
        last: Last::Nothing,
        tail: Tail::default(),
        possessive: None,
    };
    while let Some(character) = translator.input.next() {
        translator.step(character)?;
    }
    translator.finish()
}

/// The text and how far it is read.
pub(super) struct Input<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl Input<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub(super) fn take(&mut self, prefix: &str) -> bool {
        let taken = self.text[self.at..].starts_with(prefix);
        if taken {
            self.at += prefix.len();
        }
        taken
    }

    pub(super) fn error(&self, problem: &str) -> PatternError {
        let last = self.text[..self.at].chars().next_back();
        let offset = self.at - last.map_or(0, char::len_utf8);
        PatternError::new(offset, format!("in the regular expression, {problem}"))
    }
}

/// What the last thing written was, as far as a quantifier after it cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that can be repeated: a beginning, an anchor.
    Nothing,
    /// One thing that takes a character, or a group.
    Atom,
    Quantified,
}

/// What a group consists of, to tell whether an atomic one is like an ordinary one.
#[derive(Clone, Default)]
struct Tail {
    atoms: usize,
    quantifiers: usize,
    /// Holds an alternative or a group.
    branches: bool,
    /// Where the last atom begins in the output, if it is a single character or class.
    single: Option<(usize, usize)>,
}

struct Group {
    scope: Scope,
    tail: Tail,
    atomic: bool,
    /// Where its parenthesis stands.
    opened: usize,
}

struct Translator<'a> {
    input: Input<'a>,
    out: String,
    scope: Scope,
    groups: Vec<Group>,
    last: Last,
    tail: Tail,
    /// What the possessive or atomic repetition just before repeats.
    possessive: Option<String>,
}

impl Translator<'_> {
    fn step(&mut self, character: char) -> Result<(), PatternError> {
        match character {
            '(' => self.open_group(),
            ')' => self.close_group(),
            '[' => {
                let class = class(&mut self.input, self.scope)?;
                self.single(&class, None)
            }
            '.' => self.single(".", None),
            '^' => self.anchor(if self.scope.multi_line { "(?m:^)" } else { "^" }),
            // Python's `$` also matches before a newline that ends the text.
            '$' => self.anchor(if self.scope.multi_line {
                "(?m:$)"
            } else {
                r"(?:\n?\z)"
            }),
            '|' => {
                self.settle_possessive(None)?;
                self.tail.branches = true;
                self.out.push('|');
                self.last = Last::Nothing;
                Ok(())
            }
            '*' => self.quantifier("*"),
            '+' => self.quantifier("+"),
            '?' => self.quantifier("?"),
            '{' => match counts(&mut self.input) {
                Some(counts) => self.quantifier(&counts),
                None => self.literal('{'),
            },
            '\\' => self.escaped(),
            '#' if self.scope.verbose => {
                while self.input.next().is_some_and(|c| c != '\n') {}
                Ok(())
            }
            blank if self.scope.verbose && blank.is_whitespace() => Ok(()),
            other => self.literal(other),
        }
    }

    fn finish(self) -> Result<String, PatternError> {
        match self.groups.last() {
            None => Ok(self.out),
            Some(group) => {
                let mut error = self.input.error("a parenthesis is not closed");
                error.offset = group.opened;
                Err(error)
            }
        }
    }

    fn literal(&mut self, character: char) -> Result<(), PatternError> {
        self.single(&code_point(character), Some(character))
    }

    /// Writes what takes exactly one character: `literal`, if it takes that one only.
    fn single(&mut self, text: &str, literal: Option<char>) -> Result<(), PatternError> {
        let optional = matches!(self.input.peek(), Some('*' | '?' | '{'));
        self.settle_possessive(literal.filter(|_| !optional))?;
        let start = self.out.len();
        self.out.push_str(text);
        self.tail.single = Some((start, self.out.len()));
        self.tail.atoms += 1;
        self.last = Last::Atom;
        Ok(())
    }

    fn anchor(&mut self, text: &str) -> Result<(), PatternError> {
        self.settle_possessive(None)?;
        self.out.push_str(text);
        self.tail.atoms += 1;
        self.tail.single = None;
        self.last = Last::Nothing;
        Ok(())
    }

    fn escaped(&mut self) -> Result<(), PatternError> {
        let escape = escape(&mut self.input, self.scope, false)?;
        match escape.literal {
            Some(character) => self.literal(character),
            None if escape.anchor => self.anchor(&escape.text),
            None => self.single(&escape.text, None),
        }
    }

    fn quantifier(&mut self, text: &str) -> Result<(), PatternError> {
        match self.last {
            Last::Nothing => return Err(self.input.error("there is nothing to repeat")),
            Last::Quantified => return Err(self.input.error("a repetition is repeated")),
            Last::Atom => {}
        }
        self.settle_possessive(None)?;
        let single = self.tail.single;
        self.out.push_str(text);
        if self.input.take("?") {
            self.out.push('?');
            self.tail.branches = true;
        } else if self.input.take("+") {
            let Some((start, end)) = single else {
                return Err(self.input.error(POSSESSIVE));
            };
            self.possessive = Some(self.out[start..end].to_owned());
        }
        self.tail.quantifiers += 1;
        self.last = Last::Quantified;
        Ok(())
    }

    /// A repetition that gives nothing back is like an ordinary one where the next character is one
    /// that it could not have taken, or where nothing follows.
    fn settle_possessive(&mut self, next: Option<char>) -> Result<(), PatternError> {
        let Some(repeated) = self.possessive.take() else {
            return Ok(());
        };
        let apart = next.is_some_and(|next| {
            Regex::new(&format!("(?is)^(?:{repeated})$"))
                .is_ok_and(|regex| !regex.is_match(next.encode_utf8(&mut [0; 4])))
        });
        if apart {
            Ok(())
        } else {
            Err(self.input.error(POSSESSIVE))
        }
    }

    fn open_group(&mut self) -> Result<(), PatternError> {
        if self.input.take("?#") {
            while self.input.next().is_some_and(|c| c != ')') {}
            return Ok(());
        }
        self.settle_possessive(None)?;
        let outside = self.scope;
        let opened = self.input.at - 1;
        let mut atomic = false;
        if !self.input.take("?") {
            self.out.push('(');
        } else if self.input.take(":") {
            self.out.push_str("(?:");
        } else if self.input.take(">") {
            atomic = true;
            self.out.push_str("(?:");
        } else if self.input.take("P<") {
            self.out.push_str("(?P<");
            while let Some(character) = self.input.next() {
                self.out.push(character);
                if character == '>' {
                    break;
                }
            }
        } else if let Some(problem) = self.unsupported_group() {
            return Err(self.input.error(problem));
        } else if self.flags()? {
            return Ok(());
        }
        let tail = std::mem::take(&mut self.tail);
        self.groups.push(Group {
            scope: outside,
            tail,
            atomic,
            opened,
        });
        self.last = Last::Nothing;
        Ok(())
    }

    fn unsupported_group(&self) -> Option<&'static str> {
        let rest = &self.input.text[self.input.at..];
        if rest.starts_with("P=") {
            Some(BACK_REFERENCE)
        } else if rest.starts_with(['=', '!', '<']) {
            Some("look-around is not supported: use `and`, `or` and `not` around simpler ones")
        } else if rest.starts_with('(') {
            Some("a conditional group is not supported")
        } else {
            None
        }
    }

    /// Reads `(?flags)` or `(?flags:`; true where it was the former, which opens no group.
    fn flags(&mut self) -> Result<bool, PatternError> {
        let first = self.input.text[..self.input.at].len() == "(?".len();
        let mut native = String::new();
        let mut on = true;
        while let Some(flag) = self.input.next() {
            match flag {
                'a' if on => self.scope.ascii = true,
                'u' if on => self.scope.ascii = false,
                'm' => self.scope.multi_line = on,
                'x' => self.scope.verbose = on,
                'i' | 's' => native.push(flag),
                '-' if on => {
                    on = false;
                    native.push('-');
                }
                ':' => {
                    let native = native.trim_end_matches('-');
                    let _ = write!(self.out, "(?{native}:");
                    return Ok(false);
                }
                ')' if on && first => {
                    if !native.is_empty() {
                        let _ = write!(self.out, "(?{native})");
                    }
                    return Ok(true);
                }
                ')' => return Err(self.input.error("flags for the whole must stand first")),
                _ => return Err(self.input.error("this flag or group is unknown")),
            }
        }
        Err(self.input.error("a parenthesis is not closed"))
    }

    fn close_group(&mut self) -> Result<(), PatternError> {
        self.settle_possessive(None)?;
        let Some(group) = self.groups.pop() else {
            return Err(self.input.error("a parenthesis closes nothing"));
        };
        let inside = std::mem::replace(&mut self.tail, group.tail);
        if group.atomic {
            let plain = inside.quantifiers == 0 && !inside.branches;
            match (inside.atoms, inside.single) {
                _ if plain => {}
                (1, Some((start, end))) if !inside.branches => {
                    self.possessive = Some(self.out[start..end].to_owned());
                }
                _ => return Err(self.input.error(ATOMIC)),
            }
        }
        self.out.push(')');
        self.scope = group.scope;
        self.tail.atoms += 1;
        self.tail.branches = true;
        self.tail.single = None;
        self.last = Last::Atom;
        Ok(())
    }
}

const POSSESSIVE: &str =
    "a possessive or atomic repetition is supported only before a character that it cannot take";
const ATOMIC: &str = "an atomic group is supported only around one repeated character";
pub(super) const BACK_REFERENCE: &str = "a back-reference is not supported";

pub(super) fn code_point(character: char) -> String {
    format!(r"\x{{{:x}}}", u32::from(character))
}

/// Reads `m}`, `m,}`, `,n}` or `m,n}` after a brace. Anything else leaves the brace a literal.
fn counts(input: &mut Input<'_>) -> Option<String> {
    let (inside, _) = input.text[input.at..].split_once('}')?;
    let (least, most) = match inside.split_once(',') {
        Some((least, most)) => (least, Some(most)),
        None => (inside, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(least) || !most.is_none_or(digits) || inside.is_empty() {
        return None;
    }
    let least = if least.is_empty() { "0" } else { least };
    let counts = match most {
        Some(most) => format!("{{{least},{most}}}"),
        None => format!("{{{least}}}"),
    };
    input.at += inside.len() + 1;
    Some(counts)
}
