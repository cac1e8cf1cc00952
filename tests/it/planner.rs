//! Scripts that mean harm, given to real workers: none takes the planner with it, none is felt by the
//! next, none does anything outside its plan.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use edeploy::configure::engine::{Limits, Script, ScriptError};
use edeploy::configure::plan::{Plan, of_configure};
use edeploy::model::{CmdbEntry, ProfileName, Value};
use edeploy::planner::{PlanError, Planner, Request};

use crate::support::{command, write};

const PROGRAM: &str = env!("CARGO_BIN_EXE_edeployctl");

const SCRIPTS: &str = include_str!("../vectors/hostile_scripts.jsonl");

#[derive(serde::Deserialize)]
struct Vector {
    id: String,
    ends: String,
    script: String,
}

fn vectors() -> Vec<Vector> {
    let parse = |line| serde_json::from_str(line).unwrap();
    SCRIPTS.lines().map(parse).collect()
}

fn planner() -> Planner {
    Planner::default().with_program(PROGRAM)
}

fn vm() -> ProfileName {
    ProfileName::new("vm").unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> CmdbEntry {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect()
}

fn script(text: &str) -> Script<'_> {
    Script {
        name: "x.configure",
        text,
    }
}

fn plan_all(planner: &Planner, texts: &[&str]) -> Vec<Result<Plan, PlanError>> {
    let (profile, variables) = (vm(), variables(&[("disk", "vda"), ("ip", "10.0.0.1")]));
    let requests: Vec<Request<'_>> = texts
        .iter()
        .map(|text| Request {
            script: script(text),
            profile: &profile,
            variables: &variables,
        })
        .collect();
    planner.plan_all(&requests)
}

fn plan(text: &str, variables: &CmdbEntry) -> Result<Plan, PlanError> {
    planner().plan(Request {
        script: script(text),
        profile: &vm(),
        variables,
    })
}

fn end_of(result: &Result<Plan, PlanError>) -> &'static str {
    match result {
        Ok(_) => "plan",
        Err(PlanError::Script(ScriptError::Limit { .. })) => "limit",
        Err(PlanError::Script(ScriptError::Script { .. })) => "wrong",
        Err(PlanError::Script(ScriptError::Refused { .. })) => "refused",
        Err(PlanError::Script(ScriptError::MissingVariable { .. })) => "missing",
        Err(PlanError::Exceeded { .. }) => "exceeded",
        Err(error) => panic!("{error}"),
    }
}

const GOOD: &str = "run('mkfs.ext4 /dev/' + var['disk'])\n";

#[test]
fn hostile_scripts_end_and_those_between_them_are_planned() {
    let vectors: Vec<Vector> = vectors()
        .into_iter()
        .filter(|vector| !vector.id.starts_with("escape"))
        .collect();
    assert!(vectors.len() > 40);
    let texts = vectors
        .iter()
        .flat_map(|vector| [vector.script.as_str(), GOOD]);
    let results = plan_all(&planner(), &texts.collect::<Vec<_>>());
    for (vector, both) in vectors.iter().zip(results.chunks(2)) {
        assert_eq!(
            end_of(&both[0]),
            vector.ends,
            "{}: {:?}",
            vector.id,
            both[0]
        );
        assert_eq!(both[1].as_ref().unwrap().actions.len(), 1, "{}", vector.id);
    }
}

#[test]
fn what_escapes_the_engines_own_limits_ends_with_its_worker() {
    let vectors: Vec<Vector> = vectors()
        .into_iter()
        .filter(|vector| vector.id.starts_with("escape"))
        .collect();
    assert!(vectors.len() > 20);
    let planner = planner().with_deadline(Duration::from_secs(1));
    let texts: Vec<&str> = vectors
        .iter()
        .map(|vector| vector.script.as_str())
        .collect();
    let started = Instant::now();
    let results = plan_all(&planner, &texts);
    // Twice a deadline each, if each first was in a worker that had others before.
    let longest = Duration::from_secs(3) * u32::try_from(texts.len()).unwrap();
    assert!(started.elapsed() < longest, "{:?}", started.elapsed());
    let mut exceeded = 0;
    for (vector, result) in vectors.iter().zip(&results) {
        let error = result.as_ref().expect_err(&vector.id);
        let end = end_of(result);
        if vector.ends == "exceeded" {
            // Some end at a limit of the engine's own, some only with the process.
            assert!(
                ["limit", "exceeded"].contains(&end),
                "{}: {error}",
                vector.id
            );
            let text = error.to_string();
            assert!(text.contains("script exceeded its limits: "), "{text}");
        } else {
            assert_eq!(end, vector.ends, "{}: {error}", vector.id);
        }
        if end == "exceeded" {
            exceeded += 1;
            assert!(error.to_string().starts_with("x.configure: "), "{error}");
        }
    }
    assert!(exceeded > 10, "{exceeded}");
}

