//! The boot loader: GRUB on every disk that the installed system's files are on, BIOS or UEFI.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system::{Command, RunError, Runner};

use super::grub::{self, Boot, Kernel};
use super::grub_wishes::Wishes;
use super::writer::Writer;
use super::{efi, initrd, partitions};

/// Looking at all disks of a large server takes GRUB its time.
pub(super) const GRUB_TIMEOUT: Duration = Duration::from_secs(600);

/// What the programs of the role find in their root as on a running system.
const BOUND: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];

/// Why the disk cannot be booted.
#[derive(Debug, thiserror::Error)]
pub(super) enum BootError {
    /// A command failed.
    #[error(transparent)]
    Command(#[from] RunError),
    /// The role has none.
    #[error("the role has no kernel: there is no `{0}/vmlinuz-*`")]
    NoKernel(PathBuf),
    /// None is the one that was asked for.
    #[error("no kernel in `{boot}` has `{part}` in its name, as KEXEC_KERNEL asks for")]
    NoSuchKernel {
        /// Where kernels are.
        boot: PathBuf,
        /// What the command line says.
        part: String,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A UEFI machine without an EFI system partition.
    #[error(
        "this machine boots by UEFI, but no EFI system partition is mounted on `{0}`: the configure script must make one"
    )]
    NoEsp(PathBuf),
    /// The role's own program made none.
    #[error(
        "`{maker}` of the role ended well, but kernel `{version}` still has no initial file system in /boot"
    )]
    NoInitrd {
        /// The program.
        maker: String,
        /// The kernel's version.
        version: String,
    },
}

/// What is to be made bootable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// Where the installed system is mounted.
    pub root: &'a Path,
    /// The disk that `set_role` names.
    pub disk: &'a str,
    /// Boot arguments.
    pub arguments: &'a str,
    /// What the menu calls it.
    pub title: &'a str,
    /// Whether the firmware is UEFI.
    pub is_uefi: bool,
    /// Writes its files.
    pub writer: Writer,
}

/// Installs GRUB and its configuration, and makes the initial file systems that are missing. Gives what
/// somebody should know though it is no failure.
pub(super) fn install(runner: &dyn Runner, target: &Target<'_>) -> Result<Vec<String>, BootError> {
    let own = ["grub-install", "grub2-install"]
        .into_iter()
        .find(|name| target.root.join("usr/sbin").join(name).exists());
    if own.is_some() || initrd::maker(target).is_some() {
        bind(runner, target)?;
    }
    initrd::make_missing(runner, target)?;
    let all = disks(runner, target)?;
    let remarks = if target.is_uefi {
        efi::install(runner, target, own, &all)?
    } else {
        let (disks, remarks) = startable(runner, all)?;
        for disk in disks {
            runner.run(&grub_install(target, own, Some(&disk)))?;
        }
        remarks
    };
    configure(runner, target)?;
    Ok(remarks)
}

/// Shows the role's programs what they would see on a running system.
fn bind(runner: &dyn Runner, target: &Target<'_>) -> Result<(), BootError> {
    for directory in BOUND {
        let below = target.root.join(directory.trim_start_matches('/'));
        let made = target.writer.make_directory(&below);
        made.map_err(|source| BootError::Write {
            path: below.clone(),
            source,
        })?;
        let below = below.display().to_string();
        runner.run(&Command::new("mount", ["--rbind", directory, &below]).mutating())?;
    }
    Ok(())
}

/// Of the disks below the system those that a BIOS can start it from: the first, which the script
/// named, and each that has a place for GRUB. A data disk of the same volume group has none.
fn startable(
    runner: &dyn Runner,
    all: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), RunError> {
    let (mut disks, mut remarks) = (Vec::new(), Vec::new());
    for disk in all {
        if disks.is_empty() || partitions::read(runner, &disk)?.takes_bios_grub() {
            disks.push(disk);
        } else {
            remarks.push(format!(
                "{disk} has no bios_grub partition: this machine does not boot from it alone"
            ));
        }
    }
    Ok((disks, remarks))
}

