//! What a role says of its boot menu, in `/etc/default/grub` and `/etc/grub.d`.
//!
//! `grub-mkconfig` looks at every disk of the machine once for each line it writes, which takes longer than
//! the rest of the boot loader. So `grub.cfg` is written here where that comes to the same; what only the
//! role's own program can say is left to it. It writes the file anew at the next kernel anyway.

use std::path::Path;

use crate::client::assignments;

/// The scripts that distributions bring (grub2 2.02 to 2.12 of Debian, Ubuntu, Fedora). They have nothing
/// to say of a machine whose only system is the one that was just installed.
const KNOWN_SCRIPTS: [&str; 21] = [
    "00_header",
    "00_tuned",
    "01_users",
    "05_debian_theme",
    "08_fallback_counting",
    "10_linux",
    "10_linux_zfs",
    "10_reset_boot_success",
    "12_menu_auto_hide",
    "14_menu_show_once",
    "20_linux_xen",
    "20_memtest86+",
    "20_ppc_terminfo",
    "25_bli",
    "30_os-prober",
    "30_uefi-firmware",
    "35_fwupd",
    "40_custom",
    "41_custom",
    "README",
    "backup",
];

/// Where admins add entries: comments and the line that copies them out, unless they did.
const CUSTOM: &str = "40_custom";

/// What a role may say of its menu that is written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    /// Seconds that the menu is shown.
    pub timeout: u32,
    /// How the kernel mounts the root: `ro` where the system looks after that, else `rw`.
    pub mode: &'static str,
    /// Arguments of the role for every kernel, as GRUB's shell reads them.
    pub arguments: String,
}

impl Wishes {
    /// Of a role that has no `grub-mkconfig`.
    pub(super) fn none() -> Self {
        Self {
            timeout: 2,
            mode: "rw",
            arguments: String::new(),
        }
    }

    /// Those of the role below `root`; none where its own program must write the configuration.
    pub(super) fn of(root: &Path) -> Option<Self> {
        if !scripts_are_plain(&root.join("etc/grub.d"))? {
            return None;
        }
        in_defaults(&defaults_of(root)?)
    }
}

/// The texts that `grub-mkconfig` reads, in its order; none where one cannot be read.
fn defaults_of(root: &Path) -> Option<String> {
    let mut files = vec![root.join("etc/default/grub")];
    let parts = std::fs::read_dir(root.join("etc/default/grub.d"));
    let parts = parts.into_iter().flatten();
    let mut parts: Vec<_> = parts.filter_map(|part| Some(part.ok()?.path())).collect();
    parts.retain(|path| path.extension().is_some_and(|end| end == "cfg"));
    parts.sort();
    files.extend(parts);
    let mut text = String::new();
    for file in files.iter().filter(|file| file.exists()) {
        text.push_str(&std::fs::read_to_string(file).ok()?);
        text.push('\n');
    }
    Some(text)
}

/// Whether all scripts are as a distribution brings them; none where they cannot be read.
fn scripts_are_plain(directory: &Path) -> Option<bool> {
    for entry in std::fs::read_dir(directory).ok()? {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        if !KNOWN_SCRIPTS.contains(&name.as_str()) {
            return Some(false);
        }
        if name == CUSTOM && has_entries(&std::fs::read_to_string(entry.path()).ok()?) {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether something was added to `40_custom`.
fn has_entries(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !(line.is_empty() || line.starts_with('#') || line.starts_with("exec tail")))
}

/// The settings of `/etc/default/grub`; none where one has another meaning than the usual.
fn in_defaults(text: &str) -> Option<Wishes> {
    let mut wishes = Wishes {
        timeout: 5,
        mode: "ro",
        arguments: String::new(),
    };
    for (name, value) in assignments::parse(text) {
        match name.as_str() {
            "GRUB_TIMEOUT" => wishes.timeout = value.parse().ok()?,
            "GRUB_CMDLINE_LINUX" if !value.contains(['$', '`', '\n']) => wishes.arguments = value,
            "GRUB_DEFAULT" if value == "0" => (),
            // Replaced by ours, or of no meaning where there is one system.
            "GRUB_CMDLINE_LINUX_DEFAULT"
            | "GRUB_DISTRIBUTOR"
            | "GRUB_DISABLE_OS_PROBER"
            | "GRUB_DISABLE_RECOVERY"
            | "GRUB_PRELOAD_MODULES" => (),
            _ => return None,
        }
    }
    Some(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's grub-pc has it.
    const DEBIAN: &str = "# If you change this file\nGRUB_DEFAULT=0\nGRUB_TIMEOUT=7\n\
         GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"net.ifnames=0\"\n#GRUB_TERMINAL=console\n";

    fn role(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn what_a_distribution_says_is_said_here() {
        let custom = "#!/bin/sh\nexec tail -n +3 $0\n# Simply type the entries\n";
        let files = [
            ("etc/default/grub", DEBIAN),
            (
                "etc/default/grub.d/init-select.cfg",
                "# This file does\n# nothing\n",
            ),
            ("etc/grub.d/10_linux", ""),
            ("etc/grub.d/40_custom", custom),
        ];
        let wishes = Wishes::of(role(&files).path()).unwrap();
        assert_eq!(wishes.timeout, 7);
        assert_eq!(wishes.arguments, "net.ifnames=0");
        assert_eq!(wishes.mode, "ro");
    }

    #[test]
    fn what_an_admin_added_is_left_to_the_roles_own_program() {
        let script = ("etc/grub.d/10_linux", "");
        for (name, text) in [
            ("etc/grub.d/09_password", "cat <<EOF"),
            (
                "etc/grub.d/40_custom",
                "exec tail -n +3 $0\nmenuentry x {\n}\n",
            ),
            ("etc/default/grub", "GRUB_DEFAULT=saved\n"),
            ("etc/default/grub", "GRUB_ENABLE_BLSCFG=true\n"),
            ("etc/default/grub", "GRUB_CMDLINE_LINUX=\"a=$b\"\n"),
            ("etc/default/grub.d/50-cloud.cfg", "GRUB_HIDDEN_TIMEOUT=0\n"),
        ] {
            let role = role(&[script, (name, text)]);
            assert_eq!(Wishes::of(role.path()), None, "{name}: {text}");
        }
        assert_eq!(Wishes::of(role(&[]).path()), None, "no scripts at all");
    }
}
