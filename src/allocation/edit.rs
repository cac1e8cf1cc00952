//! Editing one of a section's files under its lock, as `visudo` does: what does not parse is never
//! installed, and no machine is served in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::batch::lock_file;
use super::catalog::{shown, text_of};
use super::check::check_text;
use super::error::AllocateError;
use super::lock::lock;
use super::stockroom::Stockroom;
use super::store;

/// What the person at the editor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditStep {
    /// The copy is as it should be: install it if it parses.
    Saved,
    /// Leave the file as it is.
    Discard,
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// The new text is installed.
    Installed,
    /// The text was not changed.
    Unchanged,
    /// The file is as it was; a text that was refused is kept here.
    Discarded {
        /// The refused text, where there was one.
        kept: Option<PathBuf>,
    },
}

/// Edits the file at `path`, holding the lock of its section, which is taken within `deadline`. `edit` is
/// given a copy to change and, after a refusal, what is wrong with it; it is called until the text
/// parses or is discarded.
///
/// # Errors
/// The lock is busy, or the operating system refuses.
pub fn edit_file(
    path: &Path,
    deadline: Duration,
    mut edit: impl FnMut(&Path, Option<&str>) -> EditStep,
) -> Result<Edited, AllocateError> {
    let target = store::real_path(path)?;
    let directory = store::parent(&target).to_owned();
    let own = directory.join(store::OWN_DIRECTORY);
    std::fs::create_dir_all(&own).map_err(AllocateError::io("create", &own))?;
    let _guard = lock(&lock_file(&directory), deadline)?;
    complete_unfinished(&directory)?;
    let before = store::read(&target)?;
    let copy = own.join(format!("edit-{}", shown(&target)));
    let like = std::fs::metadata(&target).map_err(AllocateError::io("look at", &target))?;
    store::write_new(&copy, &before.bytes, Some(&like))?;
    let mut refused: Option<String> = None;
    loop {
        if edit(&copy, refused.as_deref()) == EditStep::Discard {
            return discard(&target, &copy, refused.is_some());
        }
        let after = store::read(&copy)?;
        if after.bytes == before.bytes {
            store::remove_if_there(&copy);
            return Ok(Edited::Unchanged);
        }
        let text = text_of(&target, &after);
        match text.and_then(|text| check_text(&shown(&target), text)) {
            Ok(()) => break install(&target, &copy, &after.bytes),
            Err(error) => refused = Some(error.with_caret()),
        }
    }
}

/// A commit that was cut short is completed first, so that the person edits what is true. Whatever keeps
/// it from being completed is what they may want to mend.
fn complete_unfinished(directory: &Path) -> Result<(), AllocateError> {
    match Stockroom::new(directory).open() {
        Err(error @ AllocateError::Io { .. }) => Err(error),
        _ => Ok(()),
    }
}

fn install(target: &Path, copy: &Path, bytes: &[u8]) -> Result<Edited, AllocateError> {
    let like = std::fs::metadata(target).map_err(AllocateError::io("look at", target))?;
    let staged = store::staged_path(target, 0);
    store::write_new(&staged, bytes, Some(&like))?;
    store::rename(&staged, target)?;
    store::sync_directory(store::parent(target))?;
    store::remove_if_there(copy);
    Ok(Edited::Installed)
}

fn discard(target: &Path, copy: &Path, refused: bool) -> Result<Edited, AllocateError> {
    if !refused {
        store::remove_if_there(copy);
        return Ok(Edited::Discarded { kept: None });
    }
    let mut name = target.as_os_str().to_owned();
    name.push(".rejected");
    let kept = PathBuf::from(name);
    store::rename(copy, &kept)?;
    Ok(Edited::Discarded { kept: Some(kept) })
}

#[cfg(test)]
mod tests;
