//! What an upgrade would do, found out before anything on the machine is touched.

use std::path::Path;

use crate::client::site::Site;
use crate::model::RoleVersion;
use crate::roles::{Entry, Manifest, Plan, Rules, Signed, Trees, plan};

use super::error::{UpgradeError, file};
use super::found::{as_found, find, there};
use super::way::{Way, fetch_way, read_way, rules};
use super::written::put;

/// All that is known of an upgrade before it begins.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) to: RoleVersion,
    /// What it goes away from, as the machine was found: what a rollback goes back to.
    pub(super) former: Manifest,
    pub(super) target: Manifest,
    /// The texts of manifests that are to be kept on the machine, by their versions.
    pub(super) texts: Vec<(RoleVersion, Signed)>,
    pub(super) way: Way,
    pub(super) plan: Plan,
}

/// Brings what describes the way to a version, and plans it. Nothing but a directory in memory is written.
pub(super) fn check(site: &Site, to: &RoleVersion) -> Result<Checked, UpgradeError> {
    let scratch = scratch()?;
    let scratch = scratch.path();
    // Three connections at once: each waits for the server more than it works.
    let (signed, way) = std::thread::scope(|scope| {
        let way = scope.spawn(|| fetch_way(site, to, scratch));
        let signed = fetch_manifest(site, to, scratch);
        let way = way.join();
        (
            signed,
            way.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    let signed = signed?;
    let target = site.believe(&signed, to.as_str())?;
    way?;
    let way = read_way(site, to, &target, scratch)?;
    let (base, fetched) = base_manifest(site, scratch)?;
    let rules = rules(site, &way)?;
    let found = find(site, &base, &target, &rules)?;
    let planned = make_plan(site, &found, &base, &target, &rules)?;
    let former = as_found(site, &base, found, &planned)?;
    Ok(Checked {
        to: to.clone(),
        former,
        target,
        texts: [(to.clone(), signed)]
            .into_iter()
            .chain(fetched.map(|fetched| (site.version.clone(), fetched)))
            .collect(),
        way,
        plan: planned,
    })
}

/// Plans the way to a target on the machine as it was found.
pub(super) fn make_plan(
    site: &Site,
    found: &[Entry],
    base: &Manifest,
    target: &Manifest,
    rules: &Rules,
) -> Result<Plan, UpgradeError> {
    let trees = Trees {
        found,
        base: base.entries(),
        target: target.entries(),
    };
    Ok(plan(&trees, rules, |path| there(&site.root, path))?)
}

/// A directory in memory where there is one: the disk may be full.
fn scratch() -> Result<tempfile::TempDir, UpgradeError> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("edeploy-");
    let made = builder.tempdir_in("/run").or_else(|_| builder.tempdir());
    made.map_err(file("write", Path::new("/run")))
}

/// Brings the manifest of the target.
fn fetch_manifest(site: &Site, to: &RoleVersion, scratch: &Path) -> Result<Signed, UpgradeError> {
    let into = scratch.join("to");
    let Some(kept) = site.kept(&site.version)? else {
        return Ok(site.fetch(to, &into, None)?);
    };
    // Most of it is as in the installed version's: that is not sent again.
    let basis = scratch.join("basis");
    std::fs::create_dir(&basis).map_err(file("write", &basis))?;
    put(&basis.join(site.manifest_name()), kept.manifest.as_bytes())?;
    Ok(site.fetch(to, &into, Some(&basis))?)
}

/// The manifest of the installed version: the one that was kept, or else the server's with its texts.
fn base_manifest(site: &Site, scratch: &Path) -> Result<(Manifest, Option<Signed>), UpgradeError> {
    let version = site.version.as_str();
    if let Some(kept) = site.kept(&site.version)? {
        return Ok((site.believe(&kept, version)?, None));
    }
    let signed = site.fetch(&site.version, &scratch.join("from"), None)?;
    Ok((site.believe(&signed, version)?, Some(signed)))
}
