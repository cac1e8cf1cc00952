//! A whole file: one list, or one `generate({...})`.
//!
//! A native file is read twice, by our own parser for the places and by `ron` for the meaning. What
//! the two do not agree on is an error.

use super::error::Fault;
use super::parser::Parser;
use super::scanner::{Bracket, Kind, Scanner, Span};
use super::tree::{Data, Node};
use super::{Form, native};
use crate::model::Value;

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

/// Where the items of a list stand.
#[cfg(test)]
pub(super) fn items(text: &str, form: Form) -> Result<Vec<Span>, Fault> {
    let mut spans = Vec::new();
    walk(text, form, |node| {
        spans.push(node.span);
        Ok(())
    })?;
    Ok(spans)
}
