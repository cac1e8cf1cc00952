//! The raw form of settings: every key optional, unknown keys refused.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::SectionName;
use crate::reporters::ReporterTable;

use super::{DEFAULT_SETTINGS_FILE, LogFormat, OauthFile, Settings, SettingsError, WebhookFile};

/// One layer of settings. Keys of the default section may also stand at the top.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the keys are those of `Settings`, which tells them"
)]
pub struct SettingsFile {
    pub listen: Option<String>,
    pub state_dir: Option<PathBuf>,
    pub health_dir: Option<PathBuf>,
    pub boot_dir: Option<PathBuf>,
    pub roles_dir: Option<PathBuf>,
    pub boot_arguments: Option<String>,
    pub boot_attempts: Option<u32>,
    pub edeploy_conf: Option<PathBuf>,
    pub log_format: Option<LogFormat>,
    pub hardware_limit_bytes: Option<u64>,
    pub log_limit_bytes: Option<u64>,
    pub lock_deadline_seconds: Option<u64>,
    pub upload_pause_seconds: Option<u64>,
    pub stop_timeout_seconds: Option<u64>,
    pub events_keep_days: Option<u64>,
    pub events_keep_bytes: Option<u64>,
    pub events_stuck_minutes: Option<u64>,
    pub events_need_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<Vec<OauthFile>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Vec<WebhookFile>>,
    pub config_dir: Option<PathBuf>,
    pub hw_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub use_pxemngr: Option<bool>,
    pub pxemngr_program: Option<String>,
    pub pxemngr_url: Option<String>,
    pub metadata_url: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reporting: BTreeMap<String, ReporterTable>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sections: BTreeMap<SectionName, SectionFile>,
}

/// The keys of one section in one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the keys are those of `SectionSettings`, which tells them"
)]
pub struct SectionFile {
    pub config_dir: Option<PathBuf>,
    pub hw_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub use_pxemngr: Option<bool>,
    pub pxemngr_program: Option<String>,
    pub pxemngr_url: Option<String>,
    pub metadata_url: Option<String>,
}

macro_rules! overlay {
    ($under:expr, $over:expr, $($key:ident),+) => {
        $(if $over.$key.is_some() { $under.$key = $over.$key; })+
    };
}

impl SettingsFile {
    /// Puts a later layer over this one, key by key.
    pub(super) fn overlay(&mut self, over: SettingsFile) {
        overlay!(
            self,
            over,
            listen,
            state_dir,
            health_dir,
            boot_dir,
            roles_dir,
            boot_arguments,
            boot_attempts,
            edeploy_conf,
            log_format,
            hardware_limit_bytes,
            log_limit_bytes,
            lock_deadline_seconds,
            upload_pause_seconds,
            stop_timeout_seconds,
            events_keep_days,
            events_keep_bytes,
            events_stuck_minutes,
            events_need_token,
            oauth,
            webhooks
        );
        // As in curtin: a name says which one is meant.
        self.reporting.extend(over.reporting);
        for (name, section) in over.sections {
            let under = self.sections.entry(name).or_default();
            overlay!(
                under,
                section,
                config_dir,
                hw_dir,
                log_dir,
                use_pxemngr,
                pxemngr_program,
                pxemngr_url,
                metadata_url
            );
        }
    }

    /// Moves the keys of the default section from the top into the section.
    fn settled(mut self) -> Result<SettingsFile, String> {
        let top = SectionFile {
            config_dir: self.config_dir.take(),
            hw_dir: self.hw_dir.take(),
            log_dir: self.log_dir.take(),
            use_pxemngr: self.use_pxemngr.take(),
            pxemngr_program: self.pxemngr_program.take(),
            pxemngr_url: self.pxemngr_url.take(),
            metadata_url: self.metadata_url.take(),
        };
        if top == SectionFile::default() {
            return Ok(self);
        }
        let name = SectionName::default_section();
        if self.sections.contains_key(&name) {
            return Err(format!(
                "keys of the default section stand both at the top and in `[sections.{name}]`: \
                 move them all to one place"
            ));
        }
        self.sections.insert(name, top);
        Ok(self)
    }
}

impl From<&Settings> for SettingsFile {
    fn from(settings: &Settings) -> SettingsFile {
        let sections = settings.sections.iter().map(|(name, section)| {
            let raw = SectionFile {
                config_dir: Some(section.config_dir.clone()),
                hw_dir: Some(section.hw_dir.clone()),
                log_dir: Some(section.log_dir.clone()),
                use_pxemngr: Some(section.use_pxemngr),
                pxemngr_program: Some(section.pxemngr_program.clone()),
                pxemngr_url: section.pxemngr_url.clone(),
                metadata_url: section.metadata_url.clone(),
            };
            (name.clone(), raw)
        });
        SettingsFile {
            listen: Some(settings.listen.clone()),
            state_dir: Some(settings.state_dir.clone()),
            health_dir: Some(settings.health_dir.clone()),
            boot_dir: Some(settings.boot_dir.clone()),
            roles_dir: Some(settings.roles_dir.clone()),
            boot_arguments: Some(settings.boot_arguments.clone()),
            boot_attempts: Some(settings.boot_attempts),
            log_format: Some(settings.log_format),
            hardware_limit_bytes: Some(settings.hardware_limit_bytes),
            log_limit_bytes: Some(settings.log_limit_bytes),
            lock_deadline_seconds: Some(settings.lock_deadline.as_secs()),
            upload_pause_seconds: Some(settings.upload_pause.as_secs()),
            stop_timeout_seconds: Some(settings.stop_timeout.as_secs()),
            events_keep_days: Some(settings.events_keep_days),
            events_keep_bytes: Some(settings.events_keep_bytes),
            events_stuck_minutes: Some(settings.events_stuck_minutes),
            events_need_token: Some(settings.events_need_token),
            webhooks: (!settings.webhooks.is_empty())
                .then(|| settings.webhooks.iter().map(WebhookFile::from).collect()),
            oauth: (!settings.oauth.is_empty())
                .then(|| settings.oauth.iter().map(OauthFile::from).collect()),
            reporting: settings
                .reporting
                .iter()
                .map(|it| (it.name().to_owned(), it.table().clone()))
                .collect(),
            sections: sections.collect(),
            ..SettingsFile::default()
        }
    }
}

