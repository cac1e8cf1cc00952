//! Where file systems are mounted, as the kernel says: also those that answer nobody.

use std::collections::HashSet;
use std::path::Path;

use crate::roles::path::{TreePath, unescape};

/// The mount points below `root` (proc(5), mountinfo); none where the kernel does not say.
pub fn mount_points(root: &Path) -> HashSet<TreePath> {
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    points(&text, root.as_os_str().as_encoded_bytes())
}

fn points(text: &str, root: &[u8]) -> HashSet<TreePath> {
    let words = text.lines().filter_map(|line| line.split(' ').nth(4));
    let points = words.filter_map(|word| {
        let point = unescape(word)?;
        let below = point.strip_prefix(root)?;
        // Of the root `/` nothing is left to strip.
        let below = below.strip_prefix(b"/").or((root == b"/").then_some(below));
        TreePath::new(below.filter(|below| !below.is_empty())?).ok()
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_known_from_any_root() {
        let text = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /srv/a\\040b rw,nosuid - fuse x rw
24 22 0:6 / /srvx rw - tmpfs none rw
";
        let of = |root: &str| -> Vec<String> {
            let points = points(text, root.as_bytes());
            let mut points: Vec<_> = points.iter().map(TreePath::to_string).collect();
            points.sort();
            points
        };
        assert_eq!(of("/"), [r"./srv/a\040b", "./srvx"]);
        assert_eq!(of("/srv"), [r"./a\040b"]);
        let none: [&str; 0] = [];
        assert_eq!(of("/srvx"), none, "the root is not below itself");
    }
}
