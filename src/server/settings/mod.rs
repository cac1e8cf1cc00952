//! The server's own settings: what they are, and how defaults, files, environment and flags add up.
//!
//! Later ones win: defaults, `/etc/edeploy.conf` where it is asked for, the settings file, its
//! drop-ins, the environment, the flags. Relative paths count from the directory the server is
//! started in. The configure scripts' own variables are no settings.

mod args;
mod file;
mod legacy;
mod oauth;
mod sharing;
mod webhook;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::SectionName;
use crate::reporters::{Reporter, ReporterError, ReporterTable};

pub use args::Args;
pub use file::{SectionFile, SettingsFile};
pub use oauth::{OauthClient, OauthFile, Secret};
pub use webhook::{Webhook, WebhookFile};

/// Where the settings file is, if it is there and no flag names another.
pub const DEFAULT_SETTINGS_FILE: &str = "/etc/edeploy/server.toml";

/// How many reporters there may be: each has a thread, here and on each machine.
const MOST_REPORTERS: usize = 32;

/// What is wrong with the settings. All of it is for the admin to put right.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of settings cannot be read.
    #[error("cannot read the settings in `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of settings says something that is no setting.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where and what, with the line itself.
        problem: String,
    },
    /// A variable of the environment has a value that does not fit.
    #[error("the environment variable `{name}`: {problem}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A reporter cannot be told.
    #[error(transparent)]
    Reporter(#[from] ReporterError),
    /// The values do not make sense, alone or together.
    #[error("{0}")]
    Value(String),
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line of text for people and the journal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes any free one.
    pub listen: String,
    /// Where the server keeps what it writes itself.
    pub state_dir: PathBuf,
    /// Where health results go. One for all sections, as in the original.
    pub health_dir: PathBuf,
    /// Where the kernel and the ramdisk are that machines boot from the network.
    pub boot_dir: PathBuf,
    /// Where `install/` and `metadata/` are, as rsync serves them.
    pub roles_dir: PathBuf,
    /// Further words of the ramdisk's command line; text between bars is for the installed system.
    pub boot_arguments: String,
    /// How many deployments of a machine may begin without its being installed, before it is held.
    pub boot_attempts: u32,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Longest accepted hardware upload in bytes.
    pub hardware_limit_bytes: u64,
    /// Longest accepted log upload in bytes.
    pub log_limit_bytes: u64,
    /// How long a request waits for the lock of a section.
    pub lock_deadline: Duration,
    /// How long an upload may pause before it is given up.
    pub upload_pause: Duration,
    /// How long a stop waits for requests that are being answered.
    pub stop_timeout: Duration,
    /// How long events and logs are kept, in days.
    pub events_keep_days: u64,
    /// Above this size of their store, in bytes, the oldest events and logs are dropped.
    pub events_keep_bytes: u64,
    /// After how many minutes of silence a machine is called stuck, where nothing is known of its step, or
    /// missed after the restart at its end.
    pub events_stuck_minutes: u64,
    /// Whether reports without credentials are refused.
    pub events_need_token: bool,
    /// Who may report with OAuth, besides every machine with its own token.
    pub oauth: Vec<OauthClient>,
    /// Who is told what machines become.
    pub webhooks: Vec<Webhook>,
    /// Who is told of installations, as curtin tells of them.
    pub reporting: Vec<Reporter>,
    /// The sections by name.
    pub sections: BTreeMap<SectionName, SectionSettings>,
}

/// The settings of one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionSettings {
    /// The directory of the admin's files.
    pub config_dir: PathBuf,
    /// Whether nobody named the directory, so that it may be filled with the examples.
    pub may_be_seeded: bool,
    /// Where the hardware of each machine is kept.
    pub hw_dir: PathBuf,
    /// Where uploaded logs are kept.
    pub log_dir: PathBuf,
    /// Whether machines are announced to pxemngr.
    pub use_pxemngr: bool,
    /// The pxemngr program.
    pub pxemngr_program: String,
    /// pxemngr's address for installed machines, with a slash at its end.
    pub pxemngr_url: Option<String>,
    /// The address of cloud-init's metadata, with a slash at its end.
    pub metadata_url: Option<String>,
}

