//! What stands within one word: quotes, variables, substitutions.

use super::{Parser, Word};

impl Parser {
    pub(super) fn word(&mut self) -> Word {
        let mut word = Word::default();
        let mut brace = false;
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | ')' | '(' | '&' => break,
                '<' | '>' if self.chars.get(self.at + 1) == Some(&'(') && word.text.is_empty() => {
                    self.at += 2;
                    word.dynamic = true;
                    self.substitution();
                }
                '<' | '>' => break,
                '\'' => self.single_quoted(&mut word),
                '"' => {
                    self.at += 1;
                    word.quoted = true;
                    self.double_quoted(&mut word, Some('"'));
                }
                '\\' => {
                    self.at += 1;
                    let escaped = self.peek();
                    self.at = (self.at + 1).min(self.chars.len());
                    word.quoted = true;
                    word.text.extend(escaped.filter(|c| *c != '\n'));
                }
                '$' | '`' => self.expansion(&mut word),
                _ => {
                    word.glob |= matches!(c, '*' | '?') || (c == ',' && brace);
                    brace |= c == '{';
                    word.text.push(c);
                    self.at += 1;
                }
            }
        }
        word
    }

    fn single_quoted(&mut self, word: &mut Word) {
        self.at += 1;
        word.quoted = true;
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == '\'' {
                return;
            }
            word.text.push(c);
        }
        self.out.unclear = true;
    }

    /// Reads up to `end`, which is taken, or to the end of the text where it is `None`.
    pub(super) fn double_quoted(&mut self, word: &mut Word, end: Option<char>) {
        while let Some(c) = self.peek() {
            match c {
                _ if Some(c) == end => {
                    self.at += 1;
                    return;
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => self.at += 1,
                        Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                            self.at += 1;
                            word.text.push(escaped);
                        }
                        _ => word.text.push('\\'),
                    }
                }
                '$' | '`' => self.expansion(word),
                _ => {
                    self.at += 1;
                    word.text.push(c);
                }
            }
        }
        self.out.unclear |= end.is_some();
    }

    /// A `$` or a backtick, with all that belongs to it.
    fn expansion(&mut self, word: &mut Word) {
        let start = self.at;
        if self.take("`") {
            word.dynamic = true;
            self.backticks();
        } else if self.looking_at("$((") {
            word.dynamic = true;
            self.arithmetic();
        } else if self.take("$(") {
            word.dynamic = true;
            self.substitution();
        } else if self.take("${") {
            word.dynamic = true;
            self.braces();
        } else {
            self.at += 1;
            // `$'…'` is one word to bash and two to dash; a lone `$` is itself.
            let next = self.peek();
            word.dynamic |= next.is_some_and(|c| c.is_alphanumeric() || "_@*#?$!-'\"".contains(c));
            self.out.unclear |= next == Some('\'');
        }
        word.text.extend(&self.chars[start..self.at.max(start)]);
    }

    fn substitution(&mut self) {
        if self.descend() {
            self.list(Some(')'));
            self.depth -= 1;
        }
    }

    fn backticks(&mut self) {
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    self.out.unclear = true;
                    break;
                }
                Some('`') => {
                    self.at += 1;
                    break;
                }
                Some('\\') => {
                    self.at += 1;
                    let escaped = self.peek();
                    if !matches!(escaped, Some('`' | '\\' | '$')) {
                        text.push('\\');
                    }
                    self.at = (self.at + 1).min(self.chars.len());
                    text.extend(escaped);
                }
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                }
            }
        }
        self.inner(&text, |parser| parser.list(None));
    }

    /// `$((…))`.
    fn arithmetic(&mut self) {
        self.at += 3;
        let mut open = 0_usize;
        let mut ignored = Word::default();
        while let Some(c) = self.peek() {
            match c {
                ')' if open == 0 => break,
                '$' | '`' => {
                    if !self.descend() {
                        return;
                    }
                    self.expansion(&mut ignored);
                    self.depth -= 1;
                    continue;
                }
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
        // Else it is a substitution that begins with a subshell, or nothing that a shell takes.
        if !self.take("))") {
            self.give_up();
        }
    }

    /// The rest of `${…`.
    fn braces(&mut self) {
        if !self.descend() {
            return;
        }
        let mut ignored = Word::default();
        loop {
            match self.peek() {
                None => {
                    self.out.unclear = true;
                    break;
                }
                Some('}') => {
                    self.at += 1;
                    break;
                }
                // A quote mark here is itself within double quotes, and begins a quoted part else.
                Some('\'') => self.give_up(),
                Some('"') => {
                    self.at += 1;
                    self.double_quoted(&mut ignored, Some('"'));
                }
                Some('\\') => self.at = (self.at + 2).min(self.chars.len()),
                Some('$' | '`') => self.expansion(&mut ignored),
                Some(_) => self.at += 1,
            }
        }
        self.depth -= 1;
    }
}
