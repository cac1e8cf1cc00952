//! The named steps in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::assignments;
use crate::client::configure::{Answer, ConfigureError, ConfigureOptions};
use crate::configure::quoted;
use crate::model::BootId;
use crate::system::{RunError, Runner, with_causes};

use super::bootloader::{self, BootError, Target};
use super::courier::Courier;
use super::ending;
use super::files::{self, Choice, FilesError};
use super::grub;
use super::log::{Failure, Log};
use super::network::{self, NetworkError};
use super::network_style::{self, StyleError};
use super::pxemngr;
use super::retry::{Patience, Transient, Tries};
use super::server::{Attempt, Server, ServerError};
use super::settings::{OnSuccess, Settings};
use super::sync::{Came, Source, SyncError};
use super::writer::Writer;

/// How long a server or a network that is not there is waited for.
const OUTAGE: Duration = Duration::from_secs(30 * 60);

/// How long a server that is away is waited for when all is done: the machine is as good without it.
const REPORT_OUTAGE: Duration = Duration::from_secs(5 * 60);

/// A part of an installation that is reported by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Network,
    Detect,
    Upload,
    Configure,
    Sync,
    Files,
    Bootloader,
    Finish,
}

impl Step {
    /// All of them, in their order.
    const ALL: [Step; 8] = [
        Step::Network,
        Step::Detect,
        Step::Upload,
        Step::Configure,
        Step::Sync,
        Step::Files,
        Step::Bootloader,
        Step::Finish,
    ];

