//! `edeployctl check`: everything that is wrong, or looks wrong, in a section's directory.
//!
//! Reads only. What stops a profile or the section is an error; what an admin should look at is a
//! warning; the rest are notes.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalog::{self, shown, text_of};
use super::error::AllocateError;
use super::record::Record;
use super::steps::steps_of;
use super::store;
use super::table::Table;
use crate::format::{CmdbDocument, Form, ParseError, StateDocument, specs, steps};
use crate::matching::CompiledSpec;
use crate::model::{Allocation, ProfileName, Quota};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Works, but probably not as meant.
    Warning,
    /// Stops a profile or the whole section.
    Error,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file it is about.
    pub file: Option<PathBuf>,
    /// What it is, and what to do; of several lines where a place is shown.
    pub text: String,
}

/// All that was found in a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, in the order of the profiles.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether anything stops a profile or the section.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    fn add(&mut self, severity: Severity, file: Option<&Path>, text: impl Into<String>) {
        let file = file.map(Path::to_owned);
        self.findings.push(Finding {
            severity,
            file,
            text: text.into(),
        });
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Looks at every file of the section in `directory`.
///
/// # Errors
/// The directory itself cannot be read; all else is a finding.
pub fn check_dir(directory: &Path) -> Result<Report, AllocateError> {
    let names = file_names(directory)?;
    let mut report = Report::default();
    let mut record = Record::new(
        directory
            .join(store::OWN_DIRECTORY)
            .join("allocations.jsonl"),
    );
    if let Err(error) = record.refresh() {
        report.add(Severity::Error, None, error.details());
    }
    check_unfinished(&record, &mut report);
    let quotas = check_state(directory, &mut report);
    for quota in &quotas {
        check_profile(directory, &quota.profile, &record, &mut report);
    }
    check_unlisted(&names, &quotas, &mut report);
    check_held(directory, &record, &quotas, &mut report);
    Ok(report)
}

/// Whether the text of a file of this name parses: what `edeployctl edit` asks before it installs one.
///
/// # Errors
/// The place where it does not.
pub(crate) fn check_text(name: &str, text: &str) -> Result<(), ParseError> {
    let form = Form::of_file_name(name);
    let stem = name.strip_suffix(".ron").unwrap_or(name);
    if stem == "state" {
        StateDocument::parse(name, text, form).map(drop)
    } else if stem.ends_with(".cmdb") {
        CmdbDocument::parse(name, text, form).map(drop)
    } else if stem.ends_with(".specs") {
        parse_spec(name, text, form).map(drop)
    } else if stem.ends_with(".steps") {
        steps::parse(name, text, form).map(drop)
    } else {
        Ok(())
    }
}

/// Reads a spec and all its patterns.
///
/// # Errors
/// The place of what is wrong.
pub(crate) fn parse_spec(origin: &str, text: &str, form: Form) -> Result<CompiledSpec, ParseError> {
    let spec = specs::parse(origin, text, form)?;
    CompiledSpec::compile(&spec).map_err(|error| {
        let mut placed = ParseError::at(origin, text, error.position, &error.problem);
        placed.hint = error.hint;
        placed
    })
}

fn file_names(directory: &Path) -> Result<BTreeSet<String>, AllocateError> {
    let entries = std::fs::read_dir(directory).map_err(AllocateError::io("read", directory))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}

fn check_unfinished(record: &Record, report: &mut Report) {
    let replaces = record.last().into_iter().flat_map(|last| &last.replaces);
    for replacement in replaces.filter(|replacement| replacement.staged.exists()) {
        let text = format!(
            "a commit to this file was cut short; it is completed from `{}` when the section is next used",
            shown(&replacement.staged)
        );
        report.add(Severity::Note, Some(&replacement.target), text);
    }
}

fn check_state(directory: &Path, report: &mut Report) -> Vec<Quota> {
    let read = catalog::state_file(directory).and_then(|(path, form)| {
        let file = store::read(&path)?;
        let document = StateDocument::parse(&shown(&path), text_of(&path, &file)?, form)?;
        Ok((path, document.quotas().to_vec()))
    });
    match read {
        Ok((path, quotas)) => {
            if quotas.is_empty() {
                report.add(
                    Severity::Warning,
                    Some(&path),
                    "no profile is listed, so no machine is served",
                );
            }
            quotas
        }
        Err(error) => {
            report.add(Severity::Error, None, error.details());
            Vec::new()
        }
    }
}

