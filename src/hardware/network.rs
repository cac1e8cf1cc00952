//! Network interfaces that are hardware: no loopback, bridge, bond or VLAN, as the reference has it.
//!
//! In the order of the bus, as `lshw` lists them, so that the first MAC address stays the first
//! whatever the interfaces are called.

use ipnet::Ipv4Net;

use super::ethtool::Settings;
use super::lldp::Neighbours;
use super::order;
use super::pci::Names;
use super::report::{Report, Rows};
use super::root::Sysroot;
use super::tools::{Tools, in_parallel};
use super::{address, lldp};

const NET: &str = "/sys/class/net";

/// Where in a PCI device's configuration space its latency timer is.
const LATENCY_TIMER: usize = 0x0d;

/// Drivers whose name differs from that of the interface's own part, which `ethtool` tells.
const DRIVERS: [(&str, &str); 1] = [("mlx4_core", "mlx4_en")];

/// The rows of `network` and `lldp`.
pub(super) fn detect(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    let interfaces = interfaces(tools.root);
    let addresses = address::detect(tools, &mut report);
    let neighbours = Neighbours::read(tools, &mut report);
    let names = Names::read(tools.root);
    let with_ethtool = tools.has("ethtool");
    for one in in_parallel(&interfaces, |(name, device)| {
        let mut report = Report::default();
        let settings = if with_ethtool {
            Settings::read(tools, name)
        } else {
            Settings::default()
        };
        let address = addresses.iter().find(|(known, _)| known == name);
        let mut rows = report.of("network", name);
        let bus = Bus::of(tools.root, device);
        bus.rows(tools.root, device, &names, &mut rows);
        rows.maybe("firmware", settings.firmware());
        let speed = speed(tools.root, name);
        rows.maybe("size", speed.map(|speed| (speed * 1_000_000).to_string()));
        if let Some((_, net)) = address {
            address_rows(*net, &mut rows);
        }
        state_rows(tools.root, name, device, &settings, &mut rows);
        rows.maybe("latency", bus.latency(tools.root, device));
        rows.maybe("autonegotiation", settings.autonegotiation());
        rows.maybe("serial", mac(tools.root, name));
        settings.rows(name, &mut rows);
        lldp::detect(tools, &neighbours, name, &mut report);
        report
    }) {
        report.append(one);
    }
    report
}

/// The interfaces with a device of their own: name, and the device's path in sysfs.
fn interfaces(root: &Sysroot) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in root.names(NET) {
        let device = root.resolved(&format!("{NET}/{name}/device"));
        if let Some(device) = device.filter(|path| !path.contains("/devices/virtual/")) {
            found.push((name, device));
        }
    }
    found.sort_by(|(one, a), (two, b)| order::compare(a, b).then_with(|| order::compare(one, two)));
    found
}

/// How an interface's device is connected.
#[derive(Debug)]
struct Bus {
    kind: String,
    device: String,
}

impl Bus {
    fn of(root: &Sysroot, device: &str) -> Bus {
        let kind = root.link_name(&format!("{device}/subsystem"));
        let name = device.rsplit('/').next().unwrap_or_default();
        Bus {
            kind: kind.unwrap_or_default(),
            device: name.to_owned(),
        }
    }

    /// The device as `lshw` writes it: `pci@0000:15:00.0`, `virtio@2`, `usb@1:1.2`.
    fn info(&self) -> Option<String> {
        let device = match self.kind.as_str() {
            "" => return None,
            "virtio" => self.device.trim_start_matches("virtio").to_owned(),
            "usb" => {
                // `1-1.2:1.0` is an interface of the device `1-1.2`.
                let device = self.device.split(':').next().unwrap_or_default();
                device.replacen('-', ":", 1)
            }
            _ => self.device.clone(),
        };
        Some(format!("{}@{device}", self.kind))
    }

    fn rows(&self, root: &Sysroot, device: &str, names: &Names, rows: &mut Rows<'_>) {
        rows.maybe("businfo", self.info());
        if self.kind != "pci" {
            return;
        }
        let number = |file: &str| root.line(&format!("{device}/{file}")).unwrap_or_default();
        let (vendor, product) = names.of(&number("vendor"), &number("device"));
        rows.maybe("vendor", vendor);
        rows.maybe("product", product);
    }

