//! Runs the answers of `upload.py` as the ramdisk does, in a root directory of their own.
//!
//! The scripts write to `/vars`, `/post_rsync` and so on, so they get a root that is made of the
//! host's programs, mounted in a name space of their own, and of empty directories.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::{command, write};

/// The Pythons that are here, with a note for each one that is not.
pub(crate) fn pythons() -> Vec<PathBuf> {
    let three = real_python("python3");
    let two = real_python("python2.7")
        .or_else(|| real_python("python2"))
        .or_else(pyenv_two);
    for (name, found) in [("python3", &three), ("python2.7", &two)] {
        if found.is_none() {
            println!("skipped: there is no {name} that runs");
        }
    }
    three.into_iter().chain(two).collect()
}

/// The path of the interpreter itself: what is on the path may be a wrapper around it.
fn real_python(name: &str) -> Option<PathBuf> {
    let output = command(name)
        .args([
            "-c",
            "import os, sys; print(os.path.realpath(sys.executable))",
        ])
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !path.trim().is_empty()).then(|| PathBuf::from(path.trim()))
}

fn pyenv_two() -> Option<PathBuf> {
    let versions = Path::new(&std::env::var_os("HOME")?).join(".pyenv/versions");
    let entries = std::fs::read_dir(versions).ok()?;
    let mut names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let two = names.find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("2.7"))
    })?;
    real_python(two.join("bin/python2.7").to_str()?)
}

/// Whether this test may mount things in a name space of its own, or a note that it may not.
pub(crate) fn can_mount() -> bool {
    let probe = command("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
        .output();
    let can = probe.is_ok_and(|output| output.status.success());
    if !can {
        println!("skipped: only root can mount what this test needs");
    }
    can
}

/// An empty root in which scripts run.
pub(crate) struct Root {
    dir: tempfile::TempDir,
}

/// Puts the root together and runs a script in it. What it mounts goes away with the name space.
const ENTER: &str = r#"
set -e
root=$1 prefix=$2
shift 2
for name in usr bin sbin lib lib64 lib32 dev proc sys; do
    if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"
    elif [ -d "/$name" ]; then mkdir -p "$root/$name"; mount --rbind "/$name" "$root/$name"
    fi
done
path=/usr/sbin:/usr/bin:/sbin:/bin
if [ -d "$root/stubs" ]; then
    path=/stubs:/usr/bin:/bin
    mount -t tmpfs none "$root/usr/sbin"
    cp "$root"/stubs/sbin/* "$root/usr/sbin/" 2>/dev/null || true
else
    for name in etc sys run; do mkdir -p "$root/$name"; mount --rbind "/$name" "$root/$name"; done
fi
case $prefix in
    /|/usr|/usr/*) ;;
    *) mkdir -p "$root$prefix"; mount --bind "$prefix" "$root$prefix" ;;
esac
exec /usr/bin/env -i LC_ALL=C HOME=/ PATH="$path" "$CHROOT" "$root" "$@"
"#;

impl Root {
    /// A root, or a note why there is none.
    pub(crate) fn new() -> Option<Root> {
        if !can_mount() {
            return None;
        }
        let root = Root {
            dir: tempfile::tempdir().unwrap(),
        };
        for name in ["tmp", "stubs/sbin", "chroot"] {
            std::fs::create_dir_all(root.path(name)).unwrap();
        }
        Some(root)
    }

    /// Leaves the programs of the host where they are: no stub takes their place.
    pub(crate) fn keep_programs(&self) {
        let stubs = self.path("stubs");
        if stubs.exists() {
            std::fs::remove_dir_all(stubs).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A program in the root that adds its name and words to `/calls`, then does what `text` says.
    pub(crate) fn stub(&self, name: &str, text: &str) {
        let path = self.path("stubs").join(name);
        let base = path.file_name().unwrap().to_str().unwrap();
        write(
            &path,
            format!("#!/bin/sh\necho {base} \"$@\" >>/calls\n{text}\n"),
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script as `/configure` with an interpreter, with text on standard input that nothing
    /// may read.
    pub(crate) fn run(&self, interpreter: &Path, script: &str) -> Output {
        write(self.path("configure"), script);
        self.enter(interpreter, &["/configure"])
    }

    /// Runs a program of the host in the root, with text on standard input that nothing may read.
    pub(crate) fn enter(&self, program: &Path, arguments: &[&str]) -> Output {
        write(self.path("input"), "nobody may read this");
        let input = std::fs::File::open(self.path("input")).unwrap();
        let prefix = program.parent().and_then(Path::parent).unwrap();
        let chroot = ["/usr/sbin/chroot", "/sbin/chroot", "/usr/bin/chroot"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap();
        command("unshare")
            .args(["--mount", "sh", "-c", ENTER, "enter"])
            .arg(self.dir.path())
            .arg(prefix)
            .arg(program)
            .args(arguments)
            .env("CHROOT", chroot)
            .stdin(Stdio::from(input))
            .output()
            .unwrap()
    }
}
