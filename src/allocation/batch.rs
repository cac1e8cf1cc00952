//! The group commit: decides many requests under one lock and makes them last with one write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::choose::Choice;
use super::error::AllocateError;
use super::lock::lock;
use super::named::find_machine;
use super::outcome::{Allocated, FailureReport, Outcome, Purpose};
use super::prepare::{Prepared, Preparer, match_all};
use super::record::Change;
use super::stockroom::Stockroom;
use super::store;
use crate::model::{Allocation, Deployments, Identity, Place, ProfileName};

/// How a request is answered.
pub(crate) type Reply<T> = Box<dyn FnOnce(Result<T, AllocateError>) + Send>;

/// How often a request is tried again when files change under it.
const MOST_TRIES: u32 = 10;

/// Something to be done under the lock.
pub(crate) enum Job {
    /// A machine asks what it gets.
    Allocate {
        prepared: Prepared,
        purpose: Purpose,
        reply: Reply<Outcome>,
    },
    /// A machine reports that its install failed.
    Failure {
        identity: Identity,
        profile: ProfileName,
        reply: Reply<FailureReport>,
    },
    /// An admin takes back what a machine holds.
    Release {
        wanted: String,
        reply: Reply<Allocation>,
    },
    /// A machine reports that it is installed, or an admin wants it installed again.
    Stands {
        wanted: String,
        deployments: Deployments,
        reply: Reply<Allocation>,
    },
}

impl Job {
    /// Answers the job with an error.
    pub(crate) fn refuse(self, error: &AllocateError) {
        match self {
            Job::Allocate { reply, .. } => reply(Err(error.clone())),
            Job::Failure { reply, .. } => reply(Err(error.clone())),
            Job::Release { reply, .. } | Job::Stands { reply, .. } => reply(Err(error.clone())),
        }
    }
}

/// What a job came to, to be said once it is on disk.
enum Decision {
    Outcome(Box<Outcome>),
    Report(FailureReport),
    /// What was released, or how it stands now.
    Held(Box<Allocation>),
    Refused(AllocateError),
    /// A file has changed since the job was prepared.
    Again,
}

/// Decides and commits the jobs of one section.
#[derive(Debug)]
pub(crate) struct Committer {
    directory: PathBuf,
    lock_file: PathBuf,
    deadline: Duration,
    stockroom: Stockroom,
    preparer: Preparer,
}

impl Committer {
    pub(crate) fn new(directory: &Path, preparer: Preparer, deadline: Duration) -> Committer {
        Committer {
            directory: directory.to_owned(),
            lock_file: lock_file(directory),
            deadline,
            stockroom: Stockroom::new(directory),
            preparer,
        }
    }

    /// Completes a commit that was cut short and removes what never became one.
    ///
    /// # Errors
    /// The directory cannot be locked or written.
    pub(crate) fn tidy(&mut self) -> Result<(), AllocateError> {
        let _guard = lock(&self.lock_file, self.deadline)?;
        match self.stockroom.open() {
            Ok(()) => store::remove_stale_staged(&self.directory),
            Err(error @ AllocateError::Io { .. }) => Err(error),
            Err(error) => {
                tracing::error!(error = %error.details(), "the section cannot be served yet");
                self.stockroom.forget();
                Ok(())
            }
        }
    }

    /// Decides all jobs, commits, answers. Jobs whose files changed meanwhile are prepared anew.
    pub(crate) fn run(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs;
        for _ in 0..MOST_TRIES {
            let decided = self.run_once(jobs);
            jobs = decided
                .into_iter()
                .filter_map(|(job, decision)| answer(job, decision))
                .collect();
            if jobs.is_empty() {
                return;
            }
            jobs = self.prepare_again(jobs);
        }
        refuse_all(jobs, &AllocateError::KeepsChanging(self.directory.clone()));
    }

    /// Matches jobs anew whose files have changed; none is left where the files are now wrong.
    fn prepare_again(&self, jobs: Vec<Job>) -> Vec<Job> {
        let catalog = match self.preparer.load_patiently() {
            Ok(catalog) => catalog,
            Err(error) => {
                refuse_all(jobs, &error);
                return Vec::new();
            }
        };
        let prepare = |job| match job {
            Job::Allocate {
                prepared,
                purpose,
                reply,
            } => Job::Allocate {
                prepared: match_all(prepared.facts, catalog.clone()),
                purpose,
                reply,
            },
            job => job,
        };
        jobs.into_iter().map(prepare).collect()
    }

    fn run_once(&mut self, jobs: Vec<Job>) -> Vec<(Job, Decision)> {
        let opened = lock(&self.lock_file, self.deadline)
            .and_then(|guard| self.stockroom.open().map(|()| guard));
        let guard = match opened {
            Ok(guard) => guard,
            Err(error) => {
                self.stockroom.forget();
                return all(jobs, &error);
            }
        };
        let mut decided = Vec::with_capacity(jobs.len());
        for job in jobs {
            let decision = self.decide(&job);
            decided.push((job, decision));
        }
        if self.stockroom.has_changes()
            && let Err(error) = self.stockroom.commit()
        {
            return all(decided.into_iter().map(|(job, _)| job).collect(), &error);
        }
        drop(guard);
        decided
    }

    fn decide(&mut self, job: &Job) -> Decision {
        match job {
            Job::Allocate {
                prepared, purpose, ..
            } => self.allocate(prepared, *purpose),
            Job::Failure {
                identity, profile, ..
            } => self.take_failure(identity, profile),
            Job::Release { wanted, .. } => self.release(wanted),
            Job::Stands {
                wanted,
                deployments,
                ..
            } => self.stands(wanted, *deployments),
        }
    }

