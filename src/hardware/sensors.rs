//! The temperatures that the processors' own sensors measure, in thousandths of a degree Celsius.

use super::report::Report;
use super::root::Sysroot;

const PLATFORM: &str = "/sys/devices/platform";

/// The rows `cpu physical_N <label>/temperature` and its limits.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    for name in root.names(PLATFORM) {
        let number = name.strip_prefix("coretemp.");
        let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) else {
            continue;
        };
        let device = format!("{PLATFORM}/{name}");
        // Since Linux 3.15 the sensors are one level deeper.
        let deeper = root.names(&format!("{device}/hwmon"));
        let deeper = deeper.iter().map(|name| format!("{device}/hwmon/{name}"));
        for place in std::iter::once(device.clone()).chain(deeper) {
            sensors(root, &place, number, report);
        }
    }
}

fn sensors(root: &Sysroot, place: &str, processor: u32, report: &mut Report) {
    for name in root.names(place) {
        let sensor = name.strip_suffix("_label");
        let Some(sensor) = sensor.filter(|sensor| sensor.starts_with("temp")) else {
            continue;
        };
        let Some(label) = root.line(&format!("{place}/{name}")) else {
            continue;
        };
        let label = label.replace(' ', "_");
        let mut rows = report.of("cpu", &format!("physical_{processor}"));
        for (file, key) in [
            ("input", "temperature"),
            ("max", "max"),
            ("crit", "critical"),
            ("crit_alarm", "critical_alarm"),
        ] {
            let value = root.line(&format!("{place}/{sensor}_{file}"));
            rows.maybe(&format!("{label}/{key}"), value);
        }
    }
}
