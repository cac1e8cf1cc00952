//! Plans for the API: made by workers, and only so many at a time, so that scripts without an end leave
//! the server what it needs for machines.
//!
//! Machines that wait for the hash of one and the same script share a worker: to start one takes longer
//! than to plan dozens. So a script without an end holds up no machine of another profile for long.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web;
use futures_util::future::{Either, select};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::allocation::{AllocateError, ErrorKind};
use crate::configure::engine::Script;
use crate::configure::plan::Plan;
use crate::model::{CmdbEntry, ProfileName};
use crate::planner::{PlanError, Planner, Request};

/// How long a request waits for a worker: a rack that posts at once is planned in that time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many machines share a worker at most: none waits long for the others.
const SHARING: usize = 32;

/// Makes plans, as many at a time as there are cores.
#[derive(Debug, Clone)]
pub struct Plans {
    planner: Planner,
    places: Arc<Semaphore>,
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

/// A machine that waits for the hash of its plan.
#[derive(Debug)]
struct Waiting {
    wanted: Wanted,
    reply: oneshot::Sender<Result<String, PlanError>>,
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
    pub(super) fn new(planner: &Planner) -> Plans {
        Plans {
            places: Arc::new(Semaphore::new(planner.workers())),
            planner: planner.clone().with_workers(1).with_strikes(1),
            waiting: Arc::default(),
        }
    }

    /// The plan of a script.
    ///
    /// # Errors
    /// The script gives no plan, or others keep the workers busy.
    pub(super) async fn plan(&self, wanted: Wanted) -> Result<Plan, NoPlan> {
        let place = self.place().await?;
        let planner = self.planner.clone();
        let planned = web::block(move || {
            let planned = planner.plan(wanted.request(&wanted.name()));
            drop(place);
            planned
        });
        Ok(planned.await.map_err(|_| NoPlan::Internal)??)
    }

    /// The hash of the plan of a script.
    ///
    /// # Errors
    /// As [`Plans::plan`].
    pub(super) async fn hash(&self, wanted: Wanted) -> Result<String, NoPlan> {
        let (reply, answer) = oneshot::channel();
        self.queue().push_back(Waiting { wanted, reply });
        let asked = async {
            // Whoever waits brings a turn, which is for all who wait; another's may come first.
            let answer = match select(answer, pin!(self.take_turn())).await {
                Either::Left((answer, _)) => answer,
                Either::Right((turn, answer)) => {
                    turn?;
                    answer.await
                }
            };
            Ok(answer.map_err(|_| NoPlan::Internal)??)
        };
        timeout(PATIENCE, asked).await?
    }

    /// Waits for a place, then has one worker answer as many as may share it. The place is held until
    /// that worker is gone, also where nobody waits for its answers any more.
    async fn take_turn(&self) -> Result<(), NoPlan> {
        let place = self.place().await?;
        let plans = self.clone();
        let done = web::block(move || {
            plans.answer_some();
            drop(place);
        });
        done.await.map_err(|_| NoPlan::Internal)
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, NoPlan> {
        Ok(timeout(PATIENCE, self.places.clone().acquire_owned()).await??)
    }

    fn answer_some(&self) {
        let some = self.some_of_one_script();
        let names: Vec<String> = some.iter().map(|one| one.wanted.name()).collect();
        let requests: Vec<Request<'_>> = some
            .iter()
            .zip(&names)
            .map(|(one, name)| one.wanted.request(name))
            .collect();
        let answers = self.planner.summarize_all(&requests);
        for (one, answer) in some.into_iter().zip(answers) {
            // Who does not wait any more was told that others keep the planner busy.
            one.reply.send(answer.map(|summary| summary.hash)).ok();
        }
    }

    /// Takes the first of those who wait, and others for the same script.
    fn some_of_one_script(&self) -> Vec<Waiting> {
        let mut queue = self.queue();
        queue.retain(|one| !one.reply.is_closed());
        let mut some: Vec<Waiting> = queue.pop_front().into_iter().collect();
        let Some(configure) = some.first().map(|first| first.wanted.configure.clone()) else {
            return some;
        };
        let (same, others) = std::mem::take(&mut *queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(|one| one.wanted.configure == configure);
        *queue = others;
        let mut same = same.into_iter();
        some.extend(same.by_ref().take(SHARING - 1));
        queue.extend(same);
        some
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    /// What messages call the script.
    fn name(&self) -> String {
        format!("{}.configure", self.profile)
    }

    fn request<'a>(&'a self, name: &'a str) -> Request<'a> {
        Request {
            script: Script {
                name,
                text: &self.configure,
            },
            profile: &self.profile,
            variables: &self.variables,
        }
    }
}
