//! The names of PCI vendors and devices, from the `pci.ids` of the PCI utilities where it is.

use super::root::Sysroot;

const FILES: [&str; 3] = [
    "/usr/share/misc/pci.ids",
    "/usr/share/hwdata/pci.ids",
    "/usr/share/pci.ids",
];

/// The file has some 1.5 MB.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The file, read once; empty where there is none.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
}

impl Names {
    /// Reads the first of the files that is there.
    pub(super) fn read(root: &Sysroot) -> Names {
        let found = FILES
            .iter()
            .find_map(|file| root.text(file, FILE_BYTES).ok());
        Names {
            text: found.unwrap_or_default(),
        }
    }

    /// Vendor and device for the numbers that sysfs gives, such as `0x14e4` and `0x1657`.
    pub(super) fn of(&self, vendor: &str, device: &str) -> (Option<&str>, Option<&str>) {
        let number = |text: &str| text.trim_start_matches("0x").to_lowercase();
        let (vendor, device) = (number(vendor), number(device));
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| name_of(line, &vendor).is_none());
        let Some(vendor) = lines.next().and_then(|line| name_of(line, &vendor)) else {
            return (None, None);
        };
        let devices = lines.take_while(|line| line.starts_with(['\t', '#']) || line.is_empty());
        let mut devices = devices.filter_map(|line| name_of(line.strip_prefix('\t')?, &device));
        (Some(vendor), devices.next())
    }
}

/// The name on a line such as `14e4  Broadcom Inc.`.
fn name_of<'a>(line: &'a str, number: &str) -> Option<&'a str> {
    let name = line.strip_prefix(number)?.strip_prefix("  ")?;
    (!number.is_empty()).then_some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names() {
        let text = "# comment\n14e3  Other\n\t1657  Wrong\n14e4  Broadcom Inc.\n\n\t1656  First\n\
                    \t1657  NetXtreme BCM5719\n\t\t103c 1657  HP card\n8086  Intel Corporation\n\
                    \t1572  X710\nC 02  Network controller\n";
        let names = Names {
            text: text.to_owned(),
        };
        let found = names.of("0x14e4", "0x1657");
        assert_eq!(found, (Some("Broadcom Inc."), Some("NetXtreme BCM5719")));
        assert_eq!(names.of("0x14e4", "0x1572").1, None);
        assert_eq!(names.of("0xffff", "0x1572"), (None, None));
        assert_eq!(names.of("", ""), (None, None));
    }
}
