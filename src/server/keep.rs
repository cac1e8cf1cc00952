//! Keeps what machines send: their hardware, their logs, their health results.
//!
//! File names are made of what a machine says of itself, so each is made safe first; nothing
//! leaves its directory, whatever a serial number or a session holds.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::model::{MachineId, file_safe};
use crate::system::{Durability, Existing, replace_file};

use super::form::LOG_SUFFIX;

/// How often a name that others keep taking is tried with another number.
const ATTEMPTS: usize = 10_000;

/// Keeps the hardware of a machine as `<machine>.hw` (eDeploy `HWDIR`), replacing an older one.
pub(super) fn keep_hardware(
    directory: &Path,
    machine: &MachineId,
    hardware: &str,
) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let path = directory.join(format!("{machine}.hw"));
    // Lazy: it can be had again from the machine, and a thousand machines may post at once.
    replace_file(&path, Existing::Replace, Durability::Lazy, |out| {
        out.write_all(hardware.as_bytes())
    })
}

/// Keeps an uploaded log under the name the machine gave it, made safe.
///
/// An older one of the same name is first renamed after the time it was written (eDeploy
/// `upload.py`); nothing is ever overwritten. Returns where the new one is.
pub(super) fn keep_log(directory: &Path, name: &str, log: &mut File) -> io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let stem = log_stem(name);
    let path = directory.join(format!("{stem}{LOG_SUFFIX}"));
    for _ in 0..ATTEMPTS {
        set_aside(directory, &stem, &path)?;
        io::Seek::rewind(log)?;
        let kept = replace_file(&path, Existing::Keep, Durability::Synced, |out| {
            io::copy(log, out).map(drop)
        });
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            kept => return kept.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The safe name of a log, without its ending. A machine without DMI sends `--.log.gz`.
fn log_stem(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file_safe(base.strip_suffix(LOG_SUFFIX).unwrap_or(base));
    if stem.is_empty() {
        "unnamed".to_owned()
    } else {
        stem
    }
}

/// Renames the older log, if there is one, to a name that is free.
fn set_aside(directory: &Path, stem: &str, path: &Path) -> io::Result<()> {
    let written = match path.symlink_metadata() {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let stamp = stamp_utc(written);
    for number in 1..=ATTEMPTS {
        let number = numbering(number);
        let aside = directory.join(format!("{stem}.{stamp}{number}{LOG_SUFFIX}"));
        match rename_new(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Another server process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => return renamed,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Renames, but not over another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems cannot promise it; there it is looked up first.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        renamed => renamed.map_err(io::Error::from),
    }
}

/// Keeps a health result as `[session/]<minute>/<machine>.hw` (eDeploy `upload-health.py`).
///
/// A second result of a machine in the same minute gets a number. Returns where it is.
pub(super) fn keep_health(
    directory: &Path,
    session: Option<&str>,
    machine: &MachineId,
    hardware: &str,
) -> io::Result<PathBuf> {
    let mut directory = directory.to_owned();
    let session = session.and_then(|session| session.rsplit('/').next());
    if let Some(session) = session.map(file_safe).filter(|name| !name.is_empty()) {
        directory.push(session);
    }
    directory.push(minute_local());
    std::fs::create_dir_all(&directory)?;
    for number in 1..=ATTEMPTS {
        let path = directory.join(format!("{machine}{}.hw", numbering(number)));
        let kept = replace_file(&path, Existing::Keep, Durability::Synced, |out| {
            out.write_all(hardware.as_bytes())
        });
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            kept => return kept.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn numbering(number: usize) -> String {
    if number == 1 {
        String::new()
    } else {
        format!("-{number}")
    }
}

/// `%Y%m%d%H%M%S` in UTC.
fn stamp_utc(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        .map(|time| time.strftime("%Y%m%d%H%M%S").to_string())
        .unwrap_or_else(|_| "00000000000000".to_owned())
}

/// `%Y_%m_%d-%Hh%M` in local time.
fn minute_local() -> String {
    jiff::Zoned::now().strftime("%Y_%m_%d-%Hh%M").to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::model::{Fact, Identity};

    fn log_of(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_older_log_is_renamed_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("--.log.gz");
        let written = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        for text in ["one", "two", "three"] {
            keep_log(dir.path(), "--.log.gz", &mut log_of(text)).unwrap();
            File::open(&path).unwrap().set_modified(written).unwrap();
        }
        let expected = [
            "--.20231114221320-2.log.gz",
            "--.20231114221320.log.gz",
            "--.log.gz",
        ];
        assert_eq!(names(dir.path()), expected);
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(expected.map(read), ["two", "one", "three"]);
    }

    #[test]
    fn a_log_stays_in_its_directory_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "../../etc/x.log.gz",
            "..\\x.log.gz",
            "/.log.gz",
            "....log.gz",
            "a\0\n'$(x).log.gz",
        ] {
            let path = keep_log(&dir.path().join("logs"), name, &mut log_of(name)).unwrap();
            assert_eq!(path.parent(), Some(dir.path().join("logs").as_path()));
        }
        assert_eq!(names(dir.path()), ["logs"]);
        assert_eq!(log_stem(".log.gz"), "unnamed");
        assert!(log_stem(&format!("{}.log.gz", "x".repeat(100_000))).len() < 200);
    }

    #[test]
    fn two_health_results_in_one_minute_are_both_kept() {
        let dir = tempfile::tempdir().unwrap();
        let facts = [Fact::new("system", "product", "serial", "CZ1")];
        let machine = MachineId::of(&facts, &Identity::of(&facts));
        let keep = |session, text| keep_health(dir.path(), session, &machine, text).unwrap();
        let mut paths = vec![
            keep(Some("../../burn-in"), "1"),
            keep(Some("a/.."), "2"),
            keep(Some(""), "3"),
        ];
        assert_eq!(
            paths[0].parent().unwrap().parent(),
            Some(dir.path().join("burn-in").as_path())
        );
        paths.extend((0..20).map(|_| keep(Some("burn-in"), "x")));
        assert!(
            paths
                .iter()
                .all(|path| path.starts_with(dir.path()) && path.exists())
        );
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 23);
    }
}
