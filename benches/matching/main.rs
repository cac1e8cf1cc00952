//! How long matching takes, on a real machine and on inputs made to be hard; and how long the original takes.
//!
//! The original is PyPI's `hardware` package; a virtual environment with it is made under `target/` where
//! python3 and a package index are there. The real machine comes from the corpus where that is there.
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

#[path = "../../src/matching/shapes.rs"]
mod shapes;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use edeploy::matching::{CompiledSpec, FactIndex, Verdict, match_spec};
use edeploy::model::{Fact, Spec, Value};
use shapes::{Row, Shape, disk_rows, shapes};

fn compile(rules: &[Row]) -> CompiledSpec {
    let texts = rules.iter().map(|rule| rule.each_ref().map(String::as_str));
    CompiledSpec::compile(&Spec::from_texts(texts)).expect("the bench's own specs are valid")
}

fn facts(rows: &[Row]) -> Vec<Fact> {
    rows.iter()
        .map(|[category, instance, key, value]| {
            let value = match value.strip_prefix('#') {
                Some(number) => Value::Int(number.parse().expect("a number follows the mark")),
                None => Value::from(value.as_str()),
            };
            Fact::new(category, instance, key, value)
        })
        .collect()
}

fn corpus() -> PathBuf {
    std::env::var_os("EDEPLOY_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    )
}

/// A machine of about 900 facts: a recorded BL460c and more rows of its kind, else rows of that shape.
fn machine() -> Vec<Row> {
    let name = "ProLiantBL460cGen8641016B21-HP-CZ3404YWNW9c-b6-54-88-9c-38.json";
    let recorded = std::fs::read_to_string(corpus().join("fleet").join(name));
    let mut rows: Vec<Row> = match recorded {
        Ok(text) => {
            let rows: Vec<[serde_json::Value; 4]> =
                serde_json::from_str(&text).expect("a recorded machine is a list of rows");
            let text = |value: &serde_json::Value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => format!("#{value}"),
            };
            rows.iter().map(|row| row.each_ref().map(text)).collect()
        }
        Err(_) => {
            println!("the corpus is not there: a synthetic machine is used");
            synthetic()
        }
    };
    let more: Vec<Row> = rows
        .iter()
        .filter(|row| row[0] == "cpu" && row[1].starts_with("logical_"))
        .map(|[a, b, c, d]| [a.clone(), format!("{b}_b"), c.clone(), d.clone()])
        .collect();
    rows.extend(
        more.into_iter()
            .cycle()
            .take(900_usize.saturating_sub(rows.len())),
    );
    rows
}

fn synthetic() -> Vec<Row> {
    let mut rows = disk_rows(24);
    let row = |a: &str, b: &str, c: &str, d: &str| [a, b, c, d].map(str::to_owned);
    rows.push(row(
        "system",
        "product",
        "name",
        "ProLiant BL460c Gen8 (641016-B21)",
    ));
    rows.push(row("system", "product", "vendor", "HP"));
    rows.push(row("system", "product", "serial", "CZ00000000"));
    for cpu in 0..32 {
        for key in [
            "bogomips",
            "cache_size",
            "loops_per_sec",
            "bandwidth_1K",
            "bandwidth_1M",
        ] {
            rows.push(row("cpu", &format!("logical_{cpu}"), key, "1000"));
        }
    }
    rows
}

/// Nine profiles of ten rules, of which the last is the machine's own.
fn profiles(machine: &[Row]) -> Vec<Vec<Row>> {
    let value = |category: &str, instance: &str, key: &str| {
        let found = machine
            .iter()
            .find(|row| row[0] == category && row[1] == instance && row[2] == key);
        found.map_or_else(|| "none".to_owned(), |row| row[3].clone())
    };
    let instance = |key: &str| {
        let found = machine.iter().find(|row| row[0] == "disk" && row[2] == key);
        found.map_or_else(|| "none".to_owned(), |row| row[1].clone())
    };
    let row = |a: &str, b: &str, c: &str, d: &str| [a, b, c, d].map(str::to_owned);
    (0..9)
        .map(|number| {
            let own = number == 8;
            let name = value("system", "product", "name");
            let other = format!("{name} {number}");
            let mut rules = vec![
                row(
                    "system",
                    "product",
                    "vendor",
                    &value("system", "product", "vendor"),
                ),
                row(
                    "system",
                    "product",
                    "name",
                    if own { &name } else { &other },
                ),
                row("system", "product", "serial", "$$serial"),
                row("disk", "$disk1", "size", "$size1=gt(4)"),
                row(
                    "disk",
                    "$disk1",
                    "type",
                    &value("disk", &instance("type"), "type"),
                ),
                row("disk", "$disk2", "size", "range(100, 5000)"),
                row("disk", "$disk2", "slot", "$slot2"),
                row("cpu", "logical_0", "loops_per_sec", "gt(1)"),
                row("cpu", "$cpu", "bogomips", "ge(1)"),
                row("cpu", "$cpu", "cache_size", "$cache"),
            ];
            // The rule that fails stands among the first four: behind more names the original takes hours.
            let name = rules.remove(1);
            rules.insert(number % 4, name);
            rules
        })
        .collect()
}

fn timed(mut run: impl FnMut() -> Verdict) -> (Duration, Verdict) {
    let mut best = Duration::MAX;
    let mut last = run();
    for _ in 0..5 {
        let start = Instant::now();
        last = run();
        best = best.min(start.elapsed());
    }
    (best, last)
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Matched(_) => "matched".to_owned(),
        Verdict::Mismatch(_) => "mismatch".to_owned(),
        Verdict::Undecided { steps } => format!("undecided after {steps} steps"),
    }
}

