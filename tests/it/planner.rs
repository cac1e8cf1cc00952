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

/// A planner for a machine that is busy with other tests.
fn planner() -> Planner {
    Planner::default()
        .with_program(PROGRAM)
        .with_deadline(Duration::from_secs(60))
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
}

#[test]
fn a_program_that_was_replaced_after_its_start_starts_workers_of_its_own_kind() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let copy = dir.path().join("edeployctl");
    // No copy: one that another test's child still holds for writing cannot be run.
    std::fs::hard_link(PROGRAM, &copy).unwrap();
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

/// What a worker may ask the kernel for once it reads: memory, threads, time, the end, and its pipes.
const HARMLESS: [&str; 32] = [
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "fstat",
    "futex",
    "getpid",
    "getrandom",
    "getrlimit",
    "gettid",
    "lseek",
    "madvise",
    "membarrier",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "poll",
    "prctl",
    "prlimit64",
    "read",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "setrlimit",
    "sigaltstack",
    "tgkill",
];

/// Whether a line of `strace -f` is of something that a worker may do.
fn is_harmless(line: &str) -> bool {
    let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    if ["+++", "---", "<..."]
        .iter()
        .any(|start| call.starts_with(start))
    {
        return true;
    }
    let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
    match name {
        // A thread is no process.
        "clone" | "clone3" => arguments.contains("CLONE_THREAD"),
        "write" => arguments.starts_with("1,") || arguments.starts_with("2,"),
        "open" | "openat" => !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
            .iter()
            .any(|flag| arguments.contains(flag)),
        name => HARMLESS.contains(&name),
    }
}

/// Runs a worker on these scripts under `strace`: its calls, or a note why not.
fn traced(scripts: &[&str]) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let probe = command("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no strace here that may trace");
        return None;
    }
    let texts: Vec<_> = scripts
        .iter()
        .map(|text| serde_json::json!({ "name": "x.configure", "text": text }))
        .collect();
    let order = serde_json::json!({ "wanted": "plan", "deadline_ms": 60_000, "scripts": texts });
    let mut input = format!("{order}\n");
    for at in 0..scripts.len() {
        let variables = serde_json::json!({ "disk": "vda", "v": "'; touch /tmp/x; $(id)" });
        let task = serde_json::json!({ "script": at, "profile": "vm", "variables": variables });
        input.push_str(&format!("{task}\n"));
    }
    write(dir.path().join("input"), input);
    let trace = dir.path().join("trace");
    let output = command("strace")
        .args(["-f", "-qq", "-s", "8", "-o"])
        .arg(&trace)
        .args([PROGRAM, "plan-worker"])
        .stdin(std::fs::File::open(dir.path().join("input")).unwrap())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let answers = String::from_utf8(output.stdout).unwrap().lines().count();
    assert_eq!(answers, scripts.len() + 1);
    Some(std::fs::read_to_string(trace).unwrap())
}

#[test]
fn under_strace_no_script_has_an_effect_outside_its_plan() {
    let vectors = vectors();
    let mut scripts: Vec<&str> = vectors
        .iter()
        .filter(|vector| !vector.id.starts_with("escape"))
        .map(|vector| vector.script.as_str())
        .collect();
    scripts.extend([
        GOOD,
        "run('touch /tmp/x')\nrun(['reboot'])\nx = output('id')\nsleep(1000)\n",
        "open('/etc/passwd', 'w').write(var['v'])\n",
        "config('/etc/shadow').write('x')\nset_role('a', 'b', 'c')\n",
        "ipmi.restart_bmc()\nhpacucli.Cli(debug=True)\n",
        "inject_facts({'a': 1})\ngrub_options('x')\nprint('x')\nattempt(run, 'true')\n",
        "#!/bin/sh\ntouch /tmp/x\n",
        "s = 'x'\nfor i in range(100):\n    s = s + s\n",
    ]);
    assert!(scripts.len() > 40);
    let Some(trace) = traced(&scripts) else {
        return;
    };
    let mut lines = trace.lines();
    let before = lines.by_ref().take_while(|line| !line.contains(" read(0,"));
    let limits: String = before.filter(|line| line.contains("RLIMIT")).collect();
    for limit in ["RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE"] {
        assert!(limits.contains(limit), "{limit} is not lowered: {limits}");
    }
    let after: Vec<&str> = lines.collect();
    let harmful: Vec<_> = after.iter().filter(|line| !is_harmless(line)).collect();
    assert!(harmful.is_empty(), "{harmful:#?}");
    assert!(
        after.iter().any(|line| line.contains(" write(1,")),
        "{trace}"
    );
}

#[test]
fn harm_is_seen_in_a_trace() {
    for line in [
        r#"12 openat(AT_FDCWD, "/tmp/x", O_WRONLY|O_CREAT, 0666) = 3"#,
        r#"12 execve("/bin/sh", ["sh"], 0x0) = 0"#,
        "12 socket(AF_INET, SOCK_STREAM, 0) = 3",
        "12 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 13",
        "12 vfork() = 13",
        r#"12 write(3, "x", 1) = 1"#,
        r#"12 unlink("/tmp/x") = 0"#,
    ] {
        assert!(!is_harmless(line), "{line}");
    }
    let thread =
        "12 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} => {parent_tid=[13]}, 88) = 13";
    assert!(is_harmless(thread));
}

#[test]
fn a_script_without_an_end_is_not_tried_for_a_whole_fleet() {
    let endless = "a, b = [1], [1]\nfor i in range(60):\n    a, b = [a, a], [b, b]\nx = a == b\n";
    let planner = planner()
        .with_deadline(Duration::from_secs(2))
        .with_workers(1);
    let mut texts = vec![endless; 40];
    texts.extend([GOOD, endless, GOOD]);
    let results = plan_all(&planner, &texts);
    let how = |result: &Result<Plan, PlanError>| match result {
        Ok(_) => "planned".to_owned(),
        Err(error) => error.to_string(),
    };
    let tried = "x.configure: script exceeded its limits: it is not done after 2s";
    let not_tried = "x.configure: script exceeded its limits: it did so for other machines, and was not tried again";
    let hows: Vec<String> = results.iter().map(how).collect();
    assert_eq!(hows[..3], [tried; 3]);
    assert_eq!(hows[3..40], [not_tried; 37]);
    assert_eq!(hows[40..], ["planned", not_tried, "planned"]);
}
