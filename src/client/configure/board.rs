//! The calls of the management board. As in the original, no call stops the script: a machine whose
//! board does not answer is installed all the same, and the console says so.

use crate::system::{Command, Runner, ipmitool};

/// Makes a call with its arguments as the plan names them, and gives what went wrong.
pub(in crate::client) fn call(
    runner: &dyn Runner,
    call: &str,
    arguments: &[String],
) -> Vec<String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let commands: Vec<Command> = match (call, words.as_slice()) {
        ("setup_user", [channel, user, password]) => ipmitool::setup_user(channel, user, password),
        ("setup_network", [channel, ip, netmask, gateway, vlan]) => {
            let vlan = (!vlan.starts_with('-')).then_some(*vlan);
            ipmitool::setup_network(channel, ip, netmask, gateway, vlan)
        }
        ("setup_network", [channel, ip, netmask, gateway]) => {
            ipmitool::setup_network(channel, ip, netmask, gateway, None)
        }
        ("restart_bmc", []) => ipmitool::restart(),
        _ => return vec![format!("there is no ipmi call `{call}` of these arguments")],
    };
    let failed = commands
        .iter()
        .filter_map(|command| runner.run(command).err());
    // The command line may hold the password.
    failed
        .map(|error| format!("ipmi.{call}: {}", error.ending()))
        .collect()
}
