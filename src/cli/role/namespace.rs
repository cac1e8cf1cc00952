//! A build by somebody who is not root: all of it once more, as the root of a name space of its own.
//!
//! There every number is one of those that /etc/subuid gives its user. The image and the manifest have the
//! right ones; a tree on the disk would not, so none is left.

use std::ffi::OsStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::system::{Command, Real, RunError, Runner};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::build::Build;
use super::manifest::Written;

/// A whole build.
const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// Builds in a name space, and answers what was built there.
pub(super) fn build(build: &Build) -> Result<Answer, Failure> {
    let failed = |what: &str| Failure::new(Exit::Environment, what.to_owned());
    let exe = std::env::current_exe().map_err(|error| Failure::io("find", "edeployctl", &error))?;
    let words = words(build, exe.as_os_str())
        .ok_or_else(|| failed("a path of the build is no UTF-8, and only root can build it"))?;
    let mut command = Command::new("unshare", words.iter().map(String::as_str));
    command = command.mutating().with_timeout(TIMEOUT);
    // chroot(8) is not on everybody's path.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env = vec![("PATH".to_owned(), format!("{path}:/usr/sbin:/sbin"))];
    for name in [
        "SOURCE_DATE_EPOCH",
        "TMPDIR",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ] {
        let value = std::env::var(name).ok();
        command
            .env
            .extend(value.map(|value| (name.to_owned(), value)));
    }
    let output = Real.run(&command).map_err(|error| {
        let what = "the build failed; without root it takes newuidmap (uidmap) and lines for you in /etc/subuid, /etc/subgid";
        let exit = match &error {
            RunError::Failed { code: Some(1), .. } => Exit::Input,
            _ => Exit::Environment,
        };
        Failure::new(exit, what)
            .with_details(error.last_output())
            .because(&error)
    })?;
    let written: Written = serde_json::from_slice(&output.stdout)
        .map_err(|error| failed("what was built cannot be told").because(&error))?;
    let mut answer = Answer::new(Exit::Done, &written)?;
    answer.say(Style::Plain, &written.sentence());
    let remark = "no tree is left, only its image: unpack it as root to serve it by rsync";
    answer.say(Style::Weak, remark);
    Ok(answer)
}

/// The words of unshare, and of the same build without a tree.
fn words(build: &Build, exe: &OsStr) -> Option<Vec<String>> {
    let text = |path: &OsStr| path.to_str().map(str::to_owned);
    let image = build.image.to_possible_value()?.get_name().to_owned();
    let mut words: Vec<String> = ["--user", "--map-root-user", "--map-auto", "--mount", "--"]
        .map(str::to_owned)
        .into();
    words.push(text(exe)?);
    words.extend(["role", "build", "--json", "--no-tree"].map(str::to_owned));
    words.extend(["--vers".to_owned(), build.vers.to_string()]);
    words.extend(["--image".to_owned(), image]);
    words.extend(["--out".to_owned(), text(build.out.as_os_str())?]);
    if let Some(ids) = &build.ids {
        words.extend(["--ids".to_owned(), text(ids.as_os_str())?]);
    }
    if build.add_ids {
        words.push("--add-ids".to_owned());
    }
    words.extend(["--".to_owned(), text(build.file.as_os_str())?]);
    Some(words)
}
