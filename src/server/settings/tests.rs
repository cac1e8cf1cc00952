use std::ffi::OsString;

use clap::Parser;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn args(words: &[&str]) -> Args {
    Args::parse_from(["edeploy-server"].iter().chain(words))
}

#[test]
fn later_places_win_over_earlier_ones() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    write(
        &file,
        "listen = '1:1'\nstate_dir = 'a'\nhealth_dir = 'a'\nhw_dir = 'a'\nlog_dir = 'a'",
    );
    write(
        &dir.path().join("server.d/10.toml"),
        "state_dir = 'b'\nhealth_dir = 'b'\nhw_dir = 'b'",
    );
    write(
        &dir.path().join("server.d/20.toml"),
        "state_dir = 'c'\nhealth_dir = 'c'",
    );
    write(&dir.path().join("server.d/30.txt"), "nonsense");
    let flags = args(&["--settings", file.to_str().unwrap(), "--state-dir", "flag"]);
    let env = environment(&[("EDEPLOY_STATE_DIR", "env"), ("EDEPLOY_HEALTH_DIR", "env")]);
    let settings = load(&flags, env).unwrap().settings;
    let server = &settings.sections[&SectionName::default_section()];
    assert_eq!(settings.listen, "1:1");
    assert_eq!(settings.state_dir, PathBuf::from("flag"));
    assert_eq!(settings.health_dir, PathBuf::from("env"));
    assert_eq!(server.hw_dir, PathBuf::from("b"));
    assert_eq!(server.log_dir, PathBuf::from("a"));
    assert_eq!(server.config_dir, PathBuf::from("flag/config"));
    assert!(server.may_be_seeded);
}

#[test]
fn the_printed_settings_are_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let text = "[sections.rack]\nconfig_dir = '/srv/rack'\npxemngr_url = 'http://h:8000'\n\
                [sections.SERVER]\nuse_pxemngr = true\nconfig_dir = '/srv/server'";
    write(&file, text);
    let settings = load(&args(&["--settings", file.to_str().unwrap()]), [])
        .unwrap()
        .settings;
    let rack = &settings.sections[&SectionName::new("rack").unwrap()];
    assert_eq!(rack.pxemngr_url.as_deref(), Some("http://h:8000/"));
    assert_eq!(rack.hw_dir, PathBuf::from("state/sections/rack/hw"));
    let printed = dir.path().join("printed.toml");
    write(&printed, &render(&settings).unwrap());
    let again = load(&args(&["--settings", printed.to_str().unwrap()]), []).unwrap();
    assert_eq!(again.settings, settings);
}

#[test]
fn named_sections_alone_leave_the_default_section_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    write(&file, "[sections.rack]\nconfig_dir = '/srv/rack'");
    let settings = load(&args(&["--settings", file.to_str().unwrap()]), [])
        .unwrap()
        .settings;
    assert_eq!(settings.sections.len(), 1);
}

#[test]
fn what_machines_boot_is_set_in_every_layer() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    write(
        &file,
        "state_dir = 'a'\nboot_arguments = 'x  | y |'\nboot_attempts = 7\nboot_dir = 'b'",
    );
    let from = |flags: &[&str], env: &[(&str, &str)]| {
        let named = ["--settings", file.to_str().unwrap()];
        let settings = load(&args(&[&named, flags].concat()), environment(env));
        let settings = settings.unwrap().settings;
        let boot_dir = settings.boot_dir.display().to_string();
        (boot_dir, settings.boot_arguments, settings.boot_attempts)
    };
    let env = [
        ("EDEPLOY_BOOT_DIR", "c"),
        ("EDEPLOY_BOOT_ARGUMENTS", "e"),
        ("EDEPLOY_BOOT_ATTEMPTS", "5"),
    ];
    let flags = [
        "--boot-dir",
        "d",
        "--boot-arguments",
        "-f",
        "--boot-attempts",
        "1",
    ];
    assert_eq!(from(&[], &[]), ("b".into(), "x | y |".into(), 7));
    assert_eq!(from(&[], &env), ("c".into(), "e".into(), 5));
    assert_eq!(from(&flags, &env), ("d".into(), "-f".into(), 1));
    write(&file, "state_dir = 'a'");
    assert_eq!(from(&[], &[]), ("a/boot".into(), String::new(), 3));
}

