//! Who may import whom: the sources compared with the tables below.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Each module of the library and the modules it may name. What is not here may not exist.
const MODULES: [(&str, &[&str]); 15] = [
    ("model", &[]),
    ("format", &["model"]),
    ("matching", &["model"]),
    ("allocation", &["model", "format", "matching"]),
    ("configure", &["model"]),
    ("events", &["model"]),
    ("roles", &["model"]),
    ("system", &[]),
    ("hardware", &["model", "system"]),
    ("planner", &["model", "configure", "system"]),
    ("reporters", &["model"]),
    // The client interprets configure scripts, as the server does for their plans.
    (
        "client",
        &[
            "model",
            "configure",
            "hardware",
            "planner",
            "reporters",
            "roles",
            "system",
        ],
    ),
    (
        "server",
        &[
            "model",
            "format",
            "matching",
            "allocation",
            "configure",
            "events",
            "planner",
            "reporters",
            // pxemngr is a command of the server's machine and runs through the one runner.
            "system",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "format",
            "matching",
            "allocation",
            "configure",
            "events",
            "planner",
            "roles",
            "system",
            "hardware",
        ],
    ),
    ("telemetry", &[]),
];

/// What a program may name besides `telemetry`: one of these.
const FRONTS: [&str; 3] = ["server", "client", "cli"];

/// Paths outside the library that belong to some modules only.
const RESERVED: [(&str, &[&str]); 17] = [
    ("std::process", &["system"]),
    ("fs2", &["allocation"]),
    ("ron", &["format"]),
    ("rusqlite", &["events"]),
    ("actix_web", &["server"]),
    ("actix_files", &["server"]),
    ("actix_multipart", &["server"]),
    ("actix_rt", &["server"]),
    ("askama", &["server"]),
    ("tokio", &["server"]),
    ("futures_util", &["server"]),
    ("regex", &["matching"]),
    // The server posts its webhooks itself, server and client what reporters are handed.
    ("ureq", &["client", "cli", "reporters", "server"]),
    ("prometheus_client", &["server"]),
    ("clap", &["server", "client", "cli"]),
    ("minisign", &["roles"]),
    ("minisign_verify", &["roles"]),
];

/// The pure core and what it never touches.
const PURE: [&str; 4] = ["model", "format", "matching", "roles"];
/// The one part of the pure core that reads trees.
const READS_TREES: [&str; 2] = ["roles/walk.rs", "roles/walk"];
const EFFECTS: [&str; 9] = [
    "std::fs",
    "std::env",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::thread",
    "std::time",
    "tempfile",
    "tracing",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut pending = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_owned();
                files.push((path, without_comments(&text)));
            }
        }
    }
    files.sort();
    files
}

fn without_comments(text: &str) -> String {
    let comment = Regex::new(r"(?m)(^|\s)//.*$").unwrap();
    comment.replace_all(text, "$1").into_owned()
}

/// `format` for `format/specs.rs` and for `format.rs`.
fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    let first = first.to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

/// How many modules deep a file is: 1 for `format/mod.rs`, 2 for `format/specs.rs`.
fn depth_of(path: &Path) -> usize {
    path.components().count() - usize::from(path.ends_with("mod.rs"))
}

