//! The OpenAPI document says what the server does: every path is asked, every answer held against its schema,
//! and every route that the sources register stands in it.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::happenings::{three_machines, told};
use crate::support::server::{TestServer, machine};
use crate::support::{clients, command};

fn document() -> Value {
    serde_json::from_str(include_str!("../../src/server/openapi.json")).unwrap()
}

/// What is wrong with a value by a schema, as far as the document uses schemas.
fn problems(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
        return problems(document, schema, value, at, found);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|one| {
            let mut wrong = Vec::new();
            problems(document, one, value, at, &mut wrong);
            wrong.is_empty()
        });
        if !fits {
            found.push(format!("{at}: {value} fits nothing of {schema}"));
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|it| it.as_str().unwrap()).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind)) {
        found.push(format!("{at}: {value} is none of {types:?}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at}: {value} is none of {words:?}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        problems(
            document,
            &schema["items"],
            item,
            &format!("{at}[{index}]"),
            found,
        );
    }
    let Some(object) = value.as_object() else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !object.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    if let Some(known) = schema["properties"].as_object() {
        for (name, value) in object {
            match known.get(name) {
                Some(schema) => problems(document, schema, value, &format!("{at}.{name}"), found),
                None => found.push(format!("{at}: {name} is not in the document")),
            }
        }
    }
}

/// Asks one operation and holds the answer against the document.
fn holds(
    server: &TestServer,
    document: &Value,
    method: &str,
    path: &str,
    filled: &str,
    body: &[u8],
) -> u16 {
    let answer = server.send(&method.to_uppercase(), filled, "application/json", body);
    let operation = &document["paths"][path][method];
    let status = answer.status.to_string();
    let mut response = &operation["responses"][&status];
    assert!(
        response.is_object(),
        "{method} {filled}: {status} is not in the document: {answer:?}"
    );
    if let Some(name) = response["$ref"].as_str() {
        response = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
    }
    let content = response["content"].as_object().unwrap();
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap();
    let schema = &content
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {filled}: {kind} is not in the document"))["schema"];
    if kind == "application/json" {
        let mut found = Vec::new();
        problems(document, schema, &answer.json(), filled, &mut found);
        assert!(found.is_empty(), "{method} {filled}: {found:#?}");
    }
    answer.status
}

#[test]
fn every_documented_path_answers_as_the_document_says() {
    let server = told(three_machines());
    server.register(&machine("CZ1", "QEMU"));
    let document = document();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let fill = |machine: &str, job: &str, file: &str| {
                path.replace("{machine}", machine)
                    .replace("{job}", job)
                    .replace("{file}", file)
            };
            let facts = machine("CZ1", "QEMU");
            let body = match (method.as_str(), path.as_str()) {
                ("post", "/api/v1/machines") => facts.into_bytes(),
                ("post", path) if path.starts_with("/api/v1/events") => {
                    br#"{"origin":"x","name":"install","event_type":"start","description":""}"#
                        .to_vec()
                }
                _ => Vec::new(),
            };
            let name = match method.as_str() {
                // What is released is asked for no more.
                "delete" => "nobody",
                _ if path.ends_with("/release") => "nobody",
                _ if path.starts_with("/api/v1/status") => "node2",
                _ => "QEMU-CZ1-",
            };
            let status = holds(
                &server,
                &document,
                method,
                path,
                &fill(name, "2", "1"),
                &body,
            );
            assert!(status < 500, "{method} {path}");
            let is_known = path.contains("{machine}") && !path.contains("events");
            if is_known || path.contains("{job}") {
                let status = holds(
                    &server,
                    &document,
                    method,
                    path,
                    &fill("nobody", "99", "99"),
                    &body,
                );
                assert_eq!(status, 404, "{method} {path}");
            }
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
    holds(
        &server,
        &document,
        "get",
        "/api/v1/status",
        "/api/v1/status?standing=happy",
        b"",
    );
    holds(
        &server,
        &document,
        "get",
        "/api/v1/jobs",
        "/api/v1/jobs?open=1",
        b"",
    );
    holds(
        &server,
        &document,
        "post",
        "/api/v1/machines",
        "/api/v1/machines",
        b"{",
    );
}

/// The routes below `/api/v1` that the sources register.
fn registered() -> BTreeSet<String> {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/routes")];
    let route = Regex::new(r#""(/api/v1/[^"]*)""#).unwrap();
    let mut routes = BTreeSet::new();
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code: String = code.collect::<Vec<_>>().join("\n");
            routes.extend(route.captures_iter(&code).map(|found| found[1].to_owned()));
        }
    }
    routes
}

#[test]
fn every_route_is_in_the_document() {
    let document = document();
    let mut known: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    known.extend(document["x-streams"].as_object().unwrap().keys().cloned());
    let foreign = document["x-foreign"].as_array().unwrap();
    known.extend(foreign.iter().map(|path| path.as_str().unwrap().to_owned()));
    let routes = registered();
    assert!(routes.len() > 10, "{routes:?}");
    let missing: Vec<&String> = routes.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "not in src/server/openapi.json: {missing:?}"
    );
}

#[test]
fn the_document_is_answered_under_both_names() {
    let server = told(Vec::new());
    for path in ["/openapi.json", "/api/v1/openapi.json"] {
        let answer = server.get(path);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json(), document());
    }
}

#[test]
fn schemathesis_finds_nothing() {
    let Some(run) = clients("openapi/run.sh") else {
        return;
    };
    if !run.parent().unwrap().join("venv/bin/schemathesis").exists() {
        println!("skipped: schemathesis is not set up there");
        return;
    }
    let server = told(three_machines());
    server.register(&machine("CZ1", "QEMU"));
    let mut tester = command("bash");
    tester
        .arg(run)
        .arg(format!("http://{}", server.address))
        .env("MAX", "8");
    let output = tester.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
