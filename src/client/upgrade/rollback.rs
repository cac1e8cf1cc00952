//! The way back: to what was kept when the last upgrade came to its end.

use crate::client::site::Site;
use crate::roles::{Depth, Filter, Manifest, look};

use super::areas::Areas;
use super::check::{self, Checked, Way};
use super::error::{UpgradeError, file};
use super::journal::{Files, Former, read_manifest};

/// Plans the way back. What was kept is used; only what is gone from there comes from the server.
pub(super) fn check(site: &Site) -> Result<(Checked, Former), UpgradeError> {
    let files = Files::of(&Areas::of(&site.root).main());
    let former = files.read_former()?.ok_or(UpgradeError::NoFormer)?;
    let target = read_manifest(&files.former_manifest(), &former.version)?;
    let base = installed(site)?;
    let list = site.home_of(&site.version).join("exclude");
    let way = Way {
        exclude: std::fs::read(&list).map_err(file("read", &list))?,
        // What the upgrade added beside what is excluded stays.
        add_only: Some(b"- *\n".to_vec()),
        ..Way::default()
    };
    let rules = check::rules(site, &way)?;
    let found = look(target.entries(), &site.root, &rules.exclude, Depth::Quick)?;
    let plan = check::make_plan(site, &found, &base, &target, &rules)?;
    let leaving = check::as_found(site, &base, found, &plan)?;
    let checked = Checked {
        to: former.version.clone(),
        former: leaving,
        // The machine has them since the former version was on it.
        texts: Vec::new(),
        target,
        way: Way {
            exclude: exclude_of(site, &former)?,
            ..way
        },
        plan,
    };
    Ok((checked, former))
}

/// The manifest of the installed version: an upgrade leaves it on the machine.
fn installed(site: &Site) -> Result<Manifest, UpgradeError> {
    let version = site.version.as_str();
    let place = site.home_of(&site.version).join("manifest");
    let kept = site.kept(&site.version)?;
    let kept = kept.ok_or_else(|| site.no_manifest(version, &place.display().to_string()))?;
    Ok(site.believe(&kept, version)?)
}

/// The list that the former version has of its own, which the way back leaves as it is.
fn exclude_of(site: &Site, former: &Former) -> Result<Vec<u8>, UpgradeError> {
    let list = site.home_of(&former.version).join("exclude");
    match std::fs::read(&list) {
        Ok(text) => Filter::parse(&text)
            .map(|_| text)
            .map_err(|source| UpgradeError::Exclude { path: list, source }),
        Err(_) => Ok(Vec::new()),
    }
}
