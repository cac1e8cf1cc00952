use std::fmt::Write as _;

use super::*;

/// Values as Python would hold them, for the tests.
#[derive(Debug, Clone)]
enum Given {
    One(Argument),
    Tuple(Vec<Argument>),
    Mapping(Vec<(&'static str, Argument)>),
}

impl Arguments for Given {
    fn tuple_length(&self) -> Option<usize> {
        match self {
            Given::Tuple(items) => Some(items.len()),
            _ => None,
        }
    }

    fn is_mapping(&self) -> bool {
        matches!(self, Given::Mapping(_))
    }

    fn may_be_unused(&self) -> bool {
        self.is_mapping()
    }

    fn item(&self, at: usize) -> Result<Argument> {
        match self {
            Given::One(argument) => Ok(argument.clone()),
            Given::Tuple(items) => Ok(items[at].clone()),
            Given::Mapping(_) => wrong("no item"),
        }
    }

    fn key(&self, name: &str) -> Result<Argument> {
        let Given::Mapping(pairs) = self else {
            return wrong("no mapping");
        };
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| PrintfError::NoKey {
                key: name.to_owned(),
                known: pairs.iter().map(|(key, _)| (*key).to_owned()).collect(),
            })
    }
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

#[test]
fn keys_per_cent_signs_and_tuples_are_written() {
    let var = Given::Mapping(vec![("ip", text("10.0.0.1")), ("n", Argument::Int(7))]);
    assert_eq!(
        printf("%(ip)s is %(n)03d%%", &var).unwrap(),
        "10.0.0.1 is 007%"
    );
    let two = Given::Tuple(vec![text("a"), Argument::Float(0.5)]);
    assert_eq!(printf("%s=%.2f", &two).unwrap(), "a=0.50");
}

#[test]
fn a_key_that_is_not_there_is_named_with_those_that_are() {
    let var = Given::Mapping(vec![("ip", text("x"))]);
    assert_eq!(
        printf("%(pi)s", &var).unwrap_err(),
        PrintfError::NoKey {
            key: "pi".to_owned(),
            known: vec!["ip".to_owned()]
        }
    );
}

#[test]
fn a_huge_width_precision_or_result_is_refused() {
    for format in [
        "%99999999999999999999d",
        "%.2000000000f",
        "%.10001s",
        "%10001s",
    ] {
        let error = printf(format, &Given::One(Argument::Int(1))).unwrap_err();
        assert!(
            matches!(error, PrintfError::TooLarge(_)),
            "{format}: {error}"
        );
    }
    let star = Given::Tuple(vec![Argument::Int(i128::MIN), Argument::Int(1)]);
    assert!(matches!(
        printf("%*d", &star).unwrap_err(),
        PrintfError::TooLarge(_)
    ));
    let many = Given::Mapping(vec![("a", text("x"))]);
    let error = printf(&"%(a)9999s".repeat(500), &many).unwrap_err();
    assert!(matches!(error, PrintfError::TooLarge(_)), "{error}");
}

#[test]
fn a_placeholder_stands_where_a_number_is_asked_for() {
    let slot = Given::One(text("⟨slot-1⟩"));
    assert_eq!(printf("slot=%d", &slot).unwrap(), "slot=⟨slot-1⟩");
}

/// A generator of numbers that is the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }

    fn conversion(&mut self, keyed: bool) -> String {
        let mut out = String::from("%");
        if keyed {
            out.push_str(self.word(&["(a)", "(b)", "(c(d))", "(none)"]));
        }
        for _ in 0..self.below(3) {
            out.push_str(self.word(&["-", "+", " ", "#", "0"]));
        }
        out.push_str(self.word(&["", "", "1", "5", "12", "30"]));
        if self.below(20) == 0 {
            out.push_str(self.word(&["*", ".*", "*.*"]));
        }
        out.push_str(self.word(&["", "", ".", ".0", ".1", ".3", ".17", ".2", ".6"]));
        out.push_str(self.word(&["", "", "", "l", "h"]));
        let letters: Vec<char> = "diouxXeEfFgGcrsa%diouxXeEfFgGcrsa%yb".chars().collect();
        out.push(*self.pick(&letters));
        out
    }
}

/// Values with what they are in Python's words.
fn values() -> Vec<(Argument, String)> {
    let mut values = Vec::new();
    for int in [0, 1, -1, 7, 42, -255, 1 << 40, -(1_i128 << 90), 65, 8364] {
        values.push((Argument::Int(int), int.to_string()));
    }
    for float in [
        0.0,
        -0.0,
        0.5,
        1.5,
        2.5,
        -2.675,
        1e16,
        1e-5,
        123_456_789.123,
        1e22,
        5e-324,
        9.995,
        1e300,
        0.0001,
        99999.5,
        999_999.5,
    ] {
        values.push((Argument::Float(float), format!("float('{float:e}')")));
    }
    for float in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        values.push((Argument::Float(float), format!("float('{float}')")));
    }
    for word in [
        "",
        "a",
        "hello",
        "it's",
        "\"q\"",
        "'\"",
        "é€😀",
        "%s",
        "a\nb\\\t\u{1}",
    ] {
        let mut literal = String::new();
        for c in word.chars() {
            write!(literal, "\\U{:08x}", u32::from(c)).unwrap();
        }
        values.push((text(word), format!("'{literal}'")));
    }
    let other = |kind, int, text: &str| Argument::Other {
        kind,
        int,
        text: text.to_owned(),
    };
    values.push((other("bool", Some(1), "True"), "True".to_owned()));
    values.push((other("None", None, "None"), "None".to_owned()));
    values
}

