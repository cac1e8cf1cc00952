//! Which names a block binds, and which of them are known before it and wanted after it.
//!
//! It is enough to be careful: where this cannot tell, it says that a name is wanted, or that it is
//! not known, and the block is left as it is.

use std::collections::BTreeMap;
use std::ops::Range;

use super::code::Code;
use super::token::Kind;

/// Signs that bind a name, and read it first.
const AUGMENTED: [&str; 12] = [
    "+=", "-=", "*=", "/=", "//=", "%=", "&=", "|=", "^=", "<<=", ">>=", "**=",
];

/// A place where a name is bound: known from `line` on, after the token `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    line: usize,
    after: usize,
    /// Whether it stands on a line of its own, and not behind the colon of a head.
    plain: bool,
}

/// All names of a text: where they are bound and where they are read.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    bound: BTreeMap<&'a str, Vec<Binding>>,
    read: BTreeMap<&'a str, Vec<usize>>,
}

/// What a block has to be given and has to give back as a function of its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs<'a> {
    pub(super) given: Vec<&'a str>,
    pub(super) back: Vec<&'a str>,
    /// A name with which it cannot be done.
    pub(super) unclear: Option<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn of(code: &Code<'a>) -> Names<'a> {
        let mut names = Names::default();
        let mut targets = vec![false; code.tokens.len()];
        for number in 0..code.lines.len() {
            names.heads(code, number, &mut targets);
            let mut statements = Vec::new();
            code.statements_of(&code.lines[number], &mut statements);
            for statement in statements {
                names.assigned(code, number, &statement, &mut targets);
            }
        }
        for at in (0..code.tokens.len()).filter(|at| code.is_name(*at)) {
            let is_argument = code.word(at + 1) == "="
                && matches!(code.word(at.wrapping_sub(1)), "(" | ",")
                && !targets[at];
            if !targets[at] && !is_argument {
                names.read.entry(code.word(at)).or_default().push(at);
            }
        }
        names
    }

    /// The lines where a name is bound.
    pub(super) fn lines(&self, name: &str) -> Vec<usize> {
        let bindings = self.bound.get(name).map(Vec::as_slice);
        bindings
            .unwrap_or_default()
            .iter()
            .map(|it| it.line)
            .collect()
    }

    fn bind(&mut self, name: &'a str, binding: Binding) {
        self.bound.entry(name).or_default().push(binding);
    }

    fn heads(&mut self, code: &Code<'a>, number: usize, targets: &mut [bool]) {
        let line = &code.lines[number];
        let colon = code.colon(line).unwrap_or(line.end);
        let inline = colon + 1 < line.end;
        match code.word(line.start) {
            "for" => {
                let Some(place) = code.find(line.start..colon, "in") else {
                    return;
                };
                for at in target_names(code, line.start + 1..place) {
                    targets[at] = true;
                    let binding = Binding {
                        line: if inline { number } else { number + 1 },
                        after: colon,
                        plain: false,
                    };
                    self.bind(code.word(at), binding);
                }
            }
            "def" | "class" => {
                targets[line.start + 1] = true;
                let own = Binding {
                    line: number,
                    after: line.end,
                    plain: true,
                };
                self.bind(code.word(line.start + 1), own);
                if code.word(line.start + 2) == "(" {
                    for argument in code.arguments(line.start + 2) {
                        let at = argument.clone().find(|at| code.is_name(*at));
                        let Some(at) = at else { continue };
                        targets[at] = true;
                        let binding = Binding {
                            line: number + 1,
                            after: colon,
                            plain: false,
                        };
                        self.bind(code.word(at), binding);
                    }
                }
            }
            _ => {}
        }
    }

    fn assigned(
        &mut self,
        code: &Code<'a>,
        number: usize,
        statement: &Range<usize>,
        targets: &mut [bool],
    ) {
        let line = &code.lines[number];
        let plain = code.colon(line).is_none();
        let mut start = statement.start;
        let signs: Vec<usize> = code
            .outside(statement.clone())
            .filter(|at| code.kind(*at) == Some(Kind::Sign))
            .collect();
        for sign in signs {
            let word = code.word(sign);
            let augmented = AUGMENTED.contains(&word);
            if word != "=" && !augmented {
                continue;
            }
            for at in target_names(code, start..sign) {
                // What is added to is read as well.
                targets[at] = !augmented;
                let binding = Binding {
                    line: number,
                    after: statement.end,
                    plain,
                };
                self.bind(code.word(at), binding);
            }
            start = sign + 1;
        }
    }

    /// What the lines of a block need of the lines of its scope. `looped` where the block may run
    /// more than once.
    pub(super) fn needs(
        &self,
        code: &Code<'a>,
        scope: &Range<usize>,
        block: &Range<usize>,
        looped: bool,
    ) -> Needs<'a> {
        let mut needs = Needs::default();
        let column = code.lines[block.start].column;
        for (name, bindings) in &self.bound {
            let inside: Vec<&Binding> = bindings
                .iter()
                .filter(|it| block.contains(&it.line))
                .collect();
            if inside.is_empty() {
                continue;
            }
            let outside: Vec<&Binding> = bindings
                .iter()
                .filter(|it| scope.contains(&it.line) && !block.contains(&it.line))
                .collect();
            let reads = self.read.get(name).map(Vec::as_slice).unwrap_or_default();
            let wanted_before = reads.iter().any(|at| {
                let line = code.line_of(*at);
                block.contains(&line) && !inside.iter().any(|it| reaches(code, it, *at))
            });
            let wanted_after = reads.iter().any(|at| {
                let line = code.line_of(*at);
                // A function may be called after the block, wherever it stands.
                let called = scope.start == 0 && code.is_in_function(line);
                let later = line >= block.end || looped || called;
                let known = outside.iter().any(|it| {
                    (it.line >= block.end || line < block.start) && reaches(code, it, *at)
                });
                later && scope.contains(&line) && !block.contains(&line) && !known
            });
            let certain = inside
                .iter()
                .any(|it| it.plain && code.lines[it.line].column == column);
            let first = code.lines[block.start].start;
            let before = outside
                .iter()
                .any(|it| it.line < block.start && reaches_block(code, it, block.start, first));
            if wanted_before || (wanted_after && !certain) {
                if before {
                    needs.given.push(name);
                } else {
                    needs.unclear = Some(name);
                }
            }
            if wanted_after {
                needs.back.push(name);
            }
        }
        needs
    }
}

