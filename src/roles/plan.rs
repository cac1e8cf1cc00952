//! What must be done to a machine so that it holds another version of its role.
//!
//! The machine as it was found, the version that was installed, and the one that is wanted give an ordered
//! list of changes. What is in neither version is the machine's own and stays: eDeploy's upgrade deleted
//! all that its exclude list forgot to name.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::compare::differs;
use super::entry::{Entry, Node};
use super::kernels::Kernels;
use super::own::Rules;
use super::path::TreePath;

/// What is done to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// What is no directory goes.
    Remove,
    /// A directory goes, which is empty by then.
    RemoveDirectory,
    /// A directory is made, with what the version says of it.
    MakeDirectory,
    /// A file, link or device takes its place, whatever is there.
    Put,
    /// A directory gets mode, owner and attributes of the version.
    Attributes,
}

impl Action {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Action::Remove => "remove",
            Action::RemoveDirectory => "remove directory",
            Action::MakeDirectory => "make directory",
            Action::Put => "put",
            Action::Attributes => "attributes of",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To which path.
    pub path: TreePath,
}

/// The three trees, each in the order of paths.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    /// The machine as it is. Files that could be the wanted ones were read.
    pub found: &'a [Entry],
    /// The version that was installed. Only what is in it is ever removed.
    pub base: &'a [Entry],
    /// The version that is wanted.
    pub target: &'a [Entry],
}

/// What is on the machine is in the way of something of another kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InTheWay {
    /// It would have to go, and holds what is in neither version.
    #[error(
        "`{0}` is a directory that holds what is this machine's own, and no directory in the version: move it away or exclude it"
    )]
    Own(TreePath),
    /// No program runs between its going and the other's coming.
    #[error(
        "`{0}` is a directory on the machine or in the version and not in the other one, and no program runs while that changes: install the version anew"
    )]
    Programs(TreePath),
}

/// Directories without which no program runs, as they are before and after usr-merge.
const PROGRAMS: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"];

/// What there is at a path, where nobody has looked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A directory, which no link leads to.
    Directory,
    /// Nothing, and a link or a file is above it.
    NothingBehindLink,
    /// Something else, or something behind a link.
    Other,
}

/// The changes, in an order in which each is possible once those before it are done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is done at once.
    pub changes: Vec<Change>,
    /// What goes once the machine has started from the version: kernels of the former one that it does not have,
    /// their modules.
    pub later: Vec<Change>,
    /// What was changed on the machine since it was installed, and is replaced or removed.
    pub overwritten: Vec<TreePath>,
    /// What is new in the version and is not put behind a link of the machine: whose place that is nobody knows.
    pub left_out: Vec<TreePath>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.later.is_empty()
    }
}

/// Plans the way from what was found to the target. `there` is asked for excluded paths, which may be in
/// directories that nobody looked into.
///
/// # Errors
/// A directory would have to go that holds what is in neither version, or all programs are in.
pub fn plan(
    trees: &Trees<'_>,
    rules: &Rules,
    there: impl Fn(&TreePath) -> There,
) -> Result<Plan, InTheWay> {
    let mut planning = Planning {
        found: by_path(trees.found),
        base: by_path(trees.base),
        wanted: by_path(trees.target),
        rules,
        cleared: HashSet::new(),
        steps: Steps::default(),
        plan: Plan::default(),
    };
    let mut added = HashSet::new();
    for entry in trees.target {
        planning.take(entry, &there, &mut added)?;
    }
    planning.remove(trees)?;
    Ok(planning.finish())
}

fn by_path(entries: &[Entry]) -> HashMap<&TreePath, &Entry> {
    entries.iter().map(|entry| (&entry.path, entry)).collect()
}

/// Changes by the time at which they are done.
#[derive(Default)]
struct Steps {
    /// What is in the way of something of another kind.
    clear: Vec<Change>,
    make: Vec<Change>,
    put: Vec<Change>,
    attributes: Vec<Change>,
    remove: Vec<Change>,
}

struct Planning<'a> {
    found: HashMap<&'a TreePath, &'a Entry>,
    base: HashMap<&'a TreePath, &'a Entry>,
    wanted: HashMap<&'a TreePath, &'a Entry>,
    rules: &'a Rules,
    /// Directories that make place for something else.
    cleared: HashSet<&'a TreePath>,
    steps: Steps,
    plan: Plan,
}

fn change(action: Action, path: &TreePath) -> Change {
    let path = path.clone();
    Change { action, path }
}