/// Settings, and what is worth telling the admin about them.
#[derive(Debug)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Puts the settings together from all places they come from.
///
/// # Errors
/// Something in them is wrong; the error names the place, the key and what to do.
pub fn load(
    args: &Args,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, SettingsError> {
    let mut warnings = Vec::new();
    let environment = file::from_environment(environment, &mut warnings)?;
    let flags = args.as_file();
    let named = args.settings.clone().or_else(|| environment.named.clone());
    let mut files = file::load_with_drop_ins(named.as_deref())?;
    files.push(environment.values);
    files.push(flags);
    let conf = files.iter().rev().find_map(|raw| raw.edeploy_conf.clone());
    let mut merged = match &conf {
        Some(path) => legacy::load(path, &mut warnings)?,
        None => SettingsFile::default(),
    };
    for raw in files {
        merged.overlay(raw);
    }
    let settings = Settings::try_from(merged)?;
    sharing::check(&settings)?;
    Ok(Loaded { settings, warnings })
}

impl TryFrom<SettingsFile> for Settings {
    type Error = SettingsError;

    fn try_from(raw: SettingsFile) -> Result<Settings, SettingsError> {
        let state_dir = directory("state_dir", raw.state_dir)?.unwrap_or_else(|| "state".into());
        let mut raw_sections = raw.sections;
        if raw_sections.is_empty() {
            raw_sections.insert(SectionName::default_section(), SectionFile::default());
        }
        let mut sections = BTreeMap::new();
        for (name, section) in raw_sections {
            let section = SectionSettings::new(&name, section, &state_dir)?;
            sections.insert(name, section);
        }
        Ok(Settings {
            listen: raw.listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            health_dir: directory("health_dir", raw.health_dir)?
                .unwrap_or_else(|| state_dir.join("health")),
            boot_dir: directory("boot_dir", raw.boot_dir)?
                .unwrap_or_else(|| state_dir.join("boot")),
            roles_dir: directory("roles_dir", raw.roles_dir)?
                .unwrap_or_else(|| state_dir.join("roles")),
            boot_arguments: command_line("boot_arguments", raw.boot_arguments)?,
            boot_attempts: positive("boot_attempts", raw.boot_attempts, 3)?,
            log_format: raw.log_format.unwrap_or_default(),
            hardware_limit_bytes: positive(
                "hardware_limit_bytes",
                raw.hardware_limit_bytes,
                16 << 20,
            )?,
            log_limit_bytes: positive("log_limit_bytes", raw.log_limit_bytes, 256 << 20)?,
            lock_deadline: seconds("lock_deadline_seconds", raw.lock_deadline_seconds, 30)?,
            upload_pause: seconds("upload_pause_seconds", raw.upload_pause_seconds, 30)?,
            stop_timeout: seconds("stop_timeout_seconds", raw.stop_timeout_seconds, 60)?,
            events_keep_days: positive("events_keep_days", raw.events_keep_days, 90)?,
            events_keep_bytes: positive("events_keep_bytes", raw.events_keep_bytes, 8 << 30)?,
            events_stuck_minutes: positive("events_stuck_minutes", raw.events_stuck_minutes, 15)?,
            events_need_token: raw.events_need_token.unwrap_or(false),
            oauth: oauth::clients(raw.oauth.unwrap_or_default())?,
            webhooks: webhook::webhooks(raw.webhooks.unwrap_or_default())?,
            reporting: reporters(raw.reporting)?,
            state_dir,
            sections,
        })
    }
}

impl SectionSettings {
    fn new(
        name: &SectionName,
        raw: SectionFile,
        state_dir: &Path,
    ) -> Result<SectionSettings, SettingsError> {
        let key = |key: &str| format!("sections.{name}.{key}");
        let is_default = *name == SectionName::default_section();
        let own_dir = if is_default {
            state_dir.to_owned()
        } else {
            state_dir.join("sections").join(name.as_str())
        };
        let config_dir = directory(&key("config_dir"), raw.config_dir)?;
        if config_dir.is_none() && !is_default {
            return Err(SettingsError::Value(format!(
                "the section `{name}` has no directory: set `{}` to the directory of its \
                 `state`, `.specs`, `.cmdb` and `.configure` files",
                key("config_dir")
            )));
        }
        Ok(SectionSettings {
            may_be_seeded: config_dir.is_none(),
            config_dir: config_dir.unwrap_or_else(|| own_dir.join("config")),
            hw_dir: directory(&key("hw_dir"), raw.hw_dir)?.unwrap_or_else(|| own_dir.join("hw")),
            log_dir: directory(&key("log_dir"), raw.log_dir)?
                .unwrap_or_else(|| own_dir.join("logs")),
            use_pxemngr: raw.use_pxemngr.unwrap_or(false),
            pxemngr_program: raw.pxemngr_program.unwrap_or_else(|| "pxemngr".to_owned()),
            pxemngr_url: url(&key("pxemngr_url"), raw.pxemngr_url)?,
            metadata_url: url(&key("metadata_url"), raw.metadata_url)?,
        })
    }
}

impl Settings {
    /// Checks that every section that is not filled with the examples has its directory.
    ///
    /// # Errors
    /// One has not.
    pub fn check_directories(&self) -> Result<(), SettingsError> {
        for (name, section) in &self.sections {
            if !section.may_be_seeded && !section.config_dir.is_dir() {
                return Err(SettingsError::Value(format!(
                    "the directory `{}` of section `{name}` is not there: create it with a `state` \
                     file, or set `config_dir` to where the profiles are",
                    section.config_dir.display()
                )));
            }
        }
        Ok(())
    }
}

impl SectionSettings {
    /// pxemngr's address, where the section uses pxemngr at all.
    pub fn announced_url(&self) -> Option<&str> {
        self.pxemngr_url.as_deref().filter(|_| self.use_pxemngr)
    }
}

/// The settings in force as the text of a settings file.
///
/// # Errors
/// A path that is not UTF-8 cannot be written.
pub fn render(settings: &Settings) -> Result<String, SettingsError> {
    toml::to_string(&SettingsFile::from(settings))
        .map_err(|error| SettingsError::Value(format!("the settings cannot be written: {error}")))
}

fn reporters(tables: BTreeMap<String, ReporterTable>) -> Result<Vec<Reporter>, SettingsError> {
    if tables.len() > MOST_REPORTERS {
        return Err(SettingsError::Value(format!(
            "there are {} tables `reporting`: {MOST_REPORTERS} are the most",
            tables.len()
        )));
    }
    let reporters = tables.into_iter();
    let reporters = reporters.map(|(name, table)| Reporter::new(&name, table));
    Ok(reporters.collect::<Result<_, _>>()?)
}

fn directory(key: &str, path: Option<PathBuf>) -> Result<Option<PathBuf>, SettingsError> {
    match path {
        Some(path) if path.as_os_str().is_empty() => Err(SettingsError::Value(format!(
            "`{key}` is empty: name a directory, or leave the setting out"
        ))),
        path => Ok(path),
    }
}

fn positive<N>(key: &str, value: Option<N>, default: N) -> Result<N, SettingsError>
where
    N: Copy + Default + PartialEq + std::fmt::Display,
{
    let value = value.unwrap_or(default);
    if value == N::default() {
        return Err(SettingsError::Value(format!(
            "`{key}` is 0: give a number above it, or leave the setting out for {default}"
        )));
    }
    Ok(value)
}

/// Words of a kernel's command line that iPXE and PXELINUX hand on as they are.
fn command_line(key: &str, text: Option<String>) -> Result<String, SettingsError> {
    let text = text.unwrap_or_default();
    let wrong = |problem: &str| {
        SettingsError::Value(format!("`{key}` is `{}`: {problem}", text.escape_debug()))
    };
    if let Some(bad) = text.chars().find(|c| !matches!(c, ' '..='~')) {
        let bad = format!(
            "it holds `{}`, write plain ASCII in one line",
            bad.escape_debug()
        );
        return Err(wrong(&bad));
    }
    if text
        .split(' ')
        .any(|word| ["||", "&&", ";"].contains(&word))
        || text.contains("${")
    {
        return Err(wrong(
            "`||`, `&&`, `;` as words and `${` mean something to iPXE",
        ));
    }
    if text.matches('|').count() % 2 == 1 {
        return Err(wrong("there is a bar `|` without a second one"));
    }
    Ok(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

fn seconds(key: &str, value: Option<u64>, default: u64) -> Result<Duration, SettingsError> {
    positive(key, value, default).map(Duration::from_secs)
}

/// The client puts path and address together without a slash between them, so one is added here.
fn url(key: &str, text: Option<String>) -> Result<Option<String>, SettingsError> {
    let Some(text) = text else { return Ok(None) };
    let known = text.starts_with("http://") || text.starts_with("https://");
    if !known || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(SettingsError::Value(format!(
            "`{key}` is `{}`: it must begin with http:// or https:// and hold no blanks",
            text.escape_debug()
        )));
    }
    Ok(Some(if text.ends_with('/') {
        text
    } else {
        text + "/"
    }))
}

#[cfg(test)]
mod tests;
