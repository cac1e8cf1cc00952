//! What is done for a request before it needs the lock: reading the profiles, matching.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::catalog::{Catalog, Loader};
use super::choose::Request;
use super::error::AllocateError;
use super::record::Record;
use super::store;
use crate::model::{Allocation, Fact, Identity, MachineId};

/// How long a file that does not parse is given to be saved to its end.
const SAVING_TAKES: Duration = Duration::from_millis(1500);

/// A request that has been matched against every profile.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) facts: Arc<[Fact]>,
    pub(crate) request: Request,
    pub(crate) catalog: Arc<Catalog>,
}

/// Prepares requests, from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Preparer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    loader: Mutex<Loader>,
    record: Mutex<Record>,
}

impl Preparer {
    pub(crate) fn new(directory: &Path) -> Preparer {
        let record = directory
            .join(store::OWN_DIRECTORY)
            .join("allocations.jsonl");
        let loader = Mutex::new(Loader::new(directory));
        let record = Mutex::new(Record::new(record));
        Preparer {
            shared: Arc::new(Shared { loader, record }),
        }
    }

    /// Matches the facts against every profile as its files stand now.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub(crate) fn prepare(&self, facts: Arc<[Fact]>) -> Result<Prepared, AllocateError> {
        Ok(match_all(facts, self.load_patiently()?))
    }

    /// A state file that does not parse may be one that an editor is just saving: it is given a moment.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub(crate) fn load_patiently(&self) -> Result<Arc<Catalog>, AllocateError> {
        let started = Instant::now();
        loop {
            let loader = &self.shared.loader;
            let loaded = loader.lock().unwrap_or_else(PoisonError::into_inner).load();
            match loaded {
                Err(AllocateError::Unreadable(_)) if started.elapsed() < SAVING_TAKES => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                loaded => return loaded.map(Arc::new),
            }
        }
    }

    /// What the machine of this identity holds.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn held_by(&self, identity: &Identity) -> Result<Option<Allocation>, AllocateError> {
        let mut record = self
            .shared
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        record.refresh()?;
        Ok(record.find(identity).cloned())
    }

    /// The name that the machine with these facts has, or would get.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn machine_name(&self, facts: &[Fact]) -> Result<MachineId, AllocateError> {
        let identity = Identity::of(facts);
        let mut record = self
            .shared
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        record.refresh()?;
        let known = record
            .find(&identity)
            .map(|allocation| allocation.machine.clone());
        Ok(known.unwrap_or_else(|| record.unique_name(&MachineId::of(facts, &identity))))
    }
}

/// Matches the facts against every profile of the catalog.
pub(crate) fn match_all(facts: Arc<[Fact]>, catalog: Arc<Catalog>) -> Prepared {
    let identity = Identity::of(&facts);
    let name = MachineId::of(&facts, &identity);
    let judged = Arc::new(catalog.judge(&facts));
    let request = Request {
        identity,
        name,
        judged,
    };
    Prepared {
        facts,
        request,
        catalog,
    }
}