impl<'a> Planning<'a> {
    /// What one entry of the target needs.
    fn take(
        &mut self,
        entry: &'a Entry,
        there: &impl Fn(&TreePath) -> There,
        added: &mut HashSet<&'a TreePath>,
    ) -> Result<(), InTheWay> {
        let path = &entry.path;
        let found = self.found.get(path).copied();
        if self.rules.exclude.excludes(path, entry.is_directory()) {
            let is_added = !self.rules.add_only.excludes(path, entry.is_directory());
            if is_added && found.is_none() {
                self.add_missing(entry, there, added);
            }
            return Ok(());
        }
        let Some(found) = found else {
            added.insert(path);
            self.add(entry);
            return Ok(());
        };
        if !differs(entry, found) {
            return Ok(());
        }
        let is_of_programs = PROGRAMS
            .iter()
            .any(|name| name.as_bytes() == path.as_bytes());
        if is_of_programs && entry.is_directory() != found.is_directory() {
            return Err(InTheWay::Programs(path.clone()));
        }
        self.note(found);
        match (entry.is_directory(), found.is_directory()) {
            (true, true) => self.steps.attributes.push(change(Action::Attributes, path)),
            (true, false) => {
                self.steps.clear.push(change(Action::Remove, path));
                self.add(entry);
            }
            (false, is_directory) => {
                if is_directory {
                    self.cleared.insert(path);
                }
                self.add(entry);
            }
        }
        Ok(())
    }

    /// Adds what is excluded and not there, where its directory is.
    fn add_missing(
        &mut self,
        entry: &'a Entry,
        there: &impl Fn(&TreePath) -> There,
        added: &mut HashSet<&'a TreePath>,
    ) {
        let path = &entry.path;
        let parent = path.parent().unwrap_or_else(TreePath::root);
        match there(path) {
            There::Nothing if added.contains(&parent) || there(&parent) == There::Directory => {
                added.insert(path);
                self.add(entry);
            }
            // Told once, of the directory.
            There::NothingBehindLink if !self.plan.left_out.contains(&parent) => {
                self.plan.left_out.push(path.clone());
            }
            _ => {}
        }
    }

    fn add(&mut self, entry: &Entry) {
        match entry.node {
            Node::Directory => self
                .steps
                .make
                .push(change(Action::MakeDirectory, &entry.path)),
            // Whoever listens on it makes it.
            Node::Socket => {}
            _ => self.steps.put.push(change(Action::Put, &entry.path)),
        }
    }

    /// Notes what is replaced or removed and is not as it was installed.
    fn note(&mut self, found: &Entry) {
        let base = self.base.get(&found.path);
        if !found.is_directory() && base.is_none_or(|base| differs(base, found)) {
            self.plan.overwritten.push(found.path.clone());
        }
    }

    /// What is to go, from the leaves up. A directory stays with the first thing in it that does.
    fn remove(&mut self, trees: &Trees<'a>) -> Result<(), InTheWay> {
        let leaving = Kernels::of(trees.base).without(&Kernels::of(trees.target));
        let mut kept = HashSet::new();
        for entry in trees.found.iter().rev() {
            let path = &entry.path;
            let is_cleared = self.cleared.contains(path);
            let of_kernel = leaving.has(path);
            let goes = is_cleared || !self.wanted.contains_key(path) && self.goes(entry, of_kernel);
            if !goes || kept.contains(path) {
                if is_cleared {
                    return Err(InTheWay::Own(path.clone()));
                }
                kept.extend(path.parent());
                continue;
            }
            let action = match entry.is_directory() {
                true => Action::RemoveDirectory,
                false => Action::Remove,
            };
            let change = change(action, path);
            if is_cleared || self.is_below_cleared(path) {
                self.steps.clear.push(change);
            } else if of_kernel {
                // What is above it stays until then.
                kept.extend(path.parent().filter(|parent| !leaving.has(parent)));
                self.plan.later.push(change);
            } else {
                self.note(entry);
                self.steps.remove.push(change);
            }
        }
        Ok(())
    }

    fn goes(&self, entry: &Entry, of_kernel: bool) -> bool {
        let path = &entry.path;
        let is_excluded = self.rules.exclude.excludes(path, entry.is_directory());
        of_kernel || self.base.contains_key(path) && !is_excluded
    }

    fn is_below_cleared(&self, path: &TreePath) -> bool {
        let mut above = path.parent();
        while let Some(directory) = above {
            if self.cleared.contains(&directory) {
                return true;
            }
            above = directory.parent();
        }
        false
    }

    fn finish(mut self) -> Plan {
        let steps = self.steps;
        self.plan.changes = [
            steps.clear,
            steps.make,
            steps.put,
            steps.attributes,
            steps.remove,
        ]
        .concat();
        self.plan.overwritten.sort();
        self.plan
    }
}

#[cfg(test)]
mod tests;
