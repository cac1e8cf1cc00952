//! Which kernels a tree has, and what belongs to each.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::path::TreePath;

/// Where the modules of a kernel are, below its version.
const MODULES: [&[u8]; 2] = [b"usr/lib/modules/", b"lib/modules/"];

/// Kernels by their versions, as `uname -r` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernels(BTreeSet<Vec<u8>>);

impl Kernels {
    /// Those whose image is in `boot` of a tree.
    pub fn of(entries: &[Entry]) -> Kernels {
        let images = entries.iter().filter(|entry| !entry.is_directory());
        let versions =
            images.filter_map(|entry| entry.path.as_bytes().strip_prefix(b"boot/vmlinuz-"));
        Kernels(versions.map(<[u8]>::to_vec).collect())
    }

    /// Those that are not among others.
    #[must_use]
    pub fn without(&self, others: &Kernels) -> Kernels {
        Kernels(self.0.difference(&others.0).cloned().collect())
    }

    /// The versions, in the order of their bytes.
    pub fn versions(&self) -> impl Iterator<Item = String> {
        let text = |version: &Vec<u8>| String::from_utf8_lossy(version).into_owned();
        self.0.iter().map(text)
    }

    /// Whether a path belongs to one of them: its image, what lies beside it in `boot`, its modules.
    pub fn has(&self, path: &TreePath) -> bool {
        let path = path.as_bytes();
        if let Some(name) = path.strip_prefix(b"boot/") {
            let name = name.strip_suffix(b".img").unwrap_or(name);
            let is_of = |version: &Vec<u8>| {
                let before = name.strip_suffix(version.as_slice());
                before.is_some_and(|before| before.ends_with(b"-") && !before.contains(&b'/'))
            };
            return self.0.iter().any(is_of);
        }
        let below = MODULES.iter().find_map(|top| path.strip_prefix(*top));
        let version = below.and_then(|below| below.split(|byte| *byte == b'/').next());
        version.is_some_and(|version| self.0.contains(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_kernel_is_known_by_its_path() {
        let kernels = Kernels([b"6.1.0-9-amd64".to_vec()].into());
        let has = |path: &[u8]| kernels.has(&TreePath::new(path).unwrap());
        for path in [
            "boot/vmlinuz-6.1.0-9-amd64",
            "boot/initrd.img-6.1.0-9-amd64",
            "boot/initramfs-6.1.0-9-amd64.img",
            "usr/lib/modules/6.1.0-9-amd64",
            "lib/modules/6.1.0-9-amd64/kernel/fs/xfs.ko",
        ] {
            assert!(has(path.as_bytes()), "{path}");
        }
        for path in [
            "boot/vmlinuz-6.1.0-9-amd64-rt",
            "boot/vmlinuz-16.1.0-9-amd64",
            "boot/grub/x-6.1.0-9-amd64",
            "usr/lib/modules/6.1.0-9-amd64-rt/x",
            "usr/lib/modules",
            "srv/boot/vmlinuz-6.1.0-9-amd64",
        ] {
            assert!(!has(path.as_bytes()), "{path}");
        }
    }
}
