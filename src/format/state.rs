//! `state`: the profiles in order of priority, and how many machines each may still be given to.

use std::collections::HashSet;

use super::document::{Top, walk};
use super::error::{Fault, ParseError, quoted};
use super::scanner::Span;
use super::tree::{Data, Node};
use super::{Form, render};
use crate::model::{ProfileName, Quota, Remaining};

/// A state file that can be rewritten count by count.
#[derive(Debug, Clone)]
pub struct StateDocument {
    text: String,
    form: Form,
    quotas: Vec<Quota>,
    /// Where each count stands in the text.
    counts: Vec<Span>,
}

impl StateDocument {
    /// Reads a list of `(profile, count)`; a count is a whole number, the text of one, or `'*'`.
    ///
    /// # Errors
    /// A text that is no such list, a profile that stands twice, a name that is none, a count that is
    /// negative or no count, each at its place.
    pub fn parse(origin: &str, text: &str, form: Form) -> Result<StateDocument, ParseError> {
        let mut document = StateDocument {
            text: text.to_owned(),
            form,
            quotas: Vec::new(),
            counts: Vec::new(),
        };
        let mut seen = HashSet::new();
        let top = walk(text, form, |node| {
            let (quota, span, name_at) = quota(node, text)?;
            if !seen.insert(quota.profile.clone()) {
                let name = quoted(quota.profile.as_str());
                return Err(
                    Fault::new(name_at, format!("the profile {name} stands twice"))
                        .hint("only its first line would count: remove one of them"),
                );
            }
            document.quotas.push(quota);
            document.counts.push(span);
            Ok(())
        });
        match top {
            Ok(Top::List) => Ok(document),
            Ok(Top::Generate(span, _)) => {
                let problem = "expected a list of profiles, found `generate(...)`";
                Err(Fault::new(span.start, problem).of(origin, text))
            }
            Err(fault) => Err(fault.of(origin, text)),
        }
    }

    /// All profiles in the order of the file, which is their priority.
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// Writes another count beside a profile and changes no other byte. False where the file does not
    /// have that profile.
    pub fn set_remaining(&mut self, profile: &ProfileName, remaining: Remaining) -> bool {
        let Some(at) = self
            .quotas
            .iter()
            .position(|quota| quota.profile == *profile)
        else {
            return false;
        };
        if self.quotas[at].remaining == remaining {
            return true;
        }
        let span = self.counts[at];
        let count = self.count_like(span.of(&self.text), remaining);
        self.text.replace_range(span.start..span.end, &count);
        self.counts[at].end = span.start + count.len();
        for later in &mut self.counts[at + 1..] {
            later.start = later.start + count.len() - (span.end - span.start);
            later.end = later.end + count.len() - (span.end - span.start);
        }
        self.quotas[at].remaining = remaining;
        true
    }

    /// The file as it now reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A count in the quotes of the one it replaces: `'4'` becomes `'3'`, `4` becomes `3`.
    fn count_like(&self, old: &str, remaining: Remaining) -> String {
        let quote = old.chars().next().filter(|c| matches!(c, '\'' | '"'));
        match (remaining, quote) {
            (Remaining::Limited(count), Some(quote)) if !old.contains('*') => {
                format!("{quote}{count}{quote}")
            }
            (Remaining::Limited(count), _) => count.to_string(),
            (Remaining::Unlimited, Some(quote)) => format!("{quote}*{quote}"),
            (Remaining::Unlimited, None) => render::text("*", self.form),
        }
    }
}

