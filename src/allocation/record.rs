//! The record of a section's allocations: `.edeploy/allocations.jsonl`, one commit a line.
//!
//! Appending a line and waiting for the disk **is** the commit (DESIGN.md 4, rule 1): a line says which
//! allocations changed and which staged files replace which of the admin's. A last line that is not
//! whole was never committed and is dropped; damage before it is an error. Who holds the lock of the
//! section may write; anybody may read.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::AllocateError;
use super::store::{self, Stamp};
use crate::model::{Allocation, Deployments, Evidence, Identity, MachineId, ProfileName};

/// The record is written anew when it is larger than this and mostly about the past.
const COMPACT_ABOVE_BYTES: u64 = 8 << 20;

/// One line of the record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// Counts the commits of the section, from 1.
    pub(crate) number: u64,
    /// Staged files and the files they replace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaces: Vec<Replacement>,
    /// By how much the counts of the state file change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) counts: BTreeMap<ProfileName, i64>,
    /// What changed, in order.
    pub(crate) changes: Vec<Change>,
}

/// A file that a commit replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replacement {
    /// The complete new content, beside the file it replaces. Gone once it has replaced it.
    pub(crate) staged: PathBuf,
    /// The admin's file.
    pub(crate) target: PathBuf,
    /// The version of the admin's file that the new content was made from.
    pub(crate) made_from: Stamp,
    /// The profile whose CMDB this is; none for the state file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cmdb_of: Option<ProfileName>,
}

/// What a commit does to one machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// The machine holds this from now on, instead of what it held before.
    Holds(Box<Allocation>),
    /// The machine holds nothing any more.
    Released(MachineId),
    /// The machine holds what it held; its deployments stand like this from now on.
    Stands(MachineId, Deployments),
}

/// The record as read so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    path: PathBuf,
    /// The file that was read, held open so that no other file gets its inode number.
    file: Option<File>,
    whole_bytes: u64,
    lines: usize,
    last: Option<Commit>,
    by_machine: HashMap<MachineId, Allocation>,
    by_key: HashMap<String, Vec<MachineId>>,
    order: HashMap<MachineId, u64>,
}

impl Record {
    pub(crate) fn new(path: PathBuf) -> Record {
        Record {
            path,
            ..Record::default()
        }
    }

