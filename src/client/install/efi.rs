//! UEFI: the boot loader on every EFI system partition, and entries of the firmware's own boot menu.
//!
//! What boots is the removable path, which every firmware tries. The entries only spare it the search,
//! and stand where the network keeps its place: a failure with them is no failure of the installation.

use std::path::Path;

use crate::system::{Command, Output, RunError, Runner};

use super::bootloader::{self, BootError, Target};
use super::partitions::{self, Partition};

/// What the entries are called; more than one get numbers behind it.
const LABEL: &str = "edeploy";

/// The boot loader of the removable path (UEFI specification, 3.5.1.1), as firmware writes paths.
const LOADER: &str = r"\EFI\BOOT\BOOTX64.EFI";

/// Where the other partitions are mounted, one after the other.
const OTHER: &str = "/run/esp";

const VARIABLES: &str = "/sys/firmware/efi/efivars";

/// An EFI system partition, with its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Esp {
    disk: String,
    partition: Partition,
}

/// Installs GRUB on the partition that is mounted and on those of the other disks below the system.
/// Gives what somebody should know.
pub(super) fn install(
    runner: &dyn Runner,
    target: &Target<'_>,
    own: Option<&str>,
    disks: &[String],
) -> Result<Vec<String>, BootError> {
    let place = target.root.join("boot/efi");
    let mounted = bootloader::find(runner, &place, "SOURCE")?;
    if mounted.is_none() && !target.writer.is_rehearsal {
        return Err(BootError::NoEsp(place));
    }
    let mut remarks = Vec::new();
    runner.run(&bootloader::grub_install(target, own, None))?;
    let all = partitions_of(runner, disks)?;
    for esp in &all {
        let device = esp.partition.device.as_str();
        match esp.partition.holds.as_str() {
            _ if mounted.as_deref() == Some(device) => {}
            "vfat" => copy(runner, target, device)?,
            // The array that is mounted writes to it.
            "linux_raid_member" => {}
            _ => remarks.push(format!(
                "`{device}` has no vfat file system: this machine does not boot from {} alone",
                esp.disk
            )),
        }
    }
    if let Err(error) = register(runner, &all) {
        remarks.push(format!("the firmware took no boot entry: {error}"));
    }
    Ok(remarks)
}

/// Copies what the first partition starts: GRUB finds the system by itself, whichever it is started from.
fn copy(runner: &dyn Runner, target: &Target<'_>, device: &str) -> Result<(), BootError> {
    let made = target.writer.make_directory(Path::new(OTHER));
    made.map_err(|source| BootError::Write {
        path: OTHER.into(),
        source,
    })?;
    let from = target.root.join("boot/efi/EFI").display().to_string();
    for command in [
        Command::new("mount", [device, OTHER]),
        Command::new("cp", ["-r", from.as_str(), OTHER]),
        Command::new("umount", [OTHER]),
    ] {
        runner.run(&command.mutating())?;
    }
    Ok(())
}

fn partitions_of(runner: &dyn Runner, disks: &[String]) -> Result<Vec<Esp>, RunError> {
    let mut found = Vec::new();
    for disk in disks {
        let table = partitions::read(runner, disk)?;
        let own = table.partitions.into_iter();
        found.extend(own.filter(Partition::is_esp).map(|partition| Esp {
            disk: disk.clone(),
            partition,
        }));
    }
    Ok(found)
}

/// Replaces the entries of a former installation, behind those of the network.
fn register(runner: &dyn Runner, all: &[Esp]) -> Result<(), RunError> {
    let options = bootloader::find(runner, Path::new(VARIABLES), "OPTIONS")?;
    if !options.is_some_and(|options| options.split(',').any(|option| option == "rw")) {
        return Ok(());
    }
    for entry in Menu::read(runner)?.entries {
        if is_ours(&entry.label) {
            let words = ["--quiet", "--bootnum", &entry.number, "--delete-bootnum"];
            runner.run(&Command::new("efibootmgr", words).mutating())?;
        }
    }
    for (number, esp) in all.iter().enumerate() {
        let label = match number {
            0 => LABEL.to_owned(),
            more => format!("{LABEL} {}", more + 1),
        };
        let Some(part) = esp.partition.number(&esp.disk) else {
            continue;
        };
        let words = ["--quiet", "--create-only", "--disk", &esp.disk, "--part"];
        let words = words
            .into_iter()
            .chain([part, "--loader", LOADER, "--label", &label]);
        runner.run(&Command::new("efibootmgr", words).mutating())?;
    }
    let order = Menu::read(runner)?.order().join(",");
    let words = ["--quiet", "--bootorder", &order];
    runner.run(&Command::new("efibootmgr", words).mutating())?;
    Ok(())
}