/// The names that an assignment to these tokens binds.
fn target_names(code: &Code<'_>, range: Range<usize>) -> Vec<usize> {
    let mut names = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let next = code.word(at + 1);
        let is_part = at + 1 < range.end && matches!(next, "." | "[" | "(");
        if code.kind(at) == Some(Kind::Name) {
            if is_part {
                at = code.operand_end(at);
                continue;
            }
            if code.is_name(at) {
                names.push(at);
            }
        }
        at += 1;
    }
    names
}

/// Whether a name is bound at a token because of this binding, whatever way the script took there.
fn reaches(code: &Code<'_>, binding: &Binding, at: usize) -> bool {
    let line = code.line_of(at);
    if line == binding.line && binding.after > at {
        return false;
    }
    reaches_block(code, binding, line, at)
}

fn reaches_block(code: &Code<'_>, binding: &Binding, line: usize, at: usize) -> bool {
    if binding.line > line || binding.line >= code.lines.len() {
        return false;
    }
    if binding.line == line {
        return binding.after <= at;
    }
    let behind_colon = !binding.plain && code.colon(&code.lines[binding.line]).is_some() && {
        let it = &code.lines[binding.line];
        code.colon(it).is_some_and(|colon| colon + 1 < it.end) && binding.after >= it.start
    };
    let column = code.lines[binding.line].column;
    !behind_colon
        && code.lines[binding.line + 1..=line]
            .iter()
            .all(|it| it.column >= column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(
        text: &str,
        scope: Range<usize>,
        block: Range<usize>,
    ) -> (Vec<&str>, Vec<&str>, Option<&str>) {
        let code = Code::read(text).unwrap();
        let needs = Names::of(&code).needs(&code, &scope, &block, false);
        (needs.given, needs.back, needs.unclear)
    }

    #[test]
    fn what_is_read_later_is_given_back() {
        let text = "try:\n  a = 1\n  b = a\nexcept:\n  pass\nf(b)\n";
        assert_eq!(needs(text, 0..6, 1..3), (vec![], vec!["b"], None));
    }

    #[test]
    fn what_is_bound_again_before_it_is_read_is_not_given_back() {
        let text = "try:\n  a = 1\nexcept:\n  pass\na = 2\nf(a)\n";
        assert_eq!(needs(text, 0..6, 1..2), (vec![], vec![], None));
    }

    #[test]
    fn what_is_read_before_it_is_bound_has_to_be_given() {
        let text = "n = 0\ntry:\n  n += 1\nexcept:\n  pass\nf(n)\n";
        assert_eq!(needs(text, 0..6, 2..3), (vec!["n"], vec!["n"], None));
        let text = "if x:\n  n = 0\ntry:\n  n += 1\nexcept:\n  pass\n";
        assert_eq!(needs(text, 0..6, 3..4).2, Some("n"));
    }

    #[test]
    fn what_is_bound_now_and_then_has_to_be_given_too() {
        let text = "n = 0\ntry:\n  if x:\n    n = 1\nexcept:\n  pass\nf(n)\n";
        assert_eq!(needs(text, 0..7, 2..4), (vec!["n"], vec!["n"], None));
    }

    #[test]
    fn the_variable_of_a_loop_is_known_in_its_body_only() {
        let text = "try:\n  for a, b in c:\n    f(a)\n    d = b\n    g(d)\nexcept:\n  pass\n";
        assert_eq!(needs(text, 0..7, 1..5), (vec![], vec![], None));
    }
}
