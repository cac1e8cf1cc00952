//! Test vectors: those in `tests/vectors`, and the whole corpus where it lies beside the project.

use std::path::{Path, PathBuf};

/// The vectors of one file kept with the project.
pub(crate) fn own_vectors(name: &str) -> Vec<serde_json::Value> {
    lines(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/vectors")
            .join(name),
    )
}

/// The corpus: `$EDEPLOY_CORPUS`, or `../shared/corpus` beside the project. Says so where it is absent.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("EDEPLOY_CORPUS").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: there is no corpus at {}", path.display());
    None
}

/// The vectors of one file of the corpus, where it is there.
pub(crate) fn corpus_vectors(name: &str) -> Option<Vec<serde_json::Value>> {
    corpus().map(|corpus| lines(&corpus.join("vectors").join(name)))
}

/// The rows of a machine recorded in the corpus.
pub(crate) fn recorded_machine(corpus: &Path, file: &str) -> serde_json::Value {
    let text = std::fs::read(corpus.join(file)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
