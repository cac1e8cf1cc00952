//! The initial file systems of the role's kernels: taken as the role has them, made where one is missing.

use crate::system::{Command, Runner};

use super::bootloader::{self, BootError, Target};

/// What distributions make them with: Debian's first, since a Debian role may have both.
const MAKERS: [&str; 4] = [
    "usr/sbin/update-initramfs",
    "usr/bin/dracut",
    "usr/sbin/dracut",
    "sbin/dracut",
];

/// The program of the role, as it is called in its root.
pub(super) fn maker(target: &Target<'_>) -> Option<&'static str> {
    let mut makers = MAKERS.into_iter();
    makers.find(|maker| target.root.join(maker).exists())
}

/// Makes what is missing, once fstab and the settings of RAID and LVM are written. A role that has
/// no program for it boots its kernel alone.
pub(super) fn make_missing(runner: &dyn Runner, target: &Target<'_>) -> Result<(), BootError> {
    let Some(maker) = maker(target) else {
        return Ok(());
    };
    let boot = target.root.join("boot");
    let without = |kernel: &super::grub::Kernel| kernel.initrd.is_none();
    for kernel in bootloader::kernels_in(&boot).into_iter().filter(without) {
        let version = kernel.version();
        runner.run(&command(target, maker, version))?;
        let mut kernels = bootloader::kernels_in(&boot).into_iter();
        let is_made = kernels.any(|made| made.image == kernel.image && made.initrd.is_some());
        if !is_made && !target.writer.is_rehearsal {
            return Err(BootError::NoInitrd {
                maker: maker.to_owned(),
                version: version.to_owned(),
            });
        }
    }
    Ok(())
}

fn command(target: &Target<'_>, maker: &str, version: &str) -> Command {
    let (root, program) = (target.root.display().to_string(), format!("/{maker}"));
    let file = format!("/boot/initramfs-{version}.img");
    let words = if maker.ends_with("dracut") {
        // For any machine: what dracut sees here is the ramdisk.
        vec!["--force", "--no-hostonly", &file, version]
    } else {
        vec!["-c", "-k", version]
    };
    let words = [root.as_str(), &program].into_iter().chain(words);
    let command = Command::new("chroot", words).mutating();
    command.with_timeout(bootloader::GRUB_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::install::bootloader::tests::target;
    use crate::system::{DryRun, Real, Recorded};
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    fn role(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            std::fs::File::create_new(path).unwrap();
        }
        dir
    }

    #[test]
    fn only_a_kernel_without_one_gets_an_initial_file_system() {
        for (maker, expected) in [
            ("usr/sbin/update-initramfs", "-c -k 6.9-1"),
            (
                "usr/bin/dracut",
                "--force --no-hostonly /boot/initramfs-6.9-1.img 6.9-1",
            ),
        ] {
            let dir = role(&[
                "boot/vmlinuz-6.9-1",
                "boot/vmlinuz-6.1",
                "boot/initrd.img-6.1",
                maker,
            ]);
            let shown = Arc::new(Mutex::new(Vec::new()));
            let sink = shown.clone();
            let runner = DryRun::new(Real, move |line| sink.lock().unwrap().push(line.to_owned()));
            let mut target = target(dir.path(), false);
            target.writer.is_rehearsal = true;
            make_missing(&runner, &target).unwrap();
            let shown = shown.lock().unwrap().clone();
            assert_eq!(shown.len(), 1, "{shown:?}");
            assert!(
                shown[0].ends_with(&format!("/{maker} {expected}")),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn a_role_without_a_program_for_it_is_left_as_it_is() {
        let dir = role(&["boot/vmlinuz-6.9-1"]);
        make_missing(&Recorded::default(), &target(dir.path(), false)).unwrap();
    }

    #[test]
    fn a_program_that_makes_nothing_is_told() {
        let dir = role(&["boot/vmlinuz-6.9-1", "usr/sbin/update-initramfs"]);
        let line = format!(
            "chroot {} /usr/sbin/update-initramfs -c -k 6.9-1",
            dir.path().display()
        );
        let runner = Recorded::new([(line, crate::system::Output::default())]);
        let error = make_missing(&runner, &target(dir.path(), false)).unwrap_err();
        assert!(error.to_string().contains("`6.9-1`"), "{error}");
    }
}
