//! Which program sets up the network of the installed system, by what the synced role holds.
//!
//! `network.write(…, 'auto')` stages the files of every style: the plan is made where no role is seen.
//! Here one style is chosen, and only its files are put over the role's.

use std::path::{Path, PathBuf};

use crate::roles::{Entry, WalkError, walk};
use crate::system::{Command, RunError, Runner};

use super::overlay::{OverlayError, Own, list_as_own, put_over};
use super::writer::Writer;

/// Where the library stages the styles (`network_write.star`).
const STAGED: &str = "/network_styles";

/// Where units are enabled.
const UNITS: &str = "etc/systemd/system";

/// Why the installed system has no network.
#[derive(Debug, thiserror::Error)]
pub(super) enum StyleError {
    /// A command failed.
    #[error(transparent)]
    Command(#[from] RunError),
    /// The files of the style are not there.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// Which units are enabled cannot be told.
    #[error(transparent)]
    Units(#[from] WalkError),
    /// Nothing that is known.
    #[error(
        "nothing in the role below `{0}` sets up a network: no netplan, NetworkManager, systemd-networkd, ifupdown or initscripts"
    )]
    None(PathBuf),
}

/// A style of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Netplan,
    Keyfile,
    Networkd,
    Ifupdown,
    Ifcfg,
}

impl Style {
    fn name(self) -> &'static str {
        match self {
            Style::Netplan => "netplan",
            Style::Keyfile => "keyfile",
            Style::Networkd => "networkd",
            Style::Ifupdown => "ifupdown",
            Style::Ifcfg => "ifcfg",
        }
    }
}

/// What tells a style, the strongest first. Programs alone come last: systemd brings its networkd
/// along everywhere, and a role may have ifupdown without starting it.
const SIGNS: [(Style, &[&str]); 9] = [
    (Style::Netplan, &["usr/sbin/netplan"]),
    (
        Style::Keyfile,
        &["etc/systemd/system/multi-user.target.wants/NetworkManager.service"],
    ),
    (Style::Networkd, &[NETWORKD]),
    (
        Style::Ifupdown,
        &["etc/systemd/system/multi-user.target.wants/networking.service"],
    ),
    (
        Style::Ifcfg,
        &[
            "etc/rc.d/rc3.d/S10network",
            "etc/sysconfig/network-scripts/ifup-eth",
        ],
    ),
    (Style::Keyfile, &["usr/sbin/NetworkManager"]),
    (
        Style::Ifupdown,
        &["usr/sbin/ifup", "sbin/ifup", "usr/bin/ifup"],
    ),
    (
        Style::Networkd,
        &[
            "usr/lib/systemd/systemd-networkd",
            "lib/systemd/systemd-networkd",
        ],
    ),
    (Style::Ifcfg, &["etc/sysconfig/network-scripts"]),
];

const NETWORKD: &str = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service";

fn style_of(target: &Path) -> Option<Style> {
    // Links that lead out of the target count too.
    let is_there = |name: &&str| target.join(name).symlink_metadata().is_ok();
    let mut signs = SIGNS.iter();
    let found = signs.find(|(_, signs)| signs.iter().any(is_there));
    found.map(|(style, _)| *style)
}

/// Puts the files of the role's style over the role's own. Gives its name, or none where the script
/// has not asked for it.
pub(super) fn apply(
    runner: &dyn Runner,
    writer: Writer,
    target: &Path,
) -> Result<Option<&'static str>, StyleError> {
    apply_from(Path::new(STAGED), runner, writer, target)
}

fn apply_from(
    staged: &Path,
    runner: &dyn Runner,
    writer: Writer,
    target: &Path,
) -> Result<Option<&'static str>, StyleError> {
    if !staged.is_dir() {
        return Ok(None);
    }
    let Some(style) = style_of(target) else {
        return Err(StyleError::None(target.to_owned()));
    };
    let chosen = staged.join(style.name());
    put_over(runner, writer, &chosen, target, true)?;
    if style == Style::Networkd && target.join(NETWORKD).symlink_metadata().is_err() {
        enable_networkd(runner, writer, target)?;
    }
    Ok(Some(style.name()))
}

/// Has networkd started with the system. The links that this makes are the machine's own.
fn enable_networkd(runner: &dyn Runner, writer: Writer, target: &Path) -> Result<(), StyleError> {
    let before = units(target)?;
    let root = target.display().to_string();
    let words = [root.as_str(), "systemctl", "enable", "systemd-networkd"];
    runner.run(&Command::new("chroot", words).mutating())?;
    let mut made = units(target)?;
    made.retain(|own| before.binary_search(own).is_err());
    Ok(list_as_own(writer, &made, target, true)?)
}

