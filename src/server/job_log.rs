//! A job's log as text: a line for each event, then the files that came with them.
//!
//! All of it is read from the store, so it is the same after a restart. It can be followed: what is
//! reported while it is read comes too, until the job has ended. Characters that steer a terminal are
//! shown as escapes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Bytes};
use futures_util::Stream;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::events::{Cursor, DeploymentRow, EventRow, Filter, LogRow, Store, StoreError};

use super::live::{Closing, Place};

/// How many events are read at once.
const AT_ONCE: usize = 500;

/// How many files of a job are shown.
const MOST_FILES: usize = 1_000;

/// How long a follower waits for a word before it looks whether the job is still there.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// After so long a silence a follower is sent away: its client may be gone, which is seen only in writing.
const LONGEST_SILENCE: Duration = Duration::from_secs(3_600);

/// Which rows belong to a job.
pub(super) fn of_job(number: i64) -> Filter {
    Filter {
        job: Some(number),
        ..Filter::default()
    }
}

/// The job of this number.
pub(super) fn job(store: &Store, number: i64) -> Result<Option<DeploymentRow>, StoreError> {
    let filter = of_job(number);
    let found = store.deployments(&filter, None, Cursor::Before(None), 1)?;
    Ok(found.into_iter().next())
}

/// What ends the reading of a log early, and what it holds while it goes on.
pub(super) struct Following {
    pub(super) closing: Closing,
    /// Taken while it goes on.
    pub(super) _place: Place,
}

/// The log of a job as a stream of text. It is followed if `following` is there.
pub(super) fn stream(
    store: Arc<Store>,
    job: &DeploymentRow,
    following: Option<Following>,
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let news = Arc::new(Notify::new());
    if following.is_some() {
        let (machine, news) = (job.machine.clone(), Arc::downgrade(&news));
        store.watch(move |change| match news.upgrade() {
            Some(news) => {
                if change.machines.contains(&machine) {
                    news.notify_one();
                }
                true
            }
            None => false,
        });
    }
    let reader = Reader {
        store,
        number: job.number,
        after: 0,
        files: None,
        following,
        news,
        heard: Instant::now(),
    };
    unfold(reader, |mut reader| async move {
        let text = reader.next().await?;
        Some((Ok(text), reader))
    })
}

struct Reader {
    store: Arc<Store>,
    number: i64,
    /// The last event that was read.
    after: i64,
    /// What is left of the files, once all events are read.
    files: Option<VecDeque<LogRow>>,
    following: Option<Following>,
    news: Arc<Notify>,
    heard: Instant,
}

/// What one look at the store found.
struct Looked {
    rows: Vec<EventRow>,
    /// Whether more is to come.
    is_open: bool,
}

