//! Every file of `config-examples/` is loaded, and every example machine gets the profile it is meant for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use edeploy::allocation::{self, Explanation, Outcome, Section, SectionOptions};
use edeploy::format;
use edeploy::model::{Facts, Remaining, SectionName};

/// Each machine and its profile in the native examples and in the seed README's.
const MEANT_FOR: [(&str, Option<&str>, Option<&str>); 5] = [
    ("vm.json", Some("vm"), Some("vm")),
    ("raid1-server.json", Some("raid1-server"), None),
    ("storage-node.json", Some("storage-node"), None),
    ("desktop.json", None, None),
    ("hp.json", Some("raid1-server"), Some("hp")),
];

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples")
}

pub(crate) fn hardware(name: &str) -> Facts {
    let path = examples().join("hardware").join(name);
    let parsed = format::parse_named(name, &fs::read(&path).unwrap()).unwrap();
    assert_eq!(parsed.bad_rows.len(), 0, "{name}");
    parsed.facts
}

/// A copy of the native examples that may be changed.
pub(crate) fn copy_of_examples() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    copy
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn explain(directory: &Path, machine: &str) -> Explanation {
    allocation::explain_dir(directory, &hardware(machine)).unwrap()
}

fn given(explanation: &Explanation) -> Option<&str> {
    let mut chosen = explanation.profiles.iter().filter(|p| p.chosen);
    chosen.next().map(|profile| profile.profile.as_str())
}

#[test]
fn nothing_is_wrong_with_the_examples() {
    for directory in [examples(), examples().join("edeploy")] {
        let report = allocation::check_dir(&directory).unwrap();
        assert_eq!(report.findings, [], "{}", directory.display());
    }
}

#[test]
fn every_machine_gets_the_profile_it_is_meant_for() {
    for (machine, native, edeploy) in MEANT_FOR {
        let explanation = explain(&examples(), machine);
        assert_eq!(given(&explanation), native, "{machine}: {explanation}");
        let explanation = explain(&examples().join("edeploy"), machine);
        assert_eq!(given(&explanation), edeploy, "{machine}: {explanation}");
    }
    let tested: BTreeSet<String> = MEANT_FOR.map(|(name, ..)| name.to_owned()).into();
    assert_eq!(names_in(&examples().join("hardware")), tested);
}

#[test]
fn every_file_of_the_examples_is_one_that_a_test_loads() {
    for directory in [examples(), examples().join("edeploy")] {
        let quotas = explain(&directory, "vm.json").profiles;
        let names = quotas.iter().map(|quota| quota.profile.as_str());
        let known = names.flat_map(|name| {
            ["specs", "specs.ron", "cmdb", "cmdb.ron", "configure"]
                .map(|kind| format!("{name}.{kind}"))
        });
        let mut known: BTreeSet<String> = known.collect();
        known.extend(
            [
                "state",
                "state.ron",
                "server.toml",
                "HELPERS.md",
                "edeploy",
                "hardware",
            ]
            .map(str::to_owned),
        );
        let unknown: Vec<String> = names_in(&directory).difference(&known).cloned().collect();
        assert_eq!(unknown, [""; 0], "{}", directory.display());
    }
}

#[test]
fn the_examples_serve_machines() {
    let copy = copy_of_examples();
    let name = SectionName::default_section();
    let section = Section::open(name, copy.path(), SectionOptions::default()).unwrap();
    let hostname = |machine: &str| match section.allocate(hardware(machine)).unwrap() {
        Outcome::Allocated(given) => {
            let variables = given.allocation.variables();
            variables.get("hostname").unwrap().to_string()
        }
        Outcome::Refused(refusal) => refusal.to_string(),
    };
    assert_eq!(hostname("vm.json"), "vm003");
    assert_eq!(hostname("storage-node.json"), "store21");
    assert_eq!(hostname("raid1-server.json"), "srv11");
    assert_eq!(hostname("hp.json"), "srv12");
    assert_eq!(hostname("raid1-server.json"), "srv11");
    let remaining = section.explain(&hardware("vm.json")).unwrap().profiles;
    let remaining: Vec<Remaining> = remaining.iter().map(|p| p.remaining).collect();
    let expected = [
        Remaining::Limited(2),
        Remaining::Limited(8),
        Remaining::Unlimited,
        Remaining::Unlimited,
    ];
    assert_eq!(remaining, expected);
    let state = fs::read_to_string(copy.path().join("state.ron")).unwrap();
    assert!(state.starts_with("// The profiles in order"), "{state}");
}

#[test]
fn old_ramdisks_can_rewrite_the_role_of_every_configure_script() {
    for directory in [examples(), examples().join("edeploy")] {
        let scripts = names_in(&directory).into_iter();
        for name in scripts.filter(|name| name.ends_with(".configure")) {
            let text = fs::read_to_string(directory.join(&name)).unwrap();
            let lines: Vec<&str> = text
                .lines()
                .filter(|line| line.contains("set_role"))
                .collect();
            assert_eq!(lines.len(), 1, "{name}");
            assert_eq!(text.lines().last(), Some(lines[0]), "{name}");
            // The old client cuts at single quotes: role, version, and a rest without quotes.
            let fields: Vec<&str> = lines[0].split('\'').collect();
            assert_eq!(fields.len(), 5, "{name}");
            assert!(lines[0].starts_with("set_role("), "{name}");
            assert!(
                fields[4].starts_with(", ") && fields[4].ends_with(')'),
                "{name}"
            );
        }
    }
}
