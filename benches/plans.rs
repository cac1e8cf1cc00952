//! Plans of configure scripts: one in this process, one by a worker, and a fleet of 1,000 machines by the
//! real program, from the first file read to the last line printed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench writes its own files, runs the program itself and stops at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edeploy::allocation::explain_dir;
use edeploy::configure::engine::{Limits, Script};
use edeploy::configure::plan::of_configure;
use edeploy::format::parse_named;
use edeploy::model::{CmdbEntry, ProfileName};
use edeploy::planner::{Planner, Request};

const MACHINES: usize = 1_000;
const PROGRAM: &str = env!("CARGO_BIN_EXE_edeployctl");

/// What the example machine has where each machine of the fleet has something of its own.
const SERIAL: &str = "S269107X9A21433";
/// The same, within its MACs and its uuid.
const NUMBER: &str = "4a:77";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples")
}

/// The variables that the example machine would be given.
fn variables() -> CmdbEntry {
    let bytes = std::fs::read(examples().join("hardware/storage-node.json")).unwrap();
    let facts = parse_named("storage-node.json", &bytes).unwrap().facts;
    let explained = explain_dir(&examples(), &facts).unwrap();
    let given = explained
        .profiles
        .into_iter()
        .find(|profile| profile.chosen);
    given.unwrap().variables.unwrap()
}

fn one_plan(criterion: &mut Criterion) {
    let text = std::fs::read_to_string(examples().join("storage-node.configure")).unwrap();
    let script = Script {
        name: "storage-node.configure",
        text: &text,
    };
    let profile = ProfileName::new("storage-node").unwrap();
    let variables = variables();
    let limits = Limits::default();
    let mut group = criterion.benchmark_group("plan of the examples' storage node");
    group.bench_function("in this process", |bencher| {
        bencher.iter(|| of_configure(&script, &profile, &variables, &limits).unwrap());
    });
    let planner = Planner::default().with_program(PROGRAM);
    let request = Request {
        script,
        profile: &profile,
        variables: &variables,
    };
    group.bench_function("by a worker, its start included", |bencher| {
        bencher.iter(|| planner.plan(request).unwrap());
    });
    let requests = vec![request; MACHINES];
    group.sample_size(10);
    group.throughput(Throughput::Elements(MACHINES as u64));
    group.bench_function("1000 by workers", |bencher| {
        bencher.iter(|| {
            let plans = planner.plan_all(&requests);
            assert!(plans.iter().all(Result::is_ok));
        });
    });
    group.finish();
}

/// The examples' storage nodes, 1,000 of them, each with an entry of its own.
fn write_fleet(directory: &Path) {
    let hardware = std::fs::read_to_string(examples().join("hardware/storage-node.json")).unwrap();
    let mut cmdb = String::from("[\n");
    std::fs::create_dir(directory.join("fleet")).unwrap();
    for at in 0..MACHINES {
        let (serial, a, b) = (format!("SN{at:05}"), at / 256, at % 256);
        let text = hardware
            .replace(SERIAL, &serial)
            .replace(&format!(":{NUMBER}:"), &format!(":{a:02x}:{b:02x}:"))
            .replace(&NUMBER.replace(':', ""), &format!("{a:02x}{b:02x}"));
        std::fs::write(directory.join(format!("fleet/{serial}.json")), text).unwrap();
        cmdb.push_str(&format!(
            "    {{\"tag\": \"{serial}\", \"ip\": \"10.10.{}.{}\", \"hostname\": \"store{at}\", \"rack\": \"r{}\"}},\n",
            at / 250 + 2,
            at % 250 + 1,
            at / 40
        ));
    }
    cmdb.push_str("]\n");
    std::fs::write(directory.join("storage-node.cmdb.ron"), cmdb).unwrap();
    let state = "[(\"raid1-server\", 10), (\"storage-node\", 5000), (\"vm\", \"*\")]\n";
    std::fs::write(directory.join("state.ron"), state).unwrap();
    for name in [
        "raid1-server.cmdb.ron",
        "raid1-server.configure",
        "raid1-server.specs.ron",
        "storage-node.configure",
        "storage-node.specs.ron",
        "vm.cmdb.ron",
        "vm.configure",
        "vm.specs.ron",
    ] {
        std::fs::copy(examples().join(name), directory.join(name)).unwrap();
    }
}

fn edeployctl(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn the_program(criterion: &mut Criterion) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    write_fleet(directory.path());
    let config = directory.path().to_str().unwrap();
    let fleet = format!("{config}/fleet");
    let one = format!("{fleet}/SN00500.json");
    let mut group = criterion.benchmark_group("edeployctl plan");
    group.bench_function("one machine", |bencher| {
        bencher.iter(|| edeployctl(&["plan", &one, "--config", config]));
    });
    group.sample_size(10);
    group.throughput(Throughput::Elements(MACHINES as u64));
    group.bench_function("--fleet of 1000 machines", |bencher| {
        bencher.iter(|| {
            let text = edeployctl(&["plan", "--fleet", &fleet, "--config", config]);
            assert!(
                text.contains("\n1000 of 1000 machines are planned\n"),
                "{text}"
            );
        });
    });
    group.finish();
}

criterion_group!(benches, one_plan, the_program);
criterion_main!(benches);