    fn allocate(&mut self, prepared: &Prepared, purpose: Purpose) -> Decision {
        if !prepared.request.knows_all_of(self.stockroom.quotas()) {
            return Decision::Again;
        }
        let current = self
            .stockroom
            .record
            .find(&prepared.request.identity)
            .cloned();
        let mut request = prepared.request.clone();
        request.name = self.stockroom.record.unique_name(&request.name);
        let held = current.as_ref().map(|current| current.profile.clone());
        let concerned = request.matching().into_iter().chain(held);
        let choice = self
            .stockroom
            .stock(concerned)
            .choose(&request, current.as_ref());
        match choice {
            Choice::Refused(refusal) => Decision::Outcome(Box::new(Outcome::Refused(refusal))),
            Choice::Holds {
                mut allocation,
                repeated,
                changed,
            } => {
                let Some(Ok(usable)) = prepared.catalog.profiles.get(&allocation.profile) else {
                    return Decision::Again;
                };
                let before = allocation.deployments;
                if let Purpose::Deployment(boot_id) = purpose {
                    allocation.deployments = before.with_another_begun(boot_id);
                }
                if changed {
                    self.stockroom.note(Change::Holds(allocation.clone()));
                } else {
                    self.note_standing(&allocation, before);
                }
                let configure = usable.configure.clone();
                let allocated = Allocated {
                    allocation: *allocation,
                    configure,
                    repeated,
                };
                Decision::Outcome(Box::new(Outcome::Allocated(Box::new(allocated))))
            }
        }
    }

    fn take_failure(&mut self, identity: &Identity, profile: &ProfileName) -> Decision {
        let unchanged = |why: &str| {
            Decision::Report(FailureReport::Unchanged {
                why: why.to_owned(),
            })
        };
        let Some(held) = self.stockroom.record.find(identity).cloned() else {
            return unchanged("the machine holds nothing");
        };
        if held.profile != *profile {
            return unchanged("the machine holds another profile");
        }
        if held.deployments.is_installed() {
            return unchanged("the machine reported that it is installed and began nothing since");
        }
        let failed = Allocation {
            deployments: held.deployments.with_latest_failed(),
            ..held.clone()
        };
        let why = match held.place {
            Place::Counted if self.stockroom.stock([]).give_place_back(&held) => {
                let machine = held.machine.clone();
                let given_back = Allocation {
                    place: Place::GivenBack,
                    ..failed
                };
                self.stockroom.note(Change::Holds(Box::new(given_back)));
                return Decision::Report(FailureReport::PlaceGivenBack {
                    machine,
                    profile: profile.clone(),
                });
            }
            Place::Counted => "its profile is no longer in the state file",
            Place::GivenBack => "its place was given back before",
            Place::Uncounted => "its profile is not counted",
        };
        if failed.deployments == held.deployments {
            return unchanged(why);
        }
        self.note_standing(&failed, held.deployments);
        Decision::Report(FailureReport::Ended {
            machine: held.machine,
            profile: held.profile,
            why: why.to_owned(),
        })
    }

    /// Notes how a machine's deployments stand, in a line that is shorter than all it holds.
    fn note_standing(&mut self, now: &Allocation, before: Deployments) {
        if now.deployments != before {
            let change = Change::Stands(now.machine.clone(), now.deployments);
            self.stockroom.note(change);
        }
    }

    fn stands(&mut self, wanted: &str, deployments: Deployments) -> Decision {
        let held = match find_machine(&self.stockroom.record.allocations(), wanted) {
            Ok(held) => held.clone(),
            Err(error) => return Decision::Refused(error),
        };
        let before = held.deployments;
        let now = Allocation {
            deployments,
            ..held
        };
        self.note_standing(&now, before);
        Decision::Held(Box::new(now))
    }

    fn release(&mut self, wanted: &str) -> Decision {
        let held = match find_machine(&self.stockroom.record.allocations(), wanted) {
            Ok(held) => held.clone(),
            Err(error) => return Decision::Refused(error),
        };
        let mut stock = self.stockroom.stock([held.profile.clone()]);
        if let Some(problem) = stock.problem(&held.profile) {
            return Decision::Refused(AllocateError::ProfileBroken {
                profile: held.profile.clone(),
                problem,
            });
        }
        stock.give_back(&held);
        self.stockroom.note(Change::Released(held.machine.clone()));
        Decision::Held(Box::new(held))
    }
}

/// Says what came of a job; gives it back where its files changed meanwhile.
fn answer(job: Job, decision: Decision) -> Option<Job> {
    match (job, decision) {
        (job, Decision::Again) => return Some(job),
        (Job::Allocate { reply, .. }, Decision::Outcome(outcome)) => reply(Ok(*outcome)),
        (Job::Failure { reply, .. }, Decision::Report(report)) => reply(Ok(report)),
        (Job::Release { reply, .. } | Job::Stands { reply, .. }, Decision::Held(held)) => {
            reply(Ok(*held));
        }
        (job, Decision::Refused(error)) => job.refuse(&error),
        (job, _) => job.refuse(&AllocateError::Stopping),
    }
    None
}

fn refuse_all(jobs: Vec<Job>, error: &AllocateError) {
    for job in jobs {
        job.refuse(error);
    }
}

/// The lock file of a section.
pub(crate) fn lock_file(directory: &Path) -> PathBuf {
    directory.join(store::OWN_DIRECTORY).join("lock")
}

/// What an error means for every job of a batch. Files that are just being edited are read again.
fn all(jobs: Vec<Job>, error: &AllocateError) -> Vec<(Job, Decision)> {
    let decision = || match error {
        AllocateError::Unreadable(_) | AllocateError::KeepsChanging(_) => Decision::Again,
        error => Decision::Refused(error.clone()),
    };
    jobs.into_iter().map(|job| (job, decision())).collect()
}