impl Reader {
    /// The next piece; none at the end. What cannot be read is said in the text: its head is long sent.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(files) = &mut self.files {
                let file = files.pop_front()?;
                return Some(self.file(file).await);
            }
            let looked = match self.look().await {
                Ok(looked) => looked,
                Err(text) => {
                    self.files = Some(VecDeque::new());
                    return Some(text.into());
                }
            };
            if let Some(last) = looked.rows.last() {
                self.after = last.id;
                self.heard = Instant::now();
                let text: String = looked.rows.iter().map(line).collect();
                return Some(text.into());
            }
            if looked.is_open && self.waits().await {
                continue;
            }
            match self.list_files().await {
                Ok(files) => self.files = Some(files),
                Err(text) => {
                    self.files = Some(VecDeque::new());
                    return Some(text.into());
                }
            }
        }
    }

    /// Waits for news; says whether to look again.
    async fn waits(&mut self) -> bool {
        let Some(following) = &mut self.following else {
            return false;
        };
        if self.heard.elapsed() > LONGEST_SILENCE {
            return false;
        }
        let news = std::pin::pin!(timeout(LOOK_EVERY, self.news.notified()));
        let closed = std::pin::pin!(following.closing.closed());
        match select(news, closed).await {
            Either::Left(_) => true,
            Either::Right(_) => false,
        }
    }

    async fn look(&self) -> Result<Looked, String> {
        let (number, after) = (self.number, self.after);
        self.ask(move |store| {
            // First whether it goes on: what ends it is then among the events read after that.
            let is_open = job(store, number)?.is_some_and(|job| job.status.is_open());
            let rows = store.events(&of_job(number), Cursor::After(after), AT_ONCE)?;
            Ok(Looked { rows, is_open })
        })
        .await
    }

    async fn list_files(&self) -> Result<VecDeque<LogRow>, String> {
        let number = self.number;
        self.ask(move |store| {
            let files = store.logs(&of_job(number), MOST_FILES)?;
            Ok(files.into_iter().rev().collect())
        })
        .await
    }

    async fn file(&self, file: LogRow) -> Bytes {
        let content = self
            .ask(move |store| Ok((store.log_content(file.id)?, file)))
            .await;
        match content {
            Ok((content, file)) => shown_file(&file, &content.unwrap_or_default()).into(),
            Err(text) => text.into(),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, String> {
        let store = self.store.clone();
        match web::block(move || ask(&store)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(format!("\nthe rest cannot be read: {error}\n")),
            Err(_) => Err("\nthe server is stopping\n".to_owned()),
        }
    }
}

/// One event as a line: when we heard of it, which step, what of it, the words. More lines of words follow
/// with a bar before each.
pub(super) fn line(row: &EventRow) -> String {
    let what = match row.result {
        Some(result) => format!("{} {result}", row.kind),
        None => row.kind.clone(),
    };
    let mut words = row.description.lines();
    let percent = row
        .percent
        .map_or(String::new(), |percent| format!("{percent:.0}% "));
    let first = format!(
        "{:.3}  {:<32}  {what:<14}  {percent}{}",
        row.received,
        row.name,
        words.next().unwrap_or_default()
    );
    let mut text = harmless(first.trim_end());
    text.push('\n');
    for more in words {
        text.push_str("    | ");
        text.push_str(&harmless(more));
        text.push('\n');
    }
    text
}

/// A file below its name; one that is no text only with its length and where to get it.
fn shown_file(file: &LogRow, content: &[u8]) -> String {
    let name = harmless(&file.name);
    let bytes = file.bytes;
    let head = format!("\n==> {name} ({bytes} bytes) <==\n");
    match std::str::from_utf8(content) {
        Ok(text) if !text.contains('\0') => {
            let mut shown = head;
            shown.push_str(&harmless(text));
            if !shown.ends_with('\n') {
                shown.push('\n');
            }
            shown
        }
        _ => {
            let (job, id) = (file.job.unwrap_or_default(), file.id);
            format!("{head}not text; as it came: /api/v1/jobs/{job}/files/{id}\n")
        }
    }
}

/// A text with what could steer a terminal as an escape; line ends and tabs stay.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            // A bar that draws itself anew is told line by line.
            '\r' => shown.push('\n'),
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                shown.extend(c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Level, StepResult};

    fn row(description: &str) -> EventRow {
        let at = Timestamp::from_millisecond(1_795_000_000_123).unwrap();
        EventRow {
            id: 1,
            machine: "node1".to_owned(),
            job: Some(1),
            received: at,
            happened: at,
            origin: "edeploy".to_owned(),
            name: "install/sync".to_owned(),
            kind: "finish".to_owned(),
            result: Some(StepResult::Fail),
            level: Level::Error,
            percent: None,
            description: description.to_owned(),
        }
    }

    #[test]
    fn an_event_is_a_line_with_time_step_result_and_words() {
        let text = line(&row("rsync: no space\nleft on device"));
        assert_eq!(
            text,
            "2026-11-18T11:06:40.123Z  install/sync                      finish fail     rsync: no space\n    | left on device\n"
        );
    }

    #[test]
    fn nothing_in_a_log_steers_a_terminal() {
        let text = line(&row("\u{1b}[2J\u{9b}31m\u{202e}"));
        assert!(text.contains(r"\u{1b}[2J\u{9b}31m\u{202e}"), "{text}");
        assert_eq!(harmless("10%\r20%\r\n\tx\0"), "10%\n20%\n\tx\\u{0}");
    }

    #[test]
    fn a_file_that_is_no_text_is_named_only() {
        let file = LogRow {
            id: 7,
            machine: "node1".to_owned(),
            job: Some(3),
            received: Timestamp::UNIX_EPOCH,
            name: "x.gz".to_owned(),
            bytes: 2,
        };
        let shown = shown_file(&file, b"\x1f\x8b");
        assert!(shown.contains("/api/v1/jobs/3/files/7"), "{shown}");
        assert_eq!(shown_file(&file, b"hi"), "\n==> x.gz (2 bytes) <==\nhi\n");
    }
}