/// `grub-install` of the role, or else of the ramdisk. On UEFI by the removable path, which every
/// firmware tries, whatever its own variables say.
pub(super) fn grub_install(target: &Target<'_>, own: Option<&str>, disk: Option<&str>) -> Command {
    let root = target.root.display().to_string();
    let in_role = own.is_some();
    let (boot, esp) = if in_role {
        ("/boot".to_owned(), "/boot/efi".to_owned())
    } else {
        (format!("{root}/boot"), format!("{root}/boot/efi"))
    };
    let mut words = vec![format!("--boot-directory={boot}")];
    match disk {
        Some(disk) => words.extend(["--target=i386-pc".to_owned(), disk.to_owned()]),
        None => words.extend([
            "--target=x86_64-efi".to_owned(),
            format!("--efi-directory={esp}"),
            "--removable".to_owned(),
            "--no-nvram".to_owned(),
        ]),
    }
    let words = words.iter().map(String::as_str);
    let command = match own {
        Some(own) => Command::new("chroot", [root.as_str(), own].into_iter().chain(words)),
        None => Command::new("grub-install", words),
    };
    command.mutating().with_timeout(GRUB_TIMEOUT)
}

/// The disks below the file systems of the target, and the one that the script named.
fn disks(runner: &dyn Runner, target: &Target<'_>) -> Result<Vec<String>, BootError> {
    let named = match target.disk.strip_prefix("/dev/") {
        Some(_) => target.disk.to_owned(),
        None => format!("/dev/{}", target.disk),
    };
    // What the kernel calls it, where the script took a name of udev's.
    let named = match std::fs::canonicalize(&named) {
        Ok(path) => path.display().to_string(),
        Err(_) => named,
    };
    let boot = target.root.join("boot");
    let mut mounted = vec![target.root.to_owned(), boot.clone()];
    if target.is_uefi {
        mounted.push(boot.join("efi"));
    }
    let mut disks = vec![named];
    for mounted in mounted {
        let Some(source) = find(runner, &mounted, "SOURCE")? else {
            continue;
        };
        let tree = Command::new("lsblk", ["-nsrpo", "NAME,TYPE", source.as_str()]);
        disks.extend(disks_of(&String::from_utf8_lossy(
            &runner.run(&tree)?.stdout,
        )));
    }
    let mut seen = std::collections::BTreeSet::new();
    disks.retain(|disk| seen.insert(disk.clone()));
    Ok(disks)
}

