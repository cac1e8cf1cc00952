//! The only place of `edeployctl` that writes to the terminal.
//!
//! Facts come from machines and their neighbours on the wire, so no character of theirs may steer the
//! terminal: what is no plain text is shown as an escape, in text and in JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::system::terminal_size;

use super::answer::{Answer, Exit, Failure, Style};

/// Where answers and failures go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// JSON instead of text.
    pub(super) json: bool,
}

#[derive(Serialize)]
struct JsonFailure<'a> {
    error: &'a str,
    details: &'a serde_json::Value,
}

impl Output {
    /// Writes what a verb gave back and says how to end.
    pub(super) fn write(self, result: &Result<Answer, Failure>) -> Exit {
        let (written, exit) = match result {
            Ok(answer) => (self.answer(answer), answer.exit),
            Err(failure) => (self.failure(failure), failure.exit),
        };
        match written {
            // The reader has seen enough: `edeployctl … | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
            Err(_) => Exit::Environment,
            Ok(()) => exit,
        }
    }

    /// Lets a verb write while it goes on, and says how to end.
    pub(super) fn live(self, run: impl FnOnce(&mut Live) -> Result<Exit, Failure>) -> Exit {
        let mut live = Live {
            json: self.json,
            drawn: 0,
            is_done: false,
        };
        match run(&mut live) {
            Ok(exit) => exit,
            // The reader has seen enough.
            Err(_) if live.is_done => Exit::Done,
            Err(failure) => self.write(&Err(failure)),
        }
    }

    fn answer(self, answer: &Answer) -> io::Result<()> {
        let colours = colours(io::stderr().is_terminal());
        for warning in &answer.warnings {
            let text = paint(Style::Weak, &format!("warning: {warning}"), colours);
            writeln!(io::stderr(), "{text}")?;
        }
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", harmless_json(&answer.json))?;
        } else {
            let colours = colours && colours_on_stdout();
            for (style, line) in &answer.lines {
                writeln!(out, "{}", paint(*style, line, colours))?;
            }
        }
        out.flush()
    }

    fn failure(self, failure: &Failure) -> io::Result<()> {
        if self.json {
            let json = serde_json::to_string(&JsonFailure {
                error: &failure.error,
                details: &failure.facts,
            })?;
            return writeln!(io::stdout(), "{}", harmless_json(&json));
        }
        let mut err = io::stderr().lock();
        let colours = colours(err.is_terminal());
        // The lines with the caret begin with the sentence themselves.
        let (first, rest) = match &failure.details {
            Some(details) => match details.strip_prefix(failure.error.as_str()) {
                Some(rest) => (failure.error.as_str(), rest.trim_start_matches('\n')),
                None => (failure.error.as_str(), details.as_str()),
            },
            None => (failure.error.as_str(), ""),
        };
        writeln!(
            err,
            "{} {}",
            paint(Style::Bad, "error:", colours),
            harmless(first)
        )?;
        for line in rest.lines() {
            writeln!(err, "{}", harmless(line))?;
        }
        Ok(())
    }
}

/// What a verb writes while it goes on.
#[derive(Debug)]
pub(super) struct Live {
    /// JSON instead of text.
    pub(super) json: bool,
    /// How many lines were drawn that are drawn over next.
    drawn: usize,
    /// Whether nobody reads any more.
    is_done: bool,
}

