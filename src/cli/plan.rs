//! `edeployctl plan`: what the configure script will do to one machine, and what differs between
//! two such plans. Nothing is run and nothing is handed out.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::allocation::{self, ProfileExplanation};
use crate::configure::engine::Script;
use crate::configure::plan::{Plan as Planned, diff};
use crate::planner::{Planner, Request};

use super::answer::{Answer, Exit, Failure, Style};
use super::input;

/// Show every command and file of a machine's configure script before it runs; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl plan hardware/vm.json --config /var/lib/edeploy/config
  edeployctl plan hardware/vm.json --config . --json >old.json
  edeployctl plan --diff old.json new.json

The profile is the one that the machine would be given. Ends with 3 if it would be given none, or
not the one of --profile. --diff ends with 0 whether the plans differ or not; --json lists what differs.")]
pub(super) struct Plan {
    /// A machine's hardware, .json or .hw; - is standard input
    #[arg(required_unless_present = "diff", requires = "config")]
    hardware: Option<PathBuf>,
    /// The directory of the state file and the profiles
    #[arg(long, value_name = "DIR", required_unless_present = "diff")]
    config: Option<PathBuf>,
    /// Plan for this profile, even if another one would be given
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Compare two plans that --json wrote
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["hardware", "config", "profile"])]
    diff: Option<Vec<PathBuf>>,
}

impl Plan {
    /// Plans one machine, or compares two plans.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        match (self.diff.as_deref(), &self.hardware, &self.config) {
            (Some([old, new]), ..) => difference(old, new),
            (None, Some(hardware), Some(config)) => self.plan(hardware, config),
            _ => Err(Failure::new(
                Exit::Usage,
                "give a machine's hardware and --config, or --diff and two plans",
            )),
        }
    }

    fn plan(&self, hardware: &Path, config: &Path) -> Result<Answer, Failure> {
        let (facts, warnings) = input::read_hardware(hardware)?;
        input::expect_directory(config)?;
        let explanation =
            allocation::explain_dir(config, &facts).map_err(|error| Failure::allocate(&error))?;
        let given = self.choose(&explanation.profiles)?;
        let Some(variables) = &given.variables else {
            let why = given.reason.as_ref().map(ToString::to_string);
            let error = format!("the machine cannot be given profile `{}`", given.profile);
            return Err(Failure::new(Exit::Nothing, error).with_details(why.unwrap_or_default()));
        };
        let path = config.join(format!("{}.configure", given.profile));
        let text = input::read_text(&path)?;
        let name = input::name_of(&path);
        let script = Script {
            name: &name,
            text: &text,
        };
        let plan = Planner::default()
            .plan(Request {
                script,
                profile: &given.profile,
                variables,
            })
            .map_err(|error| Failure::plan(&error))?;
        let mut answer = Answer::new(Exit::Done, &plan.report())?;
        for line in plan.to_string().lines() {
            let destroys = line.starts_with("!!");
            answer.say(if destroys { Style::Bad } else { Style::Plain }, line);
            // `say` gives nothing for an empty line.
            if line.is_empty() {
                answer.lines.push((Style::Plain, String::new()));
            }
        }
        Ok(answer.warn(warnings))
    }

    /// The profile asked for, or the one that would be given.
    fn choose<'a>(
        &self,
        profiles: &'a [ProfileExplanation],
    ) -> Result<&'a ProfileExplanation, Failure> {
        let Some(wanted) = &self.profile else {
            let given = profiles.iter().find(|profile| profile.chosen);
            return given.ok_or_else(|| {
                Failure::new(
                    Exit::Nothing,
                    "the machine would be given no profile: see `explain`",
                )
            });
        };
        let found = profiles
            .iter()
            .find(|profile| profile.profile.as_str() == wanted);
        found.ok_or_else(|| {
            Failure::new(
                Exit::Input,
                format!("the state file has no profile `{wanted}`"),
            )
        })
    }
}

fn difference(old: &Path, new: &Path) -> Result<Answer, Failure> {
    let differences = diff(&read_plan(old)?, &read_plan(new)?);
    let mut answer = Answer::new(Exit::Done, &differences)?;
    if differences.is_empty() {
        answer.say(Style::Good, "the plans are equal");
    }
    for difference in differences {
        answer.say(Style::Plain, &difference.to_string());
    }
    Ok(answer)
}

fn read_plan(path: &Path) -> Result<Planned, Failure> {
    serde_json::from_slice(&input::read(path)?).map_err(|error| {
        let name = input::name_of(path);
        Failure::new(Exit::Input, format!("`{name}` is no plan")).because(&error)
    })
}
