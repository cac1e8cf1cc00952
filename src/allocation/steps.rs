//! The steps that installers of a profile may report: `NAME.steps`, where it has such a file.

use std::path::Path;

use super::catalog::{self, shown, text_of};
use super::error::AllocateError;
use super::store;
use crate::format::steps;
use crate::model::ProfileName;

/// The labels of a profile's steps in their order; none where every label is one.
///
/// # Errors
/// The file cannot be read or does not parse, or there are both forms of it.
pub fn steps_of(
    directory: &Path,
    profile: &ProfileName,
) -> Result<Option<Vec<String>>, AllocateError> {
    let Some((path, form)) = catalog::find(directory, profile, "steps")? else {
        return Ok(None);
    };
    let file = store::read(&path)?;
    Ok(Some(steps::parse(
        &shown(&path),
        text_of(&path, &file)?,
        form,
    )?))
}
