//! Refuses sections that would write the same files: each is meant to be a deployment of its own.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Settings, SettingsError};

/// Compares what the directories are, not what they are called: links are followed.
pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let mut seen: BTreeMap<(u64, u64), (String, PathBuf)> = BTreeMap::new();
    let mut named: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (name, section) in &settings.sections {
        let dir = &section.config_dir;
        let canonical = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        if let Some(other) = named.insert(canonical, name.to_string()) {
            return Err(SettingsError::Value(format!(
                "the sections `{other}` and `{name}` share the directory `{}`: \
                 give each section a `config_dir` of its own",
                dir.display()
            )));
        }
        for path in shared_files(dir) {
            let Ok(metadata) = path.metadata() else {
                continue;
            };
            let place = (metadata.dev(), metadata.ino());
            let here = (name.to_string(), path.clone());
            match seen.insert(place, here) {
                Some((other, file)) if other != name.as_str() => {
                    return Err(SettingsError::Value(format!(
                        "the sections `{other}` and `{name}` share a file: `{}` and `{}` are \
                         the same; give each section a copy of its own",
                        file.display(),
                        path.display()
                    )));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The files of a directory that an allocation changes.
fn shared_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                matches!(name, "state" | "state.ron" | ".edeploy")
                    || name.ends_with(".cmdb")
                    || name.ends_with(".cmdb.ron")
            })
        })
        .collect()
}
