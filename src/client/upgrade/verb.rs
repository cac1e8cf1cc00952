//! The verbs of `edeploy` that bring another version of the role onto an installed machine.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::fs::{FlockOperation, flock};

use crate::model::RoleVersion;
use crate::roles::Plan;
use crate::system::{Command, Real, Runner};

use super::areas::Areas;
use super::carry::{carry_out, expect_space, log_path};
use super::check::{Checked, check};
use super::error::{UpgradeError, fetch, file};
use super::finish::{Done, Until, go_on, has_started};
use super::journal::{Files, Phase};
use super::rollback;
use super::site::{Site, put};
use super::telling::Story;

/// The exit code that asks for a restart (eDeploy `edeploy`).
const REBOOT: u8 = 100;

/// Which machine, and whom it believes.
#[derive(Debug, Args)]
struct Machine {
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Believe only what this public key's owner has signed; else /var/lib/edeploy/roles.pub where that is
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Machine {
    fn site(&self, conf: &Path) -> Result<Site, UpgradeError> {
        Site::open(&self.root, conf, self.key.as_deref())
    }
}

/// List the versions that this machine can be upgraded to
#[derive(Debug, Args)]
pub(in crate::client) struct List {
    #[command(flatten)]
    machine: Machine,
}

/// Tell what an upgrade would change, and change nothing
#[derive(Debug, Args)]
pub(in crate::client) struct TestUpgrade {
    /// The version
    version: RoleVersion,
    #[command(flatten)]
    machine: Machine,
}

/// Bring another version of the role onto this machine, in place
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeploy list
  edeploy test-upgrade D12-1.1
  edeploy upgrade D12-1.1

Nothing is touched before all that differs is on the machine, believed, and has room: manifest and signature, a plan, free space,
the whole transfer, the script `pre`. Then directories of programs are exchanged as a whole, other files take their places one by
one, and `post` runs. What was changed here and is neither excluded nor in the new version's add_only list is replaced; what is in
neither version stays. What is replaced is kept: `edeploy rollback` goes back. After a power cut the next start finishes it.
The installed version brings back what was changed by hand.

The role comes by HTTP from HSERV HSERV_PORT HPATH of /var/lib/edeploy/conf, or where no HSERV is there by rsync from RSERV RSERV_PORT RPATH.

Exit codes: 0 done, 1 a version, manifest or list is wrong, 3 refused and nothing was changed (signature, no way to the version, no
room, `pre` failed), 5 something failed, 100 done, and the machine is restarted: `post` asked for it.")]
pub(in crate::client) struct Upgrade {
    /// The version
    #[arg(required_unless_present = "resume")]
    version: Option<RoleVersion>,
    /// Go on with an upgrade that was interrupted
    #[arg(long, conflicts_with = "version")]
    resume: bool,
    /// Leave scripts for later: nothing of the system runs yet
    #[arg(long, hide = true, requires = "resume")]
    only_files: bool,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    machine: Machine,
}

/// Go back to what this machine was before its last upgrade
#[derive(Debug, Args)]
#[command(after_help = "\
What the upgrade replaced was kept and takes its place again, with changes that had been made by hand; a file that is gone
from there comes from the server. No script runs. Going back twice leads forth again.

Exit codes: as of `edeploy upgrade`.")]
pub(in crate::client) struct Rollback {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
struct How {
    /// Tell each change
    #[arg(long, short)]
    verbose: bool,
    /// Leave the restart to somebody else; the exit code is 100 all the same
    #[arg(long)]
    no_reboot: bool,
}

impl List {
    /// The versions, one a line.
    pub(in crate::client) fn run(&self, conf: &Path) -> Result<String, UpgradeError> {
        let site = self.machine.site(conf)?;
        let address = format!("{}/{}/", site.version, site.role);
        let address = site.publication.metadata(&address);
        let names = site.publication.names_in(&address);
        Ok(names.map_err(fetch)?.join("\n"))
    }
}

impl TestUpgrade {
    /// Each change, and their sum.
    pub(in crate::client) fn run(&self, conf: &Path) -> Result<String, UpgradeError> {
        let site = self.machine.site(conf)?;
        let checked = check(&site, &self.version)?;
        let needs = expect_space(&site, &checked)?;
        let mut text = String::new();
        for change in &checked.plan.changes {
            text.push_str(&format!("{:16} {}\n", change.action.name(), change.path));
        }
        for change in &checked.plan.later {
            text.push_str(&format!(
                "{:16} {} (after the restart)\n",
                change.action.name(),
                change.path
            ));
        }
        text.push_str(&warnings(&checked.plan));
        let megabytes = needs.values().sum::<u64>().div_ceil(1_000_000);
        text.push_str(&format!(
            "role {}, from {} to {}: {} changes, {megabytes} MB",
            site.role,
            site.version,
            checked.to,
            checked.plan.changes.len() + checked.plan.later.len()
        ));
        Ok(text)
    }
}

/// What was changed by hand and would be lost from sight.
fn warnings(plan: &Plan) -> String {
    let line = |path| {
        format!(
            "warning: {path} was changed on this machine, and is replaced (it is kept for a rollback)\n"
        )
    };
    plan.overwritten.iter().map(line).collect()
}

impl Upgrade {
    /// Upgrades, and gives what to print with the exit code.
    pub(in crate::client) fn run(&self, conf: &Path) -> Result<(String, u8), UpgradeError> {
        let _lock = lock(&self.machine.root)?;
        let site = self.machine.site(conf)?;
        let files = Files::of(&Areas::of(&site.root).main());
        match &self.version {
            Some(version) => {
                self.how.end_former(&site, &files)?;
                self.how
                    .carry(&site, version, |story| upgrade(&site, version, story))
            }
            None => {
                let mut journal = files.read()?.ok_or(UpgradeError::NothingToResume)?;
                let to = journal.to.clone();
                let until = if self.only_files {
                    Until::Files
                } else {
                    Until::End
                };
                self.how
                    .carry(&site, &to, |story| go_on(&site, &mut journal, until, story))
            }
        }
    }
}

/// Brings the machine to a version, unless it is there already and nothing differs.
fn upgrade(site: &Site, version: &RoleVersion, story: &mut Story) -> Result<Done, UpgradeError> {
    let checked = story.step("check", "what differs, believed, and room for it", |_| {
        let checked = check(site, version)?;
        expect_space(site, &checked)?;
        Ok(checked)
    })?;
    if checked.plan.is_empty() && checked.to == site.version {
        story.say(&format!("version {version} is what is installed"));
        return Ok(Done { reboot: false });
    }
    tell(story, &checked);
    carry_out(site, &checked, false, story)
}

fn tell(story: &mut Story, checked: &Checked) {
    for line in warnings(&checked.plan).lines() {
        story.say(line);
    }
}

impl Rollback {
    /// Goes back, and gives what to print with the exit code.
    pub(in crate::client) fn run(&self, conf: &Path) -> Result<(String, u8), UpgradeError> {
        let _lock = lock(&self.machine.root)?;
        let mut site = self.machine.site(conf)?;
        let files = Files::of(&Areas::of(&site.root).main());
        if let Some(mut journal) = files.read()? {
            let mut story = self.how.story(&site, &journal.to)?;
            if journal.phase == Phase::Apply {
                return Err(UpgradeError::Interrupted(journal.to.to_string()));
            }
            // A script that fails must not be in the way back.
            journal.has_post = false;
            go_on(&site, &mut journal, Until::End, &mut story)?;
            files.end()?;
            site = self.machine.site(conf)?;
        }
        let (checked, former) = rollback::check(&site)?;
        let to = checked.to.clone();
        self.how.carry(&site, &to, |story| {
            story.step("check", "what was kept, and room for it", |_| {
                expect_space(&site, &checked)
            })?;
            carry_out(&site, &checked, former.reboot, story)
        })
    }
}

impl How {
    /// What waits for a restart is done if that has been; else nothing new begins.
    fn end_former(&self, site: &Site, files: &Files) -> Result<(), UpgradeError> {
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
        story.end(done.as_ref().err());
        done.map(drop)
    }

