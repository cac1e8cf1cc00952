//! `edeployctl status`: what each machine is doing, how far it is, what is wrong.

use clap::Args;
use jiff::Timestamp;

use super::answer::{Answer, Exit, Failure, Style};
use super::machines::{self, Machine};
use super::output::terminal_width;
use super::remote::{Query, Remote};

/// Show what each machine is doing, how far it is, what is wrong and what to do next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl status
  edeployctl status -dc par1 par2 --standing installing
  edeployctl status -m srv11 srv12 --json

Without --all, a machine with which nothing is wrong is left out once it was silent for a day.")]
pub(super) struct Status {
    #[command(flatten)]
    which: Which,
    /// Only what stands so: unknown, discovered, refused, installing, installed, upgrading, failed, held, released
    #[arg(long, value_name = "STANDING", num_args = 1..)]
    standing: Vec<String>,
    /// Only with what is wrong: failed, looping, stuck, never_came_back, refused, held
    #[arg(long, value_name = "FINDING", num_args = 1..)]
    finding: Vec<String>,
    /// Machines that were silent for long too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Which machines.
#[derive(Debug, Clone, Args)]
pub(super) struct Which {
    /// Only in these data centres; -dc is the same
    #[arg(long = "dc", value_name = "DC", num_args = 1..)]
    pub(super) datacenters: Vec<String>,
    /// Only these machines, by name, serial, uuid, MAC or hostname
    #[arg(short = 'm', long = "machine", value_name = "M", num_args = 1..)]
    pub(super) machines: Vec<String>,
    /// Only of these profiles
    #[arg(long = "profile", value_name = "NAME", num_args = 1..)]
    pub(super) profiles: Vec<String>,
}

impl Which {
    /// As a query.
    pub(super) fn query(&self) -> Query<'static> {
        let mut query = Vec::new();
        for (key, values) in [
            ("datacenter", &self.datacenters),
            ("machine", &self.machines),
            ("profile", &self.profiles),
        ] {
            query.extend(values.iter().map(|value| (key, value.clone())));
        }
        query
    }
}

impl Status {
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let mut query = self.which.query();
        query.extend(
            self.standing
                .iter()
                .map(|value| ("standing", value.clone())),
        );
        query.extend(self.finding.iter().map(|value| ("finding", value.clone())));
        if self.all {
            query.push(("all", "true".to_owned()));
        }
        let (json, machines): (_, Vec<Machine>) = self.remote.json("/api/v1/status", &query)?;
        let mut answer = Answer::new(Exit::Done, &json)?;
        if machines.is_empty() {
            let called = self.which.machines.join(", ");
            let what = match called.as_str() {
                "" => "no machine to show".to_owned(),
                called => format!("no machine to show is called {called}"),
            };
            answer.say(
                Style::Plain,
                &format!("{what}; --all shows those that were silent for long"),
            );
        } else {
            answer.lines = machines::lines(&machines, Timestamp::now(), terminal_width());
        }
        if let Some(hint) = dead_letters(&self.remote) {
            answer = answer.warn(vec![hint]);
        }
        Ok(answer)
    }
}

/// A word on webhooks that could not be delivered, if there are any.
fn dead_letters(remote: &Remote) -> Option<String> {
    let (_, dead): (_, DeadLetters) = remote
        .json("/api/v1/webhooks/dead", &[("limit", "1".to_owned())])
        .ok()?;
    (dead.count > 0).then(|| {
        format!(
            "{} webhooks could not be delivered: {}/api/v1/webhooks/dead",
            dead.count,
            remote.server.trim_end_matches('/')
        )
    })
}

#[derive(Debug, serde::Deserialize)]
struct DeadLetters {
    count: u64,
}
