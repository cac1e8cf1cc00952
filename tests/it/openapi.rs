//! The OpenAPI document says what the server does: every path is asked, every answer held against its schema,
//! and every route that the sources register stands in it.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::happenings::{three_machines, told};
use crate::support::server::{TestServer, machine};
use crate::support::{clients, command, wait_for};

fn document() -> Value {
    serde_json::from_str(include_str!("../../src/server/openapi.json")).unwrap()
}

/// Whether a value is of a type; without one every value is.
fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        None => true,
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("{other}"),
    }
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
    let types = &schema["type"];
    let types = types
        .as_array()
        .map_or(std::slice::from_ref(types), Vec::as_slice);
    if !types.iter().any(|kind| is_a(kind, value)) {
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

/// What an operation is sent, and the machine that it is asked about.
fn example(method: &str, path: &str) -> (Vec<u8>, &'static str) {
    let report = br#"{"origin":"x","name":"install","event_type":"start","description":""}"#;
    let drift = format!(
        r#"{{"machine":"QEMU-CZ1-","role":"base","version":"1.0","manifest":"{}","depth":"full","paths":1,
        "counts":{{"mode":1}},"left_out":0,
        "differences":[{{"path":"./a","aspect":"mode","expected":"0644","found":"0600"}}]}}"#,
        "0".repeat(64)
    );
    let body = match (method, path) {
        ("post", "/api/v1/drift") => drift.into_bytes(),
        ("post", "/api/v1/machines") => machine("CZ1", "QEMU").into_bytes(),
        ("post", path) if path.starts_with("/api/v1/events") => report.to_vec(),
        _ => Vec::new(),
    };
    let name = match method {
        // What is released is asked for no more.
        "delete" => "nobody",
        _ if path.ends_with("/release") => "nobody",
        _ if path.starts_with("/api/v1/status") => "node2",
        _ => "QEMU-CZ1-",
    };
    (body, name)
}

#[test]
fn every_documented_path_answers_as_the_document_says() {
    let server = told(three_machines());
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the report", || {
        server.get("/api/v1/status/CZ1").status == 200
    });
    let document = document();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let (body, name) = example(method, path);
            let ask = |machine: &str, job: &str, file: &str| {
                let filled = path.replace("{machine}", machine).replace("{job}", job);
                let filled = filled.replace("{file}", file);
                holds(&server, &document, method, path, &filled, &body)
            };
            assert!(ask(name, "2", "1") < 500, "{method} {path}");
            let is_known = path.contains("{machine}") && !path.contains("events");
            if is_known || path.contains("{job}") {
                assert_eq!(ask("nobody", "99", "99"), 404, "{method} {path}");
            }
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
    let status = "/api/v1/status";
    let wrong = format!("{status}?standing=happy");
    assert_eq!(holds(&server, &document, "get", status, &wrong, b""), 400);
    let jobs = "/api/v1/jobs";
    let open = format!("{jobs}?open=1");
    assert_eq!(holds(&server, &document, "get", jobs, &open, b""), 200);
    let machines = "/api/v1/machines";
    assert_eq!(
        holds(&server, &document, "post", machines, machines, b"{"),
        400
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
