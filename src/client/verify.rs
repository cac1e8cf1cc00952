//! `edeploy verify`: what changed on this machine since its role was installed.
//!
//! The manifest is the one that the installation left on the machine, else it comes from where the role came
//! from, or from a file. With a key, the machine's own or another one, a manifest that its owner did not sign
//! is not looked at. Nothing on the machine is changed but what `checked` keeps for the next time.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::roles::{
    Aspect, Depth, Difference, Filter, FilterError, Identity, Signed, TreePath, Verification,
    WalkError, outermost, verify,
};
use crate::system::with_causes;

use super::checked::Kept;
use super::report::Receiver;
use super::role_list::{RoleList, read_or_none};
use super::site::{STAGED, Site, SiteError};
use super::upgrade::{UpgradeError, pending};

/// Tell what changed on this machine since its role was installed
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edeploy verify
  edeploy verify --full --json --key /etc/edeploy/roles.pub
  edeploy verify --report >/dev/null

Compared with the manifest that the installation left in /var/lib/edeploy/VERSION/manifest, else with that of the server. Where the
installation left a key in /var/lib/edeploy/roles.pub, nothing unsigned is believed: a role's list that is not the one of the manifest,
nor what an upgrade left, is a difference.

Content, mode, owner, extended attributes, what is missing, what is extra, what is something else, what cannot be read. Left out is
what the role's /var/lib/edeploy/VERSION/exclude names, what this machine was given at its installation
(/var/lib/edeploy/exclude), what every system writes itself (logs, caches, boot loader, labels of SELinux), and file systems
mounted where the role has nothing.

The first time a file of the same size and time is taken for the same. Later only what was touched since is looked at, and read:
/var/lib/edeploy/VERSION/checked says when each path had last changed. With --full every file is read.

With --report the server is told too, found as `edeploy report` finds it: how many differences there are, and the first 500;
and where nothing can be said, why.

Exit codes: 0 nothing changed, 1 the manifest or a list is wrong, 3 the manifest is not signed by the key, 5 the manifest or a
list cannot be read or fetched, or nothing be reported, 6 something changed or cannot be read.")]
pub(super) struct Verify {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Read every file
    #[arg(long)]
    full: bool,
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Take this manifest; with --key, FILE.minisig beside it
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Believe only what this public key's owner has signed; else the machine's own key, if it has one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Tell the server what was found
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    receiver: Receiver,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerifyError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is no list of rsync's exclude rules")]
    Exclude {
        path: PathBuf,
        #[source]
        source: FilterError,
    },
    #[error("cannot look at this machine")]
    Walk(#[from] WalkError),
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    #[error("the answer cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl VerifyError {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            // It is not there, which says nothing of who would have signed it.
            VerifyError::Site(SiteError::NoManifest { .. } | SiteError::NoSignature(_)) => 5,
            VerifyError::Site(error) => error.code(),
            VerifyError::Exclude { .. } => 1,
            _ => 5,
        }
    }
}

impl Verify {
    /// What was found, and the exit code.
    pub(super) fn run(&self, conf: &Path) -> Result<(String, u8), VerifyError> {
        let site = Site::open(&self.root, conf, self.key.as_deref())?;
        let found = self.find(&site);
        let is_told = !self.report
            || match &found {
                Ok(found) => self.tell(&site, found),
                Err(error) => self.tell(&site, &self.nothing(&site, error)),
            };
        let found = found?;
        let text = match self.json {
            true => serde_json::to_string(&found).map_err(VerifyError::Json)?,
            false => report(&found),
        };
        let code = match found.differences.as_slice() {
            _ if !is_told => 5,
            [] => 0,
            _ => 6,
        };
        Ok((text, code))
    }

