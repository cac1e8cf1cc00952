//! What a section's files hold under its lock: counts, CMDB tables, the record of allocations.
//!
//! Everything is read again only where it changed since: a server that is alone parses its tables once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::catalog::{self, shown, text_of};
use super::choose::{Stock, TableState};
use super::error::AllocateError;
use super::record::{Change, Commit, Record, Replacement};
use super::recovery::{self, Completed};
use super::store::{self, Stamp};
use super::table::Table;
use crate::format::{CmdbDocument, StateDocument};
use crate::model::{ProfileName, Quota, Remaining};

/// The state file as it was read.
#[derive(Debug)]
struct State {
    path: PathBuf,
    stamp: Stamp,
    settled: bool,
    document: StateDocument,
}

/// The CMDB of one profile as it was read; neither path nor stamp where there is none.
#[derive(Debug)]
struct Cmdb {
    file: Option<(PathBuf, Stamp)>,
    settled: bool,
    /// Whether the file still holds a `generate(...)` call.
    generated: bool,
}

/// The files of a section, as of the last time its lock was held.
#[derive(Debug)]
pub(crate) struct Stockroom {
    directory: PathBuf,
    pub(crate) record: Record,
    completed: u64,
    state: Option<State>,
    cmdbs: HashMap<ProfileName, Cmdb>,
    tables: HashMap<ProfileName, TableState>,
    quotas: Vec<Quota>,
    changes: Vec<Change>,
}

