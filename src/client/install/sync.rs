//! The role's files into the mounted target: a tree over rsync, or an image over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system::{Command, Output, RunError, Runner};

use super::files::Choice;
use super::retry::Transient;
use super::settings::Settings;

/// A role of some gigabytes over a slow link. A transfer that stands still ends long before.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// After so many seconds without a byte rsync and curl give up, and are tried again.
const STALLED_SECONDS: &str = "60";

/// Where a part of an image is kept: on the target, since the ramdisk has no room.
const PART: &str = ".edeploy-image.part";

/// Why the role is not on the disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] RunError),
    /// Nothing is mounted where the role is to go.
    #[error(
        "nothing is mounted on `{0}`: the configure script must mount the disk there, or the role would fill the memory"
    )]
    NotMounted(PathBuf),
    /// An image is not what it should be.
    #[error("the image {url} is damaged or cut short: {what}")]
    Damaged {
        /// The image.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Transient for SyncError {
    fn may_pass(&self) -> bool {
        match self {
            // What rsync(1) says of the network, the peer or a file that vanished meanwhile; curl's
            // transfer errors lie in the same range.
            SyncError::Command(RunError::Failed { code, .. }) => {
                matches!(
                    code,
                    Some(5 | 6 | 7 | 10 | 12 | 18 | 24 | 28 | 30 | 35 | 52 | 56)
                )
            }
            SyncError::Command(RunError::TimedOut { .. }) => true,
            SyncError::Command(_) | SyncError::NotMounted(_) | SyncError::Damaged { .. } => false,
        }
    }
}

/// Which files go where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// Where they come from.
    pub settings: &'a Settings,
    /// Which role in which version.
    pub choice: &'a Choice,
    /// Where they go.
    pub target: &'a Path,
}

impl Source<'_> {
    /// The address of the tree or of the image.
    pub(super) fn url(&self) -> String {
        let (settings, role, version) = (self.settings, &self.choice.role, &self.choice.version);
        match &settings.hserv {
            Some(hserv) => format!(
                "http://{hserv}:{}/{}/{version}/{role}-{version}.edeploy",
                settings.hserv_port, settings.hpath
            ),
            None => format!(
                "rsync://{}:{}/{}/{version}/{role}/",
                settings.rserv, settings.rserv_port, settings.rpath
            ),
        }
    }

    /// Looks whether a disk is mounted where the files go.
    pub(super) fn expect_mounted(&self) -> Result<(), SyncError> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        if is_mounted(&mounts, self.target) {
            Ok(())
        } else {
            Err(SyncError::NotMounted(self.target.to_owned()))
        }
    }

    /// Brings the files. What a broken transfer left is used by the next try.
    pub(super) fn fetch(&self, runner: &dyn Runner) -> Result<(), SyncError> {
        if self.settings.hserv.is_some() {
            self.image(runner)
        } else {
            runner.run(&self.tree())?;
            Ok(())
        }
    }

    /// Owners by number, as the tree has them: the ramdisk knows no names.
    fn tree(&self) -> Command {
        let (url, timeout) = (self.url(), format!("--timeout={STALLED_SECONDS}"));
        let target = format!("{}/", self.target.display());
        let words = [
            "-aHAX",
            "--numeric-ids",
            "--partial",
            &timeout,
            &url,
            &target,
        ];
        Command::new("rsync", words)
            .mutating()
            .with_timeout(TRANSFER_TIMEOUT)
    }

    fn image(&self, runner: &dyn Runner) -> Result<(), SyncError> {
        let part = self.target.join(PART).display().to_string();
        let run = |command: Command| runner.run(&command.mutating().with_timeout(TRANSFER_TIMEOUT));
        run(self.download(&part))?;
        let damaged = |what: &RunError| SyncError::Damaged {
            url: self.url(),
            what: what.last_output(),
        };
        let begin = run(Command::new("head", ["-c", "4", &part]))?;
        let packer = packer_of(&begin);
        // All of it is read once before a file of it is written: a cut image is found here.
        if let Err(error) = run(Command::new(packer, ["-tq", part.as_str()])) {
            // The next try begins anew: what is there is no beginning of the image.
            run(Command::new("rm", ["-f", part.as_str()]))?;
            return Err(damaged(&error));
        }
        let target = self.target.display().to_string();
        let unpack = format!("--use-compress-program={packer}");
        let tar = Command::new(
            "tar",
            [
                "-x",
                "-p",
                "--numeric-owner",
                "--xattrs",
                "--xattrs-include=*",
                &unpack,
                "-f",
                &part,
                "-C",
                &target,
            ],
        );
        run(tar).map_err(|error| damaged(&error))?;
        run(Command::new("rm", ["-f", part.as_str()]))?;
        Ok(())
    }

    fn download(&self, part: &str) -> Command {
        let url = self.url();
        Command::new(
            "curl",
            [
                "-sS",
                "--fail",
                "--location",
                "--continue-at",
                "-",
                "--speed-time",
                STALLED_SECONDS,
                "--speed-limit",
                "1",
                "-o",
                part,
                &url,
            ],
        )
    }
}

/// Whether a mount table (proc(5)) names this mount point, which has no blanks in its path.
fn is_mounted(mounts: &str, target: &Path) -> bool {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    points.into_iter().any(|point| Path::new(point) == target)
}

/// The program that made an image, by its first bytes: zstd's magic number, or else gzip.
fn packer_of(begin: &Output) -> &'static str {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if begin.stdout.starts_with(&ZSTD) {
        "zstd"
    } else {
        "gzip"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(line: &str) -> (String, String) {
        let choice = Choice {
            role: "mysql".to_owned(),
            version: "D7-F.1.0.0".to_owned(),
            profile: "vm".to_owned(),
        };
        let source = Source {
            settings: &Settings::parse(line).unwrap(),
            choice: &choice,
            target: Path::new("/chroot"),
        };
        (source.url(), source.tree().to_string())
    }

    #[test]
    fn trees_and_images_are_where_the_original_has_them() {
        let (tree, command) = url("SERV=10.1.0.1");
        assert_eq!(tree, "rsync://10.1.0.1:873/install/D7-F.1.0.0/mysql/");
        assert_eq!(
            command,
            "rsync -aHAX --numeric-ids --partial --timeout=60 \
             rsync://10.1.0.1:873/install/D7-F.1.0.0/mysql/ /chroot/"
        );
        let (image, _) = url("HSERV=h HSERV_PORT=8080");
        assert_eq!(
            image,
            "http://h:8080/install/D7-F.1.0.0/mysql-D7-F.1.0.0.edeploy"
        );
    }

    #[test]
    fn a_target_that_nothing_is_mounted_on_is_seen() {
        let mounts = "rootfs / rootfs rw 0 0\n/dev/vda3 /chroot ext4 rw 0 0\n";
        assert!(is_mounted(mounts, Path::new("/chroot")));
        assert!(is_mounted(mounts, Path::new("/chroot/")));
        assert!(!is_mounted(mounts, Path::new("/chroot/boot")));
    }

    #[test]
    fn a_broken_connection_may_pass_and_a_wrong_tree_does_not() {
        let failed = |code| {
            SyncError::Command(RunError::Failed {
                command: "rsync".to_owned(),
                status: String::new(),
                code: Some(code),
                seconds: 0.1,
                last_output: String::new(),
                stdout: Vec::new(),
            })
        };
        assert!(failed(12).may_pass() && failed(30).may_pass());
        assert!(!failed(23).may_pass() && !failed(22).may_pass());
    }
}
