//! What an upgrade says: on the console, in its journal of events, to the server (DESIGN section 7).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::client::install::{Courier, Failure, Follower, Home, Log, Whole};
use crate::client::installed::known_of_server;
use crate::client::report;
use crate::client::{Backlog, assignments};
use crate::model::Leaves;
use crate::system::{Line, RunError, with_causes};

use super::error::{UpgradeError, file};

/// The name of the whole in events.
const NAME: &str = "upgrade";

/// Its rows, on the machine.
const ROWS: &str = "var/lib/edeploy/upgrade.jsonl";

/// How long the end of an upgrade waits for a server that does not take its events.
const LAST_EVENTS: Duration = Duration::from_secs(10);

/// Tells how an upgrade goes on.
pub(super) struct Story {
    log: Log,
    courier: Option<Courier>,
    /// Whether each change is told.
    pub(super) is_verbose: bool,
    /// Whether something of the machine may be another one by now.
    changes: bool,
}

impl Story {
    /// A story of the machine at `root`, told to the server that its `conf` names, if it can be told.
    pub(super) fn begin(
        root: &Path,
        conf: &Path,
        begins: &str,
        ends: &str,
        is_verbose: bool,
    ) -> Result<Story, UpgradeError> {
        let rows: PathBuf = root.join(ROWS);
        let whole = Whole {
            name: NAME,
            begins: begins.to_owned(),
            ends: ends.to_owned(),
        };
        let boot_id = boot_id().and_then(|text| text.parse().ok());
        let mut log = Log::new(whole, Some(&rows), boot_id).map_err(file("write", &rows))?;
        let courier = home(conf).and_then(|home| Courier::start(home, Backlog::of(&rows)).ok());
        let courier = courier.map(|(courier, bell)| {
            log.ring(bell);
            courier
        });
        log.begin();
        Ok(Story {
            log,
            courier,
            is_verbose,
            changes: false,
        })
    }

    /// Takes a step, and tells how it ended.
    pub(super) fn step<T>(
        &mut self,
        name: &'static str,
        description: &str,
        take: impl FnOnce(&mut Story) -> Result<T, UpgradeError>,
    ) -> Result<T, UpgradeError> {
        self.log.start(name, description);
        let started = Instant::now();
        let done = take(self);
        let said = done.as_ref().err().map(|error| with_causes(error));
        let command = done.as_ref().err().and_then(UpgradeError::command);
        let output = command.map(RunError::last_output);
        let failure = said.as_ref().map(|error| Failure {
            error,
            command: command.map(RunError::command),
            output: output.as_deref(),
        });
        self.log.finish(description, started.elapsed(), failure);
        done
    }

    /// Says something to whoever looks.
    pub(super) fn say(&mut self, text: &str) {
        self.log.say(text);
    }

    /// How far the transfer is, as rsync says it.
    pub(super) fn follow(&mut self, follower: &mut Follower<'_>, line: Line<'_>) {
        self.log.follow(follower, line);
    }

    /// What a script says, where all is to be told.
    pub(super) fn hear(&mut self, line: Line<'_>) {
        let (Line::Output(line) | Line::Error(line)) = line;
        if self.is_verbose && !line.is_empty() {
            self.log.say(line);
        }
    }

    /// From now on something of the machine is changed.
    pub(super) fn changes(&mut self) {
        self.changes = true;
    }

    /// The end in an error, which the server is told for a while.
    pub(super) fn fail(mut self, error: &UpgradeError) -> String {
        let leaves = (!self.changes).then_some(Leaves::Unchanged);
        self.log.end(Some(&with_causes(error)), leaves);
        self.pause()
    }

    /// The end when all went well, which the server is told for a while.
    pub(super) fn end(mut self, restarts: bool) -> String {
        self.log.end(None, restarts.then_some(Leaves::Restarting));
        self.pause()
    }

    /// Hands on what was told so far, and gives it; the whole goes on later.
    pub(super) fn pause(mut self) -> String {
        if let Some(courier) = &self.courier
            && !courier.flush(LAST_EVENTS)
        {
            self.log.say("the server could not be told all of it");
        }
        self.log.said().to_owned()
    }
}

/// Which start of this machine it is.
pub(super) fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// The server and the machine's name there; none where the machine was told of no server.
fn home(conf: &Path) -> Option<Home> {
    let conf = known_of_server(conf);
    assignments::last(&conf, "SERV")?;
    let words = ["SERV", "HTTP_PORT", "TOKEN", "CA"]
        .into_iter()
        .filter_map(|name| {
            let value = assignments::last(&conf, name)?;
            Some(format!("{name}={value}"))
        });
    let line = words.collect::<Vec<_>>().join(" ");
    let machine = assignments::last(&conf, "MACHINE").map(str::to_owned);
    Home::named_by(&line, machine.or_else(report::own_name)?)
}
