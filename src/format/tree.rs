//! Values with their places: what both forms are read into before they become the model.

use std::collections::HashSet;

use super::error::{Fault, Places, quoted};
use super::scanner::{Bracket, Kind, Scanner, Span, Token, describe};
use super::{Form, native};
use crate::model::Value;

/// How deep lists, tuples and mappings may be nested.
const DEEPEST: usize = 100;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Tuple(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text, and where its first character stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) inner: usize,
    /// Where the second of several texts side by side stands, which Python joins to one.
    pub(super) joined: Option<usize>,
}

/// The key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    /// What a value is called in a sentence.
    pub(super) fn describe(&self, text: &str) -> String {
        let kind = match &self.data {
            Data::List(_) => "a list",
            Data::Tuple(_) => "a tuple",
            Data::Map(_) => "a mapping",
            _ => return quoted(self.span.of(text)),
        };
        kind.to_owned()
    }

    /// The rows of a list or tuple.
    pub(super) fn into_items(self) -> Result<Vec<Node>, Node> {
        match self.data {
            Data::List(items) | Data::Tuple(items) => Ok(items),
            _ => Err(self),
        }
    }

    /// The value without places. RON's tuples are lists: that form has no other sequence.
    pub(super) fn into_value(self, form: Form) -> Value {
        let values = |items: Vec<Node>| items.into_iter().map(|node| node.into_value(form));
        match self.data {
            Data::Null => Value::Null,
            Data::Bool(bool) => Value::Bool(bool),
            Data::Int(int) => Value::Int(int),
            Data::Float(float) => Value::Float(float),
            Data::Text(text) => Value::Text(text.text),
            Data::List(items) => Value::List(values(items).collect()),
            Data::Tuple(items) if form == Form::Native => Value::List(values(items).collect()),
            Data::Tuple(items) => Value::Tuple(values(items).collect()),
            Data::Map(pairs) => Value::Map(
                pairs
                    .into_iter()
                    .map(|(key, node)| (key.text, node.into_value(form)))
                    .collect(),
            ),
        }
    }
}

/// What stands at the top of a file, its items already handed out.
#[derive(Debug)]
pub(super) enum Top {
    /// A list or tuple.
    List,
    /// `generate(...)`: the place of the whole call, and what stands between its brackets.
    Generate(Span, Node),
}

/// Reads a file that is a list, item after item, or one call of `generate`.
///
/// # Errors
/// What is not data, and what the caller says of an item.
pub(super) fn walk(
    text: &str,
    form: Form,
    mut item: impl FnMut(Node) -> Result<(), Fault>,
) -> Result<Top, Fault> {
    if let Some(at) = text.find('\0') {
        return Err(Scanner::nul(at));
    }
    let mut parser = Parser::new(text, form)?;
    let first = parser.ahead.clone();
    match first.kind {
        Kind::Open(Bracket::Square | Bracket::Round) => {
            let mut judge = Judge::of_list(text, form);
            parser.sequence(&mut |node| item(judge.next(node)?))?;
            parser.end()?;
            judge.verdict()?;
            Ok(Top::List)
        }
        Kind::Word if first.span.of(text) == "generate" => {
            let (span, node) = parser.generate()?;
            parser.end()?;
            if form == Form::Native {
                let value = native::read(text, node.span)?;
                agree(&node, &value)?;
            }
            Ok(Top::Generate(span, node))
        }
        Kind::End => Err(
            Fault::new(first.span.start, "expected a list, found an empty file")
                .hint("write `[]` if there is nothing to say; was the file saved half-way?"),
        ),
        _ => {
            let node = parser.value()?;
            let found = node.describe(text);
            Err(Fault::new(
                node.span.start,
                format!("expected a list, found {found}"),
            ))
        }
    }
}

/// Reads one value that is the whole of `text`.
pub(super) fn one(text: &str, form: Form) -> Result<Node, Fault> {
    let mut parser = Parser::new(text, form)?;
    let node = parser.value()?;
    parser.end()?;
    Ok(node)
}

/// Compares the items of a native file with what `ron` reads there.
enum Judge {
    /// The eDeploy form has no second opinion.
    None,
    Values(std::vec::IntoIter<Value>),
    Fault(Fault),
}

impl Judge {
    fn of_list(text: &str, form: Form) -> Judge {
        if form == Form::Edeploy {
            return Judge::None;
        }
        match native::read(text, Span::new(0, text.len())) {
            Ok(Value::List(items)) => Judge::Values(items.into_iter()),
            Ok(_) => Judge::Fault(Fault::new(0, "expected a list")),
            Err(fault) => Judge::Fault(fault),
        }
    }

    fn next(&mut self, node: Node) -> Result<Node, Fault> {
        if let Judge::Values(values) = self {
            agree(&node, &values.next().unwrap_or(Value::Null))?;
        }
        Ok(node)
    }

    /// What `ron` has against the file. Asked last: our own complaints say more.
    fn verdict(self) -> Result<(), Fault> {
        match self {
            Judge::Fault(fault) => Err(fault),
            _ => Ok(()),
        }
    }
}

/// Checks that what we read is what `ron` read.
fn agree(node: &Node, value: &Value) -> Result<(), Fault> {
    let all = |nodes: &[Node], values: &[Value]| -> Result<bool, Fault> {
        for (node, value) in nodes.iter().zip(values) {
            agree(node, value)?;
        }
        Ok(nodes.len() == values.len())
    };
    let same = match (&node.data, value) {
        (Data::Null, Value::Null) => true,
        (Data::Bool(a), Value::Bool(b)) => a == b,
        (Data::Int(a), Value::Int(b)) => a == b,
        (Data::Float(a), Value::Float(b)) => a == b,
        (Data::Text(a), Value::Text(b)) => a.text == *b,
        (Data::List(a) | Data::Tuple(a), Value::List(b)) => all(a, b)?,
        (Data::Map(a), Value::Map(b)) => {
            for ((key, node), (name, value)) in a.iter().zip(b) {
                if key.text != *name {
                    return Err(odd(key.span));
                }
                agree(node, value)?;
            }
            a.len() == b.len()
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(odd(node.span)) }
}

fn odd(span: Span) -> Fault {
    Fault::new(
        span.start,
        "this way to write a value is none that these files may use",
    )
    .hint("write text in double quotes, and whole numbers of at most 64 bits")
}

/// Reads tokens into values.
struct Parser<'a> {
    scanner: Scanner<'a>,
    ahead: Token<'a>,
    /// The end of the token before.
    behind: usize,
    open: Vec<(Bracket, usize)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, form: Form) -> Result<Parser<'a>, Fault> {
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

    fn value(&mut self) -> Result<Node, Fault> {
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
            Kind::Other => fault.hint("the file holds data only; text stands in quotes"),
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

    fn end(&mut self) -> Result<(), Fault> {
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
    fn sequence(
        &mut self,
        item: &mut dyn FnMut(Node) -> Result<(), Fault>,
    ) -> Result<(Span, bool), Fault> {
        let bracket = match self.ahead.kind {
            Kind::Open(bracket) => bracket,
            _ => return Err(self.expected("`[`")),
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
        let mut pairs = Vec::new();
        let mut seen = HashSet::new();
        while self.ahead.kind != Kind::Close(Bracket::Curly) {
            let key = self.key()?;
            if !seen.insert(key.text.clone()) {
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
    fn generate(&mut self) -> Result<(Span, Node), Fault> {
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
