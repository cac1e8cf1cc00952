//! Tokens into values, with errors that an admin can act on. Nothing is evaluated.

use std::collections::HashSet;

use super::Form;
use super::error::{Fault, Places, quoted};
use super::scanner::{Bracket, Kind, Scanner, Span, Token, describe};
use super::tree::{Data, Key, Node, Text};

/// How deep lists, tuples and mappings may be nested.
const DEEPEST: usize = 100;

/// Reads tokens into values.
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    /// The next token.
    pub(super) ahead: Token<'a>,
    /// The end of the token before.
    behind: usize,
    open: Vec<(Bracket, usize)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, form: Form) -> Result<Parser<'a>, Fault> {
        let mut scanner = Scanner::new(text, form);
        let ahead = scanner.next_code()?;
        Ok(Parser {
            scanner,
            ahead,
            behind: 0,
            open: Vec::new(),
        })
    }

    fn text(&self) -> &'a str {
        self.scanner.text
    }

    fn form(&self) -> Form {
        self.scanner.form
    }

    fn advance(&mut self) -> Result<Token<'a>, Fault> {
        self.behind = self.ahead.span.end;
        let next = self.scanner.next_code()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    pub(super) fn value(&mut self) -> Result<Node, Fault> {
        match self.ahead.kind {
            Kind::Open(Bracket::Curly) => self.map(),
            Kind::Open(Bracket::Square | Bracket::Round) => self.list(),
            Kind::Text(..) => self.joined_text(),
            Kind::Int(_) | Kind::Float(_) => {
                let token = self.advance()?;
                let data = match token.kind {
                    Kind::Float(float) => Data::Float(float),
                    Kind::Int(int) => Data::Int(int),
                    _ => Data::Null,
                };
                Ok(Node {
                    span: token.span,
                    data,
                })
            }
            Kind::Word => self.word(),
            _ => Err(self.expected("a value")),
        }
    }

    fn expected(&self, what: &str) -> Fault {
        let found = describe(&self.ahead, self.text());
        let at = self.ahead.span.start;
        if self.ahead.kind == Kind::End {
            return self.cut_off();
        }
        let fault = Fault::new(at, format!("expected {what}, found {found}"));
        match self.ahead.kind {
            Kind::Other => fault.hint(
                "the file holds data only, nothing in it is evaluated; text stands in quotes",
            ),
            _ => fault,
        }
    }

    /// The file ends too early.
    fn cut_off(&self) -> Fault {
        let at = self.text().trim_end().len();
        let Some((bracket, opened)) = self.open.last() else {
            return Fault::new(at, "expected a value, found the end of the file");
        };
        let place = Places::new(self.text()).position(*opened);
        let (open, close) = (bracket.open(), bracket.close());
        Fault::new(
            at,
            format!(
                "the file ends inside the `{open}` of line {}, column {}",
                place.line, place.column
            ),
        )
        .hint(format!(
            "is a `{close}` missing, or was the file saved half-way?"
        ))
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.ahead.kind {
            Kind::End => Ok(()),
            Kind::Close(bracket) => Err(Fault::new(
                self.ahead.span.start,
                format!("found `{}` that closes nothing", bracket.close()),
            )),
            _ => Err(self
                .expected("the end of the file")
                .hint("the file holds one list, and nothing beside it")),
        }
    }

    fn enter(&mut self, bracket: Bracket) -> Result<usize, Fault> {
        let at = self.ahead.span.start;
        if self.open.len() >= DEEPEST {
            return Err(Fault::new(
                at,
                format!("brackets are nested more than {DEEPEST} deep"),
            ));
        }
        self.open.push((bracket, at));
        self.advance()?;
        Ok(at)
    }

    fn leave(&mut self, start: usize) -> Result<Span, Fault> {
        self.open.pop();
        self.advance()?;
        Ok(Span::new(start, self.behind))
    }

    /// Reads the comma after an item, or finds that the closing bracket follows.
    fn separator(&mut self, bracket: Bracket) -> Result<bool, Fault> {
        let close = bracket.close();
        match &self.ahead.kind {
            Kind::Comma => self.advance().map(|_| true),
            Kind::Close(found) if *found == bracket => Ok(false),
            Kind::Close(_) => {
                let (_, opened) = self.open.last().copied().unwrap_or((bracket, 0));
                let line = Places::new(self.text()).position(opened).line;
                let open = bracket.open();
                Err(self.expected(&format!("`{close}` to close the `{open}` of line {line}")))
            }
            Kind::Text(..) | Kind::Int(_) | Kind::Float(_) | Kind::Open(_) | Kind::Word => {
                Err(self
                    .expected(&format!("`,` or `{close}`"))
                    .hint("did you forget a comma before this?"))
            }
            _ => Err(self.expected(&format!("`,` or `{close}`"))),
        }
    }

    /// Reads a list or tuple item by item; tells whether there was a comma after the last.
    pub(super) fn sequence(
        &mut self,
        item: &mut dyn FnMut(Node) -> Result<(), Fault>,
    ) -> Result<(Span, bool), Fault> {
        let Kind::Open(bracket) = self.ahead.kind else {
            return Err(self.expected("`[`"));
        };
        let start = self.enter(bracket)?;
        let mut comma = false;
        while self.ahead.kind != Kind::Close(bracket) {
            let node = self.value()?;
            comma = self.separator(bracket)?;
            item(node)?;
            if !comma {
                break;
            }
        }
        Ok((self.leave(start)?, comma))
    }

    fn list(&mut self) -> Result<Node, Fault> {
        let round = self.ahead.kind == Kind::Open(Bracket::Round);
        let mut items = Vec::new();
        let (span, comma) = self.sequence(&mut |node| {
            items.push(node);
            Ok(())
        })?;
        let native = self.form() == Form::Native;
        let data = match (round, items.len()) {
            (false, _) => Data::List(items),
            // RON's unit; `ron` takes it only without blanks inside.
            (true, 0) if native && span.end - span.start == 2 => Data::Null,
            // Brackets around one value are only brackets to Python.
            (true, 1) if !native && !comma => match items.pop() {
                Some(only) => only.data,
                None => Data::Tuple(items),
            },
            (true, _) => Data::Tuple(items),
        };
        Ok(Node { span, data })
    }

    fn map(&mut self) -> Result<Node, Fault> {
        let start = self.enter(Bracket::Curly)?;
        let mut pairs: Vec<(Key, Node)> = Vec::new();
        let mut seen = HashSet::new();
        while self.ahead.kind != Kind::Close(Bracket::Curly) {
            let key = self.key()?;
            if stands_before(&pairs, &mut seen, &key.text) {
                return Err(Fault::new(
                    key.span.start,
                    format!("the key {} stands twice in this mapping", quoted(&key.text)),
                )
                .hint("only one of them can hold: remove the other"));
            }
            if self.ahead.kind != Kind::Colon {
                return Err(self.expected("`:` and a value after the key"));
            }
            self.advance()?;
            pairs.push((key, self.value()?));
            if !self.separator(Bracket::Curly)? {
                break;
            }
        }
        Ok(Node {
            span: self.leave(start)?,
            data: Data::Map(pairs),
        })
    }

    fn key(&mut self) -> Result<Key, Fault> {
        let found = describe(&self.ahead, self.text());
        let node = match self.ahead.kind {
            Kind::End | Kind::Comma | Kind::Colon | Kind::Close(_) | Kind::Other => {
                return Err(self.expected("a key in quotes or `}`"));
            }
            _ => self.value()?,
        };
        match node.data {
            Data::Text(text) => Ok(Key {
                text: text.text,
                span: node.span,
            }),
            _ => Err(Fault::new(
                node.span.start,
                format!("expected a key that is text, found {found}"),
            )
            .hint("put the key in quotes")),
        }
    }

    fn joined_text(&mut self) -> Result<Node, Fault> {
        let mut joined = None;
        let mut whole: Option<(Span, String, usize)> = None;
        while let Kind::Text(..) = self.ahead.kind {
            if whole.is_some() && self.form() == Form::Native {
                break;
            }
            let token = self.advance()?;
            let Kind::Text(text, inner) = token.kind else {
                break;
            };
            match &mut whole {
                None => whole = Some((token.span, text.into_owned(), inner)),
                Some((span, begun, _)) => {
                    joined.get_or_insert(token.span.start);
                    span.end = token.span.end;
                    begun.push_str(&text);
                }
            }
        }
        let Some((span, text, inner)) = whole else {
            return Err(self.expected("text"));
        };
        let data = Data::Text(Text {
            text,
            inner,
            joined,
        });
        Ok(Node { span, data })
    }

    fn word(&mut self) -> Result<Node, Fault> {
        let span = self.ahead.span;
        let word = span.of(self.text());
        let data = match (self.form(), word) {
            (Form::Edeploy, "None") | (Form::Native, "None") => Data::Null,
            (Form::Edeploy, "True") | (Form::Native, "true") => Data::Bool(true),
            (Form::Edeploy, "False") | (Form::Native, "false") => Data::Bool(false),
            (Form::Native, "Some") => return self.some(),
            _ => return Err(self.no_data(word)),
        };
        self.advance()?;
        Ok(Node { span, data })
    }

    /// RON's `Some(value)`, which is the value.
    fn some(&mut self) -> Result<Node, Fault> {
        let start = self.advance()?.span.start;
        if self.ahead.kind != Kind::Open(Bracket::Round) {
            return Err(self.expected("`(` after `Some`"));
        }
        self.enter(Bracket::Round)?;
        let node = self.value()?;
        if self.ahead.kind != Kind::Close(Bracket::Round) {
            return Err(self.expected("`)`"));
        }
        let span = Span::new(start, self.leave(start)?.end);
        Ok(Node {
            span,
            data: node.data,
        })
    }

    fn no_data(&mut self, word: &str) -> Fault {
        let at = self.ahead.span.start;
        let called = matches!(
            self.scanner.clone().next_code(),
            Ok(Token {
                kind: Kind::Open(Bracket::Round),
                ..
            })
        );
        let name = quoted(word);
        let fault = Fault::new(at, format!("expected data, found the name {name}"));
        match (self.form(), word.to_ascii_lowercase().as_str(), called) {
            (_, "generate", true) => Fault::new(at, "found `generate(...)` inside of other data")
                .hint("it stands for a whole CMDB: it has to be all that the file holds"),
            (_, _, true) => Fault::new(at, format!("expected data, found a call of {name}"))
                .hint("the file holds data only, nothing in it is evaluated"),
            (Form::Edeploy, "true", _) => fault.hint("write `True`"),
            (Form::Edeploy, "false", _) => fault.hint("write `False`"),
            (Form::Native, "true", _) => fault.hint("write `true`"),
            (Form::Native, "false", _) => fault.hint("write `false`"),
            (_, "null" | "none" | "nil", _) => fault.hint("write `None`"),
            _ => fault.hint("text stands in quotes"),
        }
    }

    /// `generate({...})` at the top of a file.
    pub(super) fn generate(&mut self) -> Result<(Span, Node), Fault> {
        let start = self.advance()?.span.start;
        if self.ahead.kind != Kind::Open(Bracket::Round) {
            return Err(self.expected("`(` after `generate`"));
        }
        self.enter(Bracket::Round)?;
        if self.ahead.kind != Kind::Open(Bracket::Curly) {
            return Err(self
                .expected("one mapping `{...}`")
                .hint("write generate({'name': 'range', ...})"));
        }
        let node = self.map()?;
        if self.separator(Bracket::Round)? && self.ahead.kind != Kind::Close(Bracket::Round) {
            return Err(self
                .expected("`)`")
                .hint("`generate` takes one mapping and nothing else"));
        }
        let span = Span::new(start, self.leave(start)?.end);
        Ok((span, node))
    }
}

/// Whether a mapping has a key already. Entries are short; `seen` is filled for those that are not.
fn stands_before(pairs: &[(Key, Node)], seen: &mut HashSet<String>, key: &str) -> bool {
    const SHORT: usize = 16;
    if pairs.len() < SHORT {
        return pairs.iter().any(|(before, _)| before.text == key);
    }
    if seen.is_empty() {
        seen.extend(pairs.iter().map(|(before, _)| before.text.clone()));
    }
    !seen.insert(key.to_owned())
}

#[cfg(test)]
#[path = "parser/tests.rs"]
mod tests;