    /// Reads what was appended since; all of it where another process wrote the record anew.
    ///
    /// # Errors
    /// A damaged line, or the operating system's refusal.
    pub(crate) fn refresh(&mut self) -> Result<(), AllocateError> {
        let path = self.path.clone();
        let refused = |error| AllocateError::io("read", &path)(error);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.forget();
                return Ok(());
            }
            Err(error) => return Err(refused(error)),
        };
        let mut text = Vec::new();
        let metadata = file.metadata().map_err(refused)?;
        let known = self.file.as_ref().and_then(|known| known.metadata().ok());
        let same = known
            .is_some_and(|known| (known.dev(), known.ino()) == (metadata.dev(), metadata.ino()));
        if !same || metadata.len() < self.whole_bytes {
            self.forget();
        }
        file.seek(SeekFrom::Start(self.whole_bytes))
            .and_then(|_| file.read_to_end(&mut text))
            .map_err(refused)?;
        self.file = Some(file);
        self.take_lines(&text)
    }

    fn take_lines(&mut self, text: &[u8]) -> Result<(), AllocateError> {
        let mut rest = text;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            match serde_json::from_slice::<Commit>(line) {
                Ok(commit) => self.take(commit, line.len()),
                Err(_) if after.is_empty() => break,
                Err(error) => {
                    return Err(AllocateError::DamagedLog {
                        path: self.path.clone(),
                        line: self.lines + 1,
                        problem: error.to_string(),
                    });
                }
            }
            rest = after;
        }
        Ok(())
    }

    fn take(&mut self, commit: Commit, bytes: usize) {
        self.whole_bytes += bytes as u64;
        self.lines += 1;
        for change in &commit.changes {
            self.apply(change, commit.number);
        }
        self.last = Some(commit);
    }

    /// Takes a change that is still to be committed, so that the next machine of the same commit meets
    /// it. Where the commit fails, [`Record::forget`] it.
    pub(crate) fn apply(&mut self, change: &Change, number: u64) {
        match change {
            Change::Holds(allocation) => self.put(allocation.as_ref().clone(), number),
            Change::Released(machine) => self.remove(machine),
            Change::Stands(machine, deployments) => {
                if let Some(held) = self.by_machine.get_mut(machine) {
                    held.deployments = *deployments;
                }
            }
        }
    }

    /// Drops all that was read; [`Record::refresh`] reads it again.
    pub(crate) fn forget(&mut self) {
        *self = Record::new(std::mem::take(&mut self.path));
    }

    fn put(&mut self, allocation: Allocation, number: u64) {
        self.remove(&allocation.machine);
        for key in allocation.identity.lookup_keys() {
            self.by_key
                .entry(key)
                .or_default()
                .push(allocation.machine.clone());
        }
        self.order.insert(allocation.machine.clone(), number);
        self.by_machine
            .insert(allocation.machine.clone(), allocation);
    }

    fn remove(&mut self, machine: &MachineId) {
        let Some(old) = self.by_machine.remove(machine) else {
            return;
        };
        for key in old.identity.lookup_keys() {
            if let Some(machines) = self.by_key.get_mut(&key) {
                machines.retain(|other| other != machine);
                if machines.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
    }

    /// Appends a commit and waits until it is on disk. Call only under the lock, after
    /// [`Record::refresh`].
    ///
    /// # Errors
    /// The operating system's refusal; then nothing is committed.
    pub(crate) fn append(&mut self, commit: &Commit) -> Result<(), AllocateError> {
        let mut line = serde_json::to_vec(commit)
            .map_err(|error| AllocateError::io("write", &self.path)(error.into()))?;
        line.push(b'\n');
        self.append_line(&line)
            .map_err(AllocateError::io("write", &self.path))?;
        self.take(commit.clone(), line.len());
        Ok(())
    }

    fn append_line(&mut self, line: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        // It holds what the CMDBs hold, and those may be for few eyes.
        options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o640);
        let mut file = options.open(&self.path)?;
        file.set_len(self.whole_bytes)?;
        file.seek(SeekFrom::Start(self.whole_bytes))?;
        let written = file.write_all(line).and_then(|()| file.sync_all());
        if written.is_err() {
            file.set_len(self.whole_bytes)?;
        }
        let created = self.file.is_none();
        self.file = Some(file);
        written.and_then(|()| if created { self.sync_name() } else { Ok(()) })
    }

    /// Waits until a new record can be found again after a power cut: its name, and its directory's.
    fn sync_name(&self) -> io::Result<()> {
        let own = store::parent(&self.path);
        File::open(own)?.sync_all()?;
        File::open(store::parent(own))?.sync_all()
    }

    /// Writes the record anew when most of it is about the past. Call only under the lock.
    ///
    /// # Errors
    /// The operating system's refusal; then the record stays as it is.
    pub(crate) fn compact(&mut self) -> Result<(), AllocateError> {
        let about_now = self.by_machine.len() as u64 * 1024;
        if self.whole_bytes < COMPACT_ABOVE_BYTES || self.whole_bytes < 4 * about_now {
            return Ok(());
        }
        let mut lines = Vec::new();
        for allocation in self.allocations() {
            let number = self.last_number();
            let changes = vec![Change::Holds(Box::new(allocation.clone()))];
            let commit = Commit {
                number,
                changes,
                ..Commit::default()
            };
            serde_json::to_writer(&mut lines, &commit)
                .map_err(|error| AllocateError::io("write", &self.path)(error.into()))?;
            lines.push(b'\n');
        }
        let staged = self.path.with_extension("jsonl.new");
        let like =
            std::fs::metadata(&self.path).map_err(AllocateError::io("look at", &self.path))?;
        store::write_new(&staged, &lines, Some(&like))?;
        store::rename(&staged, &self.path)?;
        store::sync_directory(store::parent(&self.path))?;
        self.refresh()
    }

    /// The number of the last commit; 0 before the first.
    pub(crate) fn last_number(&self) -> u64 {
        self.last.as_ref().map_or(0, |commit| commit.number)
    }

    /// The last commit: the only one whose files may not all have been replaced yet.
    pub(crate) fn last(&self) -> Option<&Commit> {
        self.last.as_ref()
    }

    /// All allocations, oldest first.
    pub(crate) fn allocations(&self) -> Vec<&Allocation> {
        let mut all: Vec<&Allocation> = self.by_machine.values().collect();
        all.sort_by_key(|allocation| (self.order.get(&allocation.machine), &allocation.machine));
        all
    }

    /// What the machine of this identity holds: the one that agrees with it in most.
    pub(crate) fn find(&self, identity: &Identity) -> Option<&Allocation> {
        let keys = identity.lookup_keys();
        let machines = keys.iter().filter_map(|key| self.by_key.get(key)).flatten();
        let candidates = machines.filter_map(|machine| self.by_machine.get(machine));
        let weighed = candidates.map(|known| (known.identity.compare(identity), known));
        weighed
            .filter(|(evidence, _)| *evidence != Evidence::Different)
            .max_by_key(|(evidence, known)| {
                (*evidence, self.order.get(&known.machine), &known.machine)
            })
            .map(|(_, known)| known)
    }

    /// A name for a new machine: the one it would like, with a number where that is taken.
    pub(crate) fn unique_name(&self, wanted: &MachineId) -> MachineId {
        let taken = |name: &MachineId| self.by_machine.contains_key(name);
        let numbered = (2..).map(|number| wanted.numbered(number));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        names
            .find(|name| !taken(name))
            .unwrap_or_else(|| wanted.clone())
    }
}

#[cfg(test)]
mod tests;
