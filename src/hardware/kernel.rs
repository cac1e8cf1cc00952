//! The system that runs now: distribution, kernel, clock, and what the kernel tells of its processor.

use super::report::Report;
use super::root::Sysroot;

/// What `lsb_release -is` prints where it is not the distribution's id with a capital.
const VENDORS: [(&str, &str); 6] = [
    ("almalinux", "AlmaLinux"),
    ("centos", "CentOS"),
    ("ol", "OracleServer"),
    ("opensuse-leap", "openSUSE"),
    ("rhel", "RedHatEnterprise"),
    ("sles", "SUSE"),
];

/// The types of the auxiliary vector that the reference prints (`getauxval(3)`).
const AUXILIARY: [(u64, &str); 4] = [(16, "hwcap"), (6, "pagesz"), (8, "flags"), (26, "hwcap2")];

/// The rows of `system os` and `system kernel`.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    let release = root.text("/etc/os-release", 16 * 1024);
    let release = release.or_else(|_| root.text("/usr/lib/os-release", 16 * 1024));
    let release = release.unwrap_or_default();
    let mut rows = report.of("system", "os");
    rows.maybe("vendor", assigned(&release, "ID").map(|id| vendor(&id)));
    rows.maybe("version", assigned(&release, "PRETTY_NAME"));
    let mut rows = report.of("system", "kernel");
    rows.maybe("version", root.line("/proc/sys/kernel/osrelease"));
    rows.text("arch", architecture(root));
    rows.maybe("cmdline", root.line("/proc/cmdline"));
}

/// The machine's architecture, such as `x86_64`: the kernel's, or before Linux 6.1 this program's.
pub(super) fn architecture(root: &Sysroot) -> String {
    let kernel = root.line("/proc/sys/kernel/arch");
    kernel.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The value of a shell assignment, without its quotes.
fn assigned(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (found, value) = line.trim().split_once('=')?;
        (found == name).then_some(value)
    })?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

fn vendor(id: &str) -> String {
    if let Some((_, name)) = VENDORS.iter().find(|(known, _)| *known == id) {
        return (*name).to_owned();
    }
    let mut letters = id.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The row `system rtc utc`. Its name lies, as the reference's: `yes` is a clock in local time.
pub(super) fn detect_clock(root: &Sysroot, report: &mut Report) {
    let value = if root.names("/sys/class/rtc").is_empty() {
        "unknown"
    } else {
        let file = root.text("/etc/adjtime", 4096).unwrap_or_default();
        let local = file
            .lines()
            .nth(2)
            .is_some_and(|line| line.trim() == "LOCAL");
        if local { "yes" } else { "no" }
    };
    report.of("system", "rtc").text("utc", value);
}

/// The rows of `hw auxv`: what the kernel tells every program of the processor.
pub(super) fn detect_auxiliary(root: &Sysroot, report: &mut Report) {
    let Ok(bytes) = root.bytes("/proc/self/auxv", 4096) else {
        return;
    };
    let mut rows = report.of("hw", "auxv");
    for pair in bytes.chunks_exact(16) {
        let (kind, value) = pair.split_at(8);
        let number = |bytes: &[u8]| {
            let bytes = bytes.try_into().unwrap_or_default();
            u64::from_ne_bytes(bytes)
        };
        let (kind, value) = (number(kind), number(value));
        let known = AUXILIARY.iter().find(|(known, _)| *known == kind);
        match known {
            Some((_, key @ "pagesz")) => rows.text(key, value.to_string()),
            // glibc writes this one without a prefix.
            Some((_, key @ "hwcap")) => rows.text(key, format!("{value:x}")),
            Some((_, key)) => rows.text(key, format!("{value:#x}")),
            // The value is an address in this program, of a text that is the architecture.
            None if kind == 15 => rows.text("platform", architecture(root)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_called_as_lsb_release_calls_it() {
        let text = "NAME=x\nID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID_LIKE=\n";
        assert_eq!(vendor(&assigned(text, "ID").unwrap()), "Debian");
        let pretty = "Debian GNU/Linux 12 (bookworm)";
        assert_eq!(assigned(text, "PRETTY_NAME").unwrap(), pretty);
        assert_eq!(assigned(text, "ID_LIKE"), None);
        assert_eq!(vendor("rhel"), "RedHatEnterprise");
        assert_eq!(vendor(""), "");
    }
}
