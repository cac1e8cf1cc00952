//! The recorded fleet of the corpus against profiles written for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use edeploy::allocation::{Outcome, RefusalKind, Section, SectionOptions, explain_dir};
use edeploy::format::parse_json;
use edeploy::model::{Facts, SectionName};

use crate::support::{corpus, write};

/// Profile, how many machines it is for, and its rules.
const PROFILES: [(&str, &str, &str); 4] = [
    (
        "storage",
        "2",
        r#"[
    ("system", "product", "name", "regexp(DL360p Gen8)"),
    ("disk", "$data1", "size", "2000"), ("disk", "$data1", "slot", "$slot"),
    ("disk", "$data2", "size", "2000"), ("disk", "$data3", "size", "2000"),
    ("disk", "$system", "size", "and(ge(100), lt(200))"), ("disk", "$system", "type", "regexp(Solid State)"),
    ("network", "$eth", "ipv4", "network(10.66.6.0/24)"), ("network", "$eth", "serial", "$mac"),
]"#,
    ),
    (
        "sas-raid",
        "1",
        r#"[
    ("system", "product", "serial", "$$tag"),
    ("disk", "$d1", "type", "SAS"), ("disk", "$d1", "size", "300"),
    ("disk", "$d2", "type", "SAS"), ("disk", "$d2", "size", "300"),
    ("disk", "$d3", "type", "SAS"), ("disk", "$d3", "size", "300"),
    ("disk", "$d4", "type", "SAS"), ("disk", "$d4", "size", "300"),
]"#,
    ),
    (
        "blade",
        "*",
        r#"[
    ("system", "product", "vendor", "HP"), ("system", "product", "name", "regexp(BL460c)"),
    ("disk", "$boot=in(sda,sdb)", "size", "range(290, 310)"),
    ("network", "$eth", "ipv4", "network(10.29.99.0/24)"), ("network", "$eth", "link", "yes"),
    ("network", "$eth", "serial", "$mac"), ("system", "ipmi", "channel", "$channel=ge(2)"),
]"#,
    ),
    (
        "dell",
        "*",
        r#"[
    ("system", "product", "vendor", "regexp(^Dell)"), ("disk", "$disk", "model", "PERC H310"),
    ("memory", "total", "size", "ge(128000000000)"),
    ("network", "$eth", "ipv4", "network(10.142.32.0/255.255.255.0)"), ("network", "$eth", "serial", "$mac"),
]"#,
    ),
];

fn fleet(recorded: &Path) -> BTreeMap<String, Facts> {
    let machine = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let parsed = parse_json(&name, &std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(parsed.bad_rows, [], "{name}");
        (name, parsed.facts)
    };
    let files = std::fs::read_dir(recorded).unwrap();
    files.map(|file| machine(file.unwrap().path())).collect()
}

fn write_profiles(directory: &Path, left_out: &str) {
    let kept = || PROFILES.iter().filter(|(name, ..)| *name != left_out);
    let quota = |(name, count, _): &(&str, &str, &str)| match *count {
        "*" => format!("(\"{name}\", \"*\"), "),
        count => format!("(\"{name}\", {count}), "),
    };
    let state: String = kept().map(quota).collect();
    write(directory.join("state.ron"), format!("[{state}]\n"));
    for (name, _, rules) in kept() {
        write(directory.join(format!("{name}.specs.ron")), rules);
        write(directory.join(format!("{name}.configure")), "run('true')\n");
    }
    let tags = "[{\"tag\": \"CZ3323FDVK\", \"hostname\": \"db01\"}, {\"tag\": \"CZ0000000\", \"hostname\": \"db02\"}]\n";
    write(directory.join("sas-raid.cmdb.ron"), tags);
    let blades = "generate({\"ip\": \"10.29.99.101-150\", \"hostname\": \"blade01-50\"})\n";
    write(directory.join("blade.cmdb.ron"), blades);
}

fn expected_profile(name: &str) -> &'static str {
    match name {
        name if name.contains("BL460c") => "blade",
        name if name.contains("655651") => "storage",
        name if name.contains("654081") => "sas-raid",
        _ => "dell",
    }
}

#[test]
fn every_recorded_machine_gets_the_profile_written_for_it() {
    let Some(recorded) = corpus::file("fleet") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    write_profiles(dir.path(), "");
    let section = Section::open(
        SectionName::default_section(),
        dir.path(),
        SectionOptions::default(),
    )
    .unwrap();
    for (name, facts) in fleet(&recorded) {
        match section.allocate(facts).unwrap() {
            Outcome::Allocated(given) => {
                assert_eq!(
                    given.allocation.profile.as_str(),
                    expected_profile(&name),
                    "{name}"
                );
            }
            Outcome::Refused(refusal) => panic!("{name}: {refusal}"),
        }
    }
    // Two of the files were recorded on one machine, before and after its name changed.
    assert_eq!(
        section.allocations().unwrap().len(),
        fleet(&recorded).len() - 1
    );
    let state = std::fs::read_to_string(dir.path().join("state.ron")).unwrap();
    assert!(
        state.starts_with(r#"[("storage", 0), ("sas-raid", 0), ("blade", "*")"#),
        "{state}"
    );
}

#[test]
fn explain_names_the_pattern_that_failed_for_a_machine_without_profile() {
    let Some(recorded) = corpus::file("fleet") else {
        return;
    };
    for (left_out, _, _) in PROFILES {
        let dir = tempfile::tempdir().unwrap();
        write_profiles(dir.path(), left_out);
        for (name, facts) in fleet(&recorded) {
            let explained = explain_dir(dir.path(), &facts).unwrap();
            let given = explained.profiles.iter().find(|profile| profile.chosen);
            if expected_profile(&name) != left_out {
                assert_eq!(
                    given.unwrap().profile.as_str(),
                    expected_profile(&name),
                    "{name}"
                );
                continue;
            }
            assert!(given.is_none(), "{name} was given {given:?}");
            for explained in explained.profiles {
                let name = explained.profile.as_str();
                let (_, _, rules) = PROFILES
                    .iter()
                    .find(|(profile, ..)| *profile == name)
                    .unwrap();
                let reason = explained.reason.unwrap().to_string();
                let mut patterns = rules.split('"').skip(1).step_by(2);
                let names_one = patterns.any(|pattern| reason.contains(&format!("`{pattern}`")));
                assert!(
                    names_one || reason.contains("rules compete for"),
                    "{reason}"
                );
            }
        }
    }
}

#[test]
fn a_refused_machine_of_the_fleet_is_told_that_no_profile_matches() {
    let Some(recorded) = corpus::file("fleet") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    write_profiles(dir.path(), "dell");
    let section = Section::open(
        SectionName::default_section(),
        dir.path(),
        SectionOptions::default(),
    )
    .unwrap();
    let fleet = fleet(&recorded);
    let (_, facts) = fleet
        .iter()
        .find(|(name, _)| expected_profile(name) == "dell")
        .unwrap();
    let Outcome::Refused(refusal) = section.allocate(facts.clone()).unwrap() else {
        panic!("nothing is written for it");
    };
    assert_eq!(refusal.kind, RefusalKind::NoMatch);
    assert!(refusal.to_string().contains("regexp(BL460c)"), "{refusal}");
}
