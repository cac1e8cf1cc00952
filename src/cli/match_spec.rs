//! `edeployctl match`: one spec against one machine.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::format::{self, Form, ParseError};
use crate::matching::{CompiledSpec, FactIndex, Match as Found, Mismatch, Verdict, match_spec};
use crate::model::{Bindings, Value};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Match one machine's hardware against one spec and show what it binds
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl match vm.specs.ron hardware/vm.json

Ends with 0 if the machine matches and with 3 if it does not.")]
pub(super) struct Match {
    /// A spec, .specs or .specs.ron
    specs: PathBuf,
    /// A machine's hardware, .json or .hw; - is standard input
    hardware: PathBuf,
}

#[derive(Serialize)]
struct Matched<'a> {
    matched: bool,
    bindings: &'a Bindings,
    key_bindings: &'a Bindings,
}

#[derive(Serialize)]
struct NotMatched<'a> {
    matched: bool,
    mismatch: &'a Mismatch,
}

#[derive(Serialize)]
struct Undecided {
    matched: bool,
    undecided: bool,
    steps: u64,
}

impl Match {
    /// Compiles the spec, reads the facts and compares them.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let (spec, mut warnings) = self.compile()?;
        let (facts, bad_rows) = input::read_hardware(&self.hardware)?;
        warnings.extend(bad_rows);
        let answer = match match_spec(&spec, &FactIndex::new(&facts)) {
            Verdict::Matched(found) => self.matched(&found),
            Verdict::Mismatch(mismatch) => self.not_matched(&mismatch),
            Verdict::Undecided { steps } => self.undecided(steps),
        }?;
        Ok(answer.warn(warnings))
    }

    fn compile(&self) -> Result<(CompiledSpec, Vec<String>), Failure> {
        let text = input::read_text(&self.specs)?;
        let name = input::name_of(&self.specs);
        let spec = format::specs::parse(&name, &text, Form::of_file_name(&name))
            .map_err(|error| Failure::parse(&error))?;
        let compiled = CompiledSpec::compile(&spec).map_err(|error| {
            let mut shown = ParseError::at(&name, &text, error.position, error.problem);
            shown.hint = error.hint;
            Failure::parse(&shown)
        })?;
        let warnings = compiled.warnings().iter();
        let warnings = warnings
            .map(|warning| format!("`{name}`: {warning}"))
            .collect();
        Ok((compiled, warnings))
    }

    fn sentence(&self, verb: &str) -> String {
        let hardware = input::name_of(&self.hardware);
        format!("{hardware} {verb} {}", input::name_of(&self.specs))
    }

    fn matched(&self, found: &Found) -> Result<Answer, Failure> {
        let json = Matched {
            matched: true,
            bindings: &found.bindings,
            key_bindings: &found.key_bindings,
        };
        let mut answer = Answer::new(Exit::Done, &json)?;
        answer.say(Style::Good, &self.sentence("matches"));
        for (name, value) in found.bindings.iter() {
            let key = match found.key_bindings.get(name) {
                Some(_) => "  (selects the CMDB entry)",
                None => "",
            };
            answer.say(Style::Plain, &format!("  {name} = {}{key}", shown(value)));
        }
        Ok(answer)
    }

    fn not_matched(&self, mismatch: &Mismatch) -> Result<Answer, Failure> {
        let json = NotMatched {
            matched: false,
            mismatch,
        };
        let mut answer = Answer::new(Exit::Nothing, &json)?;
        answer.say(Style::Bad, &self.sentence("does not match"));
        for line in mismatch.to_string().lines() {
            answer.say(Style::Plain, &format!("  {line}"));
        }
        Ok(answer)
    }

    fn undecided(&self, steps: u64) -> Result<Answer, Failure> {
        let json = Undecided {
            matched: false,
            undecided: true,
            steps,
        };
        let mut answer = Answer::new(Exit::Nothing, &json)?;
        answer.say(
            Style::Bad,
            &format!(
                "{}: no answer within {steps} steps; make the rules tell their facts apart sooner",
                self.sentence("is undecided against")
            ),
        );
        Ok(answer)
    }
}

/// A value on one line, text in quotes.
pub(super) fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}
