//! The side that asks: starts workers, gives them tasks, and tells a worker's end from a script's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::configure::engine::Script;
use crate::configure::plan::{Plan, Summary};
use crate::model::{CmdbEntry, ProfileName};
use crate::system::{Command, Output, Real, RunError, Runner};

use super::error::PlanError;
use super::wire::{
    Answer, OUT_OF_MEMORY, Order, READY, Reported, TOO_SLOW, Task, Text, VERB, Wanted,
};
use super::worker::MEMORY_BYTES;

/// How long one script may take, unless a planner is told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// This program, also where its file was replaced since it was started.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How many machines one worker is given at most, and how many bytes of them: what a worker answers is
/// held in memory until it ends.
const MOST_TASKS: usize = 128;
const MOST_BYTES: usize = 8 << 20;

/// How many machines a script may bring its worker down for before it is not tried for more of them.
const STRIKES: usize = 3;

/// How long a worker may take besides its scripts.
const GRACE: Duration = Duration::from_secs(10);

/// A script, and the machine it is to be planned for.
///
/// The variables reach the script as a machine gets them, which is as JSON: a tuple is a list there.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The configure script.
    pub script: Script<'a>,
    /// The profile that the machine was given.
    pub profile: &'a ProfileName,
    /// Bindings and settings of its entry: `var` in the script.
    pub variables: &'a CmdbEntry,
}

/// Has scripts planned by workers.
#[derive(Clone)]
pub struct Planner {
    runner: Arc<dyn Runner>,
    program: String,
    workers: usize,
    deadline: Duration,
    strikes: usize,
}

/// How often each script, by its text, brought a worker down.
type Struck<'a> = Mutex<HashMap<&'a str, usize>>;

impl std::fmt::Debug for Planner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planner")
            .field("program", &self.program)
            .field("workers", &self.workers)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Default for Planner {
    fn default() -> Planner {
        Planner::new(Arc::new(Real))
    }
}

impl Planner {
    /// A planner whose workers are this program, as many at a time as there are cores. The program must
    /// call [`run_if_asked`](super::run_if_asked).
    pub fn new(runner: Arc<dyn Runner>) -> Planner {
        Planner {
            runner,
            program: THIS_PROGRAM.to_owned(),
            workers: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            deadline: DEADLINE,
            strikes: STRIKES,
        }
    }

    /// The same with another program for a worker.
    #[must_use]
    pub fn with_program(mut self, program: &str) -> Planner {
        program.clone_into(&mut self.program);
        self
    }

