//! One section at work: requests are matched by whoever brings them, then committed together.
//!
//! One thread per section takes the lock. While it commits, further requests wait and are the next
//! commit: many machines cost one write and one fsync (DESIGN.md 4, rule 8).

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::batch::{Committer, Job, Reply};
use super::error::AllocateError;
use super::explain;
use super::outcome::{Explanation, FailureReport, Outcome, Purpose, Refusal};
use super::prepare::Preparer;
use super::stockroom::Stockroom;
use super::store;
use crate::model::{
    Allocation, Deployments, Fact, Facts, Identity, MachineId, ProfileName, SectionName,
};

/// How a section is to be served.
#[derive(Debug, Clone, Copy)]
pub struct SectionOptions {
    /// How long a request waits for the lock before it is answered that the section is busy.
    pub lock_deadline: Duration,
}

impl Default for SectionOptions {
    fn default() -> SectionOptions {
        SectionOptions {
            lock_deadline: Duration::from_secs(30),
        }
    }
}

/// One section: the admin's files in its directory, their lock, and what was allocated from them.
#[derive(Debug)]
pub struct Section {
    name: SectionName,
    directory: PathBuf,
    preparer: Preparer,
    /// What is looked at where nothing is to be handed out.
    rehearsed: Mutex<Stockroom>,
    jobs: Mutex<Option<Sender<Job>>>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Section {
    /// Opens the section whose files are in `directory`, completing a commit that was cut short.
    ///
    /// # Errors
    /// The directory cannot be written or locked. Files that do not parse are no error here: they are
    /// one for each request, until they are mended.
    pub fn open(
        name: SectionName,
        directory: &Path,
        options: SectionOptions,
    ) -> Result<Section, AllocateError> {
        let directory = directory
            .canonicalize()
            .map_err(AllocateError::io("open", directory))?;
        let own = directory.join(store::OWN_DIRECTORY);
        std::fs::create_dir_all(&own).map_err(AllocateError::io("create", &own))?;
        let preparer = Preparer::new(&directory);
        let mut committer = Committer::new(&directory, preparer.clone(), options.lock_deadline);
        committer.tidy()?;
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(format!("section {name}"))
            .spawn(move || serve(&mut committer, &queue))
            .map_err(AllocateError::io("start the committer of", &directory))?;
        let jobs = Mutex::new(Some(jobs));
        Ok(Section {
            rehearsed: Mutex::new(Stockroom::new(&directory)),
            name,
            directory,
            preparer,
            jobs,
            committer: Mutex::new(Some(thread)),
        })
    }

    /// The section's name.
    pub fn name(&self) -> &SectionName {
        &self.name
    }

    /// The directory of the admin's files.
    pub fn config_dir(&self) -> &Path {
        &self.directory
    }

    /// Decides what the machine with these facts gets. Matches in the caller's thread; `reply` is called
    /// in another, when the answer is on disk.
    pub fn submit(
        &self,
        facts: Arc<[Fact]>,
        purpose: Purpose,
        reply: impl FnOnce(Result<Outcome, AllocateError>) + Send + 'static,
    ) {
        match self.preparer.prepare(facts) {
            Ok(prepared) => {
                self.queue(Job::Allocate {
                    prepared,
                    purpose,
                    reply: Box::new(reply),
                });
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// Decides what the machine with these facts gets, and waits for it.
    ///
    /// # Errors
    /// Nothing was allocated, and why.
    pub fn allocate(&self, facts: Facts) -> Result<Outcome, AllocateError> {
        wait(|reply| self.submit(facts.into(), Purpose::Deployment(None), reply))
    }

    /// Takes a failure report (DESIGN.md 4, rule 5): the machine's deployment has ended, and its place
    /// goes back, once.
    ///
    /// # Errors
    /// The report could not be recorded.
    pub fn report_failure(
        &self,
        facts: &[Fact],
        profile: &ProfileName,
    ) -> Result<FailureReport, AllocateError> {
        let (identity, profile) = (Identity::of(facts), profile.clone());
        wait(|reply: Reply<FailureReport>| {
            self.queue(Job::Failure {
                identity,
                profile,
                reply,
            });
        })
    }

    /// Releases what a machine holds: its place and its entry are free again. `machine` is its name, its
    /// serial, uuid, one of its MACs, or the hostname it was given.
    ///
    /// # Errors
    /// No machine, or more than one, is meant.
    pub fn release(&self, machine: &str) -> Result<Allocation, AllocateError> {
        let wanted = machine.to_owned();
        wait(|reply: Reply<Allocation>| self.queue(Job::Release { wanted, reply }))
    }

    /// The machine reports that it is installed: its deployments count no more, until it begins another.
    /// `machine` is any of the names that [`Section::release`] takes. Saying it again changes nothing.
    ///
    /// # Errors
    /// No machine, or more than one, is meant.
    pub fn report_installed(&self, machine: &str) -> Result<Allocation, AllocateError> {
        self.set_standing(machine, Deployments::installed())
    }

    /// The machine is to be installed again, with all that it holds. `machine` is any of the names that
    /// [`Section::release`] takes.
    ///
    /// # Errors
    /// No machine, or more than one, is meant.
    pub fn reinstall(&self, machine: &str) -> Result<Allocation, AllocateError> {
        self.set_standing(machine, Deployments::default())
    }

    fn set_standing(
        &self,
        machine: &str,
        deployments: Deployments,
    ) -> Result<Allocation, AllocateError> {
        let wanted = machine.to_owned();
        wait(|reply: Reply<Allocation>| {
            self.queue(Job::Stands {
                wanted,
                deployments,
                reply,
            });
        })
    }

    /// What the machine of this identity holds. Takes no lock.
    ///
    /// # Errors
    /// The record of the allocations cannot be read.
    pub fn held_by(&self, identity: &Identity) -> Result<Option<Allocation>, AllocateError> {
        self.preparer.held_by(identity)
    }

    /// Why the machine with these facts would be refused if it posted them now; none where it would not.
    /// Takes no lock, changes nothing, and reads only what has changed.
    ///
    /// # Errors
    /// The section's files cannot be read.
    pub fn refusal_of(&self, facts: Arc<[Fact]>) -> Result<Option<Refusal>, AllocateError> {
        let prepared = self.preparer.prepare(facts)?;
        let stockroom = &mut *self
            .rehearsed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        explain::refusal_of(stockroom, prepared)
    }

    /// What the machine with these facts would get, and why. Takes no lock and changes nothing.
    ///
    /// # Errors
    /// The section's files cannot be read.
    pub fn explain(&self, facts: &[Fact]) -> Result<Explanation, AllocateError> {
        explain::explain_dir(&self.directory, facts)
    }

    /// All allocations, oldest first.
    ///
    /// # Errors
    /// The record of the allocations cannot be read.
    pub fn allocations(&self) -> Result<Vec<Allocation>, AllocateError> {
        explain::allocations(&self.directory)
    }

    /// The name that the machine with these facts has, or would get.
    ///
    /// # Errors
    /// The record of the allocations cannot be read.
    pub fn machine_name(&self, facts: &[Fact]) -> Result<MachineId, AllocateError> {
        self.preparer.machine_name(facts)
    }

    fn queue(&self, job: Job) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*jobs {
            Some(queue) => queue.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        drop(jobs);
        if let Some(job) = refused {
            job.refuse(&AllocateError::Stopping);
        }
    }

    /// Answers everything that was accepted, then stops; later requests are refused.
    pub fn stop(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!(section = %self.name, "the committer of a section panicked");
        }
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(committer: &mut Committer, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut jobs = vec![first];
        jobs.extend(queue.try_iter());
        committer.run(jobs);
    }
}

fn wait<T: Send + 'static>(ask: impl FnOnce(Reply<T>)) -> Result<T, AllocateError> {
    let (sender, answer) = mpsc::channel();
    ask(Box::new(move |result| {
        // Whoever asked may have gone; the answer is on disk all the same.
        drop(sender.send(result));
    }));
    answer.recv().unwrap_or(Err(AllocateError::Stopping))
}

#[cfg(test)]
mod tests;
