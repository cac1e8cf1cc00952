//! `edeployctl plan`: what the configure script will do to one machine or to many, and what differs
//! between two such plans. Nothing is run and nothing is handed out.

mod fleet;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::allocation::{self, ProfileExplanation};
use crate::configure::engine::Script;
use crate::configure::plan::{Plan as Planned, diff};
use crate::model::ProfileName;
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
  edeployctl plan --fleet hardware --config .

The profile is the one that the machine would be given. Ends with 3 if it would be given none, or
not the one of --profile. --diff ends with 0 whether the plans differ or not; --json lists what differs.
--fleet plans as if the machines of the directory posted in the order of their file names: what one is
given, the next is not. It ends with 0 if all are planned.")]
pub(super) struct Plan {
    /// A machine's hardware, .json or .hw; - is standard input
    #[arg(required_unless_present_any = ["diff", "fleet"], requires = "config")]
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
    /// Plan for every machine that is recorded in this directory as .json or .hw, a line for each
    #[arg(long, value_name = "DIR", requires = "config", conflicts_with_all = ["hardware", "profile", "diff"])]
    fleet: Option<PathBuf>,
}

impl Plan {
    /// Plans one machine, or compares two plans.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        if let Some([old, new]) = self.diff.as_deref() {
            return difference(old, new);
        }
        if let Some(config) = &self.config {
            input::expect_directory(config)?;
            if let Some(fleet) = &self.fleet {
                return fleet::answer(fleet, config);
            }
            if let Some(hardware) = &self.hardware {
                return self.plan(hardware, config);
            }
        }
        Err(Failure::new(
            Exit::Usage,
            "give --config and a machine's hardware or --fleet, or --diff and two plans",
        ))
    }

    fn plan(&self, hardware: &Path, config: &Path) -> Result<Answer, Failure> {
        let (facts, warnings) = input::read_hardware(hardware)?;
        let explanation =
            allocation::explain_dir(config, &facts).map_err(|error| Failure::allocate(&error))?;
        let given = self.choose(&explanation.profiles)?;
        let Some(variables) = &given.variables else {
            let why = given.reason.as_ref().map(ToString::to_string);
            let error = format!("the machine cannot be given profile `{}`", given.profile);
            return Err(Failure::new(Exit::Nothing, error).with_details(why.unwrap_or_default()));
        };
        let (name, text) = read_script(config, &given.profile)?;
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

/// The configure script of a profile: what messages call it, and its text.
fn read_script(config: &Path, profile: &ProfileName) -> Result<(String, String), Failure> {
    let path = config.join(format!("{profile}.configure"));
    Ok((input::name_of(&path), input::read_text(&path)?))
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
