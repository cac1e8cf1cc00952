//! `edeployctl job`: one attempt to install a machine, its steps and its log.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::events::in_words;

use super::answer::{Answer, Exit, Failure, Style};
use super::machines::Machine;
use super::output::Live;
use super::remote::{Remote, encoded};
use super::table::Table;

/// Show one attempt to install a machine: its steps, its end, its log
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl job get last
  edeployctl job get active --follow
  edeployctl job log srv11 --follow

With --follow it ends when the job does: with 0 if that ended well, with 6 if it failed.")]
pub(super) struct Job {
    #[command(subcommand)]
    ask: Ask,
}

#[derive(Debug, Subcommand)]
enum Ask {
    /// Show what it is, how far it is, its steps with their times
    Get {
        /// `active`, `last`, a job's number or a machine
        #[arg(value_name = "active|last|ID|MACHINE")]
        which: String,
        /// Then its log, until it ends
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show its log: a line for each event, then the files that came with them
    Log {
        /// `active`, `last`, a job's number or a machine
        #[arg(value_name = "active|last|ID|MACHINE")]
        which: String,
        /// Go on until the job ends
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Deserialize)]
struct Shown {
    number: i64,
    machine: String,
    profile: Option<String>,
    action: String,
    status: String,
    error: String,
    failed_step: Option<String>,
    started: Timestamp,
    seconds: u64,
    steps: Vec<Step>,
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct Step {
    name: String,
    seconds: Option<f64>,
    result: Option<String>,
    ended: Option<Timestamp>,
    description: String,
}

#[derive(Debug, Deserialize)]
struct File {
    name: String,
    bytes: u64,
}

impl Job {
    /// Shows the job, and its log if that is wanted.
    pub(super) fn run(&self, live: &mut Live) -> Result<Exit, Failure> {
        match &self.ask {
            Ask::Get {
                which,
                follow,
                remote,
            } => {
                let path = path_of(remote, which)?;
                let answer = get(remote, &path)?;
                live.answer(&answer)?;
                match follow {
                    true => log(remote, &path, true, live),
                    false => Ok(Exit::Done),
                }
            }
            Ask::Log {
                which,
                follow,
                remote,
            } => {
                let path = path_of(remote, which)?;
                log(remote, &path, *follow, live)
            }
        }
    }
}

/// The path of the job that is meant: what is no number and no word of the API is a machine's name.
fn path_of(remote: &Remote, which: &str) -> Result<String, Failure> {
    let by_path = |which: &str| format!("/api/v1/jobs/{which}");
    if which.parse::<i64>().is_ok() {
        return Ok(by_path(which));
    }
    if let "active" | "last" = which {
        // Which one it is now: its log must be of the same one.
        let (json, _): (_, serde::de::IgnoredAny) = remote.json(&by_path(which), &[])?;
        return Ok(by_path(&json["number"].to_string()));
    }
    let path = format!("/api/v1/status/{}", encoded(which));
    let (_, machine): (_, Machine) = remote.json(&path, &[])?;
    match machine.job {
        Some(job) => Ok(by_path(&job.to_string())),
        None => Err(Failure::new(
            Exit::Input,
            format!(
                "nothing was ever done with the machine `{}`",
                machine.machine.escape_debug()
            ),
        )),
    }
}

fn get(remote: &Remote, path: &str) -> Result<Answer, Failure> {
    let (json, job): (_, Shown) = remote.json(path, &[])?;
    let mut answer = Answer::new(Exit::Done, &json)?;
    let style = match job.status.as_str() {
        "Errored" => Style::Bad,
        "Complete" => Style::Good,
        _ => Style::Plain,
    };
    let profile = job.profile.as_deref().unwrap_or("none");
    let (number, action, machine) = (job.number, &job.action, &job.machine);
    answer.say(
        style,
        &format!("job {number}: {action} of {machine}, {}", job.status),
    );
    answer.say(
        Style::Plain,
        &format!(
            "profile {profile}, began {:.0}, {}",
            job.started,
            lasted(job.seconds as f64)
        ),
    );
    if let Some(step) = &job.failed_step {
        answer.say(Style::Bad, &format!("failed at {step}: {}", job.error));
    }
    if !job.steps.is_empty() {
        answer.say(Style::Plain, "\n");
        answer.lines.extend(table(&job.steps));
    }
    for file in &job.files {
        answer.say(
            Style::Weak,
            &format!("file {} ({} bytes)", file.name, file.bytes),
        );
    }
    Ok(answer)
}

fn table(steps: &[Step]) -> Vec<(Style, String)> {
    let mut table = Table::new(&["Step", "Took", "Result", "Words"], 3);
    for step in steps {
        let style = match step.result.as_deref() {
            Some("fail") => Style::Bad,
            Some("success") => Style::Good,
            _ => Style::Plain,
        };
        let depth = step.name.matches('/').count();
        let result = match (&step.result, step.ended) {
            (Some(result), _) => result.clone(),
            (None, None) => "going on".to_owned(),
            (None, Some(_)) => "not told".to_owned(),
        };
        let cells = [
            format!("{}{}", "  ".repeat(depth.min(8)), step.name),
            step.seconds.map_or_else(String::new, lasted),
            result,
            step.description.clone(),
        ];
        table.row(style, &cells);
    }
    table.lines(super::output::terminal_width())
}

fn lasted(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds => {
            in_words(SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX))
        }
    }
}

/// Writes the log as it comes, then says how the job ended.
fn log(remote: &Remote, path: &str, follow: bool, live: &mut Live) -> Result<Exit, Failure> {
    let query: &[(&str, String)] = match follow {
        true => &[("follow", "1".to_owned())],
        false => &[],
    };
    for line in remote.lines(&format!("{path}/log"), query)? {
        let line = line.map_err(|error| {
            Failure::new(Exit::Environment, "the log broke off").because(&error)
        })?;
        match live.json {
            true => live.json_line(&serde_json::Value::from(line).to_string())?,
            false => live.line(Style::Plain, &line)?,
        }
    }
    if !follow {
        return Ok(Exit::Done);
    }
    let (_, job): (_, Shown) = remote.json(path, &[])?;
    match job.status.as_str() {
        "Errored" => Ok(Exit::JobFailed),
        "Complete" => Ok(Exit::Done),
        status => Err(Failure::new(
            Exit::Environment,
            format!("the log ended while the job is {status}"),
        )),
    }
}
