//! Files by rsync, from the modules of a daemon.

use std::path::Path;
use std::time::Duration;

use crate::system::{Command, Line, Output, Real, RunError, Runner, Streams};

use super::Wanted;

/// How long a few small files may take.
const TEXTS_TIMEOUT: Duration = Duration::from_secs(300);

/// How long all that changed of a role may take.
const TREE_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// rsync's exit code where a part of what was asked for is not there (rsync(1), EXIT VALUES).
const PARTIAL: i32 = 23;

/// A server that says nothing for so long, in seconds, is not there.
const CONNECTION: [&str; 2] = ["--timeout=60", "--contimeout=30"];

/// Brings files, or directories whose address ends with a slash, into a directory; what is not there is left out.
/// With `basis` a file of the same name there is what it is sent as a difference to, and that is packed: a whole
/// manifest is sooner here than packed.
pub(in crate::client) fn bring(
    addresses: &[String],
    into: &Path,
    basis: Option<&Path>,
) -> Result<(), RunError> {
    let into = format!("{}/", into.display());
    let basis = basis.map(|basis| format!("--copy-dest={}", basis.display()));
    let mut words = vec!["-rLI", "--ignore-missing-args"];
    if let Some(basis) = &basis {
        words.extend(["-z", "--block-size=700", basis]);
    }
    words.extend(CONNECTION);
    words.push("--");
    words.extend(addresses.iter().map(String::as_str));
    words.push(&into);
    let command = Command::new("rsync", words).with_timeout(TEXTS_TIMEOUT);
    match Real.run(&command) {
        Err(RunError::Failed {
            code: Some(PARTIAL),
            last_output,
            ..
        }) if last_output.contains("No such file") => Ok(()),
        done => done.map(drop),
    }
}

/// The names in a directory; none where it is not there.
pub(super) fn names_in(address: &str) -> Result<Vec<String>, RunError> {
    let words = ["-L", "--list-only"].into_iter().chain(CONNECTION);
    let words = words.chain(["--", address]);
    let output = match Real.run(&Command::new("rsync", words)) {
        Err(RunError::Failed {
            code: Some(PARTIAL),
            last_output,
            ..
        }) if last_output.contains("No such file") => Output::default(),
        done => done?,
    };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = |line: &str| line.split_ascii_whitespace().nth(4).map(str::to_owned);
    Ok(listed.lines().filter_map(name).collect())
}

/// Brings files of a tree in `module` into a directory. What lies under the same name in the tree at `basis` is not
/// sent again.
///
/// Content alone, as the caller wants it. `-I` since a file of its size and time that is
/// asked for is not the one that is wanted. The whole module is the source: below a path of a module
/// rsync 3.5.0 finds no files of a list.
pub(super) fn bring_files(
    module: &str,
    tree: &str,
    files: &[Wanted<'_>],
    into: &Path,
    basis: &Path,
    heard: &mut dyn FnMut(Line<'_>),
) -> Result<(), RunError> {
    let (into, basis) = (format!("{}/", into.display()), basis.display());
    let basis = format!("--copy-dest={basis}");
    let words = [
        "-Iz",
        "--from0",
        "--files-from=-",
        "--no-implied-dirs",
        "--chmod=F600,D700",
        &basis,
    ];
    let words = words.into_iter().chain(["--info=progress2", "--outbuf=L"]);
    let words = words.chain(CONNECTION).chain(["--", module, &into]);
    let mut command = Command::new("rsync", words).mutating();
    command = command.with_timeout(TREE_TIMEOUT);
    for file in files {
        command
            .stdin
            .extend([tree.as_bytes(), b"/./", file.path.as_bytes(), b"\0"].concat());
    }
    let streams = Streams { input: None, heard };
    Real.run_with(&command, streams).map(drop)
}
