//! Runs `edeploy configure` as a machine in its ramdisk does.

use std::path::Path;
use std::process::Output;

use edeploy::configure::engine::{Limits, Script};
use edeploy::configure::plan::of_configure;
use edeploy::model::{CmdbEntry, ProfileName};
use serde_json::{Value, json};

use super::python::Root;
use super::write;

/// The server's answer for a machine of profile `vm` with these variables, with the plan's hash.
pub(crate) fn answer(configure: &str, variables: &Value) -> Value {
    let entry: CmdbEntry = serde_json::from_value(variables.clone()).unwrap();
    let script = Script {
        name: "vm.configure",
        text: configure,
    };
    let profile = ProfileName::new("vm").unwrap();
    let plan = of_configure(&script, &profile, &entry, &Limits::default());
    let plan = plan.unwrap_or_else(|error| panic!("{}", error.with_caret()));
    json!({
        "machine": "m",
        "profile": "vm",
        "repeated": false,
        "variables": variables,
        "configure": configure,
        "plan_hash": plan.hash(),
    })
}

/// Runs the client with an answer in a root of its own; its journal is `configure.jsonl` there.
pub(crate) fn configure(root: &Root, answer: &Value, options: &[&str]) -> Output {
    write(root.path("answer.json"), answer.to_string());
    let arguments = [&["configure", "/answer.json"], options].concat();
    let output = root.enter(Path::new(env!("CARGO_BIN_EXE_edeploy")), &arguments);
    println!("{output:?}");
    output
}

/// The lines of the journal.
pub(crate) fn journal(root: &Root) -> Vec<Value> {
    let text = root.read("configure.jsonl");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}
