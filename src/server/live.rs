//! Tells whoever has a page or a terminal open which machines change.
//!
//! One watcher of the store feeds all. What is kept for a reader is the names of machines that changed since
//! it was last told, each once, however many events there were; what a machine is doing is looked up when
//! it is told. So 10,000 events a second come to a few messages a second, and a reader that does not read
//! costs its list of names and, after a while, nothing.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::web;
use futures_util::future::{Either, select};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::events::{Change, Finding, Patience, Store};

use super::error::ApiError;
use super::views::Snapshot;

/// How many streams may be open at once, logs that are followed included.
const MOST_STREAMS: usize = 1_000;

/// How often changes are handed to the readers.
const SPREAD_EVERY: Duration = Duration::from_millis(20);

/// A reader that takes nothing for so long, though there is something, is dropped.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often machines are looked at of which nothing is reported: silence is told too.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Up to so many machines that are being installed are told anew each time, for the time they have left.
const MOST_RETOLD: usize = 500;

/// All open streams.
#[derive(Debug, Clone)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Names that changed and were not handed on yet.
    changed: Mutex<BTreeSet<String>>,
    news: Notify,
    /// The newest event.
    event: AtomicI64,
    readers: Mutex<Vec<Weak<Queue>>>,
    open: AtomicUsize,
    closing: watch::Sender<bool>,
}

/// Becomes known when the server stops.
#[derive(Debug, Clone)]
pub(super) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Done when the server stops.
    pub(super) async fn closed(&mut self) {
        // The sender is gone only when the server is.
        self.0.wait_for(|closing| *closing).await.ok();
    }
}

/// Held by each open stream.
#[derive(Debug)]
pub(super) struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Watches the store. Must be called in an actix system.
    pub(super) fn start(store: Option<&Arc<Store>>, patience: Patience) -> Live {
        let live = Live(Arc::new(Inner {
            changed: Mutex::default(),
            news: Notify::new(),
            event: AtomicI64::new(0),
            readers: Mutex::default(),
            open: AtomicUsize::new(0),
            closing: watch::Sender::new(false),
        }));
        let Some(store) = store else { return live };
        let told = Arc::downgrade(&live.0);
        store.watch(move |change| match told.upgrade() {
            Some(inner) => {
                inner.note(change);
                true
            }
            None => false,
        });
        actix_web::rt::spawn(spread(live.clone()));
        actix_web::rt::spawn(look(live.clone(), store.clone(), patience));
        live
    }

    /// The number of the newest event since the start; 0 if there was none.
    pub(super) fn event(&self) -> i64 {
        self.0.event.load(Ordering::Relaxed)
    }

    pub(super) fn closing(&self) -> Closing {
        Closing(self.0.closing.subscribe())
    }

    /// How many streams are open.
    pub(super) fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn place(&self) -> Result<Place, ApiError> {
        let before = self.0.open.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.0.clone());
        match before < MOST_STREAMS {
            true => Ok(place),
            false => Err(ApiError::TooMany(format!(
                "{MOST_STREAMS} pages and logs are being followed already"
            ))),
        }
    }

    /// A queue of machines that change; `only` of these, if any are named.
    pub(super) fn subscribe(&self, only: BTreeSet<String>) -> Arc<Queue> {
        let queue = Arc::new(Queue {
            only,
            waiting: Mutex::default(),
            taken: Mutex::new(Instant::now()),
            news: Notify::new(),
            is_dropped: AtomicBool::new(false),
        });
        locked(&self.0.readers).push(Arc::downgrade(&queue));
        queue
    }
}

impl Inner {
    fn note(&self, change: &Change) {
        self.event.fetch_max(change.event, Ordering::Relaxed);
        self.add(change.machines.iter().cloned());
    }

    fn add(&self, names: impl Iterator<Item = String>) {
        // Nobody reads: nothing is to be kept.
        if locked(&self.readers).is_empty() {
            return;
        }
        locked(&self.changed).extend(names);
        self.news.notify_one();
    }
}

/// The machines that one reader is to be told of.
#[derive(Debug)]
pub(super) struct Queue {
    only: BTreeSet<String>,
    waiting: Mutex<Waiting>,
    taken: Mutex<Instant>,
    news: Notify,
    is_dropped: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<String>,
    names: HashSet<String>,
}

