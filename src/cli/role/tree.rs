//! What lies on the admin's disk of a role: `VERSION/ROLE/`, and beside it `ROLE.manifest` and
//! `ROLE.packages`, where rsync serves them with the tree.

use std::path::{Path, PathBuf};

use crate::model::{RoleName, RoleVersion};
use crate::roles::{self, Entry, Manifest, ManifestError, Packages, WalkError};
use crate::system::{Command, Durability, Existing, Real, Runner, replace_file};

use super::super::answer::{Exit, Failure};
use super::super::input;

/// What belongs to a manifest is called as it is, with another ending.
pub(super) const MANIFEST: &str = "manifest";
pub(super) const PACKAGES: &str = "packages";

/// `PATH.ENDING`, whatever dots the name has.
pub(super) fn beside(tree: &Path, ending: &str) -> PathBuf {
    let mut name = tree.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The path of a tree, with role and version by its last two parts, or by `named` (`VERSION/ROLE`).
pub(super) fn named(
    tree: &Path,
    named: Option<&str>,
) -> Result<(PathBuf, RoleVersion, RoleName), Failure> {
    let path = std::fs::canonicalize(tree)
        .map_err(|error| Failure::io("read", &input::name_of(tree), &error))?;
    let part =
        |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let (version, role) = match named {
        Some(text) => {
            let (version, role) = text.split_once('/').unwrap_or(("", text));
            (version.to_owned(), role.to_owned())
        }
        None => {
            let version = path.parent().and_then(Path::file_name);
            (
                part(version).unwrap_or_default(),
                part(path.file_name()).unwrap_or_default(),
            )
        }
    };
    let wrong = |error| {
        let error: crate::model::NameError = error;
        let sentence = format!("`{version}/{role}` is no VERSION/ROLE, say another with --as");
        Failure::new(Exit::Input, sentence).because(&error)
    };
    let names = (
        RoleVersion::new(&version).map_err(wrong)?,
        RoleName::new(&role).map_err(wrong)?,
    );
    Ok((path, names.0, names.1))
}

/// Everything in a tree, every file read.
pub(super) fn read(tree: &Path) -> Result<Vec<Entry>, Failure> {
    let read = || -> Result<Vec<Entry>, WalkError> {
        let mut entries = roles::walk(tree, |_| true)?;
        roles::hash_files(tree, &mut entries, |_| true)?;
        Ok(entries)
    };
    read().map_err(|error| {
        let name = input::name_of(tree);
        Failure::new(Exit::Environment, format!("cannot read the tree `{name}`")).because(&error)
    })
}

/// A manifest that says of itself what it is.
pub(super) fn parse(name: &str, text: &str) -> Result<Manifest, Failure> {
    Manifest::parse(text).map_err(|error: ManifestError| {
        Failure::new(Exit::Input, format!("`{name}` is no manifest")).because(&error)
    })
}

/// The packages of a tree: what dpkg or rpm says in it; none where neither does.
pub(super) fn packages(tree: &Path) -> Result<Packages, Failure> {
    let status = tree.join("var/lib/dpkg/status");
    if status.exists() {
        return Ok(Packages::of_dpkg(&input::read_text(&status)?));
    }
    // The database is where this tree has it; what rpm of this machine looks for is another question.
    let places = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
    let Some(place) = places.iter().find(|place| tree.join(place).exists()) else {
        return Ok(Packages::default());
    };
    let root = std::path::absolute(tree)
        .map_err(|error| Failure::io("find", &input::name_of(tree), &error))?;
    let (root, place) = (root.display().to_string(), format!("/{place}"));
    let form = "%{NAME}:%{ARCH} %{EVR}\\n";
    let words = [
        "--root",
        &root,
        "--dbpath",
        &place,
        "-qa",
        "--queryformat",
        form,
    ];
    let command = Command::new("rpm", words);
    match Real.run(&command) {
        Ok(output) => {
            let list = String::from_utf8_lossy(&output.stdout).into_owned();
            // rpm keeps the keys of repositories among its packages.
            let is_package = |line: &&str| !line.starts_with("gpg-pubkey:");
            let lines = list.lines().filter(is_package);
            Ok(Packages::parse(&lines.collect::<Vec<_>>().join("\n")))
        }
        Err(error) => {
            Err(Failure::new(Exit::Environment, "cannot ask for the packages").because(&error))
        }
    }
}

/// The list of packages that lies beside a manifest; none if there is none.
pub(super) fn packages_beside(manifest: &Path) -> Result<Packages, Failure> {
    let path = manifest.with_extension(PACKAGES);
    if !path.exists() {
        return Ok(Packages::default());
    }
    Ok(Packages::parse(&input::read_text(&path)?))
}

/// Writes one of our files, whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace_file(path, Existing::Replace, Durability::Synced, |out| {
        out.write_all(text.as_bytes())
    })
    .map_err(|error| Failure::io("write", &input::name_of(path), &error))
}
