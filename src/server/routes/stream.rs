//! `/api/v1/stream`: machines as they change, as server-sent events.
//!
//! `machine` has a machine as `/api/v1/status/{machine}` shows it, `gone` the name of one that there is no
//! more, `tick` comes every ten seconds. The id of each is the number of the newest event: who comes back
//! with it as `Last-Event-ID`, or as `?since=`, is told first what changed meanwhile.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::events::{Cursor, Filter, MachineView, Patience, Store, StoreError};

use super::super::error::ApiError;
use super::super::live::{Closing, Live, Place, Queue};
use super::super::state::AppState;
use super::super::views::Snapshot;
use super::ask::{Query, ask, respond};
use super::only_get;

/// How often a reader is told something at most: one machine at most six times a second.
const TELL_EVERY: Duration = Duration::from_millis(150);

/// How many machines a reader is told of at once.
const AT_ONCE: usize = 100;

/// How often a reader hears something though nothing changes.
const TICK_EVERY: Duration = Duration::from_secs(10);

/// Who missed more events than this is told of all machines.
const MOST_MISSED: usize = 10_000;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/v1/stream")
            .get(stream)
            .default_service(web::to(only_get)),
    );
}

async fn stream(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    respond(&request, try_stream(&request, &state).await)
}

async fn try_stream(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let query = Query::of(request, &["machine", "since"])?;
    let store = state.events.store()?.clone();
    let only: BTreeSet<String> = query.machines(&store).into_iter().collect();
    let number = "the number of an event";
    let since = query.read("since", number, |text| text.parse::<i64>().ok())?;
    let again = request.headers().get("last-event-id");
    let again = again.and_then(|id| id.to_str().ok()?.parse().ok());
    let place = state.live.place()?;
    // Subscribed before the look at what was missed: nothing falls between.
    let queue = state.live.subscribe(only);
    let newest = ask(state, newest).await?.max(state.live.event());
    if let Some(since) = again.or(since) {
        queue.begin_with(&ask(state, move |store| missed(store, since)).await?);
    }
    let reader = Reader {
        store,
        patience: state.events.patience,
        live: state.live.clone(),
        closing: state.live.closing(),
        queue,
        newest,
        told: None,
        tick: Instant::now(),
        _place: place,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx keeps answers back otherwise.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(unfold(reader, |mut reader| async move {
            let text = reader.next().await?;
            Some((Ok::<_, Infallible>(text), reader))
        })))
}

fn newest(store: &Store) -> Result<i64, StoreError> {
    let events = store.events(&Filter::default(), Cursor::Before(None), 1)?;
    Ok(events.first().map_or(0, |event| event.id))
}

/// The machines of which something was reported after an event.
fn missed(store: &Store, since: i64) -> Result<Vec<String>, StoreError> {
    let events = store.events(&Filter::default(), Cursor::After(since), MOST_MISSED)?;
    if events.len() < MOST_MISSED {
        let names: BTreeSet<String> = events.into_iter().map(|event| event.machine).collect();
        return Ok(names.into_iter().collect());
    }
    let board = store.board();
    let mut names: Vec<String> = board
        .machines()
        .map(|machine| machine.name.clone())
        .collect();
    names.sort();
    Ok(names)
}

/// One open stream.
struct Reader {
    store: Arc<Store>,
    patience: Patience,
    live: Live,
    closing: Closing,
    queue: Arc<Queue>,
    newest: i64,
    /// When it was last told of machines; none before the first word.
    told: Option<Instant>,
    /// When it is to hear something in any case.
    tick: Instant,
    _place: Place,
}

impl Reader {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.queue.is_dropped() {
                return None;
            }
            if Instant::now() >= self.tick {
                return Some(self.ticks().into());
            }
            if self.queue.is_empty() {
                let news = std::pin::pin!(timeout_at(self.tick, self.queue.news()));
                let closed = std::pin::pin!(self.closing.closed());
                if let Either::Right(_) = select(news, closed).await {
                    return None;
                }
                continue;
            }
            if let Some(told) = self.told {
                let pause = std::pin::pin!(sleep_until(told + TELL_EVERY));
                let closed = std::pin::pin!(self.closing.closed());
                if let Either::Right(_) = select(pause, closed).await {
                    return None;
                }
            }
            self.told = Some(Instant::now());
            return Some(self.machines().into());
        }
    }

    fn ticks(&mut self) -> String {
        let is_first = self.told.is_none();
        self.tick = Instant::now() + TICK_EVERY;
        self.newest = self.newest.max(self.live.event());
        let data = json!({ "now": Timestamp::now(), "event": self.newest });
        let mut text = String::new();
        if is_first {
            text.push_str("retry: 2000\n\n");
        }
        say(&mut text, self.newest, "tick", &data.to_string());
        text
    }

    fn machines(&mut self) -> String {
        // Read before the machines are: what comes in between is told again.
        self.newest = self.newest.max(self.live.event());
        let names = self.queue.take(AT_ONCE);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let snapshot = Snapshot::named(&self.store.board(), names.iter().copied());
        let views: Vec<MachineView> = snapshot.views(self.patience, Timestamp::now()).collect();
        let mut text = String::new();
        for view in &views {
            let data = serde_json::to_string(view).unwrap_or_default();
            say(&mut text, self.newest, "machine", &data);
        }
        let is_shown = |name: &&str| views.iter().any(|view| view.machine == *name);
        for name in names.into_iter().filter(|name| !is_shown(name)) {
            let data = json!({ "machine": name }).to_string();
            say(&mut text, self.newest, "gone", &data);
        }
        text
    }
}

/// One message. JSON has no line ends of its own.
fn say(text: &mut String, id: i64, event: &str, data: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "id: {id}\nevent: {event}\ndata: {data}\n").ok();
}
