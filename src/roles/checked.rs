//! What an earlier look at a machine found to be as the manifest says, so that the next one need not look closer.
//!
//! As git's index does it: the time of change (ctime), which the kernel alone sets, tells whether anything of a
//! file was touched since: content, mode, owner, attributes, links; of a directory also the names in it.

use rustc_hash::FxHashMap;

use super::entry::Entry;
use super::manifest::Identity;
use super::path::TreePath;

/// How many bytes a stamp takes in the file.
const LENGTH: usize = 28;

/// Which state of which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The file system.
    pub device: u64,
    /// The file in it; never 0.
    pub inode: u64,
    /// When anything of it was last changed, in seconds since 1970.
    pub seconds: i64,
    /// The part of a second behind that.
    pub nanoseconds: u32,
}

/// The paths of a manifest that are as it says, each with its stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// One for each entry of the manifest, in its order.
    pub(super) stamps: Vec<Option<Stamp>>,
}

impl Checked {
    /// Reads what [`Checked::render`] wrote; none if it is damaged or of another manifest.
    pub fn parse(bytes: &[u8], manifest: Identity, paths: usize) -> Option<Checked> {
        let stamps = bytes.strip_prefix(head(manifest).as_bytes())?;
        let (stamps, rest) = stamps.as_chunks::<LENGTH>();
        let is_whole = rest.is_empty() && stamps.len() == paths;
        is_whole.then(|| Checked {
            stamps: stamps.iter().map(parse).collect(),
        })
    }

    /// The content of a file: a line that says of which manifest it is, then as many bytes for each entry.
    pub fn render(&self, manifest: Identity) -> Vec<u8> {
        let mut bytes = head(manifest).into_bytes();
        bytes.extend(self.stamps.iter().flat_map(|stamp| render(*stamp)));
        bytes
    }

    /// Forgets what changed in this second or later: it may have changed again without another time, since a time
    /// is as coarse as the kernel's clock, and clocks are set.
    #[must_use]
    pub fn older_than(mut self, seconds: i64) -> Checked {
        for stamp in &mut self.stamps {
            *stamp = stamp.filter(|stamp| stamp.seconds < seconds);
        }
        self
    }

    /// How many paths the manifest has.
    pub fn paths(&self) -> usize {
        self.stamps.len()
    }

    /// How many paths are known here that were not before, or in another state.
    pub fn gained(&self, before: &Checked) -> usize {
        let both = self.stamps.iter().zip(&before.stamps);
        both.filter(|(now, before)| now.is_some() && now != before)
            .count()
    }
}

fn head(manifest: Identity) -> String {
    format!("#edeploy-checked 1 {manifest}\n")
}

fn render(stamp: Option<Stamp>) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    if let Some(stamp) = stamp {
        bytes[..8].copy_from_slice(&stamp.device.to_le_bytes());
        bytes[8..16].copy_from_slice(&stamp.inode.to_le_bytes());
        bytes[16..24].copy_from_slice(&stamp.seconds.to_le_bytes());
        bytes[24..].copy_from_slice(&stamp.nanoseconds.to_le_bytes());
    }
    bytes
}

fn parse(bytes: &[u8; LENGTH]) -> Option<Stamp> {
    let number = |at: usize| {
        bytes[at..]
            .first_chunk()
            .map(|eight| u64::from_le_bytes(*eight))
    };
    let inode = number(8).filter(|inode| *inode != 0)?;
    Some(Stamp {
        device: number(0)?,
        inode,
        seconds: number(16)?.cast_signed(),
        nanoseconds: u32::from_le_bytes(*bytes.last_chunk()?),
    })
}

/// The entries of a manifest with what is known of them, for a walk.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    entries: &'a [Entry],
    stamps: &'a [Option<Stamp>],
    /// The entries in each directory, in the order of names.
    children: FxHashMap<&'a [u8], Vec<usize>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(entries: &'a [Entry], checked: &'a Checked) -> Known<'a> {
        let mut children: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(parent) = entry.path.parent_bytes() {
                children.entry(parent).or_default().push(at);
            }
        }
        Known {
            entries,
            stamps: &checked.stamps,
            children,
        }
    }

    /// What is in a directory.
    pub(super) fn children(&self, directory: &TreePath) -> &[usize] {
        let children = self.children.get(directory.as_bytes());
        children.map_or(&[], Vec::as_slice)
    }

    /// The entry of that number.
    pub(super) fn entry(&self, at: usize) -> &'a Entry {
        &self.entries[at]
    }

    /// Which one of the entries in a directory has a name.
    pub(super) fn find(&self, children: &[usize], name: &[u8]) -> Option<usize> {
        let at = children.binary_search_by(|at| self.entries[*at].path.name().cmp(name));
        at.ok().map(|at| children[at])
    }

    /// Whether what has this stamp is known to be as the entry of that number says.
    pub(super) fn is_unchanged(&self, at: usize, stamp: Stamp) -> bool {
        self.stamps.get(at).copied().flatten() == Some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: i64) -> Option<Stamp> {
        Some(Stamp {
            device: 1,
            inode: u64::MAX,
            seconds,
            nanoseconds: 999_999_999,
        })
    }

    #[test]
    fn only_the_whole_file_of_the_same_manifest_is_believed() {
        let [manifest, other] = ["a", "b"].map(Identity::of);
        let checked = Checked {
            stamps: vec![stamp(-1), None, stamp(2)],
        };
        let bytes = checked.render(manifest);
        assert_eq!(Checked::parse(&bytes, manifest, 3), Some(checked));
        assert_eq!(Checked::parse(&bytes, other, 3), None);
        assert_eq!(Checked::parse(&bytes, manifest, 2), None);
        assert_eq!(Checked::parse(&[], manifest, 0), None);
        for end in 0..bytes.len() {
            assert_eq!(Checked::parse(&bytes[..end], manifest, 3), None);
        }
    }

    #[test]
    fn what_changed_just_now_or_will_is_forgotten() {
        let before = Checked {
            stamps: vec![stamp(9), stamp(10), stamp(11), None],
        };
        let after = before.clone().older_than(10);
        assert_eq!(after.stamps, [stamp(9), None, None, None]);
        assert_eq!((before.gained(&after), after.gained(&before)), (2, 0));
    }
}
