//! What a machine is to do, from what is known of it: values in, a value out.
//!
//! Where sections differ, the most careful answer counts: a machine that is installed anywhere is not
//! installed over, one that is held anywhere is held.

use std::path::PathBuf;

use crate::model::{Deployments, LatestDeployment, MachineId, SectionName};

/// What one section knows of a machine. A section that knows nothing is left out.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) section: SectionName,
    /// The name it goes by and how its deployments stand, where it holds an allocation.
    pub(super) held: Option<(MachineId, Deployments)>,
    /// Why it would still be refused, where it was refused before.
    pub(super) refusal: Option<String>,
}

/// What does not depend on the machine.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// How many deployments may begin without success.
    pub(super) attempts: u32,
    /// A file to boot that is not there, and where it should be.
    pub(super) missing: Option<(&'static str, PathBuf)>,
    /// The section that the machine asked for.
    pub(super) section: Option<SectionName>,
}

/// What a machine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Decision {
    /// Boot the ramdisk and install itself.
    Install {
        /// The section that it is to post to, where it is known.
        section: Option<SectionName>,
    },
    /// Boot from its disk.
    LocalBoot {
        /// What it is called.
        machine: MachineId,
    },
    /// Wait and ask again.
    Hold(Hold),
}

/// Why a machine is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Hold {
    /// It tells nothing that it could be recognised by.
    Nobody,
    /// No profile for it.
    Refused(String),
    /// Too many deployments began and none succeeded.
    TooOften {
        machine: MachineId,
        section: SectionName,
        deployments: Deployments,
    },
    /// There is nothing to boot.
    NoFile {
        name: &'static str,
        directory: PathBuf,
    },
    /// The server cannot tell now.
    Trouble(String),
}

/// Decides what a machine does that is known like this.
pub(super) fn decide(known: &[Known], rules: &Rules) -> Decision {
    let held = || {
        known
            .iter()
            .filter_map(|known| Some((&known.section, known.held.as_ref()?)))
    };
    let installed = held().find(|(_, (_, deployments))| deployments.is_installed());
    if let Some((_, (machine, _))) = installed {
        return Decision::LocalBoot {
            machine: machine.clone(),
        };
    }
    if let Some(text) = known.iter().find_map(|known| known.refusal.clone()) {
        return Decision::Hold(Hold::Refused(text));
    }
    let spent = held().find(|(_, (_, deployments))| deployments.begun >= rules.attempts);
    if let Some((section, (machine, deployments))) = spent {
        return Decision::Hold(Hold::TooOften {
            machine: machine.clone(),
            section: section.clone(),
            deployments: *deployments,
        });
    }
    if let Some((name, directory)) = rules.missing.clone() {
        return Decision::Hold(Hold::NoFile { name, directory });
    }
    let holding = held().map(|(section, _)| section).next();
    let refused = known.first().map(|known| &known.section);
    let section = holding.or(refused).or(rules.section.as_ref());
    Decision::Install {
        section: section.cloned(),
    }
}

impl Hold {
    /// The reason in a few sentences, for the machine's screen.
    pub(in crate::server) fn text(&self) -> String {
        match self {
            Hold::Nobody => "It tells no usable uuid, serial number or MAC address, so nobody could tell whether \
                             it is installed already."
                .to_owned(),
            Hold::Refused(reasons) => format!("The server has nothing for it: {reasons}"),
            Hold::TooOften {
                machine,
                section,
                deployments,
            } => {
                let begun = match deployments.begun {
                    1 => "once".to_owned(),
                    several => format!("{several} times"),
                };
                let latest = match deployments.latest {
                    LatestDeployment::Failed => "the last time it said that it failed",
                    _ => "it never said that it is installed",
                };
                format!(
                    "Its installation was begun {begun}, and {latest}.\n\
                     To try again, on the server (section {section}):\n\
                     edeployctl reinstall {machine}"
                )
            }
            Hold::NoFile { name, directory } => format!(
                "The server has no /boot/{name}: put what packaging/ramdisk makes into {}",
                directory.display()
            ),
            Hold::Trouble(problem) => format!("The server cannot tell what to do: {problem}"),
        }
    }
}
