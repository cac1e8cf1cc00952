//! Scripts for another interpreter: handed over as they are (DESIGN section 5).

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::system::{Command, PATH};

/// How long such a script may take in all.
const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// The script as a program, and the command that runs it. The program goes when this does.
pub(super) struct Handed {
    pub(super) command: Command,
    _program: tempfile::TempPath,
}

/// Writes the script where it can be run. `variables` are JSON, for `$EDEPLOY_VARS`; this program's
/// own directory is on the path, so that a script finds the helpers as `edeploy helper …`.
pub(super) fn hand_over(script: &str, variables: &str) -> io::Result<Handed> {
    let mut file = tempfile::Builder::new().prefix("configure-").tempfile()?;
    file.write_all(script.as_bytes())?;
    file.as_file()
        .set_permissions(PermissionsExt::from_mode(0o700))?;
    // Closed, or the kernel will not start what is open for writing.
    let program = file.into_temp_path();
    let mut command = Command::new(&program.to_string_lossy(), [])
        .with_timeout(TIMEOUT)
        .mutating();
    command.env = vec![
        ("EDEPLOY_VARS".to_owned(), variables.to_owned()),
        ("PATH".to_owned(), path_with_helpers()),
    ];
    Ok(Handed {
        command,
        _program: program,
    })
}

fn path_with_helpers() -> String {
    let own = std::env::current_exe();
    let directory = own.as_ref().ok().and_then(|program| program.parent());
    match directory {
        Some(directory) => format!("{}:{PATH}", directory.display()),
        None => PATH.to_owned(),
    }
}
