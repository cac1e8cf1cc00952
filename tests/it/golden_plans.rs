//! Every script of the examples, planned for every recorded machine that its spec matches, against
//! plans that were read by a person. `make snapshots` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use edeploy::allocation::explain_dir;
use edeploy::configure::engine::{Limits, Script};
use edeploy::configure::plan::of_configure;
use edeploy::format::parse_named;

use crate::examples::examples;
use crate::support::corpus;

/// The plans of a directory's scripts for the machines of `hardware`, each once, with the machines
/// that get it and the devices they lose.
fn plans(config: &Path, hardware: &Path) -> String {
    let mut files: Vec<_> = std::fs::read_dir(hardware)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let facts = parse_named(&name, &std::fs::read(&path).unwrap()).unwrap();
        let explanation = explain_dir(config, &facts.facts).unwrap();
        for given in explanation.profiles {
            let Some(variables) = &given.variables else {
                continue;
            };
            let script = format!("{}.configure", given.profile);
            let text = std::fs::read_to_string(config.join(&script)).unwrap();
            let script = Script {
                name: &script,
                text: &text,
            };
            let plan = of_configure(&script, &given.profile, variables, &Limits::default());
            let plan = plan.unwrap_or_else(|error| panic!("{name}: {}", error.with_caret()));
            let key = (given.profile.to_string(), plan.to_string());
            found.entry(key).or_default().push(name.clone());
        }
    }
    let mut shown = String::new();
    for ((profile, plan), machines) in found {
        let count = machines.len();
        writeln!(shown, "==== {profile}: {count} of the recorded machines").unwrap();
        for machine in machines {
            writeln!(shown, "     {machine}").unwrap();
        }
        writeln!(shown, "{plan}").unwrap();
    }
    shown
}

#[test]
fn the_scripts_of_the_examples_have_these_plans_for_the_example_machines() {
    let hardware = examples().join("hardware");
    insta::assert_snapshot!("examples", plans(&examples(), &hardware));
    insta::assert_snapshot!("edeploy", plans(&examples().join("edeploy"), &hardware));
}

#[test]
fn the_scripts_of_the_examples_have_these_plans_for_the_recorded_fleet() {
    let Some(fleet) = corpus::file("fleet") else {
        return;
    };
    insta::assert_snapshot!("fleet", plans(&examples(), &fleet));
    insta::assert_snapshot!("fleet-edeploy", plans(&examples().join("edeploy"), &fleet));
}