    /// The same with another time that one script may take, in whole milliseconds.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Planner {
        self.deadline = deadline;
        self
    }

    /// The same with another number of workers at a time.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Planner {
        self.workers = workers.max(1);
        self
    }

    /// The same with another number of machines that a script may exceed its limits for before it is not
    /// tried for further ones that are asked for together with them.
    #[must_use]
    pub fn with_strikes(mut self, strikes: usize) -> Planner {
        self.strikes = strikes.max(1);
        self
    }

    /// How many workers it runs at a time.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The plan of one script.
    ///
    /// # Errors
    /// The script gives no plan, or no worker can be had.
    pub fn plan(&self, request: Request<'_>) -> Result<Plan, PlanError> {
        only(self.ask(Wanted::Plan, &[request]))
    }

    /// The summary of the plan of one script.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn summarize(&self, request: Request<'_>) -> Result<Summary, PlanError> {
        only(self.ask(Wanted::Summary, &[request]))
    }

    /// The plans of many scripts, in the order asked.
    pub fn plan_all(&self, requests: &[Request<'_>]) -> Vec<Result<Plan, PlanError>> {
        self.ask(Wanted::Plan, requests)
    }

    /// The summaries of the plans of many scripts, in the order asked.
    pub fn summarize_all(&self, requests: &[Request<'_>]) -> Vec<Result<Summary, PlanError>> {
        self.ask(Wanted::Summary, requests)
    }

    /// The plans of many scripts as JSON with their summaries, in the order asked.
    pub fn report_all(&self, requests: &[Request<'_>]) -> Vec<Result<Reported, PlanError>> {
        self.ask(Wanted::Report, requests)
    }

    fn ask<T: DeserializeOwned + Send>(
        &self,
        wanted: Wanted,
        requests: &[Request<'_>],
    ) -> Vec<Result<T, PlanError>> {
        let parts = parts(requests.len(), self.workers);
        let (parts, next, struck) = (&parts, &AtomicUsize::new(0), &Struck::default());
        let work = || {
            let mut done = Vec::new();
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((
                    part.start,
                    self.ask_in_turn(wanted, &requests[part.clone()], struck),
                ));
            }
            done
        };
        let helpers = self.workers.min(parts.len()).saturating_sub(1);
        let mut done = thread::scope(|scope| {
            // Whatever no helper can be started for, this thread does.
            let helpers: Vec<_> = (0..helpers)
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut done = work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        });
        done.sort_by_key(|(start, _)| *start);
        done.into_iter().flat_map(|(_, results)| results).collect()
    }

    /// Gives the requests to one worker after the other until each has its result.
    fn ask_in_turn<'a, T: DeserializeOwned>(
        &self,
        wanted: Wanted,
        requests: &[Request<'a>],
        struck: &Struck<'a>,
    ) -> Vec<Result<T, PlanError>> {
        let struck = || struck.lock().unwrap_or_else(PoisonError::into_inner);
        let mut results = Vec::with_capacity(requests.len());
        while let rest @ [first, ..] = &requests[results.len()..] {
            let tried = {
                let struck = struck();
                let is_out =
                    |request: &Request<'_>| struck.get(request.script.text) >= Some(&self.strikes);
                rest.iter().take_while(|request| !is_out(request)).count()
            };
            if tried == 0 {
                let how = "it did so for other machines, and was not tried again";
                results.push(Err(exceeded(first, how)));
                continue;
            }
            match self.ask_worker(wanted, &rest[..tried]) {
                Ok(Asked { answers, .. }) if !answers.is_empty() => results.extend(answers),
                // A worker that ends at its first script is ended by that script and no other.
                Ok(Asked { end, .. }) => {
                    *struck().entry(first.script.text).or_default() += 1;
                    results.push(Err(exceeded(first, &end)));
                }
                Err(error) => results.extend(rest.iter().map(|_| Err(error.clone()))),
            }
        }
        results
    }

    /// Has one worker answer as many of the requests as it can.
    fn ask_worker<T: DeserializeOwned>(
        &self,
        wanted: Wanted,
        requests: &[Request<'_>],
    ) -> Result<Asked<T>, PlanError> {
        let no_worker = |why: String| PlanError::NoWorker { why };
        let (tasks, stdin) = self
            .input(wanted, requests)
            .map_err(|error| no_worker(error.to_string()))?;
        let mut command = Command::new(&self.program, [VERB]);
        command.stdin = stdin;
        command.timeout = self.deadline.saturating_mul(tasks).saturating_add(GRACE);
        let result = self.runner.run(&command);
        let said = match &result {
            Ok(_) => format!("`{command}` answers something else"),
            Err(error @ RunError::Start { source, .. }) => format!("{error}: {source}"),
            Err(error) => error.to_string(),
        };
        let (stdout, end) = self.end_of(result).ok_or_else(|| no_worker(said.clone()))?;
        let mut lines = whole_lines(&stdout);
        let ready: Option<String> = lines
            .next()
            .and_then(|line| serde_json::from_slice(line).ok());
        if ready.as_deref() != Some(READY) {
            return Err(no_worker(said));
        }
        let mut answers = Vec::new();
        for (line, request) in lines.zip(requests) {
            answers.push(match serde_json::from_slice(line) {
                Ok(Answer::Done(done)) => Ok(done),
                Ok(Answer::Wrong(error)) => Err(PlanError::Script(error)),
                Ok(Answer::OutOfMemory) => Err(exceeded(request, &out_of_memory())),
                Err(error) => Err(no_worker(format!("{said}: {error}"))),
            });
        }
        Ok(Asked { answers, end })
    }

    /// What a worker printed, and how its last script brought it to an end; none if it never ran.
    fn end_of(&self, result: Result<Output, RunError>) -> Option<(Vec<u8>, String)> {
        let too_slow = || format!("it is not done after {:?}", self.deadline);
        match result {
            Ok(output) => Some((
                output.stdout,
                "its process ended without an answer".to_owned(),
            )),
            Err(RunError::TimedOut { stdout, .. }) => Some((stdout, too_slow())),
            Err(RunError::Failed {
                status,
                code,
                last_output,
                stdout,
                ..
            }) => {
                let end = if code == Some(i32::from(TOO_SLOW)) {
                    too_slow()
                } else if OUT_OF_MEMORY.iter().any(|text| last_output.contains(text)) {
                    out_of_memory()
                } else {
                    format!("its process ended with {status}")
                };
                Some((stdout, end))
            }
            Err(RunError::Start { .. } | RunError::Input { .. } | RunError::NotRecorded { .. }) => {
                None
            }
        }
    }

    /// How many of the requests are for the next worker, and what it reads.
    fn input(
        &self,
        wanted: Wanted,
        requests: &[Request<'_>],
    ) -> serde_json::Result<(u32, Vec<u8>)> {
        let mut order = Order {
            wanted,
            deadline_ms: u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
            scripts: Vec::new(),
        };
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        let (mut tasks, mut count, mut script_bytes) = (Vec::new(), 0, 0);
        for request in requests.iter().take(MOST_TASKS) {
            let Script { name, text } = request.script;
            let script = *known.entry((name, text)).or_insert_with(|| {
                script_bytes += text.len();
                order.scripts.push(Text {
                    name: Cow::Borrowed(name),
                    text: Cow::Borrowed(text),
                });
                order.scripts.len() - 1
            });
            let task = Task {
                script,
                profile: Cow::Borrowed(request.profile.as_str()),
                variables: Cow::Borrowed(request.variables),
            };
            serde_json::to_writer(&mut tasks, &task)?;
            tasks.push(b'\n');
            count += 1;
            if tasks.len() + script_bytes > MOST_BYTES {
                break;
            }
        }
        let mut input = serde_json::to_vec(&order)?;
        input.push(b'\n');
        input.append(&mut tasks);
        Ok((count, input))
    }
}

/// What one worker answered.
struct Asked<T> {
    /// One result for each of the first requests.
    answers: Vec<Result<T, PlanError>>,
    /// How the script that it did not answer brought it to an end, if it did.
    end: String,
}

fn exceeded(request: &Request<'_>, how: &str) -> PlanError {
    PlanError::Exceeded {
        script: request.script.name.to_owned(),
        how: how.to_owned(),
    }
}

fn out_of_memory() -> String {
    format!(
        "it needs more memory than the {} MiB of a worker",
        MEMORY_BYTES >> 20
    )
}

/// The lines of a text without their ends. One that was cut off is none.
fn whole_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
}

/// Parts of `count` requests, small enough that all workers have something to do.
fn parts(count: usize, workers: usize) -> Vec<Range<usize>> {
    let size = count.div_ceil(workers.max(1)).clamp(1, MOST_TASKS);
    (0..count)
        .step_by(size)
        .map(|start| start..count.min(start + size))
        .collect()
}

fn only<T>(results: Vec<Result<T, PlanError>>) -> Result<T, PlanError> {
    let why = "the planner has no result".to_owned();
    results
        .into_iter()
        .next()
        .unwrap_or(Err(PlanError::NoWorker { why }))
}

#[cfg(test)]
mod tests;
