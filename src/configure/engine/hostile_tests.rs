//! Scripts and variables that mean harm. None may panic, hang or do anything outside its plan.

use std::time::{Duration, Instant};

use super::tests::{entry, planned};
use super::*;

/// How a script may end.
#[derive(Debug, PartialEq)]
enum End {
    Plan,
    Wrong,
    Missing,
    Refused,
    Limit,
}

fn end_of(text: &str, variables: &CmdbEntry) -> End {
    let started = Instant::now();
    let result = planned(text, variables);
    let took = started.elapsed();
    let shown: String = text.chars().take(80).collect();
    assert!(took < Duration::from_secs(30), "{shown}: {took:?}");
    match result {
        Ok(planned) => {
            assert!(planned.plan.actions.len() <= Limits::default().actions);
            End::Plan
        }
        Err(error) => {
            let details = error.with_caret().to_string();
            assert!(details.len() < 4_000, "{shown}: {} bytes", details.len());
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
            match error {
                ScriptError::Script { .. } => End::Wrong,
                ScriptError::MissingVariable { .. } => End::Missing,
                ScriptError::Refused { .. } => End::Refused,
                ScriptError::Limit { .. } => End::Limit,
                ScriptError::Engine { .. }
                | ScriptError::Failed { .. }
                | ScriptError::OtherPlan { .. } => panic!("{shown}: {error}"),
            }
        }
    }
}

/// Scripts and how they end; those that only a process of their own survives are for the planner's tests.
const SCRIPTS: &str = include_str!("../../../tests/vectors/hostile_scripts.jsonl");

#[derive(serde::Deserialize)]
struct Vector {
    id: String,
    ends: String,
    script: String,
}

/// Runs the scripts whose names begin with `kind`.
fn all_end(kind: &str) {
    let vectors = SCRIPTS
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut seen = 0;
    for vector in vectors.filter(|vector: &Vector| vector.id.starts_with(kind)) {
        let expected = match vector.ends.as_str() {
            "limit" => End::Limit,
            "wrong" => End::Wrong,
            other => panic!("{}: {other}", vector.id),
        };
        let end = end_of(&vector.script, &CmdbEntry::default());
        assert_eq!(end, expected, "{}", vector.id);
        seen += 1;
    }
    assert!(seen > 3, "{kind}");
}

#[test]
fn endless_work_ends_at_a_limit() {
    all_end("endless");
}

#[test]
fn deep_recursion_ends_at_a_limit() {
    all_end("deep");
}

#[test]
fn values_that_are_too_large_end_at_a_limit() {
    all_end("large");
}

#[test]
fn the_host_cannot_be_reached() {
    all_end("host");
}

#[test]
fn texts_that_nest_too_deep_never_reach_the_parser() {
    let many = |text: &str| text.repeat(100_000);
    for text in [
        many("("),
        many("["),
        format!("x = {}{}", many("["), many("]")),
        many("{1:"),
        format!("x = {}1", "not ".repeat(60_000)),
        format!("x = {}1", many("-")),
        format!("x = 1{}", many("+1")),
        format!("x = f{}", many("()")),
        format!("x = a{}", many(".a")),
        format!("x = {}1", "lambda:".repeat(30_000)),
        format!("x = {}1", "1 if 1 else ".repeat(20_000)),
        (0..700).map(|n| " ".repeat(n) + "if 1:\n").collect(),
        "if 1:\n    pass\n".to_owned() + &"elif 1:\n    pass\n".repeat(10_000),
        "x".repeat(300_000),
    ] {
        assert_eq!(
            end_of(&text, &CmdbEntry::default()),
            End::Limit,
            "{text:.40}"
        );
    }
}

#[test]
fn the_deepest_text_that_is_let_through_is_parsed_and_run() {
    for text in [
        format!("x = {}1{}", "[".repeat(99), "]".repeat(99)),
        format!("x = 1{}", "+1".repeat(990)),
        format!("x = {}1", "not ".repeat(1900)),
        format!("x = {}1", "-".repeat(1900)),
        format!("x = {}1", "1 if 1 else ".repeat(450)),
        format!("x = {}1", "lambda: ".repeat(900)),
        "if 0:\n    pass\n".to_owned() + &"elif 0:\n    pass\n".repeat(499),
        (0..100)
            .map(|n| " ".repeat(n) + "if 1:\n")
            .collect::<String>()
            + &" ".repeat(100)
            + "pass\n",
    ] {
        let end = end_of(&text, &CmdbEntry::default());
        assert!(matches!(end, End::Plan | End::Wrong), "{text:.40}: {end:?}");
    }
}

#[test]
fn a_limit_or_refusal_cannot_be_caught() {
    let variables = entry(&[("v", "$(reboot)")]);
    let caught = "attempt(run, 'echo ' + var['v'])\nvar.clear()\nrun('true')\n";
    assert_eq!(end_of(caught, &variables), End::Refused);
    let changed = "v = var.pop('v')\nrun('echo ' + v)\n";
    assert_eq!(end_of(changed, &variables), End::Refused);
    let printed = "def f():\n    print('x' * 4000000)\nfor i in range(9):\n    attempt(f)\n";
    assert_eq!(end_of(printed, &CmdbEntry::default()), End::Limit);
}

#[test]
fn variables_that_mean_harm_stay_data() {
    let huge = "x;".repeat(1 << 20);
    for value in [
        "'; reboot; '",
        "\"; reboot; \"",
        "$(reboot)",
        "`reboot`",
        "a\nreboot",
        "a\0b",
        "| sh",
        "> /etc/passwd",
        "\\",
        "~; x",
        huge.as_str(),
    ] {
        let variables = entry(&[("v", value)]);
        let end = end_of("run('echo ' + var['v'])", &variables);
        assert_eq!(end, End::Refused, "{value:.20}");
        let end = end_of("run('echo %(v)s' % var)", &variables);
        assert_eq!(end, End::Refused, "{value:.20}");
        let end = end_of("run('true')\nrun(['echo', var['v']])", &variables);
        assert_eq!(end, End::Plan, "{value:.20}");
        let end = end_of("config('/x').write('%(v)s' % var)", &variables);
        assert_eq!(end, End::Plan, "{value:.20}");
    }
    for value in ["%s%s%s", "%(v)s", "%n", "%999999999d", "{v}", "⟨disk-1⟩"] {
        let variables = entry(&[("v", value)]);
        let end = end_of(
            "config('/x').write('%(v)s {}\\n'.format(1) % var)",
            &variables,
        );
        assert_eq!(end, End::Plan, "{value}");
    }
    let upward = entry(&[("v", "../../../etc/shadow")]);
    assert_eq!(end_of("config('/x/' + var['v'])", &upward), End::Refused);
    assert_eq!(end_of("open('/x/' + var['v'], 'w')", &upward), End::Refused);
    assert_eq!(end_of("var['nothing']", &upward), End::Missing);
}
