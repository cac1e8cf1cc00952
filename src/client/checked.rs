//! `/var/lib/edeploy/VERSION/checked`: what a verification found to be as it should, kept for the next one.
//!
//! It can always be thrown away; where it cannot be written, the next verification takes longer.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::roles::{Checked, Identity, Manifest};
use crate::system::{Durability, Existing, replace_file};

/// What changed so many seconds before a verification or later is not kept: see [`Checked::older_than`].
const TOO_YOUNG: i64 = 2;

/// A new file is written when so many paths would be known that were not: one of a hundred.
const WORTH_IT: usize = 100;

/// The file, as it was when a verification began.
pub(super) struct Kept {
    path: PathBuf,
    manifest: Identity,
    /// None where the file is missing, damaged or of another manifest.
    pub(super) before: Option<Checked>,
    /// From this second on a change is too young.
    limit: i64,
}

impl Kept {
    pub(super) fn of(root: &Path, manifest: &Manifest, identity: Identity) -> Kept {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs().cast_signed());
        let home = root.join("var/lib/edeploy").join(manifest.version.as_str());
        let path = home.join("checked");
        let bytes = std::fs::read(&path).unwrap_or_default();
        let before = Checked::parse(&bytes, identity, manifest.entries().len());
        let limit = now - TOO_YOUNG;
        Kept {
            path,
            manifest: identity,
            before: before.map(|before| before.older_than(limit)),
            limit,
        }
    }

    /// Keeps what is known now, if it is enough more than before or something is not known any more.
    pub(super) fn replace(&self, now: Checked) {
        let now = now.older_than(self.limit);
        let is_worth_it = |before: &Checked| {
            before.gained(&now) > 0 || now.gained(before) * WORTH_IT > now.paths()
        };
        if self.before.as_ref().is_none_or(is_worth_it) {
            let bytes = now.render(self.manifest);
            let fill = |file: &mut dyn std::io::Write| file.write_all(&bytes);
            // A root that cannot be written can be verified all the same.
            replace_file(&self.path, Existing::Replace, Durability::Lazy, fill).ok();
        }
    }
}