impl Live {
    /// Whether what was drawn can be drawn over.
    pub(super) fn can_redraw(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Writes one line.
    pub(super) fn line(&mut self, style: Style, line: &str) -> Result<(), Failure> {
        let colours = colours_on_stdout();
        self.write(&format!("{}\n", paint(style, line, colours)))
    }

    /// Writes one line of JSON.
    pub(super) fn json_line(&mut self, json: &str) -> Result<(), Failure> {
        self.write(&format!("{}\n", harmless_json(json)))
    }

    /// Writes a whole answer.
    pub(super) fn answer(&mut self, answer: &Answer) -> Result<(), Failure> {
        if self.json {
            return self.json_line(&answer.json);
        }
        for (style, line) in &answer.lines {
            self.line(*style, line)?;
        }
        Ok(())
    }

    /// Draws lines in the place of those that were drawn last. None may be wider than the terminal.
    pub(super) fn redraw(&mut self, lines: &[(Style, String)]) -> Result<(), Failure> {
        let colours = colours_on_stdout();
        let mut text = match self.drawn {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\r\x1b[J"),
        };
        for (style, line) in lines {
            text.push_str(&paint(*style, line, colours));
            text.push('\n');
        }
        self.drawn = lines.len();
        self.write(&text)
    }

    /// Says something beside the answer.
    pub(super) fn note(&mut self, text: &str) -> Result<(), Failure> {
        self.drawn = 0;
        writeln!(io::stderr(), "{}", harmless(text))
            .map_err(|error| Failure::io("write", "standard error", &error))
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| {
            self.is_done = error.kind() == io::ErrorKind::BrokenPipe;
            Failure::io("write", "standard output", &error)
        })
    }
}

/// How many characters a line of the terminal has; none elsewhere.
pub(super) fn terminal_width() -> Option<usize> {
    terminal_size().map(|(columns, _)| columns)
}

/// How many lines the terminal has; none elsewhere.
pub(super) fn terminal_height() -> Option<usize> {
    terminal_size().map(|(_, lines)| lines)
}

/// Writes what `clap` has to say about the command line: help, version, or what is wrong with it.
pub(super) fn usage(error: &clap::Error, json: bool) -> Exit {
    if !error.use_stderr() {
        // Nobody to tell when this cannot be written.
        return error.print().map_or(Exit::Environment, |()| Exit::Done);
    }
    if json {
        let text = error.to_string();
        let sentence = text.lines().take_while(|line| !line.is_empty());
        let sentence = sentence.map(str::trim).collect::<Vec<_>>().join(" ");
        let sentence = sentence.trim_start_matches("error: ").to_owned();
        let failure = Failure::new(Exit::Usage, sentence).with_details(text);
        return Output { json: true }.write(&Err(failure));
    }
    error.print().map_or(Exit::Environment, |()| Exit::Usage)
}

/// Shows `why` and asks a question on the terminal; no answer at its end.
pub(super) fn ask(why: &str, question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    for line in why.lines() {
        writeln!(err, "{}", harmless(line)).ok()?;
    }
    write!(err, "{question}").ok()?;
    err.flush().ok()?;
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(count) if count > 0 => Some(line.trim().to_owned()),
        _ => None,
    }
}

fn colours(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn colours_on_stdout() -> bool {
    colours(io::stdout().is_terminal())
}

fn paint(style: Style, text: &str, colours: bool) -> String {
    let text = harmless(text);
    let code = match style {
        Style::Good => "32",
        Style::Bad => "31",
        Style::Weak => "2",
        Style::Plain => return text.into_owned(),
    };
    if colours {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.into_owned()
    }
}

/// Whether a character could do more than be seen: control characters, and those that turn the
/// direction of the text or cannot be seen at all.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// `line` with what could steer a terminal as an escape.
pub(super) fn harmless(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_harmful) {
        return Cow::Borrowed(line);
    }
    let escaped = line.chars().map(|c| match c {
        '\t' => "\t".to_owned(),
        c if is_harmful(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    });
    Cow::Owned(escaped.collect())
}

/// JSON with the same characters as JSON escapes; they can only stand within its texts.
fn harmless_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_harmful) {
        return Cow::Borrowed(json);
    }
    let escaped = json.chars().map(|c| {
        if is_harmful(c) {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_steer_the_terminal() {
        let hostile = "a\x1b[2Jb\u{9b}31mc\u{202e}d\re\0f";
        assert_eq!(
            harmless(hostile),
            r"a\u{1b}[2Jb\u{9b}31mc\u{202e}d\u{d}e\u{0}f"
        );
        assert_eq!(harmless("déjà vu\tü"), "déjà vu\tü");
    }

    #[test]
    fn json_says_the_same_with_escapes() {
        let json = serde_json::to_string("x\u{9b}\u{202e}\x1b").unwrap();
        let harmless = harmless_json(&json);
        assert!(harmless.is_ascii(), "{harmless}");
        let back: String = serde_json::from_str(&harmless).unwrap();
        assert_eq!(back, "x\u{9b}\u{202e}\x1b");
    }

    #[test]
    fn colours_are_around_the_text_and_only_when_wanted() {
        assert_eq!(paint(Style::Good, "ok", true), "\x1b[32mok\x1b[0m");
        assert_eq!(paint(Style::Good, "ok", false), "ok");
    }
}
