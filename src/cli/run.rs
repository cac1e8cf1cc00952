//! From the command line to the exit code.

use std::ffi::OsString;

use clap::Parser;

use crate::planner;

use super::answer::{Answer, Exit, Failure};
use super::args::{Ctl, Verb, long_form};
use super::output::{self, Output};

/// Runs `edeployctl` with these arguments, the program's name first, and returns its exit code.
///
/// The codes are those of `--help`: 0 done, 1 the input is wrong, 2 usage, 3 no match or nothing left,
/// 4 busy, 5 environment. A hidden verb makes it a process that plans scripts ([`planner`]).
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = planner::run_if_asked(arguments.iter().cloned()) {
        return code;
    }
    let arguments: Vec<OsString> = arguments.into_iter().map(long_form).collect();
    let exit = match Ctl::try_parse_from(&arguments) {
        Ok(ctl) => Output { json: ctl.json }.finish(&ctl.verb),
        Err(error) => output::usage(&error, arguments.iter().any(|word| word == "--json")),
    };
    exit as u8
}

impl Output {
    /// Answers a verb and says how to end.
    fn finish(self, verb: &Verb) -> Exit {
        match verb {
            Verb::Watch(verb) => self.live(|live| verb.run(live).map(|()| Exit::Done)),
            Verb::Job(verb) => self.live(|live| verb.run(live)),
            verb => self.write(&answer(verb)),
        }
    }
}

fn answer(verb: &Verb) -> Result<Answer, Failure> {
    match verb {
        Verb::Match(verb) => verb.answer(),
        Verb::Explain(verb) => verb.answer(),
        Verb::Plan(verb) => verb.answer(),
        Verb::Helpers(verb) => verb.answer(),
        Verb::Check(verb) => verb.answer(),
        Verb::Generate(verb) => verb.answer(),
        Verb::Convert(verb) => verb.answer(),
        Verb::Edit(verb) => verb.answer(),
        Verb::VerifyCmdb(verb) => verb.answer(),
        Verb::Release(verb) => verb.answer(),
        Verb::Status(verb) => verb.answer(),
        Verb::Timeline(verb) => verb.answer(),
        Verb::Drift(verb) => verb.answer(),
        Verb::Snippet(verb) => verb.answer(),
        Verb::Watch(_) | Verb::Job(_) => Err(Failure::new(
            Exit::Usage,
            "this verb writes while it goes on",
        )),
        Verb::Reinstall(verb) => verb.answer(),
        Verb::Role(verb) => verb.answer(),
    }
}