/// One format with arguments, and the same as an expression of Python.
fn random_case(random: &mut Random, values: &[(Argument, String)]) -> (String, Given, String) {
    let mapping = random.below(3) == 0;
    let mut format = String::new();
    let conversions = random.below(3) + 1;
    for _ in 0..conversions {
        format.push_str(random.word(&["", "x", "/dev/", " é"]));
        let keyed = if mapping { true } else { random.below(60) == 0 };
        format.push_str(&random.conversion(keyed));
    }
    let mut written = String::new();
    if mapping {
        let mut pairs = Vec::new();
        for key in ["a", "b", "c(d)"] {
            let (value, python) = random.pick(values);
            pairs.push((key, value.clone()));
            write!(written, "'{key}': {python}, ").unwrap();
        }
        return (format, Given::Mapping(pairs), format!("{{{written}}}"));
    }
    if random.below(6) == 0 {
        let (value, python) = random.pick(values);
        return (format, Given::One(value.clone()), python.clone());
    }
    let mut items = Vec::new();
    let count = match random.below(8) {
        0 => random.below(5),
        _ => conversions,
    };
    for _ in 0..count {
        let (value, python) = random.pick(values);
        items.push(value.clone());
        write!(written, "{python}, ").unwrap();
    }
    (format, Given::Tuple(items), format!("({written})"))
}

/// Reads expressions, one to a line, and answers the code points of each result, or `-`.
const PYTHON: &str = r"
import sys
for line in sys.stdin:
    try:
        print(' '.join(str(ord(c)) for c in eval(line)) or '0x')
    except Exception:
        print('-')
";

#[expect(clippy::disallowed_methods, reason = "a test asks the real Python")]
fn ask_python(lines: &str) -> Option<String> {
    use std::io::Write as _;
    let mut child = std::process::Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn ten_thousand_random_formats_read_as_python_writes_them() {
    let values = values();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut lines = String::new();
    let mut ours = Vec::new();
    for _ in 0..10_000 {
        let (format, given, python) = random_case(&mut random, &values);
        let mut literal = String::new();
        for c in format.chars() {
            write!(literal, "\\U{:08x}", u32::from(c)).unwrap();
        }
        writeln!(lines, "'{literal}' % {python}").unwrap();
        ours.push((printf(&format, &given).ok(), format, python));
    }
    let Some(answers) = ask_python(&lines) else {
        println!("skipped: there is no python3");
        return;
    };
    assert_eq!(answers.lines().count(), ours.len());
    let good = ours.iter().filter(|(own, ..)| own.is_some()).count();
    assert!(good > 2_000, "only {good} formats are good ones");
    for (answer, (own, format, python)) in answers.lines().zip(&ours) {
        let expected = (answer != "-").then(|| {
            answer
                .split(' ')
                .filter_map(|code| code.parse::<u32>().ok())
                .filter_map(char::from_u32)
                .collect::<String>()
        });
        assert_eq!(own, &expected, "{format:?} % {python}");
    }
}
