//! The server's end of the store of events: reports in, and what the server itself reports.
//!
//! Machines are allocated whether events can be kept or not: a store that cannot be opened or written is
//! an error for who reports to it, and for the log.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::events::{About, Patience, Receipt, Report, Store, StoreError, StoreOptions};
use crate::model::{Allocation, Event, EventKind, Identity};

use super::emitters::Emitters;

/// What was reported, or why it cannot be kept.
#[derive(Debug, Clone)]
pub struct Events {
    store: Result<Arc<Store>, StoreError>,
    /// Who is told of it besides.
    emitters: Emitters,
    /// How long silence is nothing to worry about.
    pub patience: Patience,
}

impl Events {
    /// Opens the store.
    pub fn open(
        path: &Path,
        options: StoreOptions,
        patience: Patience,
        emitters: Emitters,
    ) -> Events {
        let store = Store::open(path, options).map(Arc::new);
        if let Err(error) = &store {
            tracing::error!(%error, "no events are kept; machines are allocated all the same");
        }
        Events {
            store,
            emitters,
            patience,
        }
    }

    /// The store.
    ///
    /// # Errors
    /// It could not be opened.
    pub fn store(&self) -> Result<&Arc<Store>, StoreError> {
        self.store.as_ref().map_err(StoreError::clone)
    }

    /// Keeps reports; done when they are on the disk.
    ///
    /// # Errors
    /// They could not be kept.
    pub async fn record(&self, reports: Vec<Report>) -> Result<Vec<Receipt>, StoreError> {
        reports.iter().for_each(|report| self.emitters.tell(report));
        let store = self.store()?;
        let (reply, answer) = oneshot::channel();
        store.submit(reports, move |result| {
            // Nobody waits any more only if the client is gone; the reports are kept all the same.
            reply.send(result).ok();
        });
        answer.await.unwrap_or(Err(StoreError::Stopping))
    }

    /// Keeps reports in jobs of their own, each whole or not at all: what is wrong with one is not wrong with
    /// the others. All are on their way to the disk when this returns.
    pub fn submit_each(&self, jobs: Vec<Vec<Report>>) -> Vec<Pending> {
        let submit = |reports| {
            let (reply, answer) = oneshot::channel();
            match &self.store {
                Ok(store) => store.submit(reports, move |result| {
                    // As above: kept, whoever waits.
                    reply.send(result).ok();
                }),
                Err(error) => {
                    reply.send(Err(error.clone())).ok();
                }
            }
            Pending(answer)
        };
        jobs.into_iter().map(submit).collect()
    }

    /// Keeps what the server itself has to report; nobody waits for it.
    pub fn note(&self, report: Report) {
        self.emitters.tell(&report);
        if let Ok(store) = &self.store {
            store.submit(vec![report], |result| {
                if let Err(error) = result {
                    tracing::error!(%error, "an event of the server was not kept");
                }
            });
        }
    }

    /// Reports what became of a machine that holds something, or held it: `released`, `installed`, `reinstall`.
    /// Waits for the disk: who is told that it is done finds it in the timeline.
    pub(super) fn became(&self, section: &str, allocation: &Allocation, what: &str) {
        let event = Event::new("server", what, EventKind::Note);
        let event = event.saying(format!("{what}: profile {}", allocation.profile));
        let report = of_server(
            allocation.machine.as_str(),
            event,
            about(section, allocation),
        );
        self.emitters.tell(&report);
        let Ok(store) = &self.store else { return };
        if let Err(error) = store.record(vec![report]) {
            tracing::error!(%error, what, "what became of a machine was not kept");
        }
    }

    /// Keeps what is reported until now, then stops.
    pub fn stop(&self) {
        if let Ok(store) = &self.store {
            store.stop();
        }
    }
}

/// Reports that are on their way to the disk.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Vec<Receipt>, StoreError>>);

impl Pending {
    /// Waits until they are there.
    ///
    /// # Errors
    /// They could not be kept.
    pub async fn kept(self) -> Result<Vec<Receipt>, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Stopping))
    }
}

/// An event of the server about a machine.
pub(super) fn of_server(machine: &str, event: Event, about: About) -> Report {
    let now = jiff::Timestamp::now();
    Report {
        about,
        ..Report::new(machine, event, now)
    }
}

/// What an allocation says of its machine.
pub(super) fn about(section: &str, allocation: &Allocation) -> About {
    let variables = allocation.variables();
    let hostname = variables.get("hostname").map(ToString::to_string);
    About {
        section: Some(section.to_owned()),
        profile: Some(allocation.profile.to_string()),
        aliases: aliases(&allocation.identity).chain(hostname).collect(),
        is_known: true,
        ..About::default()
    }
}

/// The names by which reports may call the machine of an identity.
pub(super) fn aliases(identity: &Identity) -> impl Iterator<Item = String> {
    let one = identity.uuid.iter().chain(&identity.serial);
    one.chain(&identity.macs).cloned()
}