#[test]
fn an_error_names_its_place_and_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    for (text, says) in [
        ("listne = 'x'", "unknown field `listne`"),
        ("lock_deadline_seconds = -1", "lock_deadline_seconds = -1"),
        ("lock_deadline_seconds = 0", "`lock_deadline_seconds` is 0"),
        ("boot_attempts = 0", "`boot_attempts` is 0"),
        ("boot_dir = ''", "`boot_dir` is empty"),
        ("boot_arguments = \"a\\nb\"", "plain ASCII in one line"),
        ("boot_arguments = 'a || b'", "mean something to iPXE"),
        ("boot_arguments = '${x}'", "mean something to iPXE"),
        ("boot_arguments = '| a'", "without a second one"),
        (
            "metadata_url = 'ftp://x'",
            "`sections.SERVER.metadata_url` is `ftp://x`",
        ),
        ("hw_dir = ''", "`sections.SERVER.hw_dir` is empty"),
        (
            "[sections.rack]\nhw_dir = 'x'",
            "`sections.rack.config_dir`",
        ),
        (
            "[sections.'a/b']\nconfig_dir = 'x'",
            "cannot begin with a dot or hold `/`",
        ),
        (
            "hw_dir = 'x'\n[sections.SERVER]\nlog_dir = 'x'",
            "both at the top",
        ),
        ("listen = ", "line 1"),
        (
            "[[oauth]]\nconsumer_key = 'a'\ntoken_key = 'b'\ntoken_secret = ''",
            "`token_secret` is empty",
        ),
        ("events_keep_days = 0", "`events_keep_days` is 0"),
    ] {
        write(&file, text);
        let error = load(&args(&["--settings", file.to_str().unwrap()]), []).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let error = load(&args(&["--settings", "/no/such/file"]), []).unwrap_err();
    assert!(error.to_string().contains("/no/such/file"), "{error}");
    for (name, value) in [
        ("EDEPLOY_LOCK_DEADLINE_SECONDS", "soon"),
        ("EDEPLOY_USE_PXEMNGR", "True"),
        ("EDEPLOY_LOG_FORMAT", "xml"),
    ] {
        let error = load(&args(&[]), environment(&[(name, value)])).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_misspelt_variable_is_told() {
    let loaded = load(&args(&[]), environment(&[("EDEPLOY_LISTN", "x")])).unwrap();
    assert!(
        loaded.warnings[0].contains("`EDEPLOY_LISTN`"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn sections_that_share_a_directory_or_a_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let at = |name: &str| dir.path().join(name);
    write(&at("a/state"), "[]");
    write(&at("b/state"), "[]");
    write(&at("a/vm.cmdb"), "[]");
    std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
    let text = |other: &str| {
        format!(
            "[sections.one]\nconfig_dir = '{}'\n[sections.two]\nconfig_dir = '{}'",
            at("a").display(),
            at(other).display()
        )
    };
    let check = || load(&args(&["--settings", file.to_str().unwrap()]), []);
    write(&file, &text("link"));
    let error = check().unwrap_err().to_string();
    assert!(
        error.contains("`one` and `two` share the directory"),
        "{error}"
    );
    write(&file, &text("b"));
    check().unwrap();
    std::fs::hard_link(at("a/vm.cmdb"), at("b/hp.cmdb")).unwrap();
    let error = check().unwrap_err().to_string();
    assert!(
        error.contains("share a file") && error.contains("hp.cmdb"),
        "{error}"
    );
}

#[test]
fn how_long_events_are_kept_is_set_in_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    write(
        &file,
        "events_keep_days = 1\nevents_keep_bytes = 1\nevents_stuck_minutes = 1\nconfig_dir = 'c'\n\
         [[oauth]]\nconsumer_key = 'ck'\ntoken_key = 'tk'\ntoken_secret = 'ts'\nmachine = 'm'",
    );
    let flags = args(&[
        "--settings",
        file.to_str().unwrap(),
        "--events-stuck-minutes",
        "3",
    ]);
    let env = environment(&[
        ("EDEPLOY_EVENTS_KEEP_BYTES", "2"),
        ("EDEPLOY_EVENTS_STUCK_MINUTES", "2"),
        ("EDEPLOY_EVENTS_NEED_TOKEN", "true"),
    ]);
    let settings = load(&flags, env).unwrap().settings;
    assert_eq!(settings.events_keep_days, 1);
    assert_eq!(settings.events_keep_bytes, 2);
    assert_eq!(settings.events_stuck_minutes, 3);
    assert!(settings.events_need_token);
    assert_eq!(settings.oauth[0].machine.as_deref(), Some("m"));
    assert!(!format!("{settings:?}").contains("ts\""));
    let printed = dir.path().join("printed.toml");
    write(&printed, &render(&settings).unwrap());
    let again = load(&args(&["--settings", printed.to_str().unwrap()]), []).unwrap();
    assert_eq!(again.settings.oauth, settings.oauth);
    assert!(again.settings.events_need_token);
}
