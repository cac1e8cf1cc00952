//! The vectors of the corpus, where it is there, and small ones of our own.

use super::document::{Top, walk};
use super::scanner::Span;
use super::*;
use crate::corpus::{corpus, corpus_vectors, own_vectors, recorded_machine};
use crate::model::Value;

/// An expectation, in which `{"__tuple__": [...]}` marks a tuple.
fn expected(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Array(items) => Value::List(items.iter().map(expected).collect()),
        Json::Object(pairs) if pairs.contains_key("__tuple__") => {
            match expected(&pairs["__tuple__"]) {
                Value::List(items) => Value::Tuple(items),
                other => other,
            }
        }
        Json::Object(pairs) => Value::Map(
            pairs
                .iter()
                .map(|(key, value)| (key.clone(), expected(value)))
                .collect(),
        ),
        scalar => serde_json::from_value(scalar.clone()).unwrap(),
    }
}

/// Mappings with their keys in one order, as the expectations have lost theirs.
fn sorted(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(sorted).collect();
    match value {
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Map(pairs)
        }
        other => other,
    }
}

#[test]
fn literals_of_real_files_mean_what_python_says() {
    let Some(corpus) = corpus() else {
        return;
    };
    for vector in corpus_vectors("literals.jsonl").unwrap() {
        let id = vector["id"].as_str().unwrap();
        let text = vector["text"].as_str().unwrap();
        let expect = &vector["expect"];
        let mut items = Vec::new();
        let top = walk(text, Form::Edeploy, |node| {
            items.push(node.into_value(Form::Edeploy));
            Ok(())
        });
        match top {
            Err(fault) => assert!(expect["error"].is_string(), "{id}: {fault:?}"),
            Ok(Top::Generate(Span { .. }, model)) => {
                let model = model.into_value(Form::Edeploy);
                assert_eq!(sorted(model), sorted(expected(&expect["args"][0])), "{id}");
            }
            Ok(Top::List) if expect["lines_ref"].is_string() => {
                let reference = expect["lines_ref"].as_str().unwrap();
                // The recorded machines lie in the corpus without the `.hw` of their names.
                let file = reference.replace(".hw_.json", ".json");
                let rows = recorded_machine(&corpus, &file.replace(".hw.json", ".json"));
                let parsed = parse_literal(id, text).unwrap();
                let json = serde_json::to_vec(&rows).unwrap();
                assert_eq!(parsed.bad_rows, [], "{id}");
                assert_eq!(parsed, parse_json(id, &json).unwrap(), "{id}");
                let again = parse_literal(id, &render_hw(&parsed.facts)).unwrap();
                assert_eq!(again, parsed, "{id}");
            }
            Ok(Top::List) => {
                assert_eq!(
                    sorted(Value::List(items)),
                    sorted(expected(&expect["value"])),
                    "{id}"
                );
            }
        }
        if text.len() < 20_000 && expect["error"].is_null() && expect["lines_ref"].is_null() {
            let native = convert(id, text, Form::Edeploy, Form::Native).unwrap();
            convert(id, &native, Form::Native, Form::Edeploy).unwrap();
        }
    }
}

#[test]
fn generate_gives_the_entries_of_the_original() {
    gives_the_entries_of_the_original(&own_vectors("generate.jsonl"));
}

#[test]
fn generate_gives_the_entries_of_the_original_in_the_whole_corpus() {
    if let Some(vectors) = corpus_vectors("generate.jsonl") {
        gives_the_entries_of_the_original(&vectors);
    }
}

fn gives_the_entries_of_the_original(vectors: &[serde_json::Value]) {
    for vector in vectors {
        let text = vector["text"].as_str().unwrap();
        let id = vector["id"].as_str().unwrap();
        let document = CmdbDocument::parse(id, text, Form::Edeploy).unwrap();
        let entries: Vec<Value> = document
            .entries()
            .iter()
            .map(|e| Value::Map(e.iter().map(|(k, v)| (k.to_owned(), v.clone())).collect()))
            .collect();
        assert_eq!(
            sorted(Value::List(entries)),
            sorted(expected(&vector["expect"])),
            "{text}"
        );
        let native = convert(id, text, Form::Edeploy, Form::Native).unwrap();
        let native = CmdbDocument::parse(id, &native, Form::Native).unwrap();
        assert_eq!(native.entries().len(), document.entries().len(), "{text}");
    }
}
