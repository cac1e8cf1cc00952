//! Plans for the API: made by workers, and only so many at a time, so that scripts without an end leave
//! the server what it needs for machines.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::allocation::{AllocateError, ErrorKind};
use crate::configure::engine::Script;
use crate::configure::plan::Plan;
use crate::model::{CmdbEntry, ProfileName};
use crate::planner::{PlanError, Planner, Request};

/// How long a request waits for a worker: a rack that posts at once is planned in that time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes plans, as many at a time as there are cores.
#[derive(Debug, Clone)]
pub struct Plans {
    planner: Planner,
    places: Arc<Semaphore>,
}

/// What is to be planned.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) profile: ProfileName,
    pub(super) variables: CmdbEntry,
    /// The text of the configure script.
    pub(super) configure: Arc<str>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// The script, or the worker.
    #[error(transparent)]
    Error(#[from] PlanError),
    /// The script's file cannot be read.
    #[error(transparent)]
    Unreadable(AllocateError),
    /// Too many others are planned.
    #[error("other scripts keep the planner busy: ask for the plan later")]
    Busy,
    /// A bug, or the end of the server.
    #[error("the server could not finish the plan")]
    Internal,
}

impl NoPlan {
    /// Whether the request was right and the script that it is about is wrong.
    pub(super) fn is_of_the_script(&self) -> bool {
        match self {
            NoPlan::Error(error) => error.is_of_the_script(),
            NoPlan::Unreadable(error) => error.kind() == ErrorKind::Input,
            NoPlan::Busy | NoPlan::Internal => false,
        }
    }

    /// All there is to say, with the line of the script and a caret where there is one.
    pub(super) fn details(&self) -> String {
        match self {
            NoPlan::Error(error) => error.with_caret(),
            NoPlan::Unreadable(error) => error.details(),
            NoPlan::Busy | NoPlan::Internal => self.to_string(),
        }
    }
}

impl From<Elapsed> for NoPlan {
    fn from(_: Elapsed) -> NoPlan {
        NoPlan::Busy
    }
}

impl From<AcquireError> for NoPlan {
    fn from(_: AcquireError) -> NoPlan {
        NoPlan::Internal
    }
}

impl Plans {
    pub(super) fn new(planner: Planner) -> Plans {
        let places = Arc::new(Semaphore::new(planner.workers()));
        Plans { planner, places }
    }

    /// The plan of a script.
    ///
    /// # Errors
    /// The script gives no plan, or others keep the workers busy.
    pub(super) async fn plan(&self, wanted: Wanted) -> Result<Plan, NoPlan> {
        self.ask(wanted, |planner, request| planner.plan(request))
            .await
    }

    /// The hash of the plan of a script.
    ///
    /// # Errors
    /// As [`Plans::plan`].
    pub(super) async fn hash(&self, wanted: Wanted) -> Result<String, NoPlan> {
        let hash = |planner: &Planner, request: Request<'_>| Ok(planner.summarize(request)?.hash);
        self.ask(wanted, hash).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        wanted: Wanted,
        ask: impl FnOnce(&Planner, Request<'_>) -> Result<T, PlanError> + Send + 'static,
    ) -> Result<T, NoPlan> {
        let place = timeout(PATIENCE, self.places.clone().acquire_owned()).await??;
        let planner = self.planner.clone();
        let planned = web::block(move || wanted.ask(&planner, ask, place)).await;
        Ok(planned.map_err(|_| NoPlan::Internal)??)
    }
}

impl Wanted {
    /// The place is held until the worker is gone, also where nobody waits for the plan any more.
    fn ask<T>(
        &self,
        planner: &Planner,
        ask: impl FnOnce(&Planner, Request<'_>) -> Result<T, PlanError>,
        place: OwnedSemaphorePermit,
    ) -> Result<T, PlanError> {
        let name = format!("{}.configure", self.profile);
        let planned = ask(
            planner,
            Request {
                script: Script {
                    name: &name,
                    text: &self.configure,
                },
                profile: &self.profile,
                variables: &self.variables,
            },
        );
        drop(place);
        planned
    }
}