    fn story(&self, site: &Site, to: &RoleVersion) -> Result<Story, UpgradeError> {
        let (from, role) = (&site.version, &site.role);
        let begins = format!("role {role} from {from} to {to}");
        let ends = format!("role {role} is {to}");
        Story::begin(&site.root, site.conf(), &begins, &ends, self.verbose)
    }

    /// Tells a change from its beginning to its end, and restarts the machine where that is asked for.
    fn carry(
        &self,
        site: &Site,
        to: &RoleVersion,
        change: impl FnOnce(&mut Story) -> Result<Done, UpgradeError>,
    ) -> Result<(String, u8), UpgradeError> {
        let mut story = self.story(site, to)?;
        let done = change(&mut story);
        let said = story.end(done.as_ref().err());
        put(&log_path(&site.root, &site.version, to), said.as_bytes())?;
        let Done { reboot } = done?;
        if !reboot {
            return Ok((format!("role {}, version {to}", site.role), 0));
        }
        if !self.no_reboot && site.root == Path::new("/") {
            let systemd = Command::new("systemctl", ["--no-block", "reboot"]).mutating();
            let other = Command::new("reboot", []).mutating();
            Real.run(&systemd).or_else(|_| Real.run(&other))?;
        }
        Ok((format!("role {}, version {to}: restart", site.role), REBOOT))
    }
}

/// One at a time, whoever begins it.
fn lock(root: &Path) -> Result<File, UpgradeError> {
    if !rustix::process::geteuid().is_root() {
        return Err(UpgradeError::NotRoot);
    }
    let directory = File::open(root).map_err(file("read", root))?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| UpgradeError::Running)?;
    Ok(directory)
}
