//! `/metrics`, and the dashboard that reads it.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::happenings::{three_machines, told};
use crate::support::server::{TestServer, machine};
use crate::support::{clients, command, wait_for};

const DASHBOARD: &str = include_str!("../../packaging/grafana/edeploy.json");

fn busy() -> TestServer {
    let server = told(three_machines());
    server.register(&machine("CZ1", "QEMU"));
    server.post_machine(br#"[["disk", "vda", "size", "2"]]"#);
    server.get("/nothing/here");
    wait_for("the report", || {
        server.get("/api/v1/status/CZ1").status == 200
    });
    server
}

#[test]
fn machines_requests_and_allocations_are_counted() {
    let server = busy();
    let metrics = server.get("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = metrics.text();
    for line in [
        "edeploy_machines{standing=\"failed\"} 1",
        "edeploy_machines{standing=\"installing\"} 2",
        "edeploy_machine_findings{finding=\"failed\"} 1",
        "edeploy_allocations_total{section=\"SERVER\",profile=\"vm\",outcome=\"allocated\"} 1",
        "edeploy_allocations_total{section=\"SERVER\",profile=\"\",outcome=\"refused\"} 1",
        "edeploy_http_requests_total{route=\"upload.py\",method=\"POST\",status=\"200\"} 1",
        "edeploy_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(!text.contains("CZ1") && !text.contains("node2"), "{text}");
}

#[test]
fn promtool_finds_the_metrics_clean() {
    let Some(run) = clients("promtool/run.sh") else {
        return;
    };
    if !run.parent().unwrap().join("promtool").exists() {
        println!("skipped: promtool is not set up there");
        return;
    }
    let server = busy();
    let mut tester = command("bash");
    tester.arg(run).arg(format!("http://{}", server.address));
    let output = tester.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn names(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\bedeploy_[a-z_]+").unwrap();
    name.find_iter(text)
        .map(|found| found.as_str().to_owned())
        .collect()
}

#[test]
fn the_dashboard_asks_only_for_what_there_is() {
    let server = busy();
    let samples = server.get("/metrics").text();
    let samples = samples.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<String> = samples
        .flat_map(|line| names(line.split(['{', ' ']).next().unwrap()))
        .collect();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            asked.extend(names(target["expr"].as_str().unwrap()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        asked.extend(names(&variable["query"].to_string()));
    }
    let missing: Vec<&String> = asked.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?} of {known:?}");
    assert!(asked.len() >= 8, "{asked:?}");
}