    fn latency(&self, root: &Sysroot, device: &str) -> Option<String> {
        if self.kind != "pci" {
            return None;
        }
        let config = root.bytes(&format!("{device}/config"), 64).ok()?;
        config.get(LATENCY_TIMER).map(u8::to_string)
    }
}

/// The speed in Mbit/s. The kernel gives none, or -1, of an interface without a link.
fn speed(root: &Sysroot, name: &str) -> Option<u64> {
    let speed = root.number::<i64>(&format!("{NET}/{name}/speed"))?;
    // Some drivers write the highest number there is for "unknown".
    let known = (1..i64::from(i32::MAX)).contains(&speed);
    known.then(|| u64::try_from(speed).ok()).flatten()
}

fn address_rows(net: Ipv4Net, rows: &mut Rows<'_>) {
    rows.text("ipv4", net.addr().to_string());
    rows.text("ipv4-netmask", net.netmask().to_string());
    rows.text("ipv4-cidr", net.prefix_len().to_string());
    rows.text("ipv4-network", net.network().to_string());
}

fn state_rows(root: &Sysroot, name: &str, device: &str, settings: &Settings, rows: &mut Rows<'_>) {
    let carrier = root.line(&format!("{NET}/{name}/carrier"));
    // The file cannot be read while the interface is down.
    rows.text(
        "link",
        if carrier.as_deref() == Some("1") {
            "yes"
        } else {
            "no"
        },
    );
    let driver = root.link_name(&format!("{device}/driver"));
    let driver = driver.map(|driver| {
        let own = DRIVERS.iter().find(|(known, _)| *known == driver);
        own.map_or(driver.clone(), |(_, name)| (*name).to_owned())
    });
    rows.maybe("driver", settings.driver().map(str::to_owned).or(driver));
    let duplex = root.line(&format!("{NET}/{name}/duplex"));
    rows.maybe("duplex", duplex.filter(|duplex| duplex != "unknown"));
    rows.maybe("speed", speed(root, name).map(speed_text));
}

/// A speed as `lshw` writes it: `100Mbit/s`, `2.5Gbit/s`.
fn speed_text(mbit: u64) -> String {
    match (mbit / 1000, mbit % 1000) {
        (0, _) => format!("{mbit}Mbit/s"),
        (gbit, 0) => format!("{gbit}Gbit/s"),
        (gbit, rest) => format!(
            "{gbit}.{}Gbit/s",
            format!("{rest:03}").trim_end_matches('0')
        ),
    }
}

/// The hardware address. A part of a bond shows the bond's: its own is kept beside it.
fn mac(root: &Sysroot, name: &str) -> Option<String> {
    let own = root.line(&format!("{NET}/{name}/bonding_slave/perm_hwaddr"));
    let mac = own.or_else(|| root.line(&format!("{NET}/{name}/address")))?;
    let is_set = mac.chars().any(|c| !matches!(c, '0' | ':'));
    is_set.then(|| mac.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_written_in_the_unit_that_fits() {
        let texts = [10, 100, 1000, 2500, 40_000, 100_000].map(speed_text);
        assert_eq!(
            texts,
            [
                "10Mbit/s",
                "100Mbit/s",
                "1Gbit/s",
                "2.5Gbit/s",
                "40Gbit/s",
                "100Gbit/s"
            ]
        );
    }

    #[test]
    fn a_device_is_named_by_its_bus() {
        let info = |kind: &str, device: &str| {
            let bus = Bus {
                kind: kind.to_owned(),
                device: device.to_owned(),
            };
            bus.info().unwrap_or_default()
        };
        assert_eq!(info("pci", "0000:15:00.0"), "pci@0000:15:00.0");
        assert_eq!(info("virtio", "virtio2"), "virtio@2");
        assert_eq!(info("usb", "1-1.2:1.0"), "usb@1:1.2");
        assert_eq!(info("", "x"), "");
    }
}
