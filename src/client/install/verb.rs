//! The verb: from the kernel's command line to the end of the machine's ramdisk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::model::BootId;
use crate::system::{DryRun, Real, RunError, Runner, with_causes};

use super::agent::{self, CaError};
use super::ending::{self, Ending};
use super::installation::Installation;
use super::log::{Log, Whole};
use super::settings::{Settings, SettingsError};
use super::sync::{self, Came, KeyError};
use super::writer;

/// Install this machine: all steps from the network to the boot loader, then restart
#[derive(Debug, Args)]
#[command(after_help = "\
Steps: network, detect, upload, configure, sync, files, bootloader, finish. The kernel's command line
says where the server is and what to do at the end, as it did in eDeploy:
  SERV HTTP_PORT HTTP_PATH SECTION  the server         ONSUCCESS kexec|reboot|halt|console
  RSERV RSERV_PORT RPATH            trees by rsync     ONFAILURE halt|console|reboot
  HSERV HSERV_PORT HPATH            images by HTTP     IP LINK_UP_TIMEOUT OS OS_VER KEXEC_KERNEL
  EMBEDDED=LABEL                    a medium with that label, its embedded/ROLE-VERSION.edeploy
  METADATA_URL                      cloud-init's       TOKEN   for SERV and HSERV
  Whom else to tell ([reporting] in its settings) the server says in its answer.
  CA=FILE of certificates in the ramdisk: SERV by HTTPS, and HSERV=https://NAME
  ROLE_KEY=FILE, a public key in the ramdisk: no role but one that its owner signed
Text between | bars becomes boot arguments of the installed system.

Example:
  edeploy install --dry-run --cmdline 'SERV=10.0.0.1' --hardware hw.json")]
pub(in crate::client) struct Install {
    /// Change nothing here: all is shown; the server is asked, and keeps an entry for this machine
    #[arg(long)]
    dry_run: bool,
    /// Go on although this system runs from a disk; at the end it may be restarted
    #[arg(long)]
    from_disk: bool,
    /// This text instead of the kernel's command line
    #[arg(long, value_name = "TEXT")]
    cmdline: Option<String>,
    /// Facts from this file instead of this machine's own
    #[arg(long, value_name = "FILE")]
    hardware: Option<PathBuf>,
    /// Where the configure script mounts the installed system
    #[arg(long, value_name = "DIR", default_value = "/chroot")]
    target: PathBuf,
    /// Where to keep the events of the steps
    #[arg(long, value_name = "FILE", default_value = "/install.jsonl")]
    events: PathBuf,
}

/// Why the machine is not installed.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum InstallError {
    /// The command line cannot be read.
    #[error("cannot read the kernel's command line")]
    CommandLine(#[source] io::Error),
    /// It is wrong.
    #[error("the kernel's command line cannot be used")]
    Settings(#[from] SettingsError),
    /// The certificates that it names are of no use.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The key that it names is of no use.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file of events cannot be written.
    #[error("cannot write `{path}`")]
    Events {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// This is no ramdisk.
    #[error(
        "this system runs from a disk, and an installation would overwrite disks and restart it: look with --dry-run, or say --from-disk"
    )]
    NoRamdisk,
    /// A step failed.
    #[error("step {step} failed: {what}")]
    Step {
        /// Its name.
        step: &'static str,
        /// Why.
        what: String,
    },
    /// The machine could not be restarted.
    #[error(transparent)]
    Ending(#[from] RunError),
}

impl InstallError {
    /// The exit code: 1 what was given is wrong, 3 refused, 5 something failed.
    pub(in crate::client) fn code(&self) -> u8 {
        match self {
            InstallError::Settings(_) | InstallError::Ca(_) | InstallError::Key(_) => 1,
            InstallError::NoRamdisk => 3,
            _ => 5,
        }
    }
}

/// Whether a mount table says that the root is in memory, or read from a medium that nobody writes to.
fn is_ramdisk(mounts: &str) -> bool {
    let in_memory = ["rootfs", "ramfs", "tmpfs", "overlay", "squashfs", "erofs"];
    let mut kinds = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        (words.nth(1) == Some("/")).then(|| words.next().unwrap_or_default())
    });
    // What was mounted last is what is seen.
    kinds
        .next_back()
        .is_some_and(|kind| in_memory.contains(&kind))
}

/// Which start of this machine it is, where the kernel says so.
fn own_boot_id() -> Option<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    text.trim().parse().ok()
}

impl Install {
    /// The log of this start of the machine; a rehearsal keeps no events.
    fn log(&self, boot_id: Option<BootId>) -> Result<Log, InstallError> {
        let events = (!self.dry_run).then_some(self.events.as_path());
        let log = Log::new(Whole::installation(), events, boot_id);
        log.map_err(|source| InstallError::Events {
            path: self.events.clone(),
            source,
        })
    }

    /// Installs the machine. Gives nothing to print where it is restarted.
    pub(in crate::client) fn run(&self) -> Result<String, InstallError> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        if !(self.dry_run || self.from_disk || is_ramdisk(&mounts)) {
            return Err(InstallError::NoRamdisk);
        }
        let line = match &self.cmdline {
            Some(line) => line.clone(),
            None => std::fs::read_to_string("/proc/cmdline").map_err(InstallError::CommandLine)?,
        };
        let mut settings = Settings::parse(&line)?;
        if let Some(path) = &settings.ca {
            settings.ca_pem = agent::read_ca(path)?;
        }
        if let Some(path) = &settings.role_key {
            settings.role_key_text = sync::read_key(path)?;
        }
        let runner: Arc<dyn Runner> = if self.dry_run {
            Arc::new(DryRun::new(Real, writer::show))
        } else {
            Arc::new(Real)
        };
        let boot_id = own_boot_id();
        let log = self.log(boot_id)?;
        let mut installation = Installation {
            settings,
            runner,
            log,
            target: self.target.clone(),
            hardware: self.hardware.clone(),
            is_rehearsal: self.dry_run,
            boot_id,
            facts: None,
            answer: None,
            vars: Vec::new(),
            came: Came::default(),
            events: self.events.clone(),
            couriers: Vec::new(),
        };
        let done = installation.run();
        let ending: Ending = match &done {
            Ok(()) => installation.settings.on_success.into(),
            Err(failed) => {
                installation.clean_up(failed.step);
                installation.settings.on_failure.into()
            }
        };
        if done.is_err() || installation.settings.upload_log {
            installation.hand_in_log();
        }
        if !self.dry_run {
            ending::end(installation.runner.as_ref(), ending)?;
        }
        match done {
            Ok(()) => Ok("installed".to_owned()),
            Err(failed) => Err(InstallError::Step {
                step: failed.step.name(),
                what: with_causes(failed.error.as_ref()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_runs_from_a_disk_is_no_ramdisk() {
        assert!(is_ramdisk(
            "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n"
        ));
        assert!(!is_ramdisk(
            "rootfs / rootfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n"
        ));
        assert!(!is_ramdisk("tmpfs /tmp tmpfs rw 0 0\n"));
    }
}
