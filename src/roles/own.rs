//! What is each machine's own, whatever its role: never a difference, never changed by an upgrade.

use super::filter::{Filter, FilterError};

/// What a running system has in place of what is on its disk, and what our client keeps there.
const NEVER: &str = "\
# These have the kernel's mode, not the role's.
/dev/
/proc/
/run/
/sys/
/tmp/*
/var/tmp/*
lost+found/
.edeploy/
# What the client writes (DESIGN 6).
/var/lib/edeploy/
";

/// What an installation writes, or a system for itself at its first boot. Where it is missing, a role may bring it.
const AFTERWARDS: &str = "\
# eDeploy's init, and ours.
/var/log/
/etc/modules
/etc/cloud/cloud.cfg
# The boot loader, and what it is told.
/boot/efi/
/boot/grub/
/boot/grub2/
/boot/initrd.img-*
/boot/initramfs-*
/etc/default/grub
# What a system makes for itself.
/etc/machine-id
/etc/ssh/ssh_host_*
/etc/.pwd.lock
/etc/resolv.conf
/var/lib/dbus/machine-id
/var/lib/systemd/
/var/cache/
";

/// The initial file system of a kernel that is new to a machine comes with the kernel.
const ADDED: &str = "\
+ /boot/
+ /boot/initrd.img-*
+ /boot/initramfs-*
";

/// What eDeploy's upgrades added below directories that they left alone otherwise, where nothing else was said.
const ADDED_BY_DEFAULT: &str = "+ /var/\n+ /var/**\n- *\n";

fn rules(text: &str) -> Filter {
    // Both lists are known to be right: a test reads them.
    Filter::parse(text.as_bytes()).unwrap_or_default()
}

/// What is not compared: what `given` excludes, and what is the machine's own unless `given` includes it.
pub(super) fn not_compared(given: Filter) -> Filter {
    given.then(rules(NEVER)).then(rules(AFTERWARDS))
}

/// What an upgrade leaves alone: what lists of the role and of the machine name, and what is the machine's own.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Paths that stay as they are.
    pub exclude: Filter,
    /// Of those the ones that are added where they are missing: what this filter does not exclude.
    pub add_only: Filter,
}

impl Rules {
    /// The rules of an upgrade whose `exclude` is this; `add_only` is the text of its list, where it has one.
    ///
    /// # Errors
    /// The text is no list of rules.
    pub fn of_upgrade(exclude: Filter, add_only: Option<&[u8]>) -> Result<Rules, FilterError> {
        let given = add_only.filter(|text| !text.trim_ascii().is_empty());
        let given = Filter::parse(given.unwrap_or(ADDED_BY_DEFAULT.as_bytes()))?;
        Ok(Rules {
            // A directory that a version has is its own, with what is in it.
            exclude: not_compared(exclude.without_lone_directories()),
            add_only: rules(NEVER).then(rules(ADDED)).then(given),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::TreePath;

    #[test]
    fn a_directory_that_a_machine_was_given_gets_what_a_version_says_of_it() {
        let given = Filter::parse(b"/etc/facter/.\n/etc/facter/own\n").unwrap();
        let rules = Rules::of_upgrade(given, None).unwrap();
        let is_left_alone = |path: &[u8], is_directory| {
            let path = TreePath::new(path).unwrap();
            rules.exclude.excludes(&path, is_directory)
        };
        assert!(is_left_alone(b"etc/facter/own", false));
        assert!(!is_left_alone(b"etc/facter", true) && !is_left_alone(b"etc/facter/x", false));
    }

    #[test]
    fn a_new_kernel_brings_its_initial_file_system_and_nothing_comes_into_what_is_the_systems() {
        for text in [NEVER, AFTERWARDS, ADDED, ADDED_BY_DEFAULT] {
            Filter::parse(text.as_bytes()).unwrap();
        }
        let rules = Rules::of_upgrade(Filter::default(), None).unwrap();
        let is_added = |path: &str| {
            let path = TreePath::new(path.as_bytes()).unwrap();
            assert!(rules.exclude.excludes(&path, false), "{path}");
            !rules.add_only.excludes(&path, false)
        };
        assert!(is_added("boot/initrd.img-6.1") && is_added("var/cache/x"));
        assert!(
            !is_added("var/lib/edeploy/conf")
                && !is_added("dev/sda")
                && !is_added("etc/machine-id")
        );
    }
}