#[test]
fn texts_that_nest_too_deep_end_at_a_limit() {
    let many = |text: &str| text.repeat(100_000);
    let texts = [
        many("("),
        format!("x = {}{}", many("["), many("]")),
        format!("x = {}1", "not ".repeat(60_000)),
        format!("x = f{}", many("()")),
        "x".repeat(300_000),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (result, text) in plan_all(&planner(), &texts).iter().zip(&texts) {
        assert_eq!(end_of(result), "limit", "{text:.40}");
    }
}

#[test]
fn variables_that_mean_harm_stay_data() {
    let huge = "x;".repeat(4 << 20);
    for value in [
        "'; reboot; '",
        "\"",
        "$(reboot)",
        "a\nreboot",
        "a\0b",
        "%s%(v)s%n",
        huge.as_str(),
    ] {
        let variables = variables(&[("v", value)]);
        let listed = plan("run(['echo', var['v']])", &variables).unwrap();
        let json = serde_json::to_value(&listed.actions[0]).unwrap();
        assert_eq!(json["command"][1], value, "{value:.20}");
        if !value.starts_with('%') {
            let refused = plan("run('echo ' + var['v'])", &variables);
            assert_eq!(end_of(&refused), "refused", "{value:.20}");
        }
    }
    let missing = plan("x = 1\nrun(var['dsk'])", &variables(&[("disk", "vda")])).unwrap_err();
    assert_eq!(
        missing.with_caret(),
        "x.configure:2:5: there is no `dsk` in `var`\n2 | run(var['dsk'])\n  |     ^^^^^^^^^^\n\
         hint: did you mean `disk`? there are: disk, edeploy-profile"
    );
}

#[test]
fn a_worker_says_the_same_as_the_engine_itself() {
    let texts = [
        GOOD,
        "x = output('date')\nrun(['echo', x])\nsleep(0.5)\nset_role('a', 'b', 'c')\n",
        "#!/bin/sh\nreboot\n",
        "import os\n",
        "run(vra['x'])\n",
        "run('x' * 100000000)\n",
        "fail('no é disk ⟨x⟩')\n",
        "open('/x/../../etc/shadow')\n",
        "",
    ];
    let results = plan_all(&planner(), &texts);
    for (text, result) in texts.iter().zip(results) {
        let variables = variables(&[("disk", "vda"), ("ip", "10.0.0.1")]);
        let own = of_configure(&script(text), &vm(), &variables, &Limits::default());
        assert_eq!(result, own.map_err(PlanError::Script), "{text}");
    }
}

#[test]
fn many_scripts_are_answered_in_the_order_asked() {
    let texts: Vec<String> = (0..700).map(|at| format!("run('echo {at}')\n")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (at, result) in plan_all(&planner(), &texts).into_iter().enumerate() {
        let json = serde_json::to_value(&result.unwrap().actions[0]).unwrap();
        assert_eq!(json["command"], format!("echo {at}"));
    }
    assert_eq!(plan_all(&planner(), &[]), []);
}

#[test]
fn variables_reach_a_script_as_a_machine_gets_them() {
    let pair = Value::Tuple(vec!["a".into(), "b".into()]);
    let variables: CmdbEntry = [("pair".to_owned(), pair)].into_iter().collect();
    let plan = plan("run(['echo', type(var['pair'])])", &variables).unwrap();
    let json = serde_json::to_value(&plan.actions[0]).unwrap();
    assert_eq!(json["command"][1], "list");
}

#[test]
fn a_program_that_is_no_worker_is_no_fault_of_the_script() {
    let dir = tempfile::tempdir().unwrap();
    for program in ["/no/such/program", "/bin/true", "/bin/false", "/bin/echo"] {
        let planner = Planner::default().with_program(program);
        let result = planner.plan(Request {
            script: script(GOOD),
            profile: &vm(),
            variables: &CmdbEntry::default(),
        });
        let error = result.unwrap_err();
        assert!(!error.is_of_the_script(), "{error}");
        assert!(error.to_string().contains(program), "{error}");
    }
    // A program that was replaced after its start still starts workers of its own kind.
    let copy = dir.path().join("edeployctl");
    std::fs::copy(PROGRAM, &copy).unwrap();
    let hardware = "[[\"disk\", \"vda\", \"size\", \"8\"]]";
    write(dir.path().join("state"), "[('vm', '*')]\n");
    write(
        dir.path().join("vm.specs"),
        "[('disk', '$disk', 'size', 'gt(4)')]\n",
    );
    write(dir.path().join("vm.configure"), GOOD);
    let mut child = command(&copy)
        .args(["plan", "-", "--config"])
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::fs::remove_file(&copy).unwrap();
    write(&copy, "not a program");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(hardware.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"plan of profile `vm`\n"));
}
