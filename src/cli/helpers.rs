//! `edeployctl helpers`: what a configure script can call.

use clap::Args;

use crate::configure::{self, Helper};

use super::answer::{Answer, Exit, Failure, Style};

/// Show what a configure script can call: all helpers, those of one name, or one of them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl helpers
  edeployctl helpers disk
  edeployctl helpers disk.wipe")]
pub(super) struct Helpers {
    /// A helper, such as disk.wipe, or what stands before the dot
    name: Option<String>,
}

impl Helpers {
    /// Lists all, or tells all of those that are asked for.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let all = configure::helpers();
        let Some(name) = &self.name else {
            let mut answer = Answer::new(Exit::Done, &all)?;
            let width = all.iter().map(|it| it.name.len()).max().unwrap_or_default();
            for helper in &all {
                let summary = helper.summary.replace('\n', " ");
                answer.say(Style::Plain, &format!("{:width$}  {summary}", helper.name));
            }
            return Ok(answer);
        };
        let meant = |helper: &&Helper| {
            helper.name == *name
                || helper.namespace() == Some(name)
                || helper.name.starts_with(&format!("{name}()."))
        };
        let found: Vec<&Helper> = all.iter().filter(meant).collect();
        if found.is_empty() {
            let names: Vec<&str> = all.iter().map(|helper| helper.name.as_str()).collect();
            return Err(
                Failure::new(Exit::Input, format!("there is no helper `{name}`"))
                    .with_details(format!("there are: {}", names.join(", "))),
            );
        }
        let mut answer = Answer::new(Exit::Done, &found)?;
        for (at, helper) in found.into_iter().enumerate() {
            if at > 0 {
                answer.lines.push((Style::Plain, String::new()));
            }
            answer.say(Style::Good, &helper.signature);
            for line in helper
                .summary
                .lines()
                .chain([""])
                .chain(helper.details.lines())
            {
                let line = format!("    {line}");
                answer
                    .lines
                    .push((Style::Plain, line.trim_end().to_owned()));
            }
            if helper.details.is_empty() {
                answer.lines.pop();
            }
        }
        Ok(answer)
    }
}
