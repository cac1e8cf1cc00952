//! How an installation ends: the log handed in, file systems unmounted, then what the command line
//! asks for.

use std::path::Path;
use std::time::Duration;

use crate::system::{Command, RunError, Runner};

use super::bootloader::{self, BootError};
use super::grub::Kernel;
use super::settings::{OnFailure, OnSuccess};

/// Flushing some gigabytes to a slow disk takes its time.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3600);

/// What becomes of the machine after the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Started anew through its firmware.
    Reboot,
    /// Switched off.
    Halt,
    /// Left to whoever is at the console.
    Console,
    /// Into the kernel that was loaded.
    Kexec,
}

impl From<OnSuccess> for Ending {
    fn from(wanted: OnSuccess) -> Ending {
        match wanted {
            OnSuccess::Kexec => Ending::Kexec,
            OnSuccess::Reboot => Ending::Reboot,
            OnSuccess::Halt => Ending::Halt,
            OnSuccess::Console => Ending::Console,
        }
    }
}

impl From<OnFailure> for Ending {
    fn from(wanted: OnFailure) -> Ending {
        match wanted {
            OnFailure::Halt => Ending::Halt,
            OnFailure::Console => Ending::Console,
            OnFailure::Reboot => Ending::Reboot,
        }
    }
}

/// Unmounts the target with all below it, and waits until everything is on the disks.
pub(super) fn unmount(runner: &dyn Runner, target: &Path) -> Result<(), RunError> {
    let target = target.display().to_string();
    let flush = Command::new("sync", [])
        .mutating()
        .with_timeout(FLUSH_TIMEOUT);
    runner.run(&flush)?;
    let unmount = Command::new("umount", ["-R", target.as_str()]).mutating();
    runner.run(&unmount.with_timeout(FLUSH_TIMEOUT))?;
    runner.run(&flush)?;
    Ok(())
}

/// Loads a kernel of the target, to be started by [`end`]. Done while it is still mounted.
pub(super) fn load_kernel(
    runner: &dyn Runner,
    target: &Path,
    part_of_version: Option<&str>,
    root_uuid: &str,
    arguments: &str,
) -> Result<(), BootError> {
    let boot = target.join("boot");
    let wanted = |kernel: &Kernel| part_of_version.is_none_or(|part| kernel.image.contains(part));
    let kernel = bootloader::kernels_in(&boot).into_iter().find(wanted);
    let Some(kernel) = kernel else {
        return Err(match part_of_version {
            Some(part) => BootError::NoSuchKernel {
                boot,
                part: part.to_owned(),
            },
            None => BootError::NoKernel(boot),
        });
    };
    let image = boot.join(&kernel.image).display().to_string();
    let mut words = vec!["-l".to_owned(), image];
    if let Some(initrd) = &kernel.initrd {
        words.push(format!("--initrd={}", boot.join(initrd).display()));
    }
    words.push(format!(
        "--command-line=root=UUID={root_uuid} rw {arguments}"
    ));
    let words = words.iter().map(String::as_str);
    runner.run(&Command::new("kexec", words).mutating())?;
    Ok(())
}

/// Zeroes the boot code of a disk, so that a machine whose installation broke off does not start
/// whatever was on it before.
pub(super) fn make_unbootable(runner: &dyn Runner, disk: &str) -> Result<(), RunError> {
    let output = format!("of={disk}");
    let words = [
        "if=/dev/zero",
        &output,
        "bs=440",
        "count=1",
        "conv=notrunc,fsync",
    ];
    runner.run(&Command::new("dd", words).mutating())?;
    Ok(())
}

/// Ends the installation. On the console nothing is done: the ramdisk's `init` starts a shell.
pub(super) fn end(runner: &dyn Runner, ending: Ending) -> Result<(), RunError> {
    let command = match ending {
        Ending::Reboot => Command::new("reboot", ["-f"]),
        Ending::Halt => Command::new("poweroff", ["-f"]),
        Ending::Kexec => Command::new("kexec", ["-e"]),
        Ending::Console => return Ok(()),
    };
    runner.run(&command.mutating()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{DryRun, Real};
    use std::sync::{Arc, Mutex};

    #[test]
    fn the_newest_kernel_or_the_one_asked_for_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("boot")).unwrap();
        for name in ["vmlinuz-6.1", "vmlinuz-5.10", "initrd.img-5.10"] {
            std::fs::File::create_new(dir.path().join("boot").join(name)).unwrap();
        }
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = shown.clone();
        let runner = DryRun::new(Real, move |line| sink.lock().unwrap().push(line.to_owned()));
        for part in [None, Some("5.10")] {
            load_kernel(&runner, dir.path(), part, "u-1", "quiet").unwrap();
        }
        let shown = shown.lock().unwrap().clone();
        assert!(shown[0].contains("vmlinuz-6.1 '--command-line=root=UUID=u-1 rw quiet'"));
        assert!(shown[1].contains("vmlinuz-5.10 --initrd="), "{}", shown[1]);
        let missing = load_kernel(&runner, dir.path(), Some("4.19"), "u-1", "").unwrap_err();
        assert!(missing.to_string().contains("`4.19`"), "{missing}");
    }
}
