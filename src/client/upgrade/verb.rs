//! The verbs of `edeploy` that bring another version of the role onto an installed machine.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::client::site::Site;
use crate::model::RoleVersion;
use crate::roles::Plan;

use super::areas::Areas;
use super::carry::{carry_out, expect_space};
use super::check::{Checked, check};
use super::error::{UpgradeError, fetch};
use super::finish::{Done, Until, go_on, has_started};
use super::how::{How, lock};
use super::journal::{Files, Phase};
use super::rollback;
use super::telling::Story;

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
        Ok(Site::open(&self.root, conf, self.key.as_deref())?)
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

impl List {
    /// The versions, one a line.
    pub(in crate::client) fn run(&self, conf: &Path) -> Result<String, UpgradeError> {
        let site = self.machine.site(conf)?;
        let address = format!("{}/{}/", site.version, site.role);
        let publication = site.publication()?;
        let names = publication.names_in(&publication.metadata(&address));
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

/// What was changed by hand and would be lost from sight, and what does not come.
fn warnings(plan: &Plan) -> String {
    let replaced = plan.overwritten.iter().map(|path| {
        format!(
            "warning: {path} was changed on this machine, and is replaced (it is kept for a rollback)\n"
        )
    });
    let left_out = plan.left_out.iter().map(|path| {
        format!(
            "warning: {path} is new, and does not come: it would be behind a link of this machine\n"
        )
    });
    replaced.chain(left_out).collect()
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
            None => self.resume(&site, &files),
        }
    }

    /// Goes on, if there is something to do yet: nobody is told of a start at which there is not.
    fn resume(&self, site: &Site, files: &Files) -> Result<(String, u8), UpgradeError> {
        let mut journal = files.read()?.ok_or(UpgradeError::NothingToResume)?;
        if journal.phase == Phase::Started && !has_started(&journal) {
            let to = &journal.to;
            return Ok((
                format!("the change to {to} waits for a restart into its kernel"),
                0,
            ));
        }
        let to = journal.to.clone();
        match self.only_files {
            true if journal.phase == Phase::Apply => self.how.carry_part(site, &to, |story| {
                go_on(site, &mut journal, Until::Files, story)
            }),
            true => Ok((String::new(), 0)),
            false => self.how.carry(site, &to, |story| {
                go_on(site, &mut journal, Until::End, story)
            }),
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
        match files.read()? {
            Some(journal) if journal.phase == Phase::Apply => {
                return Err(UpgradeError::Interrupted(journal.to.to_string()));
            }
            // What waits for a restart is given up when the way back begins; what comes after one is done first.
            Some(mut journal) if journal.phase != Phase::Started || has_started(&journal) => {
                // A script that fails must not be in the way back.
                journal.has_post = false;
                let to = journal.to.clone();
                self.how.carry_part(&site, &to, |story| {
                    go_on(&site, &mut journal, Until::End, story)
                })?;
                site = self.machine.site(conf)?;
            }
            _ => {}
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
