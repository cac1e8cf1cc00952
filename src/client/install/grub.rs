//! The text of GRUB's configuration, and which kernels it offers. Nothing here runs a command.

use super::grub_wishes::Wishes;

/// A kernel of the role, by its file names in `/boot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) struct Kernel {
    /// Such as `vmlinuz-6.1.0-18-amd64`.
    pub image: String,
    /// Its initial file system, if it has one.
    pub initrd: Option<String>,
}

impl Kernel {
    /// Its version, as the directory of its modules is called.
    pub(in crate::client) fn version(&self) -> &str {
        self.image.strip_prefix("vmlinuz-").unwrap_or(&self.image)
    }
}

/// The kernels among the file names of `/boot`, the newest first.
pub(super) fn kernels(names: &[String]) -> Vec<Kernel> {
    let mut versions: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_prefix("vmlinuz-"))
        .collect();
    versions.sort_by(|a, b| numbers(b).cmp(&numbers(a)).then_with(|| b.cmp(a)));
    let kernel = |version: &str| {
        let forms = [
            format!("initrd.img-{version}"),
            format!("initramfs-{version}.img"),
            format!("initrd-{version}"),
        ];
        Kernel {
            image: format!("vmlinuz-{version}"),
            initrd: forms.into_iter().find(|form| names.contains(form)),
        }
    };
    versions.into_iter().map(kernel).collect()
}

/// The numbers of a version, so that 6.10 comes after 6.9.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// What GRUB must know to find and start a kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boot<'a> {
    /// The UUID of the root file system.
    pub root: &'a str,
    /// The UUID of the file system that holds the kernels, and its path there: `/boot`, or nothing
    /// where it is a file system of its own.
    pub kernels: (&'a str, &'a str),
    /// Boot arguments.
    pub arguments: &'a str,
    /// What the role says of its menu.
    pub wishes: &'a Wishes,
}

/// How what is written here begins.
const HEAD: &str = "set default=0\nset timeout=";

/// A whole `grub.cfg`.
pub(super) fn config(boot: &Boot<'_>, kernels: &[Kernel], title: &str) -> String {
    let mut text = format!("{HEAD}{}\n", boot.wishes.timeout);
    if let Some(unit) = serial_unit(boot.arguments) {
        text.push_str(&format!(
            "serial --unit={unit} --speed=115200\nterminal_input console serial\n\
             terminal_output console serial\n"
        ));
    }
    // Whatever holds the kernels: partition, RAID member or volume.
    text.push_str("insmod part_gpt\ninsmod part_msdos\ninsmod mdraid1x\ninsmod lvm\n");
    // A kernel that UEFI starts takes over the screen that it is given.
    text.push_str("if [ $grub_platform = efi ]; then insmod all_video; fi\n");
    let (uuid, path) = boot.kernels;
    text.push_str(&format!("search --no-floppy --fs-uuid --set=root {uuid}\n"));
    let arguments = escaped(boot.arguments);
    let words = [boot.wishes.mode, &boot.wishes.arguments, &arguments].into_iter();
    let arguments = words.filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let arguments = arguments.join(" ");
    let arguments = format!("root=UUID={} {arguments}", boot.root);
    for kernel in kernels {
        text.push_str(&entry(kernel, title, path, &arguments));
    }
    text
}

/// What [`config`] wrote, for other kernels: the first line of each kernel stays. None of what somebody else wrote.
pub(in crate::client) fn with_kernels(
    before: &str,
    kernels: &[Kernel],
    title: &str,
) -> Option<String> {
    let at = before.find("menuentry '")?;
    let (head, entries) = before.split_at(at);
    if !head.starts_with(HEAD) {
        return None;
    }
    let line = entries
        .lines()
        .find_map(|line| line.strip_prefix("    linux "))?;
    let (image, arguments) = line.split_once(' ')?;
    let (path, _) = image.rsplit_once('/')?;
    let entries = kernels
        .iter()
        .map(|kernel| entry(kernel, title, path, arguments));
    Some(head.to_owned() + &entries.collect::<String>())
}

/// One line of the menu.
fn entry(kernel: &Kernel, title: &str, path: &str, arguments: &str) -> String {
    let image = &kernel.image;
    let name: String = title
        .chars()
        .filter(|c| !matches!(c, '\'' | '\\' | '\n'))
        .collect();
    let mut text =
        format!("menuentry '{name}, {image}' {{\n    linux {path}/{image} {arguments}\n");
    if let Some(initrd) = &kernel.initrd {
        text.push_str(&format!("    initrd {path}/{initrd}\n"));
    }
    text.push_str("}\n");
    text
}

