//! Reads the original's `/etc/edeploy.conf` (edeploy-behaviour 1.2).

use std::path::{Path, PathBuf};

use crate::model::SectionName;

use super::{SectionFile, SettingsError, SettingsFile};

/// Reads an `edeploy.conf`. What it says and we do not use is told in `warnings`.
///
/// Where `LOGDIR` or `HWDIR` is missing, `CONFIGDIR` stands in, as in the original.
pub(super) fn load(path: &Path, warnings: &mut Vec<String>) -> Result<SettingsFile, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(path, &text, warnings)
}

fn parse(
    path: &Path,
    text: &str,
    warnings: &mut Vec<String>,
) -> Result<SettingsFile, SettingsError> {
    let mut file = SettingsFile::default();
    let mut section: Option<SectionName> = None;
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let wrong = |problem: String| SettingsError::File {
            path: path.to_owned(),
            problem: format!("line {number}: {problem}: {line}"),
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            let name = SectionName::new(name.trim()).map_err(|error| wrong(error.to_string()))?;
            file.sections.entry(name.clone()).or_default();
            section = Some(name);
            continue;
        }
        let (key, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| wrong("expected `[SECTION]` or `KEY = value`".to_owned()))?;
        let name = section
            .as_ref()
            .ok_or_else(|| wrong("there is no `[SECTION]` line above it".to_owned()))?;
        // Python's ConfigParser takes a blank and a semicolon for the begin of a comment.
        let value = value.split(" ;").next().unwrap_or(value).trim();
        let place = format!("{}, line {number}", path.display());
        match set(&mut file, name, &key.trim().to_ascii_uppercase(), value) {
            Some(note) => warnings.push(format!("{place}: {note}")),
            None if value.contains("%(") => warnings.push(format!(
                "{place}: `%(...)s` is taken as it stands, nothing is put in"
            )),
            None => {}
        }
    }
    for section in file.sections.values_mut() {
        section.hw_dir = section.hw_dir.take().or(section.config_dir.clone());
        section.log_dir = section.log_dir.take().or(section.config_dir.clone());
    }
    Ok(file)
}

/// Sets one key; says why where it has no effect.
fn set(file: &mut SettingsFile, name: &SectionName, key: &str, value: &str) -> Option<String> {
    let is_default = *name == SectionName::default_section();
    if value.is_empty() {
        return Some(format!("`{key}` has no value and is left out"));
    }
    let section: &mut SectionFile = file.sections.entry(name.clone()).or_default();
    let path = || Some(PathBuf::from(value));
    match key {
        "CONFIGDIR" => section.config_dir = path(),
        "HWDIR" => section.hw_dir = path(),
        "LOGDIR" => section.log_dir = path(),
        "HEALTHDIR" if is_default => file.health_dir = path(),
        "HEALTHDIR" => {
            return Some("`HEALTHDIR` counts in the section `SERVER` only".to_owned());
        }
        "PXEMNGRURL" => section.pxemngr_url = Some(value.to_owned()),
        "METADATAURL" => section.metadata_url = Some(value.to_owned()),
        "USEPXEMNGR" => {
            section.use_pxemngr = Some(value == "True");
            if value.eq_ignore_ascii_case("true") && value != "True" {
                return Some(format!(
                    "`USEPXEMNGR = {value}` means no, as in the original: write `True`"
                ));
            }
        }
        "LOCKFILE" => {
            return Some(
                "`LOCKFILE` is not used: the lock lies with the files, in `CONFIGDIR/.edeploy`"
                    .to_owned(),
            );
        }
        _ => return Some(format!("`{key}` is no setting and is left out")),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "
[SERVER]

HEALTHDIR   = /var/lib/edeploy/health/
CONFIGDIR   = /var/lib/edeploy/config/
LOGDIR      = /var/lib/edeploy/config/logs
HWDIR       = /var/lib/edeploy/hw/
LOCKFILE    = /var/lock/apache2/edeploy.lock
USEPXEMNGR  = True
PXEMNGRURL  = http://192.168.122.1:8000/
METADATAURL = http://192.168.122.1/
";

    fn read(text: &str) -> (Result<SettingsFile, SettingsError>, Vec<String>) {
        let mut warnings = Vec::new();
        (
            parse(Path::new("edeploy.conf"), text, &mut warnings),
            warnings,
        )
    }

    #[test]
    fn the_readme_example_sets_everything_but_the_lock() {
        let (file, warnings) = read(README);
        let file = file.unwrap();
        assert_eq!(file.health_dir, Some("/var/lib/edeploy/health/".into()));
        let server = &file.sections[&SectionName::default_section()];
        assert_eq!(server.config_dir, Some("/var/lib/edeploy/config/".into()));
        assert_eq!(server.log_dir, Some("/var/lib/edeploy/config/logs".into()));
        assert_eq!(server.use_pxemngr, Some(true));
        assert_eq!(
            server.pxemngr_url.as_deref(),
            Some("http://192.168.122.1:8000/")
        );
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].contains("line 8: `LOCKFILE` is not used"),
            "{warnings:?}"
        );
    }

    #[test]
    fn missing_directories_are_the_one_of_the_profiles() {
        let (file, warnings) =
            read("[rack]\nconfigdir: /srv/rack ; ours\nCOLOR = red\nUSEPXEMNGR = true");
        let rack = &file.unwrap().sections[&SectionName::new("rack").unwrap()];
        assert_eq!(rack.hw_dir, Some("/srv/rack".into()));
        assert_eq!(rack.log_dir, Some("/srv/rack".into()));
        assert_eq!(rack.use_pxemngr, Some(false));
        assert!(
            warnings[0].contains("line 3: `COLOR` is no setting"),
            "{warnings:?}"
        );
        assert!(warnings[1].contains("write `True`"), "{warnings:?}");
    }

    #[test]
    fn what_is_no_line_of_it_is_named_with_its_number() {
        for (text, says) in [
            ("CONFIGDIR = /x", "line 1: there is no `[SECTION]`"),
            ("[SERVER]\nnonsense", "line 2: expected"),
            ("[../x]", "line 1"),
        ] {
            let error = read(text).0.unwrap_err().to_string();
            assert!(
                error.starts_with("edeploy.conf: ") && error.contains(says),
                "{error}"
            );
        }
    }
}
