//! The worker: reads scripts from standard input and writes their plans to standard output.
//!
//! It takes its limits before it reads the first byte, and a thread of its own ends it where a script
//! takes too long. It opens no file, no socket and no process.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde::Serialize;

use crate::configure::engine::{Limits, Script, ScriptError};
use crate::configure::plan::{Plan, of_configure};
use crate::model::ProfileName;
use crate::system::{allow_processor_time, confine_this_process, end_this_process};

use super::wire::{Answer, OUT_OF_MEMORY, Order, READY, Reported, TOO_SLOW, Task, VERB, Wanted};

/// The address space of a worker. Of it the stack of a script takes 256 MiB and the threads' allocators
/// some, whether used or not; a half is left for what the script makes.
pub(super) const MEMORY_BYTES: u64 = 1 << 30;

/// How much one worker writes before the next one takes over: the planner holds all of it in memory.
const MOST_OUTPUT: usize = 32 << 20;

/// Runs this process as a worker to its end if that is what these arguments, the program's name first,
/// ask for, and returns its exit code. Every program that plans calls this first in its `main`.
pub fn run_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let mut arguments = arguments.into_iter().skip(1);
    let is_asked = arguments.next().is_some_and(|verb| verb == VERB) && arguments.next().is_none();
    is_asked.then(|| match work() {
        Ok(()) => 0,
        Err(error) => {
            // Nobody is there to be told that nobody can be told.
            writeln!(io::stderr(), "{error}").ok();
            1
        }
    })
}

fn work() -> io::Result<()> {
    confine_this_process(MEMORY_BYTES)?;
    let mut out = io::stdout().lock();
    writeln!(out, "\"{READY}\"")?;
    out.flush()?;
    let mut lines = io::stdin().lock();
    let mut first = Vec::new();
    lines.read_until(b'\n', &mut first)?;
    let order: Order<'_> = serde_json::from_slice(&first)?;
    let deadline = Duration::from_millis(order.deadline_ms);
    let watch = watch(deadline)?;
    let mut written = 0;
    let mut line = Vec::new();
    while written < MOST_OUTPUT {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        allow_processor_time(deadline + Duration::from_secs(1))?;
        watch.send(Watch::Begin).map_err(io::Error::other)?;
        let task: Task<'_> = serde_json::from_slice(&line)?;
        let mut answer = answer_line(&order, &task)?;
        watch.send(Watch::End).map_err(io::Error::other)?;
        answer.push(b'\n');
        out.write_all(&answer)?;
        out.flush()?;
        written += answer.len();
    }
    Ok(())
}

fn answer_line(order: &Order<'_>, task: &Task<'_>) -> io::Result<Vec<u8>> {
    let script = order.scripts.get(task.script);
    let script = script.ok_or_else(|| io::Error::other("a task names no script of the order"))?;
    let profile = ProfileName::new(&task.profile).map_err(io::Error::other)?;
    let script = Script {
        name: &script.name,
        text: &script.text,
    };
    let plan = of_configure(&script, &profile, &task.variables, &Limits::default());
    let line = match order.wanted {
        Wanted::Plan => serde_json::to_vec(&answer(&plan, |plan| plan)),
        Wanted::Summary => serde_json::to_vec(&answer(&plan, Plan::summary)),
        Wanted::Report => serde_json::to_vec(&answer(&plan, |plan| Reported {
            summary: plan.summary(),
            report: plan.report(),
        })),
    };
    Ok(line?)
}

fn answer<'a, T: Serialize>(
    plan: &'a Result<Plan, ScriptError>,
    wanted: impl FnOnce(&'a Plan) -> T,
) -> Answer<T> {
    match plan {
        Ok(plan) => Answer::Done(wanted(plan)),
        Err(ScriptError::Engine { what, .. })
            if OUT_OF_MEMORY.iter().any(|text| what.contains(text)) =>
        {
            Answer::OutOfMemory
        }
        Err(error) => Answer::Wrong(error.clone()),
    }
}

/// What the watching thread is told.
enum Watch {
    Begin,
    End,
}

/// Starts the thread that ends this process where more than `deadline` lies between begin and end.
fn watch(deadline: Duration) -> io::Result<Sender<Watch>> {
    let (sender, receiver) = channel();
    let watching = move || {
        let mut is_working = false;
        loop {
            let told = if is_working {
                receiver.recv_timeout(deadline)
            } else {
                receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match told {
                Ok(Watch::Begin) => is_working = true,
                Ok(Watch::End) => is_working = false,
                Err(RecvTimeoutError::Timeout) => end_this_process(TOO_SLOW),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(watching)?;
    Ok(sender)
}
