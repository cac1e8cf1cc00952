//! `config-examples/server.toml` has every setting of the server, with its default.

use std::collections::BTreeSet;

use clap::Parser;
use edeploy::model::SectionName;
use edeploy::server::settings::{Args, SectionFile, Settings, SettingsFile};

const EXAMPLE: &str = include_str!("../../config-examples/server.toml");

/// The settings that are commented out, as if they were not; those of further sections left out.
fn uncommented() -> String {
    let (own, _) = EXAMPLE.split_once("# [sections.").unwrap();
    let settings = own.lines().filter_map(|line| line.strip_prefix("# "));
    settings
        .filter(|line| {
            let key = line.split(" = ").next().unwrap();
            line.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

fn keys(text: &str) -> BTreeSet<String> {
    let table: toml::Table = text.parse().unwrap();
    table.keys().cloned().collect()
}

/// A value for every key: a key that is added to the type and not here does not compile.
fn every_setting() -> SettingsFile {
    let text = || Some("x".to_owned());
    let path = || Some("x".into());
    SettingsFile {
        listen: text(),
        state_dir: path(),
        health_dir: path(),
        boot_dir: path(),
        roles_dir: path(),
        boot_arguments: text(),
        boot_attempts: Some(1),
        edeploy_conf: path(),
        log_format: Some(Default::default()),
        hardware_limit_bytes: Some(1),
        log_limit_bytes: Some(1),
        lock_deadline_seconds: Some(1),
        upload_pause_seconds: Some(1),
        stop_timeout_seconds: Some(1),
        events_keep_days: Some(1),
        events_keep_bytes: Some(1),
        events_stuck_minutes: Some(1),
        events_need_token: Some(true),
        oauth: None,
        webhooks: None,
        reporting: Default::default(),
        config_dir: path(),
        hw_dir: path(),
        log_dir: path(),
        use_pxemngr: Some(true),
        pxemngr_program: text(),
        pxemngr_url: text(),
        metadata_url: text(),
        sections: Default::default(),
    }
}

#[test]
fn the_readmes_command_line_is_one() {
    let readme = include_str!("../../README.md");
    let mut lines = readme.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with("edeploy-server --"));
    Args::try_parse_from(line.unwrap().split(' ')).unwrap();
}

#[test]
fn the_example_changes_nothing_as_it_stands() {
    let raw: SettingsFile = toml::from_str(EXAMPLE).unwrap();
    assert_eq!(raw, SettingsFile::default());
}

#[test]
fn the_example_has_every_setting() {
    let known = toml::to_string(&every_setting()).unwrap();
    assert_eq!(keys(&uncommented()), keys(&known));
}

#[test]
fn the_examples_reporter_can_be_told() {
    let (_, table) = EXAMPLE.split_once("# [reporting.").unwrap();
    let table = format!("[reporting.{}", table.replace("# ", ""));
    let raw: SettingsFile = toml::from_str(&table).unwrap();
    let settings = Settings::try_from(raw).unwrap();
    assert_eq!(settings.reporting[0].name(), "maas");
}

#[test]
fn the_example_tells_the_defaults() {
    let mut raw: SettingsFile = toml::from_str(&uncommented()).unwrap();
    // Without a default: the example shows an empty text.
    for none in [&mut raw.pxemngr_url, &mut raw.metadata_url] {
        assert_eq!(none.take().as_deref(), Some(""));
    }
    assert_eq!(raw.edeploy_conf.take().unwrap().as_os_str(), "");
    let own = SectionFile {
        config_dir: raw.config_dir.take(),
        hw_dir: raw.hw_dir.take(),
        log_dir: raw.log_dir.take(),
        use_pxemngr: raw.use_pxemngr.take(),
        pxemngr_program: raw.pxemngr_program.take(),
        ..SectionFile::default()
    };
    raw.sections.insert(SectionName::default_section(), own);
    let mut told = Settings::try_from(raw).unwrap();
    // The example names the directory, so it may not be seeded; that is no setting.
    for section in told.sections.values_mut() {
        section.may_be_seeded = true;
    }
    assert_eq!(told, Settings::try_from(SettingsFile::default()).unwrap());
}
