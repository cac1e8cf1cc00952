//! The vectors of the law: those of the repository always, those of the corpus where it is there.

use std::path::Path;

use serde_json::Value as Json;

use super::{CompiledSpec, FactIndex, Verdict, match_spec};
use crate::model::{Bindings, Fact, Spec, Value};

fn facts(rows: &Json) -> Vec<Fact> {
    let rows: Vec<(String, String, String, Value)> = serde_json::from_value(rows.clone()).unwrap();
    rows.into_iter()
        .map(|(category, instance, key, value)| Fact {
            category,
            instance,
            key,
            value,
        })
        .collect()
}

fn bindings(json: &Json) -> Bindings {
    serde_json::from_value(json.clone()).unwrap()
}

/// Names and values in no order, with the values' types.
fn unordered(bindings: &Bindings) -> Vec<String> {
    let mut lines: Vec<String> = bindings.iter().map(|pair| format!("{pair:?}")).collect();
    lines.sort();
    lines
}

fn check(vector: &Json, corpus: &Path) -> Result<(), String> {
    let rules: Vec<[String; 4]> = serde_json::from_value(vector["spec"].clone()).unwrap();
    let texts = rules.iter().map(|rule| rule.each_ref().map(String::as_str));
    let expect = &vector["expect"];
    let spec = CompiledSpec::compile(&Spec::from_texts(texts));
    if expect["error"] == "spec" {
        return spec.map_or(Ok(()), |_| Err("was not refused".to_owned()));
    }
    let spec = spec.map_err(|error| error.to_string())?;
    let facts = match vector["facts_ref"].as_str() {
        Some(path) => {
            let text = std::fs::read_to_string(corpus.join(path)).unwrap();
            facts(&serde_json::from_str(&text).unwrap())
        }
        None => facts(&vector["facts"]),
    };
    let verdict = match_spec(&spec, &FactIndex::new(&facts));
    let same = match &verdict {
        Verdict::Matched(found) => {
            expect["matched"] == true
                && unordered(&found.bindings) == unordered(&bindings(&expect["bindings"]))
                && unordered(&found.key_bindings) == unordered(&bindings(&expect["key_bindings"]))
        }
        Verdict::Mismatch(_) => expect["matched"] == false,
        Verdict::Undecided { .. } => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("{verdict:?}"))
    }
}

fn check_all(file: &Path, corpus: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    let vectors = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut failures = Vec::new();
    let mut count = 0;
    for vector in vectors {
        count += 1;
        if let Err(problem) = check(&vector, corpus) {
            failures.push(format!("{}: {problem}", vector["id"]));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    count
}

#[test]
fn the_vectors_of_the_repository_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let count = check_all(&root.join("tests/vectors/matching.jsonl"), root);
    assert!(count > 300, "{count}");
}

#[test]
fn the_vectors_of_the_corpus_pass() {
    let Some(corpus) = crate::corpus::corpus() else {
        return;
    };
    let file = corpus.join("vectors/matching.jsonl");
    let count = check_all(&file, &corpus);
    assert!(count > 2_000, "{count}");
}
