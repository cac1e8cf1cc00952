//! How a change is carried out from the outside: one at a time, told, kept in a log, with a restart at its end.

use std::fs::File;
use std::path::Path;

use clap::Args;
use rustix::fs::{FlockOperation, flock};

use crate::client::site::Site;
use crate::model::RoleVersion;
use crate::system::{Command, Ownership, Real, Runner, put_file};

use super::error::{UpgradeError, file};
use super::finish::{Done, Until, go_on, has_started};
use super::journal::{Files, Phase};
use super::telling::Story;

/// The exit code that asks for a restart (eDeploy `edeploy`).
const REBOOT: u8 = 100;

/// What an admin says of how it is done.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Tell each change
    #[arg(long, short)]
    verbose: bool,
    /// Leave the restart to somebody else; the exit code is 100 all the same
    #[arg(long)]
    no_reboot: bool,
}

impl How {
    /// What waits for a restart is done if that has been; else nothing new begins.
    pub(super) fn end_former(&self, site: &Site, files: &Files) -> Result<(), UpgradeError> {
        let Some(mut journal) = files.read()? else {
            return Ok(());
        };
        if journal.phase != Phase::Started {
            return Err(UpgradeError::Interrupted(journal.to.to_string()));
        }
        if !has_started(&journal) {
            return Err(UpgradeError::WaitsForRestart(journal.to.to_string()));
        }
        let mut story = self.story(site, &journal.to)?;
        let done = go_on(site, &mut journal, Until::End, &mut story);
        match &done {
            Ok(_) => story.end(false),
            Err(error) => story.fail(error),
        };
        done.map(drop)
    }

    fn story(&self, site: &Site, to: &RoleVersion) -> Result<Story, UpgradeError> {
        let (from, role) = (&site.version, &site.role);
        let begins = format!("role {role} from {from} to {to}");
        let ends = format!("role {role} is {to}");
        Story::begin(&site.root, site.conf(), &begins, &ends, self.verbose)
    }

    /// Tells a part of a change: the whole does not end with it, unless by an error.
    pub(super) fn carry_part(
        &self,
        site: &Site,
        to: &RoleVersion,
        part: impl FnOnce(&mut Story) -> Result<Done, UpgradeError>,
    ) -> Result<(String, u8), UpgradeError> {
        self.tell(site, to, part, |story, _| story.pause())?;
        Ok((String::new(), 0))
    }

    /// Tells a change from its beginning to its end, and restarts the machine where that is asked for.
    pub(super) fn carry(
        &self,
        site: &Site,
        to: &RoleVersion,
        change: impl FnOnce(&mut Story) -> Result<Done, UpgradeError>,
    ) -> Result<(String, u8), UpgradeError> {
        let restarts = |reboot| reboot && !self.no_reboot && site.root == Path::new("/");
        let Done { reboot } = self.tell(site, to, change, |story, done| {
            story.end(restarts(done.reboot))
        })?;
        if !reboot {
            return Ok((format!("role {}, version {to}", site.role), 0));
        }
        if restarts(reboot) {
            let systemd = Command::new("systemctl", ["--no-block", "reboot"]).mutating();
            let other = Command::new("reboot", []).mutating();
            Real.run(&systemd).or_else(|_| Real.run(&other))?;
        }
        Ok((format!("role {}, version {to}: restart", site.role), REBOOT))
    }

    /// Tells what is done, and keeps that in the log. Of two errors that of the change is the one to know.
    fn tell(
        &self,
        site: &Site,
        to: &RoleVersion,
        change: impl FnOnce(&mut Story) -> Result<Done, UpgradeError>,
        when_well: impl FnOnce(Story, &Done) -> String,
    ) -> Result<Done, UpgradeError> {
        let mut story = self.story(site, to)?;
        let done = change(&mut story);
        let said = match &done {
            Ok(done) => when_well(story, done),
            Err(error) => story.fail(error),
        };
        let kept = keep_log(site, to, &said);
        let done = done?;
        kept.map(|()| done)
    }
}

/// Adds to what was said of the change (eDeploy's `rsync_FROM_TO.out`).
fn keep_log(site: &Site, to: &RoleVersion, said: &str) -> Result<(), UpgradeError> {
    let name = format!("var/lib/edeploy/upgrade_{}_{to}.out", site.version);
    let path = site.root.join(name);
    let owner = Ownership {
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    put_file(&path, said.as_bytes(), true, owner).map_err(file("write", &path))
}

/// One at a time, whoever begins it.
pub(super) fn lock(root: &Path) -> Result<File, UpgradeError> {
    if !rustix::process::geteuid().is_root() {
        return Err(UpgradeError::NotRoot);
    }
    let directory = File::open(root).map_err(file("read", root))?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| UpgradeError::Running)?;
    Ok(directory)
}
