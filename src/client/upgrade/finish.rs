//! From a journal to the end of an upgrade, however often that is begun.

use std::path::Path;

use rustix::fs::syncfs;

use crate::client::site::Site;
use crate::model::RoleName;

use super::apply::{Place, perform};
use super::areas::{Areas, Part};
use super::error::{UpgradeError, file};
use super::journal::{Files, Former, Journal, Phase, read_manifest};
use super::scripts::{self, Ended};
use super::stage::clear;
use super::telling::{Story, boot_id};
use super::written::set_version;
use super::{boot, guard};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// All files are in their places, before anything of the system runs.
    Files,
    /// The end.
    End,
}

/// Whether the machine must be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) reboot: bool,
}

/// Goes on with an upgrade from where its journal says it is.
pub(super) fn go_on(
    site: &Site,
    journal: &mut Journal,
    until: Until,
    story: &mut Story,
) -> Result<Done, UpgradeError> {
    story.changes();
    let mut areas = areas_of(site, journal)?;
    let files = Files::of(&areas.main());
    if journal.phase == Phase::Apply {
        let count = journal.changes.len();
        let description = format!("{count} changes of the running system");
        story.step("apply", &description, |story| {
            apply(site, journal, &mut areas, story)
        })?;
        if journal.has_other_kernels {
            let description = "the boot menu with the kernels of the version";
            story.step("bootloader", description, |story| {
                arrange_boot(site, journal, story)
            })?;
        }
        journal.phase = Phase::Post;
        journal.applied_in = boot_id();
        files.write(journal)?;
    }
    if until == Until::Files {
        return Ok(Done { reboot: false });
    }
    if journal.phase == Phase::Post {
        post(site, journal, story)?;
        journal.phase = Phase::Finish;
        files.write(journal)?;
    }
    if journal.phase == Phase::Finish {
        story.step("finish", "what the machine says it is", |_| {
            finish(site, journal, &areas, &files)
        })?;
    }
    if journal.phase == Phase::Started && has_started(journal) {
        story.step(
            "sweep",
            "what belonged to the kernels of the former version",
            |story| {
                sweep(site, journal, &mut areas, story)?;
                end(site, &files)
            },
        )?;
    }
    Ok(Done {
        reboot: wants_reboot(journal),
    })
}

fn arrange_boot(site: &Site, journal: &Journal, story: &mut Story) -> Result<(), UpgradeError> {
    let title = format!("{} {}", site.role, journal.to);
    if let Some(remark) = boot::arrange(&site.root, &journal.kernels, &title)? {
        story.say(&format!("warning: {remark}"));
    }
    Ok(())
}

/// The areas that the changes of a journal are in.
fn areas_of(site: &Site, journal: &Journal) -> Result<Areas, UpgradeError> {
    let mut areas = Areas::of(&site.root);
    for change in journal.changes.iter().chain(&journal.later) {
        let asked = areas.area(&change.path);
        asked.map_err(file("read", &change.path.below(&site.root)))?;
    }
    Ok(areas)
}

fn apply(
    site: &Site,
    journal: &mut Journal,
    areas: &mut Areas,
    story: &mut Story,
) -> Result<(), UpgradeError> {
    let target = read_manifest(&Files::of(&areas.main()).target(), &journal.to)?;
    for unit in &journal.units {
        if unit.exchange(&site.root, areas)? && story.is_verbose {
            story.say(&format!("apply: exchange /{}", unit.name));
        }
    }
    let count = journal.changes.len();
    for (at, change) in journal.changes.iter().enumerate() {
        perform(change, &target, &site.root, &mut Place::Live(areas))?;
        if story.is_verbose {
            let (what, path) = (change.action.name(), &change.path);
            story.say(&format!("apply {}/{count} {what} {path}", at + 1));
        }
    }
    settle(areas)
}

