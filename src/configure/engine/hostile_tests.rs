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

fn all_end(scripts: &[&str], end: &End) {
    for text in scripts {
        assert_eq!(&end_of(text, &CmdbEntry::default()), end, "{text:.80}");
    }
}

#[test]
fn endless_work_ends_at_a_limit() {
    all_end(
        &[
            "for i in range(1000000000):\n    pass\n",
            "x = [0 for i in range(1000000000)]",
            "for i in range(2000):\n    for j in range(2000):\n        for k in range(2000):\n            pass\n",
            "def f():\n    for i in range(1000000000):\n        pass\nfor i in range(1000000):\n    attempt(f)\n",
            "for i in range(1000000):\n    run('true')\n",
            "def f(n):\n    run(['x'])\n    f(n)\nf(1)\n",
            "for i in range(1000000):\n    open('/x', 'w')\n",
            "for i in range(1000000):\n    output('x')\n",
            "for i in range(1000000):\n    attempt(run, 'true')\n",
        ],
        &End::Limit,
    );
}

#[test]
fn deep_recursion_ends_at_a_limit() {
    all_end(
        &[
            "def f():\n    f()\nf()\n",
            "def f():\n    attempt(f)\nf()\n",
            "def f(n):\n    return [g(n) for i in range(2)]\ndef g(n):\n    return f(n + 1)\nf(0)\n",
            "f = lambda g: g(g)\nf(f)\n",
        ],
        &End::Limit,
    );
}

#[test]
fn values_that_are_too_large_end_at_a_limit() {
    all_end(
        &[
            "x = 'x' * 1000000000",
            "x = 2000000000 * 'abc'",
            "x = [0] * 1000000000",
            "x = list(range(1000000000))",
            "x = sorted(range(-2000000000, 2000000000))",
            "x = max(range(1000000000))",
            "x = zip(range(1000000000), range(1000000000))",
            "x = (1, 2) * 99999999999999999999",
            "x = 1 << 1000000000",
            "x = 3\nfor i in range(60):\n    x = x * x\n",
            "x = '%999999999d' % 1",
            "x = '%.999999999f' % 1.0",
            "x = '%*d' % (999999999, 1)",
            "x = '%s' * 1000000\ny = x % (x, ) if False else x * 100",
            "a = []\nfor i in range(60):\n    a = [a, a]\nrun('echo %s' % a)\n",
            "a = []\na.append(a)\nrun('%s' % a)\n",
            "a = {}\na['x'] = a\ninject_facts(a)\n",
            "t = 'x' * 1000000\nfor i in range(100):\n    run(t)\n",
            "t = 'x' * 1000000\nf = open('/x', 'w')\nfor i in range(100):\n    f.write(t)\n",
            "t = 'x' * 1000000\nfor i in range(100):\n    print(t)\n",
            "x = []\nfor i in range(3000000):\n    x.append(str(i) + 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')\n",
        ],
        &End::Limit,
    );
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
fn the_host_cannot_be_reached() {
    all_end(
        &[
            "load('/etc/passwd', 'x')",
            "import os",
            "__import__('os')",
            "eval('1')",
            "exec('1')",
            "globals()",
            "x = (1).__class__",
            "x = ''.__class__.__mro__[1].__subclasses__()",
            "x = run.__globals__",
            "run.write = 1",
            "ipmi.x = 1",
            "x = config('/x').number",
            "x = open('/x', 'w').__self__",
            "operator % = 1",
            "file.write(0, 'x')",
            "breakpoint()",
            "time()",
            "x = struct(a=1)\nx.a = 2\n",
            "\0",
            "x = 'a\0b'\nrun(\0)",
            "\u{202e}run('x')",
        ],
        &End::Wrong,
    );
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
