//! The way from one version to another: what it leaves alone, what it adds, its scripts.

use std::io::ErrorKind;
use std::path::Path;

use crate::client::role_list::RoleList;
use crate::client::site::{STAGED, Site, read};
use crate::model::RoleVersion;
use crate::roles::{Digest, Filter, Manifest, Rules};

use super::error::{UpgradeError, fetch, file};

/// What a way from one version to another says besides the trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) exclude: Vec<u8>,
    /// Whether that was signed, or is believed on this machine: nobody has changed it by hand.
    pub(super) is_believed: bool,
    pub(super) add_only: Option<Vec<u8>>,
    pub(super) pre: Option<Vec<u8>>,
    pub(super) post: Option<Vec<u8>>,
}

/// Where the files of the way and those of the version's tree are brought.
const WAY: [&str; 2] = ["way", "tree"];

/// Brings the lists and scripts.
pub(super) fn fetch_way(site: &Site, to: &RoleVersion, scratch: &Path) -> Result<(), UpgradeError> {
    let (role, from) = (&site.role, &site.version);
    let publication = site.publication()?;
    let tree = publication.install(&format!("{to}/{role}/var/lib/edeploy/{to}/"));
    if to == from {
        // No way leads to where one is.
        let tree_only = std::slice::from_ref(&tree);
        return (publication.bring(tree_only, &scratch.join(WAY[1]), None)).map_err(fetch);
    }
    let way = publication.metadata(&format!("{from}/{role}/{to}/"));
    let addresses = [way, tree];
    let [way, tree] = WAY.map(|name| scratch.join(name));
    let bring = |address: &String, into: &Path| {
        let address = std::slice::from_ref(address);
        publication.bring(address, into, None).map_err(fetch)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| bring(&addresses[1], &tree));
        let own = bring(&addresses[0], &way);
        own.and(
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    })
}

/// The lists and scripts: those of the way, or else those that the version has in its tree (eDeploy `edeploy`). What
/// brings the installed version back goes by its own lists, as `verify` does.
pub(super) fn read_way(
    site: &Site,
    to: &RoleVersion,
    target: &Manifest,
    scratch: &Path,
) -> Result<Way, UpgradeError> {
    let (role, from) = (&site.role, &site.version);
    let [of_way, of_tree] = WAY.map(|name| scratch.join(name));
    let is_empty = |directory: &Path| {
        let entries = std::fs::read_dir(directory);
        entries.map_or(true, |mut entries| entries.next().is_none())
    };
    if to == from {
        return own_lists(site, target, &of_tree);
    }
    if is_empty(&of_way) {
        return Err(UpgradeError::NoWay {
            from: from.to_string(),
            to: to.to_string(),
            role: role.to_string(),
        });
    }
    let signed = match site.has_key() {
        true => Some(believe_way(site, to, &of_way)?),
        false => None,
    };
    let read = |name: &'static str| -> Result<Option<Vec<u8>>, UpgradeError> {
        let content = read_if_there(&of_way.join(name))?;
        // With a signature what is missing is as wrong as what is another.
        if let Some(signed) = &signed
            && content.as_ref().map(|content| Digest::of(content)) != signed.digest_of(name)
        {
            return Err(not_signed(site, to, name));
        }
        match content {
            Some(content) => Ok(Some(content)),
            None => read_of_tree(site, target, &of_tree, name),
        }
    };
    Ok(Way {
        exclude: read("exclude")?.ok_or_else(|| UpgradeError::NoExclude(to.to_string()))?,
        is_believed: true,
        add_only: read("add_only")?,
        pre: read("pre")?,
        post: read("post")?,
    })
}

/// The lists of the installed version: those that are kept on the machine, or else those of its tree.
fn own_lists(site: &Site, target: &Manifest, of_tree: &Path) -> Result<Way, UpgradeError> {
    let home = site.home_of(&site.version);
    let read = |name: &'static str| match read_if_there(&home.join(name))? {
        Some(content) => Ok(Some(content)),
        None => read_of_tree(site, target, of_tree, name),
    };
    let exclude = read("exclude")?;
    Ok(Way {
        exclude: exclude.ok_or_else(|| UpgradeError::NoExclude(site.version.to_string()))?,
        is_believed: RoleList::read(site, target)?.is_believed(),
        add_only: read("add_only")?,
        ..Way::default()
    })
}

/// What a version has of this name in its tree, which must be what its manifest says.
fn read_of_tree(
    site: &Site,
    target: &Manifest,
    of_tree: &Path,
    name: &'static str,
) -> Result<Option<Vec<u8>>, UpgradeError> {
    let to = &target.version;
    let content = read_if_there(&of_tree.join(name))?;
    let wanted = target.digest_of(&format!("var/lib/edeploy/{to}/{name}"));
    match content.as_ref().map(|content| Digest::of(content)) == wanted {
        true => Ok(content),
        false => Err(not_signed(site, to, name)),
    }
}

fn not_signed(site: &Site, to: &RoleVersion, file: &'static str) -> UpgradeError {
    UpgradeError::NotSigned {
        file,
        from: site.version.to_string(),
        to: to.to_string(),
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, UpgradeError> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("read", path)(error)),
    }
}

/// The manifest of the directory of a way, which says of itself from where to where it goes.
fn believe_way(site: &Site, to: &RoleVersion, directory: &Path) -> Result<Manifest, UpgradeError> {
    let version = format!("{}..{to}", site.version);
    let address = format!("{}/{}/{to}/manifest", site.version, site.role);
    let place = site.publication()?.metadata(&address);
    let signed = read(&directory.join("manifest"))?;
    let signed = signed.ok_or_else(|| site.no_manifest(&version, &place))?;
    Ok(site.believe(&signed, &version)?)
}

/// What is left alone: by the way, by what this machine was given at its installation, by what every machine has.
pub(super) fn rules(site: &Site, way: &Way) -> Result<Rules, UpgradeError> {
    let read = |path: &Path, text: &[u8]| {
        Filter::parse(text).map_err(|source| UpgradeError::Exclude {
            path: path.to_owned(),
            source,
        })
    };
    let staged = site.root.join(STAGED);
    let of_machine = std::fs::read(&staged).unwrap_or_default();
    let exclude = read(Path::new("exclude"), &way.exclude)?.then(read(&staged, &of_machine)?);
    let add_only = way.add_only.as_deref();
    Rules::of_upgrade(exclude, add_only).map_err(|source| UpgradeError::Exclude {
        path: "add_only".into(),
        source,
    })
}
