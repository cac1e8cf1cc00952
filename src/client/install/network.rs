//! The network of the ramdisk: links up, addresses as `IP=` says (eDeploy `init`, step 8).

use std::path::Path;
use std::time::{Duration, Instant};

use crate::system::{Command, RunError, Runner};

use super::retry::Transient;
use super::settings::Settings;

/// How often a link is looked at while it comes up.
const LOOK: Duration = Duration::from_millis(200);

/// Where programs of a ramdisk are.
const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// What goes wrong with the network.
#[derive(Debug, thiserror::Error)]
pub(super) enum NetworkError {
    /// A command failed.
    #[error(transparent)]
    Command(#[from] RunError),
    /// `IP=` cannot be read.
    #[error(
        "`{0}` in IP= of the kernel's command line: expected NAME:dhcp, NAME:none or NAME:ADDRESS/LENGTH, with @VLAN if need be"
    )]
    Setting(String),
    /// No link came up.
    #[error("no link came up within {seconds} s: {names}")]
    NoLink {
        /// How long was waited.
        seconds: u64,
        /// Which links there are.
        names: String,
    },
    /// Links are up, but none got an address.
    #[error("no link got an address: {0}")]
    NoAddress(String),
}

impl Transient for NetworkError {
    fn may_pass(&self) -> bool {
        !matches!(self, NetworkError::Setting(_))
    }
}

/// How a link gets its address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    kind: Kind,
    vlan: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    None,
    Dhcp,
    Fixed(String),
}

/// What `IP=` says of a link: the first part that names it, or `all`, or `other`.
fn address_of(setting: &str, link: &str) -> Result<Address, NetworkError> {
    for part in setting.split(',').filter(|part| !part.is_empty()) {
        let wrong = || NetworkError::Setting(part.to_owned());
        let (name, config) = part.split_once(':').ok_or_else(wrong)?;
        if ![link, "all", "other"].contains(&name) {
            continue;
        }
        let (config, vlan) = match config.split_once('@') {
            Some((config, vlan)) => (config, Some(vlan.parse().map_err(|_| wrong())?)),
            None => (config, None),
        };
        let kind = match config {
            "dhcp" => Kind::Dhcp,
            "none" => Kind::None,
            fixed if fixed.contains('/') => Kind::Fixed(fixed.to_owned()),
            _ => return Err(wrong()),
        };
        return Ok(Address { kind, vlan });
    }
    let (kind, vlan) = (Kind::Dhcp, None);
    Ok(Address { kind, vlan })
}

/// Sees to it that this machine has an address. What has one already is left alone.
pub(super) fn bring_up(runner: &dyn Runner, settings: &Settings) -> Result<(), NetworkError> {
    if has_address(runner)? {
        return Ok(());
    }
    let links = links(Path::new("/sys/class/net"));
    for link in &links {
        runner.run(&ip(&["link", "set", link, "up"]))?;
    }
    let seconds = settings.link_up_timeout;
    let connected = wait_for_carrier(&links, Duration::from_secs(seconds));
    if connected.is_empty() {
        let names = if links.is_empty() {
            "there are none".to_owned()
        } else {
            links.join(", ")
        };
        return Err(NetworkError::NoLink { seconds, names });
    }
    let mut problems = Vec::new();
    for link in &connected {
        let address = address_of(&settings.ip, link)?;
        for command in commands(link, &address) {
            if let Err(error) = runner.run(&command) {
                problems.push(error.to_string());
                break;
            }
        }
    }
    if has_address(runner)? {
        Ok(())
    } else {
        problems.extend(problems.is_empty().then(|| connected.join(", ")));
        Err(NetworkError::NoAddress(problems.join("; ")))
    }
}

fn ip(words: &[&str]) -> Command {
    Command::new("ip", words.iter().copied()).mutating()
}

/// Whether a link other than the loopback has an address that reaches beyond the link.
fn has_address(runner: &dyn Runner) -> Result<bool, NetworkError> {
    let command = Command::new("ip", ["-o", "addr", "show", "up", "scope", "global"]);
    Ok(!runner.run(&command)?.stdout.trim_ascii().is_empty())
}

/// The links with hardware behind them.
fn links(class: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(class) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("device").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Waits until every link has a carrier, or until the time is over and at least one has.
fn wait_for_carrier(links: &[String], timeout: Duration) -> Vec<String> {
    let started = Instant::now();
    loop {
        let has_carrier = |link: &&String| {
            let path = format!("/sys/class/net/{link}/carrier");
            std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
        };
        let connected: Vec<String> = links.iter().filter(has_carrier).cloned().collect();
        if connected.len() == links.len() || started.elapsed() > timeout {
            return connected;
        }
        std::thread::sleep(LOOK);
    }
}

/// The commands that give a link its address.
fn commands(link: &str, address: &Address) -> Vec<Command> {
    let mut commands = Vec::new();
    let name = match address.vlan {
        None => link.to_owned(),
        Some(vlan) => {
            let name = format!("{link}.{vlan}");
            let id = vlan.to_string();
            commands.push(ip(&[
                "link", "add", "link", link, "name", &name, "type", "vlan", "id", &id,
            ]));
            commands.push(ip(&["link", "set", &name, "up"]));
            name
        }
    };
    match &address.kind {
        Kind::None => {}
        Kind::Dhcp => commands.push(dhcp(&name)),
        Kind::Fixed(fixed) => commands.push(ip(&["addr", "add", fixed, "dev", &name])),
    }
    commands
}

/// The DHCP client of the ramdisk: busybox's, or else ISC's.
fn dhcp(link: &str) -> Command {
    let is_there = |name: &str| {
        let mut directories = DIRECTORIES.iter();
        directories.any(|directory| Path::new(directory).join(name).exists())
    };
    let command = if is_there("udhcpc") {
        Command::new("udhcpc", ["-n", "-q", "-t", "5", "-T", "3", "-i", link])
    } else {
        Command::new("dhclient", ["-1", link])
    };
    command.mutating().with_timeout(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Output, Recorded};

    fn shown(setting: &str, link: &str) -> Vec<String> {
        let address = address_of(setting, link).unwrap();
        commands(link, &address)
            .iter()
            .map(Command::to_string)
            .collect()
    }

    #[test]
    fn the_first_part_that_names_a_link_says_how_it_gets_its_address() {
        let setting = "eth1:none,eth0:10.0.0.5/24@101,other:dhcp";
        assert_eq!(
            shown(setting, "eth0"),
            [
                "ip link add link eth0 name eth0.101 type vlan id 101",
                "ip link set eth0.101 up",
                "ip addr add 10.0.0.5/24 dev eth0.101"
            ]
        );
        assert_eq!(shown(setting, "eth1"), [""; 0]);
        assert!(shown(setting, "eth2")[0].contains("eth2"));
        assert!(shown("all:dhcp,eth0:none", "eth0")[0].contains("eth0"));
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_told() {
        for setting in ["eth0", "eth0:10.0.0.5", "eth0:dhcp@x"] {
            let error = address_of(setting, "eth0").unwrap_err();
            assert!(error.to_string().contains(setting), "{error}");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn a_machine_that_has_an_address_is_left_alone() {
        let line = "ip -o addr show up scope global";
        let output = Output {
            stdout: b"2: eth0 inet 10.0.0.9/24 scope global eth0\n".to_vec(),
            ..Output::default()
        };
        let runner = Recorded::new([(line.to_owned(), output)]);
        bring_up(&runner, &Settings::parse("").unwrap()).unwrap();
        assert_eq!(runner.asked().len(), 1);
    }
}
