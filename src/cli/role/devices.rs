//! `/dev` and `/proc` for programs that run in a tree: what they write to `/dev/null` must not become a file of the role.
//!
//! In a mount name space of their own, so that nothing is left in the tree or on this machine.

use std::path::Path;

use crate::system::Command;

const MOUNT: &str = r#"umask 022
mkdir -p "$1/dev" "$1/proc"
mount -t tmpfs -o mode=755 none "$1/dev"
for node in null zero full random urandom tty; do
    : >"$1/dev/$node"
    mount --bind "/dev/$node" "$1/dev/$node"
done
mount --rbind /proc "$1/proc"
shift
exec "$@""#;

/// A program with its words, where the tree at `root` has devices.
pub(super) fn with<'a>(root: &Path, words: impl IntoIterator<Item = &'a str>) -> Command {
    let root = root.display().to_string();
    let before = ["--mount", "sh", "-ec", MOUNT, "sh", &root];
    let mut command = Command::new("unshare", before).mutating();
    command.args.extend(words.into_iter().map(str::to_owned));
    command
}
