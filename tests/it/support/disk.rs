//! A real disk for a test: a loop device under a name of its own, so that no test can meet a disk of
//! this machine.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::command;

/// A loop device that goes away with this value.
pub(crate) struct Disk {
    /// Such as `/dev/loop3`.
    device: String,
    /// Such as `edtest1234x0x`; its first partitions are `edtest1234x0x1` and so on, as those of `sda`.
    pub(crate) name: String,
    _image: tempfile::NamedTempFile,
}

/// How many disks this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// How many partitions have a name.
const PARTITIONS: usize = 8;

impl Disk {
    /// A disk of so many MiB, or a note that this machine cannot have one.
    pub(crate) fn new(mebibytes: u64) -> Option<Disk> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(mebibytes << 20).unwrap();
        let made = command("losetup")
            .args(["--find", "--show", "--partscan"])
            .arg(image.path())
            .output();
        let Some(made) = made.ok().filter(|output| output.status.success()) else {
            println!("skipped: only root can make a loop device, where there are any");
            return None;
        };
        let device = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let disk = Disk {
            name: format!("edtest{}x{number}x", std::process::id()),
            device,
            _image: image,
        };
        for (name, target) in disk.links() {
            std::os::unix::fs::symlink(target, name).unwrap();
        }
        Some(disk)
    }

    fn links(&self) -> Vec<(PathBuf, String)> {
        let link = |suffix: &str| PathBuf::from(format!("/dev/{}{suffix}", self.name));
        let whole = (link(""), self.device.clone());
        let partition = |number: usize| {
            let target = format!("{}p{number}", self.device);
            (link(&number.to_string()), target)
        };
        let partitions = (1..=PARTITIONS).map(partition);
        std::iter::once(whole).chain(partitions).collect()
    }

    /// What `blkid` says of a partition.
    pub(crate) fn blkid(&self, partition: usize, tag: &str) -> String {
        let device = format!("{}p{partition}", self.device);
        let arguments = ["-p", "-o", "value", "-s", tag, &device];
        let output: Output = command("blkid").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Disk {
    /// Lets `look` see a partition's files.
    pub(crate) fn mounted(&self, partition: usize, look: impl FnOnce(&Path)) {
        let target = tempfile::tempdir().unwrap();
        let device = format!("{}p{partition}", self.device);
        let mount = command("mount")
            .args(["-o", "ro", &device])
            .arg(target.path())
            .status();
        assert!(mount.unwrap().success());
        // Unmounted also if what is seen fails the test.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(target.path())));
        let unmounted = command("umount").arg(target.path()).status();
        assert!(unmounted.unwrap().success());
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }

    /// The beginning of the disk.
    pub(crate) fn first_bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut file = std::fs::File::open(&self.device).unwrap();
        file.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Writes over the beginning of the disk.
    pub(crate) fn write_first(&self, bytes: &[u8]) {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(&self.device)
            .unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for (name, _) in self.links() {
            std::fs::remove_file(name).ok();
        }
        command("losetup").args(["-d", &self.device]).status().ok();
    }
}