/// What is where units are enabled, in order.
fn units(target: &Path) -> Result<Vec<Own>, StyleError> {
    let place = target.join(UNITS);
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let own = |entry: Entry| Own {
        path: entry.path.below(Path::new(UNITS)),
        is_directory: entry.is_directory(),
    };
    let mut units: Vec<Own> = walk(&place, |_| true)?.into_iter().map(own).collect();
    units.sort();
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Output, Real, Recorded};

    fn role(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            std::os::unix::fs::symlink("/not/in/the/role", path).unwrap();
        }
        dir
    }

    const WRITER: Writer = Writer {
        is_rehearsal: false,
    };
    const ENABLED: &str = "etc/systemd/system/multi-user.target.wants";

    #[test]
    fn what_a_role_starts_counts_before_what_it_only_has() {
        let networkd = "usr/lib/systemd/systemd-networkd";
        let networking = format!("{ENABLED}/networking.service");
        let manager = format!("{ENABLED}/NetworkManager.service");
        for (files, style) in [
            (vec![networkd], Style::Networkd),
            (vec![networkd, "usr/sbin/ifup"], Style::Ifupdown),
            (
                vec![
                    networkd,
                    "usr/sbin/NetworkManager",
                    "usr/sbin/ifup",
                    &networking,
                ],
                Style::Ifupdown,
            ),
            (vec!["usr/sbin/ifup", NETWORKD], Style::Networkd),
            (
                vec!["etc/sysconfig/network-scripts/ifup-eth", &manager],
                Style::Keyfile,
            ),
            (
                vec![
                    "etc/sysconfig/network-scripts/ifup-eth",
                    "usr/sbin/NetworkManager",
                ],
                Style::Ifcfg,
            ),
            (vec!["usr/sbin/netplan", NETWORKD], Style::Netplan),
        ] {
            assert_eq!(style_of(role(&files).path()), Some(style), "{files:?}");
        }
        assert_eq!(style_of(role(&["etc/hostname"]).path()), None);
    }

    #[test]
    fn a_role_without_any_network_is_told_where_the_script_left_it_to_the_role() {
        let (staged, role) = (tempfile::tempdir().unwrap(), role(&[]));
        let runner = Recorded::default();
        let error = apply_from(staged.path(), &runner, WRITER, role.path()).unwrap_err();
        assert!(error.to_string().contains("netplan"), "{error}");
        let none = apply_from(&staged.path().join("none"), &runner, WRITER, role.path());
        assert_eq!(none.unwrap(), None);
    }

    /// Enables networkd by a link, and copies files as ever.
    struct Enabling<'a>(&'a Path);

    impl Runner for Enabling<'_> {
        fn run(&self, command: &Command) -> Result<Output, RunError> {
            if command.program != "chroot" {
                return Real.run(command);
            }
            let words = [text(self.0), "systemctl", "enable", "systemd-networkd"];
            assert_eq!(command.args, words);
            let link = self.0.join(NETWORKD);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("/usr/lib/systemd", link).unwrap();
            Ok(Output::default())
        }
    }

    fn text(path: &Path) -> &str {
        path.to_str().unwrap()
    }

    #[test]
    fn networkd_is_enabled_where_nothing_else_is_there_and_its_files_are_the_machines_own() {
        let staged = tempfile::tempdir().unwrap();
        let role = role(&[
            "usr/lib/systemd/systemd-networkd",
            "etc/systemd/system/sockets.target.wants/other",
        ]);
        let network = "networkd/etc/systemd/network/30-lan0.network";
        WRITER.put(&staged.path().join(network), "", false).unwrap();
        let runner = Enabling(role.path());
        let style = apply_from(staged.path(), &runner, WRITER, role.path()).unwrap();
        assert_eq!(style, Some("networkd"));
        assert!(role.path().join(&network["networkd/".len()..]).is_file());
        let own = std::fs::read_to_string(role.path().join("var/lib/edeploy/exclude"));
        assert_eq!(
            own.unwrap(),
            "/etc/systemd/network/.\n/etc/systemd/network/30-lan0.network\n\
             /etc/systemd/system/multi-user.target.wants/.\n\
             /etc/systemd/system/multi-user.target.wants/systemd-networkd.service\n"
        );
    }
}
