//! What each step does.

use std::path::Path;
use std::time::Duration;

use crate::client::assignments;
use crate::client::configure::{Answer, ConfigureOptions};
use crate::configure::quoted;

use super::bootloader::{self, Target};
use super::ending;
use super::files::{self, Choice};
use super::grub;
use super::installation::Installation;
use super::network;
use super::network_style;
use super::pxemngr;
use super::retry::Patience;
use super::server::{Attempt, Server};
use super::settings::OnSuccess;
use super::step::{OUTAGE, Step, StepError};
use super::sync::Source;
use super::writer::Writer;

/// How long a server that is away is waited for when all is done: the machine is as good without it.
const REPORT_OUTAGE: Duration = Duration::from_secs(5 * 60);

impl Installation {
    /// Does one step.
    pub(super) fn step(&mut self, step: Step) -> Result<(), StepError> {
        match step {
            Step::Network => Ok(network::bring_up(self.runner.as_ref(), &self.settings)?),
            Step::Detect => {
                self.facts = Some(self.detect()?);
                Ok(())
            }
            Step::Upload => self.upload(),
            Step::Configure => self.configure(),
            Step::Sync => self.sync(),
            Step::Files => self.files(),
            Step::Bootloader => self.bootloader(),
            Step::Finish => self.finish(),
        }
    }

    fn upload(&mut self) -> Result<(), StepError> {
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
        Ok(())
    }

    fn files(&mut self) -> Result<(), StepError> {
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
            token: self.answer.as_ref().and_then(|it| it.token.clone()),
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