/// The settings file and its drop-ins, in the order they count.
///
/// The file must be there if it was named. Drop-ins are the `*.toml` beside it in the directory of
/// the same name with `.d`, in the order of their names.
pub(super) fn load_with_drop_ins(named: Option<&Path>) -> Result<Vec<SettingsFile>, SettingsError> {
    let path = named.unwrap_or(Path::new(DEFAULT_SETTINGS_FILE));
    let mut paths = Vec::new();
    if named.is_some() || path.exists() {
        paths.push(path.to_owned());
    }
    let drop_ins = path.with_extension("d");
    if drop_ins.is_dir() {
        let read = |source| SettingsError::Read {
            path: drop_ins.clone(),
            source,
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&drop_ins).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|end| end == "toml") {
                found.push(path);
            }
        }
        found.sort();
        paths.extend(found);
    }
    paths.iter().map(|path| load_file(path)).collect()
}

fn load_file(path: &Path) -> Result<SettingsFile, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |problem| SettingsError::File {
        path: path.to_owned(),
        problem,
    };
    toml::from_str::<SettingsFile>(&text)
        .map_err(|error| wrong(error.to_string().trim_end().to_owned()))?
        .settled()
        .map_err(wrong)
}

/// What the environment says.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) values: SettingsFile,
    /// The settings file it names (`EDEPLOY_SETTINGS`).
    pub(super) named: Option<PathBuf>,
}

/// How the text of a variable is read.
enum Kind {
    Text,
    Number,
    Truth,
}

/// The keys that the environment can set: `EDEPLOY_` and the key in capitals.
const ENVIRONMENT: [(&str, Kind); 25] = [
    ("listen", Kind::Text),
    ("state_dir", Kind::Text),
    ("health_dir", Kind::Text),
    ("boot_dir", Kind::Text),
    ("roles_dir", Kind::Text),
    ("boot_arguments", Kind::Text),
    ("boot_attempts", Kind::Number),
    ("edeploy_conf", Kind::Text),
    ("log_format", Kind::Text),
    ("hardware_limit_bytes", Kind::Number),
    ("log_limit_bytes", Kind::Number),
    ("lock_deadline_seconds", Kind::Number),
    ("upload_pause_seconds", Kind::Number),
    ("stop_timeout_seconds", Kind::Number),
    ("events_keep_days", Kind::Number),
    ("events_keep_bytes", Kind::Number),
    ("events_stuck_minutes", Kind::Number),
    ("events_need_token", Kind::Truth),
    ("config_dir", Kind::Text),
    ("hw_dir", Kind::Text),
    ("log_dir", Kind::Text),
    ("use_pxemngr", Kind::Truth),
    ("pxemngr_program", Kind::Text),
    ("pxemngr_url", Kind::Text),
    ("metadata_url", Kind::Text),
];

pub(super) fn from_environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    warnings: &mut Vec<String>,
) -> Result<Environment, SettingsError> {
    let mut table = toml::Table::new();
    let mut named = None;
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("EDEPLOY_")) else {
            continue;
        };
        if name == "EDEPLOY_SETTINGS" {
            named = Some(PathBuf::from(value));
            continue;
        }
        let key = name["EDEPLOY_".len()..].to_ascii_lowercase();
        let wrong = |problem: String| SettingsError::Environment {
            name: name.to_owned(),
            problem,
        };
        let Some((_, kind)) = ENVIRONMENT.iter().find(|(known, _)| *known == key) else {
            warnings.push(format!("the environment variable `{name}` is no setting"));
            continue;
        };
        let text = value
            .into_string()
            .map_err(|_| wrong("is not UTF-8".to_owned()))?;
        let value = match kind {
            Kind::Text => toml::Value::String(text),
            Kind::Number => text
                .parse::<i64>()
                .map(toml::Value::Integer)
                .map_err(|_| wrong(format!("`{text}` is no whole number")))?,
            Kind::Truth => text
                .parse::<bool>()
                .map(toml::Value::Boolean)
                .map_err(|_| wrong(format!("`{text}` is neither `true` nor `false`")))?,
        };
        SettingsFile::deserialize(toml::Table::from_iter([(key.clone(), value.clone())]))
            .map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        table.insert(key, value);
    }
    let values = SettingsFile::deserialize(table)
        .map_err(|error| SettingsError::Value(error.to_string()))?
        .settled()
        .map_err(SettingsError::Value)?;
    Ok(Environment { values, named })
}