/// Waits until all that was changed is on the disks.
pub(super) fn settle(areas: &Areas) -> Result<(), UpgradeError> {
    for place in areas.file_systems() {
        let directory = std::fs::File::open(&place).map_err(file("read", &place))?;
        syncfs(&directory).map_err(|error| file("write", &place)(error.into()))?;
    }
    Ok(())
}

fn post(site: &Site, journal: &mut Journal, story: &mut Story) -> Result<(), UpgradeError> {
    if !journal.has_post {
        return Ok(());
    }
    let role: &RoleName = &site.role;
    let names = (&journal.from, &journal.to, role.as_str());
    let ended = story.step("post", "the script after the change", |story| {
        scripts::run(&site.root, "post", names, &mut |line| story.hear(line))
    })?;
    journal.reboot |= ended == Ended::WantsReboot;
    Ok(())
}

/// What leaves becomes what a rollback goes back to. Done again, whole or from anywhere in the middle, it finds
/// nothing that leaves and takes nothing away from what was kept.
fn finish(
    site: &Site,
    journal: &mut Journal,
    areas: &Areas,
    files: &Files,
) -> Result<(), UpgradeError> {
    set_version(site, &journal.to)?;
    for unit in &journal.units {
        unit.leave(areas)?;
    }
    for (leaving, former) in areas
        .each(Part::Leaving)
        .iter()
        .zip(areas.each(Part::Former))
    {
        promote(leaving, &former)?;
    }
    files.promote(&Former {
        version: journal.from.clone(),
        reboot: journal.reboot,
    })?;
    clear(areas, Part::Incoming)?;
    clear(areas, Part::Units)?;
    // On every file system, before the journal that would do it again goes.
    settle(areas)?;
    if journal.later.is_empty() {
        return end(site, files);
    }
    journal.phase = Phase::Started;
    files.write(journal)
}

/// What left is kept as what was there before; what was kept until now goes.
fn promote(leaving: &Path, former: &Path) -> Result<(), UpgradeError> {
    if !leaving.exists() {
        return Ok(());
    }
    match std::fs::remove_dir_all(former) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file("remove", former)(error));
        }
        _ => {}
    }
    std::fs::rename(leaving, former).map_err(file("write", former))
}

fn end(site: &Site, files: &Files) -> Result<(), UpgradeError> {
    files.end()?;
    guard::unset(&site.root)
}

/// Whether the machine runs a kernel of the new version, in another start than that of the upgrade.
pub(super) fn has_started(journal: &Journal) -> bool {
    let running = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let runs_it = journal
        .kernels
        .iter()
        .any(|version| version == running.trim());
    runs_it && journal.applied_in != boot_id()
}

/// Whether a restart was asked for and has not been since. Only once, whatever kernel it brings.
fn wants_reboot(journal: &Journal) -> bool {
    journal.reboot && journal.applied_in == boot_id()
}

/// Removes what stayed for the kernels of the former version.
fn sweep(
    site: &Site,
    journal: &Journal,
    areas: &mut Areas,
    story: &mut Story,
) -> Result<(), UpgradeError> {
    let target = read_manifest(&Files::of(&areas.main()).target(), &journal.to)?;
    for change in &journal.later {
        perform(change, &target, &site.root, &mut Place::Live(areas))?;
    }
    for (leaving, former) in areas
        .each(Part::Leaving)
        .iter()
        .zip(areas.each(Part::Former))
    {
        merge(leaving, &former).map_err(file("write", &former))?;
    }
    settle(areas)?;
    // The menu begins with a kernel that is there, also before it is written anew.
    match journal.has_other_kernels {
        true => arrange_boot(site, journal, story),
        false => Ok(()),
    }
}

/// Adds what left last to what left before.
fn merge(leaving: &Path, former: &Path) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(leaving) else {
        return Ok(());
    };
    super::areas::make_private(former)?;
    for entry in entries {
        let entry = entry?;
        let to = former.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            merge(&entry.path(), &to)?;
        } else if std::fs::symlink_metadata(&to).is_err() {
            std::fs::rename(entry.path(), to)?;
        }
    }
    std::fs::remove_dir_all(leaving)
}
