//! What the tries of a transfer have brought, and what is known of the whole.

use std::sync::OnceLock;

use crate::roles::{Manifest, Node, Signed};

/// Of one role, from its first try to its last.
#[derive(Debug, Default)]
pub(in crate::client::install) struct Came {
    /// Bytes of files that came in all tries.
    pub(super) bytes: u64,
    /// All bytes of a tree's files. It may become known while they come.
    pub(super) total_bytes: OnceLock<u64>,
    /// Without a key: what lies beside the role, or why none of that is kept, once it was asked for.
    pub(super) unsigned: Option<Result<Signed, String>>,
}

/// What a transfer of all its files brings. Of a file with several names one comes.
pub(super) fn bytes_of(manifest: &Manifest) -> u64 {
    let entries = manifest.entries().iter();
    let sizes = entries.map(|entry| match entry.node {
        Node::File { size, .. } if entry.hardlink.is_none() => size,
        _ => 0,
    });
    sizes.sum()
}