impl Queue {
    fn add<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let mut waiting = locked(&self.waiting);
        for name in names {
            let is_wanted = self.only.is_empty() || self.only.contains(name);
            if is_wanted && !waiting.names.contains(name) {
                waiting.names.insert(name.to_owned());
                waiting.order.push_back(name.to_owned());
            }
        }
        if !waiting.order.is_empty() {
            self.news.notify_one();
        }
    }

    /// Puts machines into the queue as if they had changed.
    pub(super) fn begin_with(&self, names: &[String]) {
        self.add(names.iter().map(String::as_str));
    }

    /// The next machines, those that wait longest first.
    pub(super) fn take(&self, most: usize) -> Vec<String> {
        *locked(&self.taken) = Instant::now();
        let mut waiting = locked(&self.waiting);
        let count = most.min(waiting.order.len());
        let names: Vec<String> = waiting.order.drain(..count).collect();
        for name in &names {
            waiting.names.remove(name);
        }
        names
    }

    pub(super) fn is_empty(&self) -> bool {
        locked(&self.waiting).order.is_empty()
    }

    /// Done when there may be machines to take.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whether the reader was too slow.
    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    /// Drops the reader if it takes nothing. Says whether it did.
    fn drop_if_slow(&self) -> bool {
        let is_slow = !self.is_empty() && locked(&self.taken).elapsed() > LONGEST_WAIT;
        if is_slow {
            self.is_dropped.store(true, Ordering::Relaxed);
            *locked(&self.waiting) = Waiting::default();
            self.news.notify_one();
        }
        is_slow
    }
}

/// Hands changes to the readers until the server stops.
async fn spread(live: Live) {
    let mut closing = live.closing();
    loop {
        let news = std::pin::pin!(live.0.news.notified());
        if let Either::Right(_) = select(news, std::pin::pin!(closing.closed())).await {
            return;
        }
        let changed = std::mem::take(&mut *locked(&live.0.changed));
        locked(&live.0.readers).retain(|reader| {
            let Some(reader) = reader.upgrade() else {
                return false;
            };
            reader.add(changed.iter().map(String::as_str));
            !reader.drop_if_slow()
        });
        sleep(SPREAD_EVERY).await;
    }
}

/// Looks at all machines now and then: what became stuck is told though nothing was reported.
async fn look(live: Live, store: Arc<Store>, patience: Patience) {
    let mut closing = live.closing();
    let mut known = HashMap::new();
    loop {
        let wait = std::pin::pin!(sleep(LOOK_EVERY));
        if let Either::Right(_) = select(wait, std::pin::pin!(closing.closed())).await {
            return;
        }
        if locked(&live.0.readers).is_empty() {
            known.clear();
            continue;
        }
        let store = store.clone();
        let found = web::block(move || look_once(&store, patience, Timestamp::now())).await;
        let Ok(found) = found else { return };
        let is_new = |name: &String| known.get(name) != found.findings.get(name);
        let names: BTreeSet<&String> = known.keys().chain(found.findings.keys()).collect();
        let changed = names.into_iter().filter(|name| is_new(name)).cloned();
        live.0.add(
            changed
                .chain(found.going_on)
                .collect::<Vec<_>>()
                .into_iter(),
        );
        known = found.findings;
    }
}

struct Found {
    findings: HashMap<String, Finding>,
    going_on: Vec<String>,
}

fn look_once(store: &Store, patience: Patience, now: Timestamp) -> Found {
    let snapshot = Snapshot::of(&store.board(), |_| true);
    let mut found = Found {
        findings: HashMap::new(),
        going_on: Vec::new(),
    };
    for view in snapshot.views(patience, now) {
        if view.status.is_some_and(|status| status.is_open()) {
            found.going_on.push(view.machine.clone());
        }
        if let Some(diagnosis) = view.diagnosis {
            found.findings.insert(view.machine, diagnosis.finding);
        }
    }
    if found.going_on.len() > MOST_RETOLD {
        found.going_on.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Live {
        Live(Arc::new(Inner {
            changed: Mutex::default(),
            news: Notify::new(),
            event: AtomicI64::new(0),
            readers: Mutex::default(),
            open: AtomicUsize::new(0),
            closing: watch::Sender::new(false),
        }))
    }

    #[test]
    fn a_machine_waits_once_however_often_it_changes() {
        let queue = live().subscribe(BTreeSet::new());
        for _ in 0..1_000 {
            queue.add(["a", "b"].into_iter());
        }
        assert_eq!(queue.take(1), ["a"]);
        queue.add(["a"].into_iter());
        assert_eq!(queue.take(10), ["b", "a"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_reader_is_told_only_of_the_machines_it_named() {
        let only = BTreeSet::from(["b".to_owned()]);
        let queue = live().subscribe(only);
        queue.add(["a", "b"].into_iter());
        assert_eq!(queue.take(10), ["b"]);
    }

    #[test]
    fn a_reader_that_takes_nothing_is_dropped_with_what_waits_for_it() {
        let queue = live().subscribe(BTreeSet::new());
        queue.add(["a"].into_iter());
        assert!(!queue.drop_if_slow());
        let long_ago = Instant::now().checked_sub(LONGEST_WAIT * 2);
        // A computer that was started just now has no time so long ago.
        let Some(long_ago) = long_ago else { return };
        *locked(&queue.taken) = long_ago;
        assert!(queue.drop_if_slow() && queue.is_dropped() && queue.is_empty());
    }

    #[test]
    fn there_are_only_so_many_places() {
        let live = live();
        let places: Vec<Place> = (0..MOST_STREAMS).map(|_| live.place().unwrap()).collect();
        assert!(live.place().is_err());
        drop(places);
        assert!(live.place().is_ok());
    }
}
