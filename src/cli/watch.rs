//! `edeployctl watch`: machines as they change, live.
//!
//! On a terminal the table is drawn again in place; elsewhere each change is a line. Nothing of the terminal
//! is changed, so Ctrl-C needs no cleaning up.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::answer::{Failure, Style};
use super::machines::{self, Machine};
use super::output::{Live, terminal_height, terminal_width};
use super::remote::Remote;
use super::status::Which;

/// Show machines live, as they change; Ctrl-C ends it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl watch
  edeployctl watch -m srv11 --json

Elsewhere than on a terminal each change is one line. When the server is restarted the watch goes on.")]
pub(super) struct Watch {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
}

/// How often the table is drawn again though nothing changed: times go on.
const REDRAW: Duration = Duration::from_secs(1);

/// How long to wait before a server that is gone is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// A message of the stream.
enum News {
    Machine(Json),
    Gone(String),
    /// The stream has ended.
    Lost,
}

impl Watch {
    /// Watches until the terminal is closed.
    pub(super) fn run(&self, live: &mut Live) -> Result<(), Failure> {
        let mut shown: BTreeMap<String, Machine> = BTreeMap::new();
        loop {
            // Listening first: what changes while the list is asked for is told again.
            let news = self.listen()?;
            let (_, now): (_, Vec<Machine>) =
                self.remote.json("/api/v1/status", &self.which.query())?;
            shown.extend(
                now.into_iter()
                    .map(|machine| (machine.machine.clone(), machine)),
            );
            self.follow(&news, &mut shown, live)?;
            live.note("the server is gone; asking again")?;
            // Not before it is back: the first question may fail, later ones are asked again.
            while self.listen().is_err() {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn follow(
        &self,
        news: &Receiver<News>,
        shown: &mut BTreeMap<String, Machine>,
        live: &mut Live,
    ) -> Result<(), Failure> {
        loop {
            if live.can_redraw() {
                let machines: Vec<Machine> = shown.values().cloned().collect();
                let mut lines = machines::lines(&machines, Timestamp::now(), terminal_width());
                crop(&mut lines, terminal_height());
                live.redraw(&lines)?;
            }
            match news.recv_timeout(REDRAW) {
                Ok(News::Machine(json)) => self.take(json, shown, live)?,
                Ok(News::Gone(name)) => drop(shown.remove(&name)),
                Ok(News::Lost) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn take(
        &self,
        json: Json,
        shown: &mut BTreeMap<String, Machine>,
        live: &mut Live,
    ) -> Result<(), Failure> {
        let text = json.to_string();
        let Ok(machine) = serde_json::from_value::<Machine>(json) else {
            return Ok(());
        };
        if !self.wants(&machine) {
            return Ok(());
        }
        if live.json {
            live.json_line(&text)?;
        } else if !live.can_redraw() {
            let line = machine.line();
            let is_new = shown
                .get(&machine.machine)
                .is_none_or(|known| known.line() != line);
            if is_new {
                live.line(Style::Plain, &line)?;
            }
        }
        shown.insert(machine.machine.clone(), machine);
        Ok(())
    }

    fn wants(&self, machine: &Machine) -> bool {
        let is_one_of = |wanted: &[String], value: &Option<String>| {
            wanted.is_empty() || value.as_ref().is_some_and(|value| wanted.contains(value))
        };
        is_one_of(&self.which.datacenters, &machine.datacenter)
            && is_one_of(&self.which.profiles, &machine.profile)
    }

    /// Opens the stream and reads it in a thread of its own.
    fn listen(&self) -> Result<Receiver<News>, Failure> {
        let machines = self.which.machines.iter();
        let query: Vec<(&str, String)> = machines.map(|it| ("machine", it.clone())).collect();
        let lines = self.remote.lines("/api/v1/stream", &query)?;
        let (sender, news) = mpsc::channel();
        std::thread::spawn(move || {
            let mut event = String::new();
            for line in lines.map_while(Result::ok) {
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut event);
                }
                let Some(data) = line.strip_prefix("data: ") else {
                    continue;
                };
                let Ok(json) = serde_json::from_str::<Json>(data) else {
                    continue;
                };
                let told = match event.as_str() {
                    "machine" => News::Machine(json),
                    "gone" => News::Gone(json["machine"].as_str().unwrap_or_default().to_owned()),
                    _ => continue,
                };
                // Nobody listens any more.
                if sender.send(told).is_err() {
                    return;
                }
            }
            sender.send(News::Lost).ok();
        });
        Ok(news)
    }
}

/// Cuts a list to what a terminal can show, and says how much is left out.
fn crop(lines: &mut Vec<(Style, String)>, height: Option<usize>) {
    // The line of the cursor is one more.
    let Some(most) = height.map(|height| height.saturating_sub(2).max(2)) else {
        return;
    };
    if lines.len() > most {
        let hidden = lines.len() - most;
        lines.truncate(most);
        lines.push((
            Style::Weak,
            format!("… and {hidden} lines more; a smaller choice: --help"),
        ));
    }
}
