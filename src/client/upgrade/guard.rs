//! Units that finish an upgrade at the next start of the machine, there only while one goes on.
//!
//! The first puts files into their places before anything of the system runs that could use them; scripts,
//! which may want to talk to services, are left to the second. Where systemd is not the init, the admin is
//! told to finish it.

use std::path::Path;

use crate::roles::TreePath;
use crate::system::{Ownership, put_file};

use super::error::{UpgradeError, file};

/// Where units of this machine alone are.
const UNITS: &str = "etc/systemd/system";

/// This program, on the root's file system whatever becomes of `/usr`.
const PROGRAM: &str = ".edeploy/edeploy";

const EARLY: (&str, &str, &str) = (
    "edeploy-upgrade-files.service",
    "sysinit.target",
    "\
[Unit]
Description=Files of an interrupted upgrade of the role
DefaultDependencies=no
ConditionPathExists=/.edeploy/journal
After=local-fs.target
Before=sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/.edeploy/edeploy upgrade --resume --only-files
StandardOutput=journal+console
StandardError=journal+console
TimeoutStartSec=infinity
",
);

const LATE: (&str, &str, &str) = (
    "edeploy-upgrade.service",
    "multi-user.target",
    "\
[Unit]
Description=End of an upgrade of the role
ConditionPathExists=/.edeploy/journal
After=network.target

[Service]
Type=oneshot
ExecStart=/.edeploy/edeploy upgrade --resume
StandardOutput=journal+console
StandardError=journal+console
SuccessExitStatus=100
TimeoutStartSec=infinity
",
);

/// Puts units and program into place.
pub(super) fn set(root: &Path) -> Result<(), UpgradeError> {
    let units = root.join(UNITS);
    if !units.is_dir() {
        return Ok(());
    }
    let program = root.join(PROGRAM);
    let own = Path::new("/proc/self/exe");
    // Not from itself, when that is what runs.
    if std::fs::canonicalize(own).ok() != std::fs::canonicalize(&program).ok() {
        std::fs::copy(own, &program).map_err(file("write", &program))?;
    }
    for (name, target, text) in [EARLY, LATE] {
        let unit = units.join(name);
        let owner = Ownership {
            mode: 0o644,
            uid: 0,
            gid: 0,
        };
        put_file(&unit, text.as_bytes(), false, owner).map_err(file("write", &unit))?;
        let wants = units.join(format!("{target}.wants"));
        std::fs::create_dir_all(&wants).map_err(file("write", &wants))?;
        let link = wants.join(name);
        match std::os::unix::fs::symlink(format!("../{name}"), &link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(file("write", &link)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is there of it, and in no version of a role.
pub(super) fn paths() -> Vec<TreePath> {
    let names = [EARLY, LATE].into_iter().flat_map(|(name, target, _)| {
        let wants = format!("{UNITS}/{target}.wants");
        [format!("{UNITS}/{name}"), format!("{wants}/{name}"), wants]
    });
    names
        .filter_map(|name| TreePath::new(name.as_bytes()).ok())
        .collect()
}

/// Takes them away. Directories that are empty then go too: they may have been made for them.
pub(super) fn unset(root: &Path) -> Result<(), UpgradeError> {
    let units = root.join(UNITS);
    for (name, target, _) in [EARLY, LATE] {
        let wants = units.join(format!("{target}.wants"));
        for place in [wants.join(name), units.join(name)] {
            match std::fs::remove_file(&place) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(file("remove", &place)(error));
                }
                _ => {}
            }
        }
        std::fs::remove_dir(&wants).ok();
    }
    // It may be what runs: its file goes, not the program.
    std::fs::remove_file(root.join(PROGRAM)).ok();
    Ok(())
}
