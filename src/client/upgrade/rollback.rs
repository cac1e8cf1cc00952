//! The way back: to what was kept when the last upgrade came to its end.

use std::collections::HashSet;

use crate::client::role_list::{RoleList, read_or_none};
use crate::client::site::Site;
use crate::roles::{Filter, Manifest};

use super::areas::Areas;
use super::check::{Checked, make_plan};
use super::error::{UpgradeError, file};
use super::found::{as_found, find};
use super::journal::{Files, Former, read_manifest};
use super::way::{Way, rules};

/// Plans the way back. What was kept is used; only what is gone from there comes from the server.
pub(super) fn check(site: &Site) -> Result<(Checked, Former), UpgradeError> {
    let files = Files::of(&Areas::of(&site.root).main());
    let former = files.read_former()?.ok_or(UpgradeError::NoFormer)?;
    let target = read_manifest(&files.former_manifest(), &former.version)?;
    let base = installed(site)?;
    let list = site.home_of(&site.version).join("exclude");
    let way = Way {
        exclude: std::fs::read(&list).map_err(file("read", &list))?,
        is_believed: RoleList::read(site, &base)?.is_believed() && is_believed(site, &former)?,
        // What the upgrade added beside what is excluded stays.
        add_only: Some(b"- *\n".to_vec()),
        ..Way::default()
    };
    let rules = rules(site, &way)?;
    let found = find(site, &base, &target, &rules)?;
    let plan = make_plan(site, &found, &base, &target, &rules)?;
    let leaving = as_found(site, &base, found, &plan)?;
    let checked = Checked {
        to: former.version.clone(),
        former: leaving,
        // The machine has them since the former version was on it.
        texts: Vec::new(),
        target,
        way: Way {
            exclude: exclude_of(site, &former, &way.exclude)?,
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

/// Whether the list that the former version left is one that nobody has changed by hand.
fn is_believed(site: &Site, former: &Former) -> Result<bool, UpgradeError> {
    let Some(kept) = site.kept(&former.version)? else {
        return Ok(false);
    };
    // It was signed, but may be by a key that was replaced since.
    match site.believe(&kept, former.version.as_str()) {
        Ok(manifest) => Ok(RoleList::read(site, &manifest)?.is_believed()),
        Err(_) => Ok(false),
    }
}

/// What the former version leaves alone from now on: what its own list names, and then what the way back left alone,
/// since that may be this machine's own by now.
fn exclude_of(site: &Site, former: &Former, in_use: &[u8]) -> Result<Vec<u8>, UpgradeError> {
    let list = site.home_of(&former.version).join("exclude");
    let own = read_or_none(&list)?;
    let both = joined(&own, in_use);
    match Filter::parse(&both) {
        Ok(_) => Ok(both),
        Err(source) => Err(UpgradeError::Exclude { path: list, source }),
    }
}

/// A list with the lines of another one that it does not have.
fn joined(own: &[u8], other: &[u8]) -> Vec<u8> {
    let lines = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        text.split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let mut all = lines(own.trim_ascii_end());
    let known: HashSet<Vec<u8>> = all.iter().cloned().collect();
    all.extend(
        lines(other)
            .into_iter()
            .filter(|line| !known.contains(line)),
    );
    all.retain(|line| !line.is_empty());
    let mut text = all.join(&b'\n');
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_are_joined_again_and_again_do_not_grow() {
        let (own, wide) = (
            b"/srv/a\n".as_slice(),
            b"# wide\n/srv/a\n\n/etc/passwd\n".as_slice(),
        );
        let back = joined(own, wide);
        assert_eq!(back, b"/srv/a\n# wide\n/etc/passwd\n");
        let forth = joined(wide, &back);
        assert_eq!(joined(&back, &forth), back);
        assert_eq!(joined(&forth, &back), forth);
        assert_eq!(joined(b"", wide), b"# wide\n/srv/a\n/etc/passwd\n");
    }
}
