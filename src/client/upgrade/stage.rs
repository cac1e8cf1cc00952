//! All of a version that differs, brought onto the machine beside what is there, and believed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::client::publication::Wanted;
use crate::client::site::Site;
use crate::roles::{Action, Entry, Manifest, Node, Plan, TreePath, hash_file, hash_files};
use crate::system::Line;

use super::apply::{entry_of, is_there};
use super::areas::{Areas, Part, make_private};
use super::attributes;
use super::error::{UpgradeError, fetch, file};

/// Brings what the plan puts into its place. Content that is on the machine already is taken from there.
pub(super) fn stage(
    site: &Site,
    plan: &Plan,
    target: &Manifest,
    areas: &mut Areas,
    heard: &mut dyn FnMut(Line<'_>),
) -> Result<(), UpgradeError> {
    let wanted: Vec<&Entry> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Put)
        .filter_map(|change| entry_of(target, &change.path))
        .collect();
    let incoming = areas.main_part(Part::Incoming);
    make_private(&incoming).map_err(file("write", &incoming))?;
    make_directories(&incoming, &wanted)?;
    let missing = take_from_machine(site, &wanted, areas, &incoming)?;
    if !missing.is_empty() {
        let tree = format!("{}/{}", target.version, site.role);
        let publication = site.publication()?;
        let bring = publication.bring_files(&tree, &missing, &incoming, &site.root, heard);
        bring.map_err(fetch)?;
    }
    believe(&incoming, &wanted)?;
    for entry in wanted {
        finish(&incoming, entry, areas)?;
    }
    Ok(())
}

fn make_directories(incoming: &Path, wanted: &[&Entry]) -> Result<(), UpgradeError> {
    let above: BTreeSet<TreePath> = wanted
        .iter()
        .filter_map(|entry| entry.path.parent())
        .collect();
    for directory in above {
        let place = directory.below(incoming);
        make_private(&place).map_err(file("write", &place))?;
    }
    Ok(())
}

/// Copies the files whose content is on the machine: under the same name, or where it was before the last
/// upgrade. Gives the others.
fn take_from_machine<'a>(
    site: &Site,
    wanted: &[&'a Entry],
    areas: &mut Areas,
    incoming: &Path,
) -> Result<Vec<Wanted<'a>>, UpgradeError> {
    let mut missing = Vec::new();
    for entry in wanted {
        let Node::File { size, digest, .. } = entry.node else {
            continue;
        };
        let live = entry.path.below(&site.root);
        let former = areas
            .place(Part::Former, &entry.path)
            .map_err(file("read", &live))?;
        let has_size = |place: &PathBuf| {
            let meta = std::fs::symlink_metadata(place);
            meta.is_ok_and(|meta| meta.is_file() && meta.len() == size)
        };
        let mut candidates = [former, live].into_iter().filter(has_size);
        let source =
            candidates.find(|place| digest.is_some() && hash_file(place).ok().flatten() == digest);
        match source {
            Some(source) => {
                let to = entry.path.below(incoming);
                std::fs::copy(&source, &to).map_err(file("write", &to))?;
            }
            None => missing.push(Wanted {
                path: &entry.path,
                size_bytes: size,
            }),
        }
    }
    Ok(missing)
}

/// Compares what came with what the manifest says: whatever the server did, nothing else takes its place.
fn believe(incoming: &Path, wanted: &[&Entry]) -> Result<(), UpgradeError> {
    let is_file = |entry: &&&Entry| matches!(entry.node, Node::File { .. });
    let files: Vec<&&Entry> = wanted.iter().filter(is_file).collect();
    let mut came: Vec<Entry> = files.iter().map(|entry| (**entry).clone()).collect();
    for entry in &mut came {
        if let Node::File { digest, .. } = &mut entry.node {
            *digest = None;
        }
    }
    hash_files(incoming, &mut came, |_| true)?;
    for (came, wanted) in came.iter().zip(files) {
        if came.node != wanted.node {
            return Err(UpgradeError::Damaged(wanted.path.to_string()));
        }
    }
    Ok(())
}

/// Gives an entry all that the manifest says, on the file system that it belongs to.
fn finish(incoming: &Path, entry: &Entry, areas: &mut Areas) -> Result<(), UpgradeError> {
    let here = entry.path.below(incoming);
    let place = areas
        .place(Part::Incoming, &entry.path)
        .map_err(file("read", &here))?;
    let written = file("write", &place);
    let done = || -> std::io::Result<()> {
        if let Some(above) = place.parent() {
            make_private(above)?;
        }
        if is_there(&place) && !matches!(entry.node, Node::File { .. }) {
            std::fs::remove_file(&place)?;
        }
        attributes::make(&place, entry)?;
        if place != here && matches!(entry.node, Node::File { .. }) {
            std::fs::copy(&here, &place)?;
            std::fs::remove_file(&here)?;
        }
        attributes::set(&place, entry)
    };
    done().map_err(written)
}

/// Empties a part of every area: what a former try left there, or what is not needed any more.
pub(super) fn clear(areas: &Areas, part: Part) -> Result<(), UpgradeError> {
    for place in areas.each(part) {
        match std::fs::remove_dir_all(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file("remove", &place)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