/// The whole disks that `lsblk` lists.
fn disks_of(listed: &str) -> Vec<String> {
    let lines = listed.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(_, kind)| *kind == "disk")
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// What `findmnt` says of a mount point; none where nothing is mounted there.
pub(super) fn find(
    runner: &dyn Runner,
    path: &Path,
    column: &str,
) -> Result<Option<String>, RunError> {
    let path = path.display().to_string();
    let command = Command::new("findmnt", ["-nro", column, "--mountpoint", &path]);
    match runner.run(&command) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Ok((!text.is_empty()).then_some(text))
        }
        Err(RunError::Failed { code: Some(1), .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The UUID of the file system that is mounted there.
pub(super) fn uuid_of(runner: &dyn Runner, path: &Path) -> Result<Option<String>, RunError> {
    find(runner, path, "UUID")
}

/// Writes `grub.cfg`, and what the role's own program needs to write it anew at the next kernel; by that
/// program where only it can say what the role wants.
fn configure(runner: &dyn Runner, target: &Target<'_>) -> Result<(), BootError> {
    let own = ["grub-mkconfig", "grub2-mkconfig"]
        .into_iter()
        .find(|name| target.root.join("usr/sbin").join(name).exists());
    let boot = target.root.join("boot");
    if kernels_in(&boot).is_empty() && !target.writer.is_rehearsal {
        return Err(BootError::NoKernel(boot));
    }
    let name = if boot.join("grub2").is_dir() {
        "grub2/grub.cfg"
    } else {
        "grub/grub.cfg"
    };
    let Some(own) = own else {
        return write_config(runner, target, name, &Wishes::none());
    };
    let wishes = Wishes::of(target.root);
    let defaults = target.root.join("etc/default/grub");
    let before = std::fs::read_to_string(&defaults).unwrap_or_default();
    let after = grub::defaults(&before, target.arguments);
    put(target, &defaults, &after)?;
    if let Some(wishes) = wishes {
        return write_config(runner, target, name, &wishes);
    }
    let (root, file) = (target.root.display().to_string(), format!("/boot/{name}"));
    let command = Command::new("chroot", [root.as_str(), own, "-o", &file]).mutating();
    runner.run(&command.with_timeout(GRUB_TIMEOUT))?;
    Ok(())
}

/// Writes `/boot/NAME`.
fn write_config(
    runner: &dyn Runner,
    target: &Target<'_>,
    name: &str,
    wishes: &Wishes,
) -> Result<(), BootError> {
    let boot = target.root.join("boot");
    let root_uuid = uuid_of(runner, target.root)?.unwrap_or_default();
    let boot_uuid = uuid_of(runner, &boot)?;
    let described = Boot {
        root: &root_uuid,
        kernels: match &boot_uuid {
            Some(uuid) => (uuid.as_str(), ""),
            None => (root_uuid.as_str(), "/boot"),
        },
        arguments: target.arguments,
        wishes,
    };
    let text = grub::config(&described, &kernels_in(&boot), target.title);
    put(target, &boot.join(name), &text)
}

/// The kernels of a directory, the newest first.
pub(in crate::client) fn kernels_in(boot: &Path) -> Vec<Kernel> {
    let entries = std::fs::read_dir(boot).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    grub::kernels(&names.collect::<Vec<_>>())
}

fn put(target: &Target<'_>, path: &Path, text: &str) -> Result<(), BootError> {
    target
        .writer
        .put(path, text, false)
        .map_err(|source| BootError::Write {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::system::{Output, Recorded};

    pub(in crate::client::install) fn target(root: &Path, is_uefi: bool) -> Target<'_> {
        Target {
            root,
            disk: "sda",
            arguments: "quiet",
            title: "mysql",
            is_uefi,
            writer: Writer {
                is_rehearsal: false,
            },
        }
    }

    fn says(line: &str, text: &str) -> (String, Output) {
        let output = Output {
            stdout: text.as_bytes().to_vec(),
            ..Output::default()
        };
        (line.to_owned(), output)
    }

    #[test]
    fn every_member_of_a_mirror_gets_the_boot_loader() {
        let runner = Recorded::new([
            says("findmnt -nro SOURCE --mountpoint /t", "/dev/md0\n"),
            says("findmnt -nro SOURCE --mountpoint /t/boot", ""),
            says(
                "lsblk -nsrpo NAME,TYPE /dev/md0",
                "/dev/md0 raid1\n/dev/sda2 part\n/dev/sda disk\n/dev/sdb2 part\n/dev/sdb disk\n",
            ),
        ]);
        let found = disks(&runner, &target(Path::new("/t"), false)).unwrap();
        assert_eq!(found, ["/dev/sda", "/dev/sdb"]);
    }

    #[test]
    fn a_member_without_a_place_for_grub_is_told_and_passed_over() {
        let table = |disk: &str, part: &str| {
            let text = format!(
                r#"{{"blockdevices": [{{"name":"{disk}", "type":"disk", "pttype":"gpt", "parttype":null, "fstype":null,
                "children": [{{"name":"{disk}1", "type":"part", "pttype":"gpt", "parttype":"{part}", "fstype":null}}]}}]}}"#
            );
            says(
                &format!("lsblk -Jpo NAME,TYPE,PTTYPE,PARTTYPE,FSTYPE {disk}"),
                &text,
            )
        };
        let runner = Recorded::new([
            table("/dev/sdb", "21686148-6449-6e6f-744e-656564454649"),
            table("/dev/sdc", "e6d6d379-f507-44c2-a23c-238f2a3df928"),
        ]);
        let all = ["/dev/sda", "/dev/sdb", "/dev/sdc"]
            .map(str::to_owned)
            .to_vec();
        let (disks, remarks) = startable(&runner, all).unwrap();
        assert_eq!(disks, ["/dev/sda", "/dev/sdb"]);
        assert!(remarks[0].starts_with("/dev/sdc"), "{remarks:?}");
    }

    #[test]
    fn grub_is_installed_by_the_role_or_by_the_ramdisk() {
        let bios = target(Path::new("/t"), false);
        assert_eq!(
            grub_install(&bios, Some("grub-install"), Some("/dev/sda")).to_string(),
            "chroot /t grub-install --boot-directory=/boot --target=i386-pc /dev/sda"
        );
        assert_eq!(
            grub_install(&bios, None, Some("/dev/sda")).to_string(),
            "grub-install --boot-directory=/t/boot --target=i386-pc /dev/sda"
        );
        let uefi = target(Path::new("/t"), true);
        assert_eq!(
            grub_install(&uefi, None, None).to_string(),
            "grub-install --boot-directory=/t/boot --target=x86_64-efi \
             --efi-directory=/t/boot/efi --removable --no-nvram"
        );
    }

    #[test]
    fn a_role_without_a_kernel_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = configure(&Recorded::default(), &target(dir.path(), false)).unwrap_err();
        assert!(error.to_string().contains("no kernel"), "{error}");
    }
}
