//! `edeploy detect` on recorded machines and on this one.

use std::path::{Path, PathBuf};
use std::process::Output;

use edeploy::format::{parse_json, parse_literal};
use edeploy::hardware::{Sysroot, detect};
use edeploy::model::{Fact, Facts};
use edeploy::system::{Output as Answer, Recorded};
use proptest::prelude::{Strategy, any, prop_oneof};

use crate::support::recorded::{fixtures, unpack};
use crate::support::server::TestServer;
use crate::support::{self, names, write};

fn edeploy(words: &[&str]) -> Output {
    let mut command = support::command(env!("CARGO_BIN_EXE_edeploy"));
    command.args(words).env_clear().output().unwrap()
}

/// What it prints of a tree, as it stands; a failure and standard error are shown.
fn detected(root: &Path, options: &[&str]) -> (String, String) {
    let words = [&["detect", "--root", root.to_str().unwrap()], options].concat();
    let output = edeploy(&words);
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{stderr}");
    (stdout, stderr)
}

fn facts(json: &str) -> Facts {
    let parsed = parse_json("detect", json.as_bytes()).unwrap();
    assert_eq!(parsed.bad_rows, []);
    parsed.facts
}

fn value<'a>(facts: &'a [Fact], category: &str, instance: &str, key: &str) -> Option<&'a str> {
    let fact = facts
        .iter()
        .find(|fact| (&*fact.category, &*fact.instance, &*fact.key) == (category, instance, key));
    fact?.value.as_text()
}

#[test]
fn every_recorded_machine_has_the_facts_that_are_kept_with_it() {
    let mut machines = 0;
    for name in names(fixtures()) {
        let root = unpack(&name);
        let (json, warnings) = detected(root.path(), &[]);
        let shown = format!("{json}{warnings}").replace(root.path().to_str().unwrap(), "ROOT");
        insta::assert_snapshot!(format!("detect_{name}"), shown);
        machines += 1;
    }
    assert!(machines >= 4);
}

#[test]
fn the_hw_form_says_the_same_as_json() {
    for name in names(fixtures()) {
        let root = unpack(&name);
        let (tuples, _) = detected(root.path(), &["--hw"]);
        let tuples = parse_literal("detect", &tuples).unwrap();
        let (json, _) = detected(root.path(), &["--json"]);
        assert_eq!(tuples.facts, facts(&json));
    }
}

#[test]
fn a_part_of_a_bond_keeps_its_own_address() {
    let root = unpack("rack-server");
    let facts = facts(&detected(root.path(), &[]).0);
    assert_eq!(
        value(&facts, "network", "eno2", "serial"),
        Some("2c:ea:7f:40:11:f1")
    );
    assert!(
        facts
            .iter()
            .all(|fact| fact.instance != "bond0" && fact.instance != "lo")
    );
    assert!(facts.iter().all(|fact| fact.key != "snmp-community-string"));
}

#[test]
fn without_a_readable_source_the_others_still_tell() {
    let root = unpack("virtual");
    std::fs::remove_dir_all(root.path().join("sys/firmware")).unwrap();
    std::fs::remove_dir_all(root.path().join("sys/class/net")).unwrap();
    write(root.path().join("sys/class/net"), "a file, not a directory");
    let (json, warnings) = detected(root.path(), &[]);
    assert!(
        warnings.starts_with("warning: cannot read the SMBIOS tables"),
        "{warnings}"
    );
    let facts = facts(&json);
    assert_eq!(value(&facts, "disk", "vda", "size"), Some("21"));
    assert_eq!(value(&facts, "memory", "total", "size"), None);
}

#[test]
fn a_directory_that_is_no_machine_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let output = edeploy(&["detect", "--root", root.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("is that the root directory of a machine?"),
        "{error}"
    );
    assert_eq!(
        edeploy(&["detect", "--json", "--hw"]).status.code(),
        Some(2)
    );
}

#[test]
fn the_server_takes_what_is_detected() {
    let server = TestServer::start(|config| {
        write(config.join("state"), "[('any', '*')]\n");
        write(
            config.join("any.specs"),
            "[('disk', '$disk', 'size', 'gt(4)'), ('network', '$eth', 'serial', '$mac')]\n",
        );
        write(config.join("any.configure"), "run('true')\n");
    });
    let mut machines: Vec<String> = names(fixtures())
        .iter()
        .map(|name| detected(unpack(name).path(), &[]).0)
        .collect();
    let here = edeploy(&["detect"]);
    assert!(here.status.success());
    let here = String::from_utf8(here.stdout).unwrap();
    let is_whole = |json: &str| json.contains("\"size\"") && json.contains("\"network\"");
    // A container may have no disk of its own.
    machines.extend(is_whole(&here).then_some(here));
    for json in machines {
        let script = server.register(&json);
        assert!(script.contains("#EDEPLOY_PROFILE = any"), "{script}");
        let answer = server.post_machine(json.as_bytes());
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever a file of the kernel or a program says: facts that the server takes, and no end.
    #[test]
    fn nothing_that_a_machine_says_breaks_the_detection(
        choice in proptest::collection::vec((0_usize..10_000, odd()), 1..20),
        machine in 0_usize..4,
    ) {
        let names = names(fixtures());
        let root = unpack(&names[machine]);
        let files = files_below(root.path());
        for (at, bytes) in choice {
            write(&files[at % files.len()], bytes);
        }
        let answers = recorded_answers(root.path());
        let found = detect(&Sysroot::new(root.path()), &Recorded::new(answers));
        let json = serde_json::to_string(&found.facts).unwrap();
        let again = facts(&json);
        proptest::prop_assert_eq!(again.len(), found.facts.len());
        for fact in &found.facts {
            let text = fact.value.as_text().unwrap_or_default();
            let whole = [&fact.instance, &fact.key, text].concat();
            proptest::prop_assert!(whole.len() < 10_000 && !whole.contains(char::is_control));
        }
    }
}

/// Bytes of any kind, and those that parsers stumble over.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 12] = [
        b"",
        b"\n",
        b"18446744073709551615",
        b"-9223372036854775808",
        b"0-18446744073709551615,4294967295",
        b"ffffffffffffffff",
        b"[[[[[[{",
        b"[{\"ifname\":\"eno1\",\"addr_info\":[{\"family\":\"inet\",\"local\":\"1.2.3.4\",\"prefixlen\":255}]}]",
        b"NumberOfSlots : 4294967295\nID# x\n1 2 3 4 5 6 7 8 9 10\n",
        b"\xff\xfe\x00:\x80\t: :: |||| = \xe2\x80",
        b"processor : 0\nmodel : \x1b[2J\nflags : \xf0\x9f\x92\xa9\n",
        b"\x11\xff\x00\x00\x10\x10",
    ];
    prop_oneof![
        proptest::sample::select(known.map(<[u8]>::to_vec).to_vec()),
        proptest::collection::vec(any::<u8>(), 0..400),
        (any::<u8>(), 1_usize..70_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(directory) {
        let path = directory.join(name);
        // Links are left alone: some lead in a circle.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn recorded_answers(root: &Path) -> Vec<(String, Answer)> {
    let directory = root.join("commands");
    let answer = |name: String| {
        let stdout = std::fs::read(directory.join(&name)).unwrap();
        let line = name.replace("%2F", "/");
        let answer = Answer {
            stdout,
            ..Answer::default()
        };
        (line, answer)
    };
    names(&directory).into_iter().map(answer).collect()
}
