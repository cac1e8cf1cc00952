//! Puts what a configure script has staged over the role, and lists it as what is this machine's own.
//!
//! The directories of the role stay as they are: what a script stages has directories only because files need
//! them. rsync copies, as in the original, but for those directories.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::client::site::STAGED as LIST;
use crate::system::{Command, RunError, Runner};

use super::writer::Writer;

/// Why what was staged is not in the installed system.
#[derive(Debug, thiserror::Error)]
pub(super) enum OverlayError {
    /// It cannot be copied.
    #[error(transparent)]
    Command(#[from] RunError),
    /// A directory is replaced by nothing else, and takes the place of nothing else.
    #[error(
        "`{path}` was staged as {staged}, and the role has {there} there: have the script stage another path"
    )]
    InTheWay {
        /// Its path in the installed system.
        path: PathBuf,
        /// What the script has staged.
        staged: &'static str,
        /// What the role has.
        there: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {verb} `{path}`")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Puts what is below `staged` over the role in `target`: directories that the role has not, and all else that
/// there is. Lists it there, as [`list_as_own`] does.
pub(super) fn put_over(
    runner: &dyn Runner,
    writer: Writer,
    staged: &Path,
    target: &Path,
    append: bool,
) -> Result<(), OverlayError> {
    let found = look(staged, target)?;
    runner.run(&copying(&found, staged, target))?;
    list_as_own(writer, &found, target, append)
}

/// Lists what makes the machine differ from its role; with `append` behind what was listed before.
pub(super) fn list_as_own(
    writer: Writer,
    own: &[Own],
    target: &Path,
    append: bool,
) -> Result<(), OverlayError> {
    let rules: String = own.iter().map(rule).collect();
    let list = target.join(LIST);
    let put = writer.put(&list, &rules, append);
    put.map_err(failed("write", &list))
}

/// Something that the role has not, or has otherwise.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Own {
    /// Below the root.
    pub(super) path: PathBuf,
    pub(super) is_directory: bool,
}

/// What is to be put, in the order of paths.
fn look(staged: &Path, target: &Path) -> Result<Vec<Own>, OverlayError> {
    let mut pending = vec![PathBuf::new()];
    let mut found = Vec::new();
    while let Some(directory) = pending.pop() {
        let place = staged.join(&directory);
        for entry in std::fs::read_dir(&place).map_err(failed("read", &place))? {
            let entry = entry.map_err(failed("read", &place))?;
            let kind = entry.file_type().map_err(failed("read", &place))?;
            let (path, is_directory) = (directory.join(entry.file_name()), kind.is_dir());
            if is_directory {
                pending.push(path.clone());
            }
            if !is_of_role(&path, is_directory, target)? {
                found.push(Own { path, is_directory });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether this is a directory which the role has too. A link of the role is none: it may lead out of the target.
fn is_of_role(path: &Path, is_directory: bool, target: &Path) -> Result<bool, OverlayError> {
    let place = target.join(path);
    let there = match place.symlink_metadata() {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(failed("read", &place)(source)),
    };
    if is_directory == there.is_dir() {
        return Ok(is_directory);
    }
    if !is_directory {
        return Err(in_the_way(path, "a file", "a directory".to_owned()));
    }
    let link = std::fs::read_link(&place);
    let there = link.map_or("a file".to_owned(), |to| {
        format!("a link to `{}`", to.display())
    });
    Err(in_the_way(path, "a directory", there))
}

fn in_the_way(path: &Path, staged: &'static str, there: String) -> OverlayError {
    OverlayError::InTheWay {
        path: Path::new("/").join(path),
        staged,
        there,
    }
}

/// Copies what was found and nothing else: without `--no-implied-dirs` the directories above it would come too.
/// What is of the same size and time is still another file. A link in the target is replaced, not written through.
fn copying(found: &[Own], staged: &Path, target: &Path) -> Command {
    let [from, to] = [staged, target].map(|path| format!("{}/", path.display()));
    let words = [
        "-aHAX",
        "--numeric-ids",
        "--ignore-times",
        "--no-implied-dirs",
        "--from0",
        "--files-from=-",
        from.as_str(),
        &to,
    ];
    let mut command = Command::new("rsync", words).mutating();
    for one in found {
        // So that no name begins like a comment.
        let name = [b"./", one.path.as_os_str().as_bytes(), b"\0"];
        command.stdin.extend(name.concat());
    }
    command
}

/// The rule for one path: a file, or a directory without what comes to be in it. A character that is none of UTF-8
/// or ends a line is any text.
fn rule(own: &Own) -> String {
    let path = own.path.to_string_lossy();
    let odd = ['\u{fffd}', '\n'];
    let has_wildcard = path.contains(['*', '?', '[']) || path.contains(odd);
    let mut rule = String::from("/");
    for character in path.chars() {
        match character {
            c if odd.contains(&c) => rule.push('*'),
            c @ ('*' | '?' | '[' | '\\') if has_wildcard => rule.extend(['\\', c]),
            c => rule.push(c),
        }
    }
    rule.push_str(if own.is_directory { "/.\n" } else { "\n" });
    rule
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OverlayError {
    let path = path.to_owned();
    move |source| OverlayError::File { verb, path, source }
}

#[cfg(test)]
mod tests;