    fn find(&self, site: &Site) -> Result<Verification, VerifyError> {
        let texts = self.texts(site)?;
        let manifest = site.believe(&texts, site.version.as_str())?;
        let identity = Identity::of(&texts.manifest);
        let of_role = RoleList::read(site, &manifest)?;
        let of_machine = self.root.join(STAGED);
        let mut filter = filter_of(&of_role.path, of_role.rules())?
            .then(filter_of(&of_machine, &read_or_none(&of_machine)?)?);
        if let Some(pending) = pending(&self.root, &manifest)? {
            remark(&pending.remark);
            filter = pending.extra.then(filter);
        }
        let kept = Kept::of(&self.root, &manifest, identity);
        let before = kept.before.as_ref();
        let depth = self.depth();
        let (found, now) = verify(&manifest, identity, &self.root, filter, depth, before)?;
        kept.replace(now);
        Ok(found.and(of_role.refused().into_iter().collect()))
    }

    fn depth(&self) -> Depth {
        if self.full { Depth::Full } else { Depth::Quick }
    }

    /// What the server is told where nothing can be said: that nothing could be looked at, and why. Else it would go on
    /// showing what it was told before.
    fn nothing(&self, site: &Site, error: &VerifyError) -> Verification {
        let found = Verification {
            role: site.role.clone(),
            version: site.version.clone(),
            manifest: Identity::of(""),
            depth: self.depth(),
            paths: 0,
            counts: BTreeMap::new(),
            differences: Vec::new(),
        };
        found.and(vec![Difference {
            path: TreePath::root(),
            aspect: Aspect::Unread,
            expected: String::new(),
            found: with_causes(error),
            is_directory: true,
        }])
    }

    /// Tells the server. Whether that went well.
    fn tell(&self, site: &Site, found: &Verification) -> bool {
        let drift = serde_json::to_value(found.drift());
        // A report without numbers that JSON cannot write is always JSON.
        let drift = drift.unwrap_or_default();
        let told = self.receiver.post(site.conf(), "/api/v1/drift", &drift);
        if let Err(error) = &told {
            let chain = with_causes(error);
            // Nobody can be told where that cannot be written either.
            writeln!(std::io::stderr(), "error: the server was not told: {chain}").ok();
        }
        told.is_ok()
    }

    /// The texts from the nearest place: a file that was asked for, what the installation left, the server.
    fn texts(&self, site: &Site) -> Result<Signed, VerifyError> {
        if let Some(file) = &self.manifest {
            return Ok(site.read(file)?);
        }
        if let Some(kept) = site.kept(&site.version)? {
            return Ok(kept);
        }
        let here = tempfile::tempdir().map_err(|source| VerifyError::Read {
            path: std::env::temp_dir(),
            source,
        })?;
        Ok(site.fetch(&site.version, here.path(), None)?)
    }
}

/// The rules of a list. An empty one has none.
fn filter_of(path: &Path, list: &[u8]) -> Result<Filter, VerifyError> {
    Filter::parse(list).map_err(|source| VerifyError::Exclude {
        path: path.to_owned(),
        source,
    })
}

/// Says something besides the answer.
fn remark(text: &str) {
    // Nobody may be there to read it.
    writeln!(std::io::stderr(), "edeploy: {text}").ok();
}

/// What was found, for people. Names are in printable characters only.
fn report(found: &Verification) -> String {
    let mut text = String::new();
    for one in outermost(&found.differences) {
        text.push_str(&line(one.difference, one.below));
    }
    let counts = found.counts.iter();
    let counts: Vec<String> = counts
        .map(|(aspect, count)| format!("{count} {}", aspect.name()))
        .collect();
    let sum = match counts.as_slice() {
        [] => "nothing changed".to_owned(),
        counts => counts.join(", "),
    };
    text.push_str(&format!(
        "role {}, version {}, {} paths: {sum}",
        found.role, found.version, found.paths
    ));
    text
}

fn line(one: &Difference, below: usize) -> String {
    let (expected, found) = (one.expected.escape_debug(), one.found.escape_debug());
    let details = match (one.aspect, below) {
        (Aspect::Missing | Aspect::Extra, 0) => String::new(),
        (Aspect::Missing | Aspect::Extra, below) => format!(" and {below} below it"),
        (Aspect::Unread, _) => format!(": {found}"),
        _ => format!(": {found}, should be {expected}"),
    };
    format!("{:8} {}{details}\n", one.aspect.name(), one.path)
}
