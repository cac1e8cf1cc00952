//! What an upgrade would do, found out before anything on the machine is touched.

use std::path::Path;

use crate::client::site::{STAGED, Site, read};
use crate::model::RoleVersion;
use crate::roles::{
    Depth, Digest, Entry, Filter, Manifest, Node, Plan, Rules, Signed, TreePath, Trees, hash_files,
    look, plan,
};

use super::error::{UpgradeError, fetch, file};
use super::written::put;

/// What a way from one version to another says besides the trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) exclude: Vec<u8>,
    pub(super) add_only: Option<Vec<u8>>,
    pub(super) pre: Option<Vec<u8>>,
    pub(super) post: Option<Vec<u8>>,
}

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
    let found = look(target.entries(), &site.root, &rules.exclude, Depth::Quick)?;
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
    let exists = |path: &TreePath| std::fs::symlink_metadata(path.below(&site.root)).is_ok();
    Ok(plan(&trees, rules, exists)?)
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

/// Where the files of the way and those of the version's tree are brought.
const WAY: [&str; 2] = ["way", "tree"];

/// Brings the lists and scripts.
fn fetch_way(site: &Site, to: &RoleVersion, scratch: &Path) -> Result<(), UpgradeError> {
    let (role, from) = (&site.role, &site.version);
    let publication = site.publication()?;
    let way = publication.metadata(&format!("{from}/{role}/{to}/"));
    let tree = format!("{to}/{role}/var/lib/edeploy/{to}/");
    let addresses = [way, publication.install(&tree)];
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

/// The lists and scripts: those of the way, or else those that the version has in its tree (eDeploy `edeploy`).
fn read_way(
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
    // No way leads to where one is: then what differs is brought back, and no script has anything to do.
    let is_repair = to == from;
    if is_empty(&of_way) && !is_repair {
        return Err(UpgradeError::NoWay {
            from: from.to_string(),
            to: to.to_string(),
            role: role.to_string(),
        });
    }
    let signed = match site.has_key() {
        true if !is_repair => Some(believe_way(site, to, &of_way)?),
        _ => None,
    };
    let read = |name: &'static str| -> Result<Option<Vec<u8>>, UpgradeError> {
        let wrong = || UpgradeError::NotSigned {
            file: name,
            from: from.to_string(),
            to: to.to_string(),
        };
        if let Ok(content) = std::fs::read(of_way.join(name)) {
            let is_it = signed
                .as_ref()
                .is_none_or(|signed| holds(signed, name, &content));
            return is_it.then_some(Some(content)).ok_or_else(wrong);
        }
        let Ok(content) = std::fs::read(of_tree.join(name)) else {
            return Ok(None);
        };
        let path = format!("var/lib/edeploy/{to}/{name}");
        holds(target, &path, &content)
            .then_some(Some(content))
            .ok_or_else(wrong)
    };
    Ok(Way {
        exclude: read("exclude")?.ok_or_else(|| UpgradeError::NoExclude(to.to_string()))?,
        add_only: read("add_only")?,
        pre: read("pre")?.filter(|_| !is_repair),
        post: read("post")?.filter(|_| !is_repair),
    })
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

/// Whether a manifest has a file with this content.
fn holds(manifest: &Manifest, path: &str, content: &[u8]) -> bool {
    let sum = Digest::of(content);
    manifest.entries().iter().any(|entry| {
        let is_it = matches!(entry.node, Node::File { digest, .. } if digest == Some(sum));
        is_it && entry.path.as_bytes() == path.as_bytes()
    })
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

/// The installed version with what the plan touches as it was found, so that the way back leads there.
pub(super) fn as_found(
    site: &Site,
    base: &Manifest,
    found: Vec<Entry>,
    plan: &Plan,
) -> Result<Manifest, UpgradeError> {
    use std::collections::{BTreeMap, HashSet};
    let changes = plan.changes.iter().chain(&plan.later);
    let touched: HashSet<_> = changes.map(|change| &change.path).collect();
    let mut entries: BTreeMap<_, _> = base
        .entries()
        .iter()
        .filter(|entry| !touched.contains(&entry.path))
        .map(|entry| (entry.path.clone(), entry.clone()))
        .collect();
    let mut seen: Vec<Entry> = found
        .into_iter()
        .filter(|entry| touched.contains(&entry.path))
        .collect();
    hash_files(&site.root, &mut seen, |entry| {
        matches!(entry.node, Node::File { digest: None, .. })
    })?;
    entries.extend(seen.into_iter().map(|entry| (entry.path.clone(), entry)));
    let entries = entries.into_values().map(|entry| Entry {
        hardlink: None,
        ..entry
    });
    let version = site.version.clone();
    Manifest::new(site.role.clone(), version, entries.collect()).map_err(|source| {
        UpgradeError::Manifest {
            version: site.version.to_string(),
            source,
        }
    })
}
