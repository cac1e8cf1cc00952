//! The programs that are asked where the kernel has no file.

use std::time::Duration;

use super::report::Report;
use super::root::Sysroot;
use crate::system::{Command, Output, PATH, RunError, Runner};

/// How much of an answer is read.
const MOST_BYTES: usize = 1024 * 1024;

/// The programs of one machine, and who runs them.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) root: &'a Sysroot,
    pub(super) runner: &'a dyn Runner,
}

impl Tools<'_> {
    /// Whether the program is on the runner's path.
    pub(super) fn has(&self, program: &str) -> bool {
        let mut places = PATH.split(':');
        places.any(|place| self.root.is_file(&format!("{place}/{program}")))
    }

    /// What the program prints, or a warning and nothing.
    pub(super) fn ask(
        &self,
        words: &[&str],
        timeout: Duration,
        report: &mut Report,
    ) -> Option<String> {
        match self.answer(words, timeout) {
            Ok(text) => Some(text),
            Err(problem) => {
                report.warn(problem);
                None
            }
        }
    }

    /// What the program prints if it ends with success, else why it did not.
    pub(super) fn answer(&self, words: &[&str], timeout: Duration) -> Result<String, String> {
        let output = self.run(words, timeout);
        let output = output.map_err(|error| error.to_string())?;
        Ok(as_text(&output.stdout))
    }

    /// What the program prints if it ends at all with a code of its own.
    pub(super) fn answer_of_any_code(
        &self,
        words: &[&str],
        timeout: Duration,
    ) -> Result<String, String> {
        match self.run(words, timeout) {
            Ok(output) => Ok(as_text(&output.stdout)),
            Err(RunError::Failed {
                code: Some(_),
                stdout,
                ..
            }) => Ok(as_text(&stdout)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn run(&self, words: &[&str], timeout: Duration) -> Result<Output, RunError> {
        let (program, arguments) = words.split_first().unwrap_or((&"", &[]));
        let command = Command::new(program, arguments.iter().copied()).with_timeout(timeout);
        self.runner.run(&command)
    }
}

/// The beginning of an answer as text; what is no UTF-8 is replaced.
pub(super) fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_BYTES)]).into_owned()
}

/// How many commands run at the same time.
const AT_ONCE: usize = 16;

/// Does the same for each item, several at a time, and keeps their order.
pub(super) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) -> Report + Sync) -> Vec<Report> {
    let mut reports = Vec::with_capacity(items.len());
    for items in items.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = items
                .iter()
                .map(|item| scope.spawn(|| work(item)))
                .collect();
            reports.extend(threads.into_iter().map(|thread| finished(thread.join())));
        });
    }
    reports
}

/// What a thread found. One that broke is a fault of this program, and costs its own facts only.
pub(super) fn finished(result: std::thread::Result<Report>) -> Report {
    result.unwrap_or_else(|_| {
        let mut report = Report::default();
        report.warn("a part of the detection broke: this is a fault of edeploy");
        report
    })
}
