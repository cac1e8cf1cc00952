//! Where things are put aside: `.edeploy` at the root of each file system that is changed, so that a rename
//! is all it takes to put one of them into its place.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::roles::TreePath;

/// The directory at the root of a file system.
const NAME: &str = ".edeploy";

/// The areas of the file systems below one root.
#[derive(Debug)]
pub(super) struct Areas {
    root: PathBuf,
    /// The area of each file system, by its device.
    known: BTreeMap<u64, PathBuf>,
}

/// The parts of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is to take its place, below the path that it will have.
    Incoming,
    /// Directories that are made anew as a whole.
    Units,
    /// What was replaced by the change that goes on.
    Leaving,
    /// What was replaced by the last change that came to its end.
    Former,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Incoming => "incoming",
            Part::Units => "units",
            Part::Leaving => "leaving",
            Part::Former => "former",
        }
    }
}

impl Areas {
    /// The areas of the machine at `root`.
    pub(super) fn of(root: &Path) -> Areas {
        Areas {
            root: root.to_owned(),
            known: BTreeMap::new(),
        }
    }

    /// The area of the root's own file system.
    pub(super) fn main(&self) -> PathBuf {
        self.root.join(NAME)
    }

    /// The area of the file system that a path is on, or will be on.
    pub(super) fn area(&mut self, path: &TreePath) -> io::Result<PathBuf> {
        let place = path.below(&self.root);
        let (directory, device) = existing_directory(&place, &self.root)?;
        if let Some(area) = self.known.get(&device) {
            return Ok(area.clone());
        }
        let area = top_of(&directory, device, &self.root)?.join(NAME);
        self.known.insert(device, area.clone());
        Ok(area)
    }

    /// Where a path is put aside, on its own file system.
    pub(super) fn place(&mut self, part: Part, path: &TreePath) -> io::Result<PathBuf> {
        Ok(path.below(&self.area(path)?.join(part.name())))
    }

    /// A part of the root's own area.
    pub(super) fn main_part(&self, part: Part) -> PathBuf {
        self.main().join(part.name())
    }

    /// The same part of every area that was asked for, and of the root's own.
    pub(super) fn each(&self, part: Part) -> Vec<PathBuf> {
        let mut areas: Vec<PathBuf> = self.known.values().cloned().collect();
        areas.push(self.main());
        areas.sort();
        areas.dedup();
        areas.iter().map(|area| area.join(part.name())).collect()
    }

    /// The file systems that were asked for, and the root's own, by their roots.
    pub(super) fn file_systems(&self) -> Vec<PathBuf> {
        let areas = self.each(Part::Incoming);
        let above = areas.iter().filter_map(|part| part.parent()?.parent());
        above.map(Path::to_owned).collect()
    }
}

/// Makes a directory that only root can look into, with those above it.
pub(super) fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}

/// The nearest directory above a path that is there, and its device. From the root down to the first that is
/// no directory: a link may make place for one meanwhile, and nothing may be looked for where it led to.
fn existing_directory(place: &Path, root: &Path) -> io::Result<(PathBuf, u64)> {
    let mut directory = root.to_owned();
    let mut device = std::fs::metadata(root)?.dev();
    let above = place
        .parent()
        .and_then(|above| above.strip_prefix(root).ok());
    for name in above.unwrap_or(Path::new("")) {
        let next = directory.join(name);
        match std::fs::symlink_metadata(&next) {
            Ok(meta) if meta.is_dir() => device = meta.dev(),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => break,
        }
        directory = next;
    }
    Ok((directory, device))
}

/// The topmost directory of a file system, as far as it is below the root.
fn top_of(directory: &Path, device: u64, root: &Path) -> io::Result<PathBuf> {
    let mut top = directory;
    while top != root {
        let above = top.parent().unwrap_or(root);
        if std::fs::metadata(above)?.dev() != device {
            break;
        }
        top = above;
    }
    Ok(top.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_is_on_its_own_file_system() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let mut areas = Areas::of(dir.path());
        let path = |text: &str| TreePath::new(text.as_bytes()).unwrap();
        let place = areas.place(Part::Incoming, &path("etc/new/hosts")).unwrap();
        assert_eq!(place, dir.path().join(".edeploy/incoming/etc/new/hosts"));
        assert_eq!(areas.file_systems(), [dir.path()]);
        // /proc and /dev are file systems of their own everywhere.
        let mut areas = Areas::of(Path::new("/"));
        let place = areas.place(Part::Former, &path("proc/x")).unwrap();
        assert_eq!(place, Path::new("/proc/.edeploy/former/proc/x"));
    }

    #[test]
    fn a_link_on_the_way_is_not_followed_to_another_file_system() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("opt")).unwrap();
        std::os::unix::fs::symlink("/proc", dir.path().join("opt/app")).unwrap();
        let path = TreePath::new(b"opt/app/sys/x").unwrap();
        let mut areas = Areas::of(dir.path());
        let place = areas.place(Part::Incoming, &path).unwrap();
        assert_eq!(place, dir.path().join(".edeploy/incoming/opt/app/sys/x"));
        assert_eq!(areas.file_systems(), [dir.path()]);
    }
}