/// A row of the file, where its count stands, and where its name does.
fn quota(node: Node, text: &str) -> Result<(Quota, Span, usize), Fault> {
    let start = node.span.start;
    let found = node.describe(text);
    let no_row = |found: &str| {
        Fault::new(
            start,
            format!("expected a profile and a count in brackets, found {found}"),
        )
        .hint("write ('profile', 4), or ('profile', '*') for no limit")
    };
    let items = node.into_items().map_err(|_| no_row(&found))?;
    let number = items.len();
    let [name, count]: [Node; 2] = items
        .try_into()
        .map_err(|_| no_row(&format!("{number} items")))?;
    let (span, name_at) = (count.span, name.span.start);
    let shown = name.describe(text);
    let Data::Text(name) = name.data else {
        let problem = format!("expected the name of a profile in quotes, found {shown}");
        return Err(Fault::new(name_at, problem));
    };
    let profile = ProfileName::new(&name.text)
        .map_err(|error| Fault::new(name_at, format!("{shown} is no profile: {error}")))?;
    let remaining = remaining(&count.data).ok_or_else(|| {
        let shown = count.describe(text);
        Fault::new(
            span.start,
            format!("expected how many machines remain, found {shown}"),
        )
        .hint("a count is 0 or more, or '*' for no limit")
    })?;
    let quota = Quota { profile, remaining };
    Ok((quota, span, name_at))
}

fn remaining(data: &Data) -> Option<Remaining> {
    match data {
        Data::Int(count) => u64::try_from(*count).ok().map(Remaining::Limited),
        Data::Text(count) if count.text.trim() == "*" => Some(Remaining::Unlimited),
        Data::Text(count) => {
            let digits = count.text.trim();
            let all = digits.bytes().all(|byte| byte.is_ascii_digit());
            let count = digits.parse().ok().filter(|_| all);
            count.map(Remaining::Limited)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> StateDocument {
        StateDocument::parse("state", text, Form::Edeploy).unwrap()
    }

    fn wrong(text: &str) -> (usize, usize, String) {
        let error = StateDocument::parse("state", text, Form::Edeploy).unwrap_err();
        (error.position.line, error.position.column, error.problem)
    }

    fn name(text: &str) -> ProfileName {
        ProfileName::new(text).unwrap()
    }

    #[test]
    fn only_the_bytes_of_the_number_change() {
        let text = "# first\n[('hp', 10), # ten\n ('vm' , '4'),\n ('x', \"*\")]\n";
        let mut state = parse(text);
        assert!(state.set_remaining(&name("hp"), Remaining::Limited(9)));
        assert!(state.set_remaining(&name("vm"), Remaining::Limited(3)));
        assert!(state.set_remaining(&name("x"), Remaining::Unlimited));
        assert!(!state.set_remaining(&name("y"), Remaining::Unlimited));
        assert_eq!(
            state.text(),
            "# first\n[('hp', 9), # ten\n ('vm' , '3'),\n ('x', \"*\")]\n"
        );
        assert_eq!(parse(state.text()).quotas(), state.quotas());
    }

    #[test]
    fn a_limit_can_come_and_go() {
        let mut state = parse("[('hp', 1), ('vm', '*')]");
        state.set_remaining(&name("hp"), Remaining::Unlimited);
        state.set_remaining(&name("vm"), Remaining::Limited(12));
        assert_eq!(state.text(), "[('hp', '*'), ('vm', 12)]");
    }

    #[test]
    fn what_is_no_count_is_an_error_at_its_place() {
        for count in [
            "-1", "'-1'", "'x'", "''", "1.5", "True", "None", "'1_0'", "['4']",
        ] {
            let (line, column, problem) = wrong(&format!("[\n('hp', {count})]"));
            assert_eq!((line, column), (2, 8), "{count}");
            assert!(problem.contains("how many machines remain"), "{problem}");
        }
    }

    #[test]
    fn a_profile_stands_once_and_has_a_name() {
        assert_eq!(
            wrong("[('hp', 1),\n ('hp', 2)]"),
            (2, 3, "the profile `hp` stands twice".to_owned())
        );
        for bad in ["'../x'", "''", "4"] {
            assert_eq!(wrong(&format!("[({bad}, 1)]")).1, 3, "{bad}");
        }
        assert!(wrong("[('hp', 1, 2)]").2.contains("found 3 items"));
    }
}
