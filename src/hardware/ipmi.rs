//! The management board, through `ipmitool`: its channel, its network, its sensors.

use std::time::Duration;

use super::report::Report;
use super::tools::Tools;

/// Boards are slow; one that does not answer within this time is left alone.
const TIMEOUT: Duration = Duration::from_secs(10);

/// All sensors of a large machine take this long on an old board.
const SENSORS_TIMEOUT: Duration = Duration::from_secs(30);

const DEVICES: [&str; 3] = ["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"];

/// The highest channel number there is.
const CHANNELS: u32 = 16;

/// What a board says of itself that nobody else is to know: facts are kept and shown.
const SECRETS: [&str; 1] = ["snmp-community-string"];

/// The rows of `system ipmi` and `ipmi lan`.
pub(super) fn detect(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    if !has_board(tools) {
        let command_line = tools.root.line("/proc/cmdline").unwrap_or_default();
        if command_line.to_uppercase().contains("FAKEIPMI") {
            report.of("system", "ipmi-fake").text("channel", "0");
        }
        return report;
    }
    if !tools.has("ipmitool") {
        report.warn("this machine has a management board, but there is no ipmitool to ask it");
        return report;
    }
    for channel in 0..CHANNELS {
        let number = channel.to_string();
        let answer = tools.answer(&["ipmitool", "channel", "info", &number], TIMEOUT);
        if answer.is_ok_and(|answer| answer.contains("Volatile")) {
            report.of("system", "ipmi").text("channel", number);
            break;
        }
    }
    let answer = tools.ask(&["ipmitool", "lan", "print"], TIMEOUT, &mut report);
    for (key, value) in lan(&answer.unwrap_or_default()) {
        report.of("ipmi", "lan").text(&key, value);
    }
    report
}

/// The rows `ipmi <sensor>`: the value, and its unit if it has one.
pub(super) fn detect_sensors(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    if !has_board(tools) || !tools.has("ipmitool") {
        return report;
    }
    let answer = tools.ask(
        &["ipmitool", "-I", "open", "sdr"],
        SENSORS_TIMEOUT,
        &mut report,
    );
    for line in answer.unwrap_or_default().lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [sensor, reading, _, ..] = columns.as_slice() else {
            continue;
        };
        let mut rows = report.of("ipmi", sensor);
        if line.contains("Not Readable") {
            rows.text("value", "Not Readable");
            continue;
        }
        let (value, unit) = reading.split_once(' ').unwrap_or((reading, ""));
        rows.text("value", value);
        if !unit.is_empty() {
            rows.text("unit", unit);
        }
    }
    report
}

fn has_board(tools: Tools<'_>) -> bool {
    DEVICES.iter().any(|device| tools.root.exists(device))
}

/// The lines `Name : value`, names in lower case with dashes for blanks.
fn lan(answer: &str) -> Vec<(String, String)> {
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let key = name.trim().to_lowercase().replace(' ', "-");
        let value = value.trim();
        let told = !key.is_empty() && !value.is_empty() && !SECRETS.contains(&key.as_str());
        told.then(|| (key, value.to_owned()))
    };
    answer.lines().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_of_a_board_is_read_without_its_secret() {
        let answer = "Set in Progress         : Set Complete\n\
                      Auth Type Enable        : Callback : MD5\n\
                      \x20                       : User     : MD5\n\
                      IP Address              : 10.20.0.142\n\
                      SNMP Community String   : public\n\
                      802.1q VLAN ID          : Disabled\n";
        let expected = [
            ("set-in-progress", "Set Complete"),
            ("auth-type-enable", "Callback : MD5"),
            ("ip-address", "10.20.0.142"),
            ("802.1q-vlan-id", "Disabled"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(lan(answer), expected);
    }
}
