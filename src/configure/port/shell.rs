//! The command that a call of `subprocess`, `os` or `commands` starts.

use std::ops::Range;

use super::code::{Code, literal_inside};
use super::token::Kind;

/// A way to start a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `subprocess.Popen`
    Popen,
    /// `os.popen`
    Pipe,
    /// `commands.getoutput`
    GetOutput,
    /// `commands.getstatusoutput`
    GetStatusOutput,
    /// `subprocess.check_output`
    CheckOutput,
    /// `subprocess.check_call`
    CheckCall,
    /// `subprocess.call`
    Call,
    /// `os.system`
    System,
}

const WAYS: [(&str, &str, Way); 8] = [
    ("subprocess", "Popen", Way::Popen),
    ("os", "popen", Way::Pipe),
    ("commands", "getoutput", Way::GetOutput),
    ("commands", "getstatusoutput", Way::GetStatusOutput),
    ("subprocess", "check_output", Way::CheckOutput),
    ("subprocess", "check_call", Way::CheckCall),
    ("subprocess", "call", Way::Call),
    ("os", "system", Way::System),
];

/// Whether a line of the text imports `name` from `module`.
pub(super) fn is_imported(code: &Code<'_>, module: &str, name: &str) -> bool {
    code.lines.iter().any(|line| {
        code.follows(line.start, &["from", module, "import"])
            && (line.start..line.end)
                .any(|at| matches!(code.word(at), word if word == name || word == "*"))
    })
}

/// The way in which a call that begins with this token starts a program, and its opening bracket.
pub(super) fn started(code: &Code<'_>, at: usize) -> Option<(Way, usize)> {
    if !code.is_name(at) {
        return None;
    }
    WAYS.iter().find_map(|(module, name, way)| {
        if code.follows(at, &[module, ".", name, "("]) {
            Some((*way, at + 3))
        } else if code.follows(at, &[name, "("])
            && !matches!(code.word(at.wrapping_sub(1)), "def")
            && is_imported(code, module, name)
        {
            Some((*way, at + 1))
        } else {
            None
        }
    })
}

/// What is to be run.
#[derive(Debug)]
pub(super) struct Command<'a> {
    code: &'a Code<'a>,
    words: Range<usize>,
    /// Whether it is a text for the shell, whatever stands there.
    is_shell: bool,
}

/// Named arguments that change nothing of what is run.
const HARMLESS: [&str; 5] = [
    "bufsize",
    "close_fds",
    "universal_newlines",
    "stderr",
    "shell",
];

impl<'a> Command<'a> {
    /// The command of a call; nothing where an argument asks for more than `run` and `output` do.
    pub(super) fn of(code: &'a Code<'a>, way: Way, open: usize) -> Option<Command<'a>> {
        let arguments = code.arguments(open);
        let named = |range: &Range<usize>| code.word(range.start + 1) == "=";
        let words = arguments.first().filter(|first| !named(first))?.clone();
        if code.word(words.start).starts_with('*') {
            return None;
        }
        let mut is_shell = matches!(
            way,
            Way::Pipe | Way::GetOutput | Way::GetStatusOutput | Way::System
        );
        for argument in &arguments[1..] {
            let value = code.source(&(argument.start + 2..argument.end));
            let name = code.word(argument.start);
            let is_pipe = value.ends_with("PIPE") || value == "None";
            match name {
                _ if !named(argument) => {
                    // `os.popen(cmd, 'r')` reads.
                    let mode = code.literal(argument);
                    if way != Way::Pipe || mode != Some("r") {
                        return None;
                    }
                }
                "shell" => is_shell = value == "True" || value == "1",
                "stdin" | "stdout" if is_pipe => {}
                _ if HARMLESS.contains(&name) => {}
                _ => return None,
            }
        }
        Some(Command {
            code,
            words,
            is_shell,
        })
    }

    /// The command as it stands.
    pub(super) fn source(&self) -> &'a str {
        self.code.source(&self.words)
    }

    /// The command such that it never fails, where a shell reads it and that can be written.
    pub(super) fn forgiving(&self) -> Option<String> {
        const NEVER_FAILS: &str = " || true";
        if !self.is_shell {
            return None;
        }
        let source = self.source();
        let first = self.words.start;
        let code = self.code;
        let rest = first + 1..self.words.end;
        let is_format = code.word(rest.start) == "%" && code.find(rest.clone(), "+").is_none();
        if code.kind(first) == Some(Kind::Text) && (rest.is_empty() || is_format) {
            let word = code.word(first);
            let inside = literal_inside(word)?;
            let quote = &word[..(word.len() - inside.len()) / 2];
            let text = trimmed(inside);
            if text.ends_with("|| true") || text.ends_with("|| /bin/true") {
                return Some(source.to_owned());
            }
            if text.ends_with([';', '&', '\\']) || text.contains('#') || text.is_empty() {
                return None;
            }
            let after = &source[word.len()..];
            return Some(format!("{quote}{text}{NEVER_FAILS}{quote}{after}"));
        }
        let is_sum = code
            .outside(self.words.clone())
            .all(|at| !matches!(code.word(at), "if" | "lambda" | "and" | "or" | "not"));
        is_sum.then(|| format!("{source} + \"{NEVER_FAILS}\""))
    }
}

/// A text without blanks and line ends behind it, as they are written in a literal.
fn trimmed(inside: &str) -> &str {
    let mut text = inside.trim_end();
    while let Some(shorter) = text.strip_suffix("\\n") {
        text = shorter.trim_end();
    }
    text
}
