//! The two files that a machine boots to be installed.

use std::path::Path;

/// The kernel, as `packaging/ramdisk` calls it.
pub(super) const KERNEL: &str = "vmlinuz";

/// The ramdisk, as `packaging/ramdisk` calls it.
pub(super) const RAMDISK: &str = "ramdisk";

/// The first of the two that `directory` has not; none where it has both.
pub(in crate::server) fn missing(directory: &Path) -> Option<&'static str> {
    let is_there = |name: &&str| directory.join(name).metadata().is_ok_and(|it| it.is_file());
    [KERNEL, RAMDISK].into_iter().find(|name| !is_there(name))
}