fn check_profile(directory: &Path, profile: &ProfileName, record: &Record, report: &mut Report) {
    match catalog::find(directory, profile, "specs") {
        Ok(Some((path, form))) => check_spec(&path, form, report),
        Ok(None) => {
            let text =
                format!("profile `{profile}` has no `{profile}.specs` or `{profile}.specs.ron`");
            report.add(Severity::Error, None, text);
        }
        Err(error) => report.add(Severity::Error, None, error.details()),
    }
    let configure = directory.join(format!("{profile}.configure"));
    let text = store::read(&configure)
        .map_err(|error| error.details())
        .and_then(|file| {
            text_of(&configure, &file)
                .map(drop)
                .map_err(|error| error.with_caret())
        });
    if let Err(problem) = text {
        report.add(Severity::Error, Some(&configure), problem);
    }
    if let Err(error) = steps_of(directory, profile) {
        report.add(Severity::Error, None, error.details());
    }
    match catalog::find(directory, profile, "cmdb") {
        Ok(Some((path, form))) => check_cmdb(&path, form, profile, record, report),
        Ok(None) => {}
        Err(error) => report.add(Severity::Error, None, error.details()),
    }
}

fn check_spec(path: &Path, form: Form, report: &mut Report) {
    let name = shown(path);
    let file = match store::read(path) {
        Ok(file) => file,
        Err(error) => return report.add(Severity::Error, Some(path), error.details()),
    };
    let parsed = text_of(path, &file).and_then(|text| {
        let compiled = parse_spec(&name, text, form)?;
        Ok((
            text,
            compiled,
            specs::parse(&name, text, form)?.rules.is_empty(),
        ))
    });
    match parsed {
        Ok((text, compiled, empty)) => {
            if empty {
                report.add(
                    Severity::Warning,
                    Some(path),
                    "without a rule it matches every machine",
                );
            }
            for warning in compiled.warnings() {
                let placed = ParseError::at(&name, text, warning.position, &warning.problem);
                report.add(Severity::Warning, Some(path), placed.with_caret());
            }
        }
        Err(error) => report.add(Severity::Error, Some(path), error.with_caret()),
    }
}

fn check_cmdb(
    path: &Path,
    form: Form,
    profile: &ProfileName,
    record: &Record,
    report: &mut Report,
) {
    let document = store::read(path)
        .map_err(|error| error.details())
        .and_then(|file| {
            let text = text_of(path, &file).map_err(|error| error.with_caret())?;
            CmdbDocument::parse(&shown(path), text, form).map_err(|error| error.with_caret())
        });
    let document = match document {
        Ok(document) => document,
        Err(problem) => return report.add(Severity::Error, Some(path), problem),
    };
    for note in document.notes() {
        report.add(Severity::Warning, Some(path), note.clone());
    }
    let of_profile: Vec<&Allocation> = record
        .allocations()
        .into_iter()
        .filter(|held| held.profile == *profile)
        .collect();
    let table = Table::new(document, of_profile.iter().copied());
    if table.count_free() == 0 {
        report.add(
            Severity::Warning,
            Some(path),
            "no entry is free: no new machine gets this profile",
        );
    }
    for held in of_profile.into_iter().filter(|held| held.entry.is_some()) {
        let machine = &held.machine;
        match table.position_of(machine) {
            None => {
                let text = format!(
                    "the entry that machine {machine} holds is no longer there: it gets another one when it \
                     next posts"
                );
                report.add(Severity::Warning, Some(path), text);
            }
            Some(position) if !table.entry(position).is_used() => {
                let text = format!(
                    "entry {} belongs to machine {machine} though nothing marks it as used: it is not given to \
                     another one before `edeployctl release {machine}`",
                    position + 1
                );
                report.add(Severity::Warning, Some(path), text);
            }
            Some(_) => {}
        }
    }
}

fn check_unlisted(names: &BTreeSet<String>, quotas: &[Quota], report: &mut Report) {
    let listed: BTreeSet<&str> = quotas.iter().map(|quota| quota.profile.as_str()).collect();
    for name in names {
        let stem = name.strip_suffix(".ron").unwrap_or(name);
        if let Some(profile) = stem.strip_suffix(".specs")
            && !listed.contains(profile)
        {
            let text =
                format!("profile `{profile}` is not in the state file, so it is never given");
            report.add(Severity::Note, Some(Path::new(name)), text);
        }
    }
}

fn check_held(directory: &Path, record: &Record, quotas: &[Quota], report: &mut Report) {
    for held in record.allocations() {
        if !quotas.iter().any(|quota| quota.profile == held.profile) {
            let text = format!(
                "machine {} holds profile `{}`, which the state file in `{}` no longer lists: it gets another \
                 profile when it next posts",
                held.machine,
                held.profile,
                directory.display()
            );
            report.add(Severity::Warning, None, text);
        }
    }
}