/// Arguments as GRUB's shell reads them: what is special to it has a backslash before it.
fn escaped(arguments: &str) -> String {
    let mut text = String::new();
    for c in arguments.chars().map(|c| if c == '\n' { ' ' } else { c }) {
        if matches!(
            c,
            ';' | '$' | '{' | '}' | '|' | '&' | '<' | '>' | '\'' | '"' | '\\' | '#'
        ) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// The number of the serial port among the consoles.
fn serial_unit(arguments: &str) -> Option<u8> {
    arguments.split_whitespace().find_map(|word| {
        let port = word.strip_prefix("console=ttyS")?;
        port.split(',').next()?.parse().ok()
    })
}

/// Boot arguments of the installed system: those between the bars, those of the script, and where
/// cloud-init finds its metadata.
pub(super) fn arguments(bars: &str, options: &str, metadata_url: Option<&str>) -> String {
    let metadata = metadata_url.map(|url| format!("ds=nocloud-net;s={url}"));
    let parts = [bars.trim(), options.trim()].into_iter();
    let parts: Vec<&str> = parts
        .chain(metadata.as_deref())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

/// `/etc/default/grub` with these arguments, the rest as the role has it. `grub-mkconfig` copies them as
/// they stand into what GRUB's shell reads.
pub(super) fn defaults(before: &str, arguments: &str) -> String {
    let is_ours = |line: &str| {
        let line = line.trim_start();
        ["GRUB_CMDLINE_LINUX_DEFAULT=", "GRUB_PRELOAD_MODULES="]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let kept = before.lines().filter(|line| !is_ours(line));
    let mut text: String = kept.flat_map(|line| [line, "\n"]).collect();
    // The role's program copies this into `grub.cfg`, where GRUB reads it once more.
    let quoted = crate::configure::quoted(&escaped(arguments));
    text.push_str(&format!("GRUB_CMDLINE_LINUX_DEFAULT={quoted}\n"));
    text.push_str("GRUB_PRELOAD_MODULES='lvm mdraid1x'\n");
    if let Some(unit) = serial_unit(arguments) {
        text.push_str(&format!(
            "GRUB_TERMINAL='console serial'\nGRUB_SERIAL_COMMAND='serial --unit={unit} --speed=115200'\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_of_ours_is_written_anew_for_other_kernels_and_nobody_elses() {
        let names = ["vmlinuz-6.1", "initrd.img-6.1", "vmlinuz-6.12"].map(str::to_owned);
        let boot = Boot {
            root: "r-1",
            kernels: ("r-1", "/boot"),
            arguments: "console=ttyS0 a=b",
            wishes: &Wishes::none(),
        };
        let [newer, older] = kernels(&names).try_into().unwrap();
        let before = config(&boot, std::slice::from_ref(&older), "base 1.0");
        let after = with_kernels(&before, &[newer.clone(), older.clone()], "base 1.1").unwrap();
        assert_eq!(after, config(&boot, &[newer, older], "base 1.1"));
        assert_eq!(
            with_kernels("# DO NOT EDIT\nmenuentry 'x' {\n", &[], "x"),
            None
        );
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_newest_kernel_comes_first_with_its_initial_file_system() {
        let found = kernels(&names(&[
            "vmlinuz-6.9.1-amd64",
            "initrd.img-6.10.2-amd64",
            "vmlinuz-6.10.2-amd64",
            "config-6.9.1-amd64",
        ]));
        let expected = Kernel {
            image: "vmlinuz-6.10.2-amd64".to_owned(),
            initrd: Some("initrd.img-6.10.2-amd64".to_owned()),
        };
        assert_eq!(found[0], expected);
        assert_eq!(found[1].initrd, None);
    }

    #[test]
    fn a_configuration_finds_its_kernel_by_uuid_and_quotes_what_grub_would_read() {
        let arguments = arguments("console=ttyS1,115200", "quiet", Some("http://m/1/"));
        assert_eq!(
            arguments,
            "console=ttyS1,115200 quiet ds=nocloud-net;s=http://m/1/"
        );
        let boot = Boot {
            root: "r-1",
            kernels: ("b-2", ""),
            arguments: &arguments,
            wishes: &Wishes::none(),
        };
        let kernel = Kernel {
            image: "vmlinuz-1".to_owned(),
            initrd: Some("initrd.img-1".to_owned()),
        };
        let text = config(&boot, &[kernel], "it's mysql");
        insta::assert_snapshot!(text, @r"
        set default=0
        set timeout=2
        serial --unit=1 --speed=115200
        terminal_input console serial
        terminal_output console serial
        insmod part_gpt
        insmod part_msdos
        insmod mdraid1x
        insmod lvm
        if [ $grub_platform = efi ]; then insmod all_video; fi
        search --no-floppy --fs-uuid --set=root b-2
        menuentry 'its mysql, vmlinuz-1' {
            linux /vmlinuz-1 root=UUID=r-1 rw console=ttyS1,115200 quiet ds=nocloud-net\;s=http://m/1/
            initrd /initrd.img-1
        }
        ");
    }

    #[test]
    fn the_roles_own_defaults_stay_but_for_the_arguments() {
        let before = "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n";
        let text = defaults(before, "a=1 b;c");
        assert_eq!(
            text,
            "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT='a=1 b\\;c'\nGRUB_PRELOAD_MODULES='lvm mdraid1x'\n"
        );
        assert_eq!(defaults(&text, "a=1 b;c"), text);
    }
}