    /// Its name in events.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Network => "network",
            Step::Detect => "detect",
            Step::Upload => "upload",
            Step::Configure => "configure",
            Step::Sync => "sync",
            Step::Files => "files",
            Step::Bootloader => "bootloader",
            Step::Finish => "finish",
        }
    }

    /// What it does, in its events.
    fn description(self) -> &'static str {
        match self {
            Step::Network => "links up, addresses for them",
            Step::Detect => "what this machine is made of",
            Step::Upload => "the facts to the server, its answer back",
            Step::Configure => "the configure script of the profile",
            Step::Sync => "the role onto the disk",
            Step::Files => "what the installed system is told besides its role",
            Step::Bootloader => "the boot loader onto the disks",
            Step::Finish => "everything onto the disks, and unmounted",
        }
    }

    /// Steps that wait for others are tried again; what destroys data is done once.
    fn patience(self) -> Patience {
        match self {
            Step::Network | Step::Upload | Step::Sync => Patience::lasting(OUTAGE),
            _ => Patience::NONE,
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("cannot read the hardware from `{path}`")]
    Hardware {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("what `{serv}` answered is no answer of edeploy-server: is SERV, HTTP_PORT right?")]
    Answer {
        serv: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    #[error("the configure script left no {0} in /vars: it must call set_role")]
    NoRole(&'static str),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    NetworkStyle(#[from] StyleError),
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error(transparent)]
    Command(#[from] RunError),
}

impl StepError {
    /// The command that failed, where one did.
    fn command(&self) -> Option<&RunError> {
        match self {
            StepError::Network(NetworkError::Command(error))
            | StepError::Files(FilesError::Command(error))
            | StepError::Boot(BootError::Command(error))
            | StepError::Command(error) => Some(error),
            StepError::Sync(error) => error.command(),
            _ => None,
        }
    }
}

impl Transient for StepError {
    fn may_pass(&self) -> bool {
        match self {
            StepError::Network(error) => error.may_pass(),
            StepError::Server(error) => error.may_pass(),
            StepError::Sync(error) => error.may_pass(),
            _ => false,
        }
    }
}

/// The step that ended an installation.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: Step,
    pub(super) error: Box<StepError>,
}

/// One installation.
pub(super) struct Installation {
    pub(super) settings: Settings,
    pub(super) runner: Arc<dyn Runner>,
    pub(super) log: Log,
    /// Where the script mounts the installed system.
    pub(super) target: PathBuf,
    /// A file of facts that takes the place of detection.
    pub(super) hardware: Option<PathBuf>,
    pub(super) is_rehearsal: bool,
    /// Which start of the machine this is.
    pub(super) boot_id: Option<BootId>,
    pub(super) facts: Option<String>,
    pub(super) answer: Option<Answer>,
    pub(super) vars: Vec<(String, String)>,
    /// What broken tries of the sync brought.
    pub(super) came: Came,
    /// The journal of events.
    pub(super) events: PathBuf,
    /// Who hands it on, once the server has told the machine's name.
    pub(super) couriers: Vec<Courier>,
}

impl Installation {
    /// Runs all steps; the first that fails ends it. The server is told all of it.
    pub(super) fn run(&mut self) -> Result<(), Failed> {
        self.log.begin();
        let done = self.run_steps();
        let why = done.as_ref().err().map(|failed| {
            let error = with_causes(failed.error.as_ref());
            format!("{}: {error}", failed.step.name())
        });
        self.log.end(why.as_deref());
        self.hand_events_on();
        done
    }

    fn run_steps(&mut self) -> Result<(), Failed> {
        for step in Step::ALL {
            self.log.start(step.name(), step.description());
            let started = Instant::now();
            let done = self.with_patience(step);
            self.tell(step, started.elapsed(), done.as_ref().err());
            done.map_err(|error| Failed {
                step,
                error: Box::new(error),
            })?;
        }
        Ok(())
    }

    fn tell(&mut self, step: Step, took: Duration, error: Option<&StepError>) {
        let said = error.map(|error| with_causes(error));
        let command = error.and_then(StepError::command);
        let output = command.map(RunError::last_output);
        let failure = said.as_ref().map(|said| Failure {
            error: said,
            command: command.map(RunError::command),
            output: output.as_deref(),
        });
        self.log.finish(step.description(), took, failure);
    }

    fn with_patience(&mut self, step: Step) -> Result<(), StepError> {
        let mut tries = Tries::new(step.patience());
        loop {
            let Err(error) = self.step(step) else {
                return Ok(());
            };
            let Some(pause) = tries.pause_after(&error) else {
                return Err(error);
            };
            self.log.again(&with_causes(&error), pause);
            std::thread::sleep(pause);
        }
    }

    fn step(&mut self, step: Step) -> Result<(), StepError> {
        match step {
            Step::Network => network::bring_up(self.runner.as_ref(), &self.settings)?,
            Step::Detect => self.facts = Some(self.detect()?),
            Step::Upload => {
                let attempt = match self.is_rehearsal {
                    true => Attempt::Rehearsal,
                    false => Attempt::InBoot(self.boot_id),
                };
                let text = Server::of(&self.settings).register(self.facts(), attempt)?;
                let answer = Answer::parse(&text).map_err(|source| StepError::Answer {
                    serv: self.settings.serv.clone(),
                    source,
                })?;
                self.log.say(&format!("profile {}", answer.profile));
                self.answer = Some(answer);
                self.start_couriers();
            }
            Step::Configure => self.configure()?,
            Step::Sync => self.sync()?,
            Step::Files => {
                let choice = self.choice()?;
                let runner = self.runner.as_ref();
                files::write(runner, self.writer(), &self.settings, &choice, &self.target)?;
                if let Some(style) = network_style::apply(runner, self.writer(), &self.target)? {
                    self.log
                        .say(&format!("the role's network is set up by {style}"));
                }
                if let Some(url) = assignments::last(&self.vars, "METADATA_URL") {
                    files::point_cloud_init(self.writer(), &self.target, url)?;
                }
            }
            Step::Bootloader => self.bootloader()?,
            Step::Finish => self.finish()?,
        }
        Ok(())
    }

    /// The facts as JSON rows.
    pub(super) fn facts(&self) -> &str {
        self.facts.as_deref().unwrap_or("[]")
    }

    fn configure(&mut self) -> Result<(), StepError> {
        // A former try's: the script adds to it.
        let vars = Path::new("/vars");
        if !self.is_rehearsal {
            for stale in [vars, Path::new("/grub_options")] {
                std::fs::remove_file(stale).ok();
            }
        }
        if let Some(answer) = &self.answer {
            let options = ConfigureOptions {
                is_rehearsal: self.is_rehearsal,
                ..ConfigureOptions::default()
            };
            let said = answer.run(&self.runner, &options)?;
            self.log.say(&said);
        }
        let text = std::fs::read_to_string(vars).unwrap_or_default();
        self.vars = assignments::parse(&text);
        if let Some(answer) = self.answer.as_ref().filter(|_| self.is_rehearsal) {
            self.vars = answer.planned_vars()?;
        }
        let urls = self.urls();
        if !urls.is_empty() {
            let lines: String = urls
                .iter()
                .map(|(name, url)| format!("{name}={}\n", quoted(url)))
                .collect();
            files::add_vars(self.writer(), vars, &lines)?;
        }
        self.vars.extend(urls);
        Ok(())
    }

    /// What stands in `/vars` besides what the script says: the answer for old ramdisks adds it at the
    /// script's end (eDeploy `upload.py`). The command line knows this machine better than the server.
    fn urls(&self) -> Vec<(String, String)> {
        let answer = self.answer.as_ref();
        let metadata = self.settings.metadata_url.as_ref();
        let metadata = metadata.or(answer.and_then(|answer| answer.metadata_url.as_ref()));
        let pxemngr = answer.and_then(|answer| answer.pxemngr_url.as_ref());
        [("METADATA_URL", metadata), ("PXEMNGR_URL", pxemngr)]
            .into_iter()
            .filter_map(|(name, url)| Some((name.to_owned(), url?.clone())))
            .collect()
    }

    pub(super) fn writer(&self) -> Writer {
        Writer {
            is_rehearsal: self.is_rehearsal,
        }
    }

    fn var(&self, name: &'static str) -> Result<&str, StepError> {
        assignments::last(&self.vars, name).ok_or(StepError::NoRole(name))
    }

    fn choice(&self) -> Result<Choice, StepError> {
        let settings = &self.settings;
        let or = |own: &Option<String>, name| match own {
            Some(own) => Ok(own.clone()),
            None => self.var(name).map(str::to_owned),
        };
        let profile = self
            .answer
            .as_ref()
            .map(|answer| answer.profile.to_string());
        Ok(Choice {
            role: or(&settings.os, "ROLE")?,
            version: or(&settings.os_ver, "VERS")?,
            profile: profile.unwrap_or_default(),
            machine: self.answer.as_ref().and_then(|it| it.machine.clone()),
        })
    }

    fn sync(&mut self) -> Result<(), StepError> {
        let source = Source {
            settings: &self.settings,
            choice: &self.choice()?,
            target: &self.target,
            patience: Patience::lasting(OUTAGE),
            is_rehearsal: self.is_rehearsal,
        };
        if !self.is_rehearsal {
            source.expect_mounted()?;
        }
        let (runner, log) = (self.runner.as_ref(), &mut self.log);
        Ok(source.fetch(runner, log, &mut self.came)?)
    }

    fn boot_arguments(&self) -> String {
        let options = std::fs::read_to_string("/grub_options").unwrap_or_default();
        let metadata = assignments::last(&self.vars, "METADATA_URL");
        grub::arguments(&self.settings.boot_args, &options, metadata)
    }

    fn bootloader(&mut self) -> Result<(), StepError> {
        let choice = self.choice()?;
        let target = Target {
            root: &self.target,
            disk: self.var("DISK")?,
            arguments: &self.boot_arguments(),
            title: &format!("{} {}", choice.role, choice.version),
            is_uefi: Path::new("/sys/firmware/efi").exists(),
            writer: self.writer(),
        };
        for remark in bootloader::install(self.runner.as_ref(), &target)? {
            self.log.say(&format!("warning: {remark}"));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), StepError> {
        let runner = self.runner.clone();
        let runner = runner.as_ref();
        let url = assignments::last(&self.vars, "PXEMNGR_URL");
        if let Some(url) = url.filter(|_| !self.is_rehearsal) {
            let facts = self.facts.as_deref().unwrap_or_default();
            let said = pxemngr::ask_for_local_boot(url, facts);
            said.into_iter().for_each(|line| self.log.say(&line));
        }
        if self.settings.on_success == OnSuccess::Kexec {
            let arguments = self.boot_arguments();
            let has_console = arguments.contains("console=");
            let consoles = self.settings.consoles.join(" ");
            let arguments = match has_console {
                true => arguments,
                false => format!("{arguments} {consoles}"),
            };
            let root = bootloader::uuid_of(runner, &self.target)?.unwrap_or_default();
            let part = self.settings.kexec_kernel.as_deref();
            ending::load_kernel(runner, &self.target, part, &root, arguments.trim())?;
        }
        ending::unmount(runner, &self.target)?;
        // With the word that it is installed the server has all that it learns from.
        self.hand_events_on();
        self.report_installed(Patience::lasting(REPORT_OUTAGE));
        Ok(())
    }
}