fn hard_inputs() {
    let mut worst = Duration::ZERO;
    println!("\nhard inputs, best of 5, index and explanation included");
    for Shape {
        name,
        rules,
        facts: rows,
        solvable,
    } in shapes()
    {
        let (spec, facts) = (compile(&rules), facts(&rows));
        let (took, verdict) = timed(|| match_spec(&spec, &FactIndex::new(&facts)));
        let expected = match (&verdict, solvable) {
            (Verdict::Matched(_), Some(false)) | (Verdict::Mismatch(_), Some(true)) => "WRONG",
            (Verdict::Undecided { .. }, Some(_)) => "NOT DECIDED",
            _ => "",
        };
        println!("{took:>12.1?}  {name}: {} {expected}", word(&verdict));
        worst = worst.max(took);
    }
    println!("{worst:>12.1?}  worst");
}

fn real(criterion: &mut Criterion) {
    let rows = machine();
    let facts = facts(&rows);
    let specs: Vec<CompiledSpec> = profiles(&rows).iter().map(|rules| compile(rules)).collect();
    let index = FactIndex::new(&facts);
    let matched = specs
        .iter()
        .filter(|spec| matches!(match_spec(spec, &index), Verdict::Matched(_)));
    println!(
        "{} facts, {} profiles, {} matches",
        facts.len(),
        specs.len(),
        matched.count()
    );
    criterion.bench_function("index", |bencher| bencher.iter(|| FactIndex::new(&facts)));
    criterion.bench_function("machine against 9 profiles, index included", |bencher| {
        bencher.iter(|| {
            let index = FactIndex::new(&facts);
            specs
                .iter()
                .map(|spec| match_spec(spec, &index))
                .collect::<Vec<_>>()
        });
    });
    for shape in shapes()
        .into_iter()
        .filter(|shape| shape.name.starts_with("24 disks"))
    {
        let (spec, facts) = (compile(&shape.rules), self::facts(&shape.facts));
        criterion.bench_function(shape.name, |bencher| {
            bencher.iter(|| match_spec(&spec, &FactIndex::new(&facts)));
        });
    }
}

/// Runs the original on the same inputs.
fn original() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = root.join("target/original-venv");
    let Some(python) = python_with_hardware(&venv) else {
        println!("\nthe original is not timed: no python3 with PyPI's `hardware` package");
        return;
    };
    let rows = machine();
    let case = |name: &str, facts: &[Row], profiles: Vec<Vec<Row>>| {
        // The original aborts on values that are no text.
        let facts: Vec<Row> = facts
            .iter()
            .map(|row| {
                row.each_ref()
                    .map(|text| text.trim_start_matches('#').to_owned())
            })
            .collect();
        serde_json::json!({"name": name, "facts": facts, "profiles": profiles})
    };
    let mut cases = vec![(
        case("machine against 9 profiles", &rows, profiles(&rows)),
        timed_profiles(&rows, &profiles(&rows)),
    )];
    for shape in shapes()
        .into_iter()
        .filter(|shape| shape.name.starts_with("24 disks"))
    {
        let profiles = vec![shape.rules.clone()];
        let took = timed_profiles(&shape.facts, &profiles);
        cases.push((case(shape.name, &shape.facts, profiles), took));
    }
    let input = root.join("target/original-input.json");
    let json = serde_json::Value::from(
        cases
            .iter()
            .map(|(case, _)| case.clone())
            .collect::<Vec<_>>(),
    );
    if let Err(error) = write(&input, &json.to_string()) {
        println!(
            "\nthe original is not timed: {} cannot be written: {error}",
            input.display()
        );
        return;
    }
    let driver = root.join("benches/matching/original.py");
    let output = command(&python).arg(driver).arg(&input).arg("90").output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    println!("\nthe original (python, best of 5) and this, same inputs");
    for (line, (_, ours)) in output.unwrap_or_default().lines().zip(&cases) {
        let result: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let name = result["name"].as_str().unwrap_or_default();
        match result["seconds"].as_f64() {
            Some(theirs) => println!(
                "{name}: {:.3} ms and {ours:.1?}, {:.0} times",
                theirs * 1e3,
                theirs / ours.as_secs_f64()
            ),
            None => println!("{name}: more than 90 s and {ours:.1?}"),
        }
    }
}

fn timed_profiles(rows: &[Row], profiles: &[Vec<Row>]) -> Duration {
    let facts = facts(rows);
    let specs: Vec<CompiledSpec> = profiles.iter().map(|rules| compile(rules)).collect();
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        let index = FactIndex::new(&facts);
        for spec in &specs {
            std::hint::black_box(match_spec(spec, &index));
        }
        best = best.min(start.elapsed());
    }
    best
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench is not part of the programs"
)]
fn command(program: &Path) -> std::process::Command {
    std::process::Command::new(program)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench is not part of the programs"
)]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

fn python_with_hardware(venv: &Path) -> Option<PathBuf> {
    let python = venv.join("bin/python3");
    let works = |command: &mut std::process::Command| {
        command.output().is_ok_and(|output| output.status.success())
    };
    let has_it = || works(command(&python).args(["-c", "import hardware.matcher"]));
    if !has_it() {
        works(command(Path::new("python3")).args(["-m", "venv"]).arg(venv));
        works(command(&python).args(["-m", "pip", "install", "--quiet", "hardware"]));
    }
    has_it().then_some(python)
}

criterion_group!(benches, real);

fn main() {
    benches();
    hard_inputs();
    if std::env::args().any(|argument| argument == "--bench") {
        original();
    }
}
