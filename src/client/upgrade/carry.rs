//! The way forth and the way back: what is checked becomes a journal, and the journal is followed.

use crate::client::install::Follower;
use crate::client::role_list::{BROUGHT, brought};
use crate::client::site::{Site, signature_of};
use crate::model::RoleVersion;
use crate::roles::{Change, Entry, Kernels, Manifest, Signed};
use crate::system::with_causes;

use super::areas::{Areas, Part, make_private};
use super::check::Checked;
use super::error::{UpgradeError, file};
use super::finish::{Done, Until, go_on, settle};
use super::journal::{Files, Journal, Phase};
use super::space;
use super::stage::{clear, stage};
use super::telling::Story;
use super::way::Way;
use super::written::put;
use super::{guard, scripts, units};

/// Brings a machine to a version that was checked.
pub(super) fn carry_out(
    site: &Site,
    checked: &Checked,
    reboot: bool,
    story: &mut Story,
) -> Result<Done, UpgradeError> {
    let mut areas = Areas::of(&site.root);
    let description = format!(
        "{} changes, what differs of {}",
        checked.plan.changes.len(),
        checked.to
    );
    let fetched = story.step("fetch", &description, |story| {
        prepare(site, checked, &mut areas, story)
    });
    let ready = fetched.and_then(|()| run_pre(site, checked, story));
    if let Err(error) = ready {
        discard(&areas, story);
        return Err(error);
    }
    let mut journal = story.step("commit", "everything that is needed on the disk", |story| {
        story.changes();
        commit(site, checked, reboot, &mut areas, story)
    })?;
    go_on(site, &mut journal, Until::End, story)
}

fn run_pre(site: &Site, checked: &Checked, story: &mut Story) -> Result<(), UpgradeError> {
    if checked.way.pre.is_none() {
        return Ok(());
    }
    story.step("pre", "the script before the change", |story| {
        let names = (&site.version, &checked.to, site.role.as_str());
        scripts::run(&site.root, "pre", names, &mut |line| story.hear(line)).map(drop)
    })
}

/// Gives the room back that an upgrade took which is not to be. Why it is not is what the admin must hear of.
fn discard(areas: &Areas, story: &mut Story) {
    for part in [Part::Incoming, Part::Units] {
        if let Err(error) = clear(areas, part) {
            story.say(&format!("warning: {}", with_causes(&error)));
        }
    }
}

/// How much room it takes, and whether that is there. Nothing is written.
pub(super) fn expect_space(site: &Site, checked: &Checked) -> Result<space::Needs, UpgradeError> {
    let mut areas = Areas::of(&site.root);
    let is_in_unit = |entry: &&Entry| entry.is_directory() && units::may_hold(&entry.path);
    let directories = checked.target.entries().iter().filter(is_in_unit).count();
    let needs = space::needs(
        &checked.plan,
        &checked.target,
        &mut areas,
        directories as u64,
    )?;
    space::expect(&needs)?;
    Ok(needs)
}

fn prepare(
    site: &Site,
    checked: &Checked,
    areas: &mut Areas,
    story: &mut Story,
) -> Result<(), UpgradeError> {
    for change in checked.plan.changes.iter().chain(&checked.plan.later) {
        let asked = areas.area(&change.path);
        asked.map_err(file("read", &change.path.below(&site.root)))?;
    }
    for part in [Part::Incoming, Part::Units, Part::Leaving] {
        clear(areas, part)?;
    }
    let main = areas.main();
    make_private(&main).map_err(file("write", &main))?;
    let mut follower = Follower::after(0, None);
    stage(site, &checked.plan, &checked.target, areas, &mut |line| {
        story.follow(&mut follower, line);
    })?;
    for (version, signed) in &checked.texts {
        keep_manifest(site, version, signed)?;
    }
    keep_texts(site, checked)
}

/// What the version says of itself, where eDeploy has it too.
fn keep_texts(site: &Site, checked: &Checked) -> Result<(), UpgradeError> {
    let home = site.home_of(&checked.to);
    std::fs::create_dir_all(&home).map_err(file("write", &home))?;
    let Way {
        exclude,
        is_believed,
        add_only,
        pre,
        post,
    } = &checked.way;
    if *is_believed {
        put(&home.join(BROUGHT), brought(exclude).as_bytes())?;
    }
    let texts = [
        ("exclude", Some(exclude.as_slice())),
        ("add_only", add_only.as_deref()),
        ("pre", pre.as_deref()),
        ("post", post.as_deref()),
    ];
    for (name, text) in texts {
        let Some(text) = text else { continue };
        let path = home.join(name);
        put(&path, text)?;
        if matches!(name, "pre" | "post") {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).map_err(file("write", &path))?;
        }
    }
    Ok(())
}

/// Keeps a manifest with its signature on the machine.
fn keep_manifest(site: &Site, version: &RoleVersion, signed: &Signed) -> Result<(), UpgradeError> {
    let home = site.home_of(version);
    std::fs::create_dir_all(&home).map_err(file("write", &home))?;
    let manifest = home.join("manifest");
    put(&manifest, signed.manifest.as_bytes())?;
    match &signed.signature {
        Some(signature) => put(&signature_of(&manifest), signature.as_bytes()),
        None => Ok(()),
    }
}

/// Brings everything on the disk that the change needs, the journal last: from then on it can only go on.
fn commit(
    site: &Site,
    checked: &Checked,
    reboot: bool,
    areas: &mut Areas,
    story: &mut Story,
) -> Result<Journal, UpgradeError> {
    let (plan, target) = (&checked.plan, &checked.target);
    let names = units::of(plan, target, &site.root, areas)?;
    let made = units::make(&names, plan, target, &site.root, areas, |change| {
        if story.is_verbose {
            story.say(&format!("prepare {} {}", change.action.name(), change.path));
        }
    })?;
    let is_live = |change: &&Change| !names.iter().any(|name| units::is_in(change, name));
    let [new, old] = [target, &checked.former].map(|tree: &Manifest| Kernels::of(tree.entries()));
    let journal = Journal {
        from: site.version.clone(),
        to: checked.to.clone(),
        phase: Phase::Apply,
        units: made,
        changes: plan.changes.iter().filter(is_live).cloned().collect(),
        later: plan.later.clone(),
        has_other_kernels: new != old,
        kernels: new.versions().collect(),
        has_post: checked.way.post.is_some(),
        reboot,
        applied_in: None,
    };
    let files = Files::of(&areas.main());
    put(&files.target(), target.render().as_bytes())?;
    put(&files.leaving(), checked.former.render().as_bytes())?;
    guard::set(&site.root)?;
    settle(areas)?;
    files.write(&journal)?;
    Ok(journal)
}
