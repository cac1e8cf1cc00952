//! The command line of `edeploy-server`.

use std::path::PathBuf;

use clap::Parser;

use crate::model::SectionName;

use super::{LogFormat, SectionFile, SettingsFile};

/// Matches the hardware of PXE-booted machines to profiles and answers with a configure script.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "edeploy-server", version)]
pub struct Args {
    /// The settings file; its drop-ins are the *.toml in the directory of its name with .d for .toml
    /// [default: /etc/edeploy/server.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Read the original's /etc/edeploy.conf too; all other settings win over it
    #[arg(long, value_name = "FILE")]
    pub edeploy_conf: Option<PathBuf>,
    /// Directory of the profiles of the default section [default: STATE_DIR/config, filled with the examples]
    #[arg(long, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Directory for all that the server writes [default: state]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Directory for the hardware of the machines of the default section [default: STATE_DIR/hw]
    #[arg(long, value_name = "DIR")]
    pub hw_dir: Option<PathBuf>,
    /// Directory for the logs that machines of the default section upload [default: STATE_DIR/logs]
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// Directory for health results [default: STATE_DIR/health]
    #[arg(long, value_name = "DIR")]
    pub health_dir: Option<PathBuf>,
    /// Directory of the kernel `vmlinuz` and the `ramdisk` that machines boot [default: STATE_DIR/boot]
    #[arg(long, value_name = "DIR")]
    pub boot_dir: Option<PathBuf>,
    /// Directory of `install/` and `metadata/`, served as rsync serves them [default: STATE_DIR/roles]
    #[arg(long, value_name = "DIR")]
    pub roles_dir: Option<PathBuf>,
    /// Further words of the ramdisk's command line; text between | bars is for the installed system
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub boot_arguments: Option<String>,
    /// How many deployments of a machine may begin without success before it is held [default: 3]
    #[arg(long, value_name = "NUMBER")]
    pub boot_attempts: Option<u32>,
    /// Address and port to listen on; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// How log lines are written to standard error [default: text]
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// How long a request waits for the lock of a section [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub lock_deadline_seconds: Option<u64>,
    /// How long events and logs are kept [default: 90]
    #[arg(long, value_name = "DAYS")]
    pub events_keep_days: Option<u64>,
    /// Above this size of their store the oldest events and logs are dropped [default: 8589934592]
    #[arg(long, value_name = "BYTES")]
    pub events_keep_bytes: Option<u64>,
    /// After how long a silence a machine is called stuck, where nothing is known of its step, or missed after the
    /// restart at its end [default: 15]
    #[arg(long, value_name = "MINUTES")]
    pub events_stuck_minutes: Option<u64>,
    /// Refuse reports without credentials
    #[arg(long)]
    pub events_need_token: bool,
    /// Say whether the settings are right, and end
    #[arg(long)]
    pub check_settings: bool,
    /// Print the settings in force as TOML, and end
    #[arg(long)]
    pub print_settings: bool,
}

impl Args {
    /// The flags as the last layer of settings.
    pub(super) fn as_file(&self) -> SettingsFile {
        let section = SectionFile {
            config_dir: self.config_dir.clone(),
            hw_dir: self.hw_dir.clone(),
            log_dir: self.log_dir.clone(),
            ..SectionFile::default()
        };
        let mut file = SettingsFile {
            listen: self.listen.clone(),
            state_dir: self.state_dir.clone(),
            health_dir: self.health_dir.clone(),
            boot_dir: self.boot_dir.clone(),
            roles_dir: self.roles_dir.clone(),
            boot_arguments: self.boot_arguments.clone(),
            boot_attempts: self.boot_attempts,
            edeploy_conf: self.edeploy_conf.clone(),
            log_format: self.log_format,
            lock_deadline_seconds: self.lock_deadline_seconds,
            events_keep_days: self.events_keep_days,
            events_keep_bytes: self.events_keep_bytes,
            events_stuck_minutes: self.events_stuck_minutes,
            events_need_token: self.events_need_token.then_some(true),
            ..SettingsFile::default()
        };
        if section != SectionFile::default() {
            file.sections
                .insert(SectionName::default_section(), section);
        }
        file
    }
}