fn is_ours(label: &str) -> bool {
    let number = label.strip_prefix(LABEL).map(str::trim_start);
    number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}

/// The firmware's boot menu.
#[derive(Debug, Default)]
struct Menu {
    /// The entry that this machine has booted with.
    current: String,
    /// The numbers of entries, the first that is tried at the front.
    order: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    number: String,
    label: String,
    /// The device path, as text.
    path: String,
}

impl Menu {
    fn read(runner: &dyn Runner) -> Result<Menu, RunError> {
        let Output { stdout, .. } = runner.run(&Command::new("efibootmgr", ["--verbose"]))?;
        Ok(Menu::parse(&String::from_utf8_lossy(&stdout)))
    }

    /// What `efibootmgr -v` prints.
    fn parse(text: &str) -> Menu {
        let mut menu = Menu::default();
        for line in text.lines() {
            if let Some(number) = line.strip_prefix("BootCurrent: ") {
                menu.current = number.trim().to_owned();
            } else if let Some(numbers) = line.strip_prefix("BootOrder: ") {
                menu.order = numbers.split(',').map(|n| n.trim().to_owned()).collect();
            } else if let Some(entry) = entry(line) {
                menu.entries.push(entry);
            }
        }
        menu
    }

    /// Our entries behind those of the network with which the order begins, so that the server is
    /// asked first where it was before.
    fn order(&self) -> Vec<String> {
        let ours = self.entries.iter().filter(|entry| is_ours(&entry.label));
        let ours: Vec<String> = ours.map(|entry| entry.number.clone()).collect();
        let others = self.order.iter().filter(|number| !ours.contains(number));
        let (mut order, mut behind): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for number in others {
            if behind.is_empty() && self.is_network(number) {
                order.push(number.clone());
            } else {
                behind.push(number.clone());
            }
        }
        order.extend(ours);
        order.extend(behind);
        order
    }

    /// Whether an entry boots from the network: by its path, or since this ramdisk came by it.
    fn is_network(&self, number: &str) -> bool {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.number == number);
        number == self.current || entry.is_some_and(|entry| entry.path.contains("/MAC("))
    }
}

/// A line such as `Boot0003* debian<TAB>HD(...)`.
fn entry(line: &str) -> Option<Entry> {
    let (number, rest) = line.strip_prefix("Boot")?.split_at_checked(4)?;
    if !number.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let rest = rest.strip_prefix(['*', ' '])?;
    let (label, path) = rest.split_once('\t').unwrap_or((rest, ""));
    Some(Entry {
        number: number.to_owned(),
        label: label.trim().to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRMWARE: &str = "BootCurrent: 0004\nTimeout: 0 seconds\nBootOrder: 0004,0003,0002,0000\n\
        Boot0000* UiApp\tFvVol(7cb8bdc9)/FvFile(462caa21)\n\
        Boot0002* edeploy 2\tHD(1,GPT,6d)/File(\\EFI\\BOOT\\BOOTX64.EFI)\n\
        Boot0003* UEFI PXEv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400000001,1)/IPv4(0.0.0.0)\n\
        Boot0004* UEFI HTTPv4\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400000001,1)/IPv4(0.0.0.0)/Uri()\n\
        Boot0007* edeploy\tHD(1,GPT,5c)/File(\\EFI\\BOOT\\BOOTX64.EFI)\n";

    #[test]
    fn our_entries_stand_behind_the_network_that_was_first() {
        let menu = Menu::parse(FIRMWARE);
        assert_eq!(menu.order(), ["0004", "0003", "0002", "0007", "0000"]);
    }

    #[test]
    fn our_entries_are_first_where_the_network_was_not() {
        let text = FIRMWARE.replace("0004,0003,0002,0000", "0000,0003");
        let text = text.replace("BootCurrent: 0004", "BootCurrent: 0003");
        let menu = Menu::parse(&text);
        assert_eq!(menu.order(), ["0002", "0007", "0000", "0003"]);
    }

    #[test]
    fn only_entries_of_our_name_are_replaced() {
        assert!(["edeploy", "edeploy 2"].into_iter().all(is_ours));
        assert!(
            !["edeploy server", "debian", "UEFI edeploy", ""]
                .into_iter()
                .any(is_ours)
        );
    }

    #[test]
    fn a_line_that_is_no_entry_is_passed_over() {
        assert_eq!(entry("BootNext: 0003"), None);
        assert_eq!(entry("Boot"), None);
        let inactive = entry("Boot0001  Old\tHD(1)").unwrap();
        assert_eq!(
            (inactive.number.as_str(), inactive.label.as_str()),
            ("0001", "Old")
        );
    }
}