impl Stockroom {
    pub(crate) fn new(directory: &Path) -> Stockroom {
        Stockroom {
            directory: directory.to_owned(),
            record: Record::new(
                directory
                    .join(store::OWN_DIRECTORY)
                    .join("allocations.jsonl"),
            ),
            completed: 0,
            state: None,
            cmdbs: HashMap::new(),
            tables: HashMap::new(),
            quotas: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Brings everything up to date. Call under the lock; it completes what another process left
    /// half-done.
    ///
    /// # Errors
    /// The state file or the record cannot be read.
    pub(crate) fn open(&mut self) -> Result<(), AllocateError> {
        self.look()?;
        if self.completed < self.record.last_number() {
            if let Some(last) = self.record.last() {
                recovery::complete(last)?;
            }
            self.completed = self.record.last_number();
            self.look()?;
        }
        Ok(())
    }

    /// Brings everything up to date for reading alone, without the lock.
    ///
    /// # Errors
    /// The state file or the record cannot be read.
    pub(crate) fn look(&mut self) -> Result<(), AllocateError> {
        let seen = self.record.last_number();
        self.record.refresh()?;
        if seen != self.record.last_number() {
            self.tables.clear();
            self.cmdbs.clear();
        }
        self.changes.clear();
        self.load_state()
    }

    fn load_state(&mut self) -> Result<(), AllocateError> {
        let (path, form) = catalog::state_file(&self.directory)?;
        let known = self
            .state
            .as_ref()
            .filter(|state| state.settled && state.path == path);
        if known.map(|state| state.stamp) != store::stamp(&path)? {
            let file = store::read(&path)?;
            let document = StateDocument::parse(&shown(&path), text_of(&path, &file)?, form)?;
            let (stamp, settled) = (file.stamp, file.settled);
            self.state = Some(State {
                path,
                stamp,
                settled,
                document,
            });
        }
        self.quotas = self
            .state
            .as_ref()
            .map_or_else(Vec::new, |s| s.document.quotas().to_vec());
        Ok(())
    }

    /// The counts in priority order, with all that was decided since they were read.
    pub(crate) fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// Counts and tables to choose from, with the tables of `profiles` up to date.
    pub(crate) fn stock(&mut self, profiles: impl IntoIterator<Item = ProfileName>) -> Stock<'_> {
        for profile in profiles {
            self.load_table(&profile);
        }
        Stock {
            quotas: &mut self.quotas,
            tables: &mut self.tables,
        }
    }

    fn load_table(&mut self, profile: &ProfileName) {
        let changed =
            matches!(self.tables.get(profile), Some(Some(Ok(table))) if table.is_changed());
        if changed
            || self
                .cmdbs
                .get(profile)
                .is_some_and(|cmdb| self.is_current(profile, cmdb))
        {
            return;
        }
        let (cmdb, table) = match self.read_table(profile) {
            Ok(read) => read,
            Err(problem) => {
                tracing::warn!(%profile, %problem, "a profile is skipped");
                (
                    Cmdb {
                        file: None,
                        settled: false,
                        generated: false,
                    },
                    Some(Err(problem)),
                )
            }
        };
        self.cmdbs.insert(profile.clone(), cmdb);
        self.tables.insert(profile.clone(), table);
    }

    fn is_current(&self, profile: &ProfileName, cmdb: &Cmdb) -> bool {
        let Ok(found) = catalog::find(&self.directory, profile, "cmdb") else {
            return false;
        };
        let now = found.and_then(|(path, _)| {
            let stamp = store::stamp(&path).ok().flatten()?;
            Some((path, stamp))
        });
        cmdb.settled && cmdb.file == now
    }

    fn read_table(&self, profile: &ProfileName) -> Result<(Cmdb, TableState), String> {
        let found =
            catalog::find(&self.directory, profile, "cmdb").map_err(|error| error.details())?;
        let Some((path, form)) = found else {
            return Ok((
                Cmdb {
                    file: None,
                    settled: true,
                    generated: false,
                },
                None,
            ));
        };
        let file = store::read(&path).map_err(|error| error.details())?;
        let text = text_of(&path, &file).map_err(|error| error.with_caret())?;
        let document = CmdbDocument::parse(&shown(&path), text, form);
        let document = document.map_err(|error| error.with_caret())?;
        let allocations = self.record.allocations();
        let own = allocations
            .into_iter()
            .filter(|allocation| allocation.profile == *profile);
        let (settled, generated) = (file.settled, document.is_generated());
        let cmdb = Cmdb {
            file: Some((path, file.stamp)),
            settled,
            generated,
        };
        Ok((cmdb, Some(Ok(Table::new(document, own)))))
    }

    /// Notes what was decided for a machine; [`Stockroom::commit`] makes it last.
    pub(crate) fn note(&mut self, change: Change) {
        self.record.apply(&change, self.record.last_number() + 1);
        self.changes.push(change);
    }

    /// Whether something was noted that is not committed yet.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Makes all that was noted last: counts, entries and allocations together, or none of them.
    ///
    /// # Errors
    /// The operating system's refusal (then nothing was committed, or what was will be completed before
    /// anything else), or a file that was edited meanwhile without the lock.
    pub(crate) fn commit(&mut self) -> Result<(), AllocateError> {
        let committed = self.stage().and_then(|commit| self.carry_out(&commit));
        if committed.is_err() {
            self.forget();
        }
        committed
    }

    /// Drops all that was read and noted: the files are what counts.
    pub(crate) fn forget(&mut self) {
        self.record.forget();
        self.completed = 0;
        self.state = None;
        self.cmdbs.clear();
        self.tables.clear();
        self.changes.clear();
    }

    /// Drops the tables alone, with all that was taken from them.
    pub(crate) fn forget_tables(&mut self) {
        self.cmdbs.clear();
        self.tables.clear();
    }

    fn stage(&mut self) -> Result<Commit, AllocateError> {
        let mut commit = Commit {
            number: self.record.last_number() + 1,
            counts: self.changed_counts(),
            ..Commit::default()
        };
        if let Err(error) = self.stage_files(&mut commit) {
            remove_staged(&commit);
            return Err(error);
        }
        commit.changes = std::mem::take(&mut self.changes);
        Ok(commit)
    }

    fn stage_files(&mut self, commit: &mut Commit) -> Result<(), AllocateError> {
        let number = commit.number;
        if let Some(state) = self.state.as_mut().filter(|_| !commit.counts.is_empty()) {
            for quota in &self.quotas {
                state
                    .document
                    .set_remaining(&quota.profile, quota.remaining);
            }
            let text = state.document.text().to_owned();
            commit
                .replaces
                .push(stage_file(&state.path, state.stamp, number, &text, None)?);
        }
        for (profile, cmdb) in &self.cmdbs {
            let (Some((path, stamp)), Some(Some(Ok(table)))) =
                (&cmdb.file, self.tables.get(profile))
            else {
                continue;
            };
            if table.is_changed() {
                if cmdb.generated {
                    keep_original(path)?;
                }
                let text = table.document().text();
                commit
                    .replaces
                    .push(stage_file(path, *stamp, number, &text, Some(profile))?);
            }
        }
        Ok(())
    }

    fn changed_counts(&self) -> BTreeMap<ProfileName, i64> {
        let read = self.state.iter().flat_map(|state| state.document.quotas());
        let number = |remaining| match remaining {
            Remaining::Limited(count) => i64::try_from(count).unwrap_or(i64::MAX),
            Remaining::Unlimited => 0,
        };
        let differences = read.zip(&self.quotas).map(|(before, after)| {
            (
                before.profile.clone(),
                number(after.remaining) - number(before.remaining),
            )
        });
        differences
            .filter(|(_, difference)| *difference != 0)
            .collect()
    }

    fn carry_out(&mut self, commit: &Commit) -> Result<(), AllocateError> {
        for replacement in &commit.replaces {
            if store::stamp(&replacement.target)? != Some(replacement.made_from) {
                remove_staged(commit);
                return Err(AllocateError::KeepsChanging(replacement.target.clone()));
            }
        }
        let (number, replaces) = (commit.number, commit.replaces.clone());
        // The staged names must be on disk before the line that counts on them.
        let appended =
            recovery::sync_directories(&replaces).and_then(|()| self.record.append(commit));
        if let Err(error) = appended {
            remove_staged(commit);
            return Err(error);
        }
        if recovery::complete(commit)? == Completed::Merged {
            self.forget();
            return Ok(());
        }
        self.completed = number;
        self.adopt(&replaces)?;
        if let Err(error) = self.record.compact() {
            tracing::warn!(error = %error.details(), "the record of the allocations is not made smaller");
        }
        Ok(())
    }

    /// Takes the replaced files for what this process has in memory.
    fn adopt(&mut self, replaces: &[Replacement]) -> Result<(), AllocateError> {
        for replacement in replaces {
            let Some(now) = store::stamp(&replacement.target)? else {
                continue;
            };
            match &replacement.cmdb_of {
                None => {
                    if let Some(state) = &mut self.state {
                        (state.stamp, state.settled) = (now, true);
                    }
                }
                Some(profile) => {
                    if let Some(cmdb) = self.cmdbs.get_mut(profile) {
                        cmdb.file = cmdb.file.take().map(|(path, _)| (path, now));
                        (cmdb.settled, cmdb.generated) = (true, false);
                    }
                    if let Some(Some(Ok(table))) = self.tables.get_mut(profile) {
                        table.settle();
                    }
                }
            }
        }
        Ok(())
    }
}

fn stage_file(
    path: &Path,
    made_from: Stamp,
    number: u64,
    text: &str,
    cmdb_of: Option<&ProfileName>,
) -> Result<Replacement, AllocateError> {
    let target = store::real_path(path)?;
    let staged = store::staged_path(&target, number);
    let like = std::fs::metadata(&target).map_err(AllocateError::io("look at", &target))?;
    store::write_new(&staged, text.as_bytes(), Some(&like))?;
    Ok(Replacement {
        staged,
        target,
        made_from,
        cmdb_of: cmdb_of.cloned(),
    })
}

/// Keeps the `generate(...)` text that is about to be expanded as `NAME.cmdb.orig`, as the original did.
fn keep_original(path: &Path) -> Result<(), AllocateError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".orig");
    let text = store::read(path)?.bytes;
    let like = std::fs::metadata(path).map_err(AllocateError::io("look at", path))?;
    store::write_new(Path::new(&name), &text, Some(&like)).map(drop)
}

fn remove_staged(commit: &Commit) {
    for replacement in &commit.replaces {
        store::remove_if_there(&replacement.staged);
    }
}
