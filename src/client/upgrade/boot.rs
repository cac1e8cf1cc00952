//! The boot menu of a machine that has other kernels than before.

use std::path::Path;
use std::time::Duration;

use crate::client::install::{grub, kernels_in};
use crate::system::{Command, Real, RunError, Runner};

use super::error::{UpgradeError, file};
use super::written::put;

/// Looking at all disks of a large server takes GRUB its time.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Writes the menu anew, with the kernels of the version first, in one step: GRUB finds the old one or the new one.
/// Gives what somebody should know though it is no failure.
pub(super) fn arrange(
    root: &Path,
    kernels: &[String],
    title: &str,
) -> Result<Option<String>, UpgradeError> {
    let configs = ["boot/grub2/grub.cfg", "boot/grub/grub.cfg"];
    let Some(config) = configs
        .iter()
        .map(|name| root.join(name))
        .find(|path| path.exists())
    else {
        return Ok(Some(
            "there is no grub.cfg: the boot loader is left as it is".to_owned(),
        ));
    };
    let before = std::fs::read_to_string(&config).map_err(file("read", &config))?;
    let boot = root.join("boot");
    let mut found = kernels_in(&boot);
    found.sort_by_key(|kernel| !kernels.iter().any(|version| version == kernel.version()));
    let remark = match grub::with_kernels(&before, &found, title) {
        Some(text) => {
            settle(root);
            put(&config, text.as_bytes())?;
            None
        }
        None => by_its_program(root, &config, kernels)?,
    };
    settle(root);
    Ok(remark)
}

/// Has the role's own program write the menu beside the old one.
fn by_its_program(
    root: &Path,
    config: &Path,
    kernels: &[String],
) -> Result<Option<String>, UpgradeError> {
    let programs = ["grub-mkconfig", "grub2-mkconfig"];
    let program = programs
        .into_iter()
        .find(|name| root.join("usr/sbin").join(name).exists());
    let Some(program) = program else {
        return Ok(Some(
            "there is no grub-mkconfig: grub.cfg is left as it is".to_owned(),
        ));
    };
    let new = config.with_extension("cfg.new");
    let inside = Path::new("/").join(new.strip_prefix(root).unwrap_or(&new));
    let inside = inside.display().to_string();
    let command = match root == Path::new("/") {
        true => Command::new(program, ["-o", &inside]),
        false => Command::new(
            "chroot",
            [&root.display().to_string(), program, "-o", &inside],
        ),
    };
    Real.run(&command.mutating().with_timeout(TIMEOUT))?;
    let text = std::fs::read(&new).map_err(file("read", &new))?;
    settle(root);
    put(config, &text)?;
    std::fs::remove_file(&new).map_err(file("remove", &new))?;
    let text = String::from_utf8_lossy(&text);
    let first = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("linux"));
    let is_first =
        |version: &String| first.is_some_and(|line| line.contains(&format!("vmlinuz-{version} ")));
    let is_so = kernels.is_empty() || kernels.iter().any(is_first);
    Ok((!is_so).then(|| {
        format!(
            "grub-mkconfig puts another kernel first: choose {} in the menu",
            kernels.join(" or ")
        )
    }))
}

/// Has the file system bring its journal to an end: GRUB does not read journals.
///
/// Freezing does that (as kernel-install of Fedora does for XFS); where it cannot be done the rest stays true,
/// since no file that the old menu names is gone.
fn settle(root: &Path) {
    rustix::fs::sync();
    if root != Path::new("/") {
        return;
    }
    let script = r#"fsfreeze --freeze "$1" && fsfreeze --unfreeze "$1""#;
    let mounted = Command::new("findmnt", ["-nro", "TARGET", "--target", "/boot"]);
    let target = Real
        .run(&mounted)
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let frozen = target.and_then(|target| {
        let words = ["-c", script, "sh", &target];
        Real.run(&Command::new("sh", words).mutating())
    });
    if let Err(error) = frozen {
        let error: RunError = error;
        tracing::debug!(%error, "the file system of /boot was not frozen");
    }
}
