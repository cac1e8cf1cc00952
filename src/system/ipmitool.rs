//! The management board, through `ipmitool`. The names of the calls are those of eDeploy's `ipmi.py`.
//! Nothing here runs a command.

use std::time::Duration;

use super::Command;

/// Boards are slow, above all after a reset.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The commands that make user 1 an administrator with this name and password.
pub fn setup_user(channel: &str, user: &str, password: &str) -> Vec<Command> {
    [
        &["user", "set", "name", "1", user][..],
        &["user", "set", "password", "1", password],
        &["user", "priv", "1", "4", channel],
        &["user", "enable", "1"],
        &["user", "test", "1", "16", password],
    ]
    .map(tool)
    .into()
}

/// The commands that give the board a fixed address; no VLAN where `vlan` is none.
pub fn setup_network(
    channel: &str,
    ip: &str,
    netmask: &str,
    gateway: &str,
    vlan: Option<&str>,
) -> Vec<Command> {
    [
        &["ipsrc", "static"][..],
        &["ipaddr", ip],
        &["netmask", netmask],
        &["defgw", "ipaddr", gateway],
        &["arp", "respond", "on"],
        &["vlan", "id", vlan.unwrap_or("off")],
    ]
    .map(|words| tool(&[&["lan", "set", channel], words].concat()))
    .into_iter()
    .chain(restart())
    .collect()
}

/// The command that restarts the board, which then takes its new settings.
pub fn restart() -> Vec<Command> {
    vec![tool(&["bmc", "reset", "cold"])]
}

fn tool(words: &[&str]) -> Command {
    Command::new("ipmitool", words.iter().copied())
        .with_timeout(TIMEOUT)
        .mutating()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(commands: &[Command]) -> Vec<String> {
        commands.iter().map(Command::to_string).collect()
    }

    #[test]
    fn a_board_gets_its_address_and_is_restarted() {
        let commands = setup_network("1", "10.0.0.2", "255.0.0.0", "10.0.0.1", None);
        let lines = lines(&commands);
        assert_eq!(lines[1], "ipmitool lan set 1 ipaddr 10.0.0.2");
        assert_eq!(lines[5], "ipmitool lan set 1 vlan id off");
        assert_eq!(lines[6], "ipmitool bmc reset cold");
    }

    #[test]
    fn a_user_is_named_enabled_and_tried() {
        let commands = setup_user("1", "admin", "it's");
        let lines = lines(&commands);
        assert_eq!(lines[1], r"ipmitool user set password 1 'it'\''s'");
        assert_eq!(lines.len(), 5);
    }
}
