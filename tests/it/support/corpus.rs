//! The shared corpus, where it is there.

use std::path::PathBuf;

/// A file of the corpus, or a note that the test is skipped.
pub(crate) fn file(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EDEPLOY_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let file = root.join(path);
    if file.exists() {
        Some(file)
    } else {
        println!("skipped: there is no {}", file.display());
        None
    }
}
