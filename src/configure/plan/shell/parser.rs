//! The reader behind `commands`: one pass over the characters, by recursive descent. Commands and
//! redirections are here, what stands within a word is in `words`.

use super::{Commands, Simple, Word};

mod words;

/// How deep substitutions may stand in one another. Deeper ones are unclear.
const DEEPEST: usize = 30;

/// How many heredocs one line may have. More are unclear.
const MOST_HEREDOCS: usize = 20;

/// A heredoc whose text begins after the end of the line.
struct Heredoc {
    /// Which simple command reads it, or `None` for the one that is being read.
    reader: Option<usize>,
    end: String,
    quoted: bool,
    tabs: bool,
}

/// The state of the reader.
pub(super) struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    out: Commands,
    heredocs: Vec<Heredoc>,
}

impl Parser {
    pub(super) fn new(text: &str, depth: usize) -> Parser {
        Parser {
            chars: text.chars().collect(),
            at: 0,
            depth,
            out: Commands::default(),
            heredocs: Vec::new(),
        }
    }

    pub(super) fn into_commands(mut self) -> Commands {
        // A heredoc without its end: the shells read on to the end of the text, we may have
        // mistaken an arithmetic shift for it.
        self.out.unclear |= !self.heredocs.is_empty();
        self.out
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn looking_at(&self, text: &str) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        text.chars().count() <= rest.len() && text.chars().zip(rest).all(|(a, b)| a == *b)
    }

    fn take(&mut self, text: &str) -> bool {
        let there = self.looking_at(text);
        if there {
            self.at += text.chars().count();
        }
        there
    }

    fn give_up(&mut self) {
        self.out.unclear = true;
        self.at = self.chars.len();
    }

    /// Goes one level down, or gives up; says whether it went.
    fn descend(&mut self) -> bool {
        if self.depth >= DEEPEST {
            self.give_up();
            return false;
        }
        self.depth += 1;
        true
    }

    /// Reads commands up to `end` or the end of the text. `end` is taken.
    pub(super) fn list(&mut self, end: Option<char>) {
        let mut simple = Simple::default();
        let mut open = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                ')' if open == 0 && end == Some(')') => {
                    self.at += 1;
                    self.finish(&mut simple);
                    return;
                }
                '(' | ')' => {
                    self.at += 1;
                    open = if c == '(' {
                        open + 1
                    } else {
                        open.saturating_sub(1)
                    };
                    self.finish(&mut simple);
                }
                '\n' => {
                    self.at += 1;
                    self.finish(&mut simple);
                    self.read_heredocs();
                }
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.looking_at("\\\n") => self.at += 2,
                '#' => self.skip_comment(),
                '&' if self.looking_at("&>") => {
                    self.at += 1;
                    self.redirection(&mut simple);
                }
                ';' | '&' | '|' => {
                    self.at += 1;
                    self.finish(&mut simple);
                }
                '<' | '>' if !self.looking_at("<(") && !self.looking_at(">(") => {
                    self.redirection(&mut simple);
                }
                _ => self.next_word(&mut simple),
            }
        }
        self.finish(&mut simple);
        self.out.unclear |= end.is_some();
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn next_word(&mut self, simple: &mut Simple) {
        let word = self.word();
        let descriptor = matches!(self.peek(), Some('<' | '>'))
            && !word.quoted
            && word.text.chars().all(|c| c.is_ascii_digit());
        // Assignments before the program are none of its words.
        let assignment = simple.words.is_empty() && is_assignment(&word);
        if !descriptor && !assignment {
            simple.words.push(word);
        }
    }

    fn finish(&mut self, simple: &mut Simple) {
        let simple = std::mem::take(simple);
        let reading = self.heredocs.iter_mut().filter(|doc| doc.reader.is_none());
        for heredoc in reading {
            heredoc.reader = Some(self.out.simple.len());
        }
        let waited_for = |doc: &Heredoc| doc.reader == Some(self.out.simple.len());
        if !simple.words.is_empty()
            || !simple.writes.is_empty()
            || self.heredocs.iter().any(waited_for)
        {
            self.out.simple.push(simple);
        }
    }

    fn redirection(&mut self, simple: &mut Simple) {
        const OPERATORS: [&str; 10] = ["<<<", "<<-", "<<", "<>", "<&", "<", ">>", ">|", ">&", ">"];
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.take(operator)) else {
            return;
        };
        while matches!(self.peek(), Some(' ' | '\t')) || self.looking_at("\\\n") {
            self.at += if self.peek() == Some('\\') { 2 } else { 1 };
        }
        let target = self.word();
        match operator {
            "<<" | "<<-" if self.heredocs.len() >= MOST_HEREDOCS => self.give_up(),
            "<<" | "<<-" => self.heredocs.push(Heredoc {
                reader: None,
                end: target.text,
                quoted: target.quoted,
                tabs: operator == "<<-",
            }),
            "<" | "<<<" | "<&" => {}
            ">&" if target.text == "-" || target.text.chars().all(|c| c.is_ascii_digit()) => {}
            _ => simple.writes.push(target),
        }
    }

    fn read_heredocs(&mut self) {
        for heredoc in std::mem::take(&mut self.heredocs) {
            let mut body = String::new();
            let mut ended = false;
            while self.at < self.chars.len() && !ended {
                let rest = &self.chars[self.at..];
                let length = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                let line: String = rest[..length].iter().collect();
                self.at = (self.at + length + 1).min(self.chars.len());
                let compared = if heredoc.tabs {
                    line.trim_start_matches('\t')
                } else {
                    line.as_str()
                };
                ended = compared == heredoc.end;
                if !ended {
                    body.push_str(compared);
                    body.push('\n');
                }
            }
            self.out.unclear |= !ended;
            if !heredoc.quoted {
                self.inner(&body, |parser| {
                    let mut ignored = Word::default();
                    parser.double_quoted(&mut ignored, None);
                });
            }
            let reader = heredoc.reader.and_then(|at| self.out.simple.get_mut(at));
            if let Some(reader) = reader {
                reader.input = Some(body);
            }
        }
    }

    /// Reads another text one level down and keeps its commands.
    fn inner(&mut self, text: &str, read: impl FnOnce(&mut Parser)) {
        if self.depth >= DEEPEST {
            self.give_up();
            return;
        }
        let mut parser = Parser::new(text, self.depth + 1);
        read(&mut parser);
        let commands = parser.into_commands();
        self.out.simple.extend(commands.simple);
        self.out.unclear |= commands.unclear;
    }
}

fn is_assignment(word: &Word) -> bool {
    let Some((name, _)) = word.text.split_once('=') else {
        return false;
    };
    let name = name.strip_suffix('+').unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
