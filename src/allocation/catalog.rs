//! The profiles of a section as their files stand now: what is read outside the lock.
//!
//! Files are read again when their stamp changes. A profile whose files are wrong is kept with the
//! reason; it never hurts another (DESIGN.md 3).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::parse_spec;
use super::choose::Judged;
use super::error::AllocateError;
use super::store::{self, ReadFile, Stamp};
use crate::format::{Form, ParseError, StateDocument};
use crate::matching::{CompiledSpec, FactIndex, match_spec};
use crate::model::{Fact, ProfileName, Quota};

/// The profiles that a section's state file lists, with their specs and configure scripts.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) profiles: HashMap<ProfileName, Profile>,
}

/// A profile's spec and configure script, or why one of them cannot be used.
pub(crate) type Profile = Result<Usable, String>;

/// What matching and answering need of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(crate) spec: Arc<CompiledSpec>,
    pub(crate) configure: Arc<str>,
}

impl Catalog {
    /// What every profile makes of these facts.
    pub(crate) fn judge(&self, facts: &[Fact]) -> HashMap<ProfileName, Judged> {
        let index = FactIndex::new(facts);
        let judge = |profile: &Profile| match profile {
            Ok(usable) => Judged::Verdict(match_spec(&usable.spec, &index)),
            Err(problem) => Judged::Broken(problem.clone()),
        };
        self.profiles
            .iter()
            .map(|(name, profile)| (name.clone(), judge(profile)))
            .collect()
    }
}

/// Something made of a file, and the version of the file it was made of.
#[derive(Debug, Clone)]
struct Made<T> {
    stamp: Stamp,
    of: T,
}

/// Reads a section's directory, again and again.
#[derive(Debug)]
pub(crate) struct Loader {
    directory: PathBuf,
    state: Option<Made<Vec<Quota>>>,
    specs: HashMap<PathBuf, Made<Result<Arc<CompiledSpec>, String>>>,
    configures: HashMap<PathBuf, Made<Result<Arc<str>, String>>>,
}

impl Loader {
    pub(crate) fn new(directory: &Path) -> Loader {
        Loader {
            directory: directory.to_owned(),
            state: None,
            specs: HashMap::new(),
            configures: HashMap::new(),
        }
    }

    /// The catalog as the files stand now.
    ///
    /// # Errors
    /// The state file is missing or does not parse; a directory cannot be read.
    pub(crate) fn load(&mut self) -> Result<Catalog, AllocateError> {
        let quotas = self.load_quotas()?;
        let names = quotas.iter().map(|quota| quota.profile.clone());
        let profiles = names
            .map(|name| (name.clone(), self.load_profile(&name)))
            .collect();
        Ok(Catalog { profiles })
    }

    fn load_quotas(&mut self) -> Result<Vec<Quota>, AllocateError> {
        let (path, form) = state_file(&self.directory)?;
        if let (Some(made), Some(stamp)) = (&self.state, store::stamp(&path)?)
            && made.stamp == stamp
        {
            return Ok(made.of.clone());
        }
        let file = store::read(&path)?;
        let document = StateDocument::parse(&shown(&path), text_of(&path, &file)?, form)?;
        let quotas = document.quotas().to_vec();
        self.state = file.settled.then(|| Made {
            stamp: file.stamp,
            of: quotas.clone(),
        });
        Ok(quotas)
    }

    fn load_profile(&mut self, name: &ProfileName) -> Profile {
        let spec_file = find(&self.directory, name, "specs").map_err(|error| error.details())?;
        let Some((path, form)) = spec_file else {
            return Err(format!("there is no `{name}.specs` or `{name}.specs.ron`"));
        };
        let spec = made_of(&mut self.specs, &path, |file| compile(&path, file, form))?;
        let path = self.directory.join(format!("{name}.configure"));
        let text = |file: &ReadFile| {
            text_of(&path, file)
                .map(Arc::from)
                .map_err(|error| error.with_caret())
        };
        let configure = made_of(&mut self.configures, &path, text)?;
        Ok(Usable { spec, configure })
    }
}

fn made_of<T: Clone>(
    known: &mut HashMap<PathBuf, Made<Result<T, String>>>,
    path: &Path,
    make: impl FnOnce(&ReadFile) -> Result<T, String>,
) -> Result<T, String> {
    let stamp = store::stamp(path).map_err(|error| error.details())?;
    if let (Some(made), Some(stamp)) = (known.get(path), stamp)
        && made.stamp == stamp
    {
        return made.of.clone();
    }
    if stamp.is_none() {
        return Err(format!("there is no `{}`", shown(path)));
    }
    let file = store::read(path).map_err(|error| error.details())?;
    let made = make(&file);
    if let Err(problem) = &made {
        tracing::warn!(path = %path.display(), %problem, "a profile is skipped");
    }
    if file.settled {
        known.insert(
            path.to_owned(),
            Made {
                stamp: file.stamp,
                of: made.clone(),
            },
        );
    }
    made
}

fn compile(path: &Path, file: &ReadFile, form: Form) -> Result<Arc<CompiledSpec>, String> {
    let text = text_of(path, file).map_err(|error| error.with_caret())?;
    parse_spec(&shown(path), text, form)
        .map(Arc::new)
        .map_err(|error| error.with_caret())
}

/// The text of a file.
///
/// # Errors
/// Names the place of the first byte that is not UTF-8.
pub(crate) fn text_of<'a>(path: &Path, file: &'a ReadFile) -> Result<&'a str, ParseError> {
    ParseError::expect_utf8(&shown(path), &file.bytes)
}

/// How a file is called in messages: by its name, since one section is one directory.
pub(crate) fn shown(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into(),
    )
}

/// The section's state file and its form.
///
/// # Errors
/// There is none, or there are both.
pub(crate) fn state_file(directory: &Path) -> Result<(PathBuf, Form), AllocateError> {
    one_form(directory, "state")?.ok_or_else(|| AllocateError::NoState(directory.to_owned()))
}

/// A profile's file of one kind (`specs`, `cmdb`) and its form; none where it has no such file.
///
/// # Errors
/// There are both forms.
pub(crate) fn find(
    directory: &Path,
    profile: &ProfileName,
    kind: &str,
) -> Result<Option<(PathBuf, Form)>, AllocateError> {
    one_form(directory, &format!("{profile}.{kind}"))
}

fn one_form(directory: &Path, name: &str) -> Result<Option<(PathBuf, Form)>, AllocateError> {
    let edeploy = directory.join(name);
    let native = directory.join(format!("{name}.ron"));
    match (store::stamp(&edeploy)?, store::stamp(&native)?) {
        (Some(_), Some(_)) => Err(AllocateError::BothForms(edeploy, native)),
        (Some(_), None) => Ok(Some((edeploy, Form::Edeploy))),
        (None, Some(_)) => Ok(Some((native, Form::Native))),
        (None, None) => Ok(None),
    }
}