/// The names that follow `prefix` in `text`, one or a group in braces.
fn names_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let start = Regex::new(&format!(r"(^|[^\w:]){prefix}")).unwrap();
    let word = Regex::new(r"^\w+").unwrap();
    let mut names = BTreeSet::new();
    for found in start.find_iter(text) {
        let rest = &text[found.end()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.extend(word.find(rest).map(|name| name.as_str().to_owned()));
            continue;
        };
        let mut depth = 1;
        let mut expected = true;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => expected = true,
                _ if expected && !character.is_whitespace() => {
                    names.extend(word.find(&group[at..]).map(|name| name.as_str().to_owned()));
                    expected = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// The modules of the library that a file names, by `crate::`, `edeploy::` or a climb with `super::`.
fn modules_named(path: &Path, text: &str) -> BTreeSet<String> {
    let mut named = names_after(text, "crate::");
    named.extend(names_after(text, "edeploy::"));
    // In a nested `mod tests` the climb is one longer and ends in the file's own module: no matter,
    // what is found there is no name of a top module.
    named.extend(names_after(text, &"super::".repeat(depth_of(path))));
    named.retain(|name| MODULES.iter().any(|(module, _)| module == name));
    named
}

fn names_path(text: &str, path: &str) -> bool {
    let pattern = format!(r"(^|[^\w:]){path}(::|;|\s+as\s)");
    if Regex::new(&pattern).unwrap().is_match(text) {
        return true;
    }
    // `use std::{fs, process}` names `std::process` too.
    path.split_once("::")
        .is_some_and(|(head, tail)| names_after(text, &format!("{head}::")).contains(tail))
}

/// Modules that only tests have: declared after `#[cfg(test)]`, or called `tests`.
fn test_modules() -> BTreeSet<PathBuf> {
    let declared = Regex::new(r"#\[cfg\(test\)\]\s+mod (\w+);").unwrap();
    let mut modules = BTreeSet::new();
    for (path, text) in sources() {
        let home = if path.ends_with("mod.rs") || path.ends_with("lib.rs") {
            path.parent().unwrap().to_owned()
        } else {
            path.with_extension("")
        };
        for found in declared.captures_iter(&text) {
            modules.insert(home.join(&found[1]));
        }
    }
    modules
}

/// What is built into the programs: no test modules, and the text before the unit tests.
fn production_sources() -> Vec<(PathBuf, String)> {
    let tests = test_modules();
    let is_test = |path: &Path| {
        let module = path.with_extension("");
        module.ancestors().any(|part| tests.contains(part))
    };
    let mut files = sources();
    files.retain(|(path, _)| !is_test(path));
    for (_, text) in &mut files {
        if let Some(tests) = text.find("#[cfg(test)]\nmod tests") {
            text.truncate(tests);
        }
    }
    files
}

fn is_program(path: &Path) -> bool {
    path.starts_with("bin")
}

#[test]
fn every_module_is_in_the_table() {
    for (path, _) in production_sources() {
        let module = module_of(&path);
        assert!(
            is_program(&path)
                || path == Path::new("lib.rs")
                || MODULES.iter().any(|(known, _)| *known == module),
            "src/{}: `{module}` is not in the table of tests/it/layering.rs",
            path.display()
        );
    }
}

#[test]
fn modules_name_only_what_the_table_allows() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let Some((_, allowed)) = MODULES.iter().find(|(known, _)| *known == module) else {
            continue;
        };
        for name in modules_named(&path, &text) {
            if name != module && !allowed.contains(&name.as_str()) {
                broken.push(format!("src/{} uses `{name}`", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_program_names_one_front_and_telemetry() {
    let process = Regex::new(r"std::process::(\w+)").unwrap();
    for (path, text) in sources().iter().filter(|(path, _)| is_program(path)) {
        let mut named = modules_named(path, text);
        named.remove("telemetry");
        let fronts: Vec<&String> = named.iter().collect();
        assert!(
            fronts.len() <= 1 && fronts.iter().all(|name| FRONTS.contains(&name.as_str())),
            "src/{} uses {fronts:?}",
            path.display()
        );
        let mut named = process.captures_iter(text);
        assert!(
            named.all(|found| &found[1] == "ExitCode"),
            "src/{}: a program needs nothing of std::process but ExitCode",
            path.display()
        );
    }
}

#[test]
fn outside_paths_stay_in_their_modules() {
    let mut broken = Vec::new();
    let sources = production_sources();
    for (path, text) in sources.iter().filter(|(path, _)| !is_program(path)) {
        let module = module_of(path);
        // A process may say its own number.
        let text = &text.replace("std::process::id()", "");
        for (reserved, owners) in RESERVED {
            if !owners.contains(&module.as_str()) && names_path(text, reserved) {
                broken.push(format!("src/{} uses `{reserved}`", path.display()));
            }
        }
        let reads_trees = READS_TREES.iter().any(|part| path.starts_with(part));
        if PURE.contains(&module.as_str()) && !reads_trees {
            for effect in EFFECTS.iter().filter(|effect| names_path(text, effect)) {
                broken.push(format!(
                    "src/{} is pure and uses `{effect}`",
                    path.display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    let named = |path: &str, text: &str| -> Vec<String> {
        modules_named(Path::new(path), &without_comments(text))
            .into_iter()
            .collect()
    };
    assert_eq!(
        named("format/a.rs", "use crate::matching::X;"),
        ["matching"]
    );
    assert_eq!(
        named("format/a.rs", "use crate::{model::{Fact, server}, cli};"),
        ["cli", "model"]
    );
    assert_eq!(named("format/mod.rs", "super::server::go()"), ["server"]);
    assert_eq!(
        named("format/a.rs", "super::super::server::go()"),
        ["server"]
    );
    assert_eq!(named("bin/x.rs", "edeploy::cli::run()"), ["cli"]);
    assert_eq!(
        named("format/a.rs", "//! See crate::server.\nx(); // crate::cli"),
        [""; 0]
    );
    assert!(names_path("use std::{fs, process};", "std::process"));
    assert!(names_path("use fs2 as lock;", "fs2"));
    assert!(!names_path("crate::format::ron::parse()", "ron"));
}
